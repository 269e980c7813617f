"""Ctrl-C between two steps of a long run instead of anywhere: the compiler of a network does not survive it."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self


class Interrupt:
    """While open, the first Ctrl-C only asks to stop, and `check` raises it; a second one stops at once.

    Where work has an end of its own that can be called for (a camera's), `instead` does that, and nothing is raised.
    """

    def __init__(self) -> None:
        self.asked = False
        self.instead: Callable[[], None] | None = None

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed and nothing was done instead."""
        if self.asked and self.instead is None:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # the only one that signals reach
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self.instead is not None:
            self.instead()
