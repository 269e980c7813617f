"""Orbax without its own words: what goes wrong with a checkpoint is told once, by `checkpoints.py`.

Orbax logs what it was told to do as warnings, and each error with its traceback in every thread that it passes, before
it raises it. When one array cannot be written (a full disk) or read (a file cut off), it also closes its event loop
under all others, and Python prints a traceback for each of those. The error itself is raised all the same.
"""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLOSED = "Event loop is closed"
"""Asyncio's error where an array is done after its loop has gone."""


@contextlib.contextmanager
def quiet_orbax() -> Iterator[None]:
    """Inside, nothing that orbax logs is shown; what others log through absl is.

    An error that leaves this leaves it quiet: the other arrays under way are done, and loud, whenever it may be.
    """

    def of_others(record: logging.LogRecord) -> bool:
        return "/orbax/checkpoint/" not in Path(record.pathname).as_posix()

    def show(unraisable: Any) -> None:
        if not (isinstance(unraisable.exc_value, RuntimeError) and str(unraisable.exc_value) == CLOSED):
            before(unraisable)

    logger = logging.getLogger("absl")
    logger.addFilter(of_others)
    before, sys.unraisablehook = sys.unraisablehook, show
    yield
    sys.unraisablehook = before
    logger.removeFilter(of_others)
