"""A queue between a thread that cannot wait and a consumer that may be slow: it keeps the newest few items."""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """At most `size` items; where one more is put, the oldest is dropped and counted."""

    def __init__(self, size: int) -> None:
        self.dropped = 0
        self.stopped = threading.Event()
        """Set by the consumer when it wants no more."""
        self._items: deque[T] = deque()
        self._size, self._ended = size, False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Add an item; never waits."""
        with self._changed:
            if len(self._items) == self._size:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify()

    def end(self, error: BaseException | None = None) -> None:
        """No item will follow; the exception, if any, is raised when the last one has been taken."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    @property
    def over(self) -> bool:
        """Whether there is no item and none will follow."""
        return self._ended and not self._items

    def get(self, seconds: float) -> T | None:
        """The oldest item that is left, or None where none came for that long, or none will."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._ended, seconds)
            if self._items:
                return self._items.popleft()
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            return None
