"""Runs an iterator in a thread of its own, a few items ahead of whoever consumes it.

Reading a video is mostly time inside libraries that let other threads run: with this it overlaps the network's work.
"""

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")


class _End:
    """Follows the last item; carries the exception that ended the iterator, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Generator[T, None, None], depth: int) -> Iterator[T]:
    """The same items in the same order, at most `depth` of them waiting; an exception surfaces where they are consumed.

    When the consumer stops early (closes or drops this iterator), the thread ends and `items` is closed.
    """
    waiting: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def produce() -> None:
        end = _End(None)
        try:
            for item in items:
                waiting.put(item)
                if stop.is_set():
                    break
        except BaseException as error:
            end = _End(error)
        finally:
            items.close()
        if not stop.is_set():
            waiting.put(end)

    thread = threading.Thread(target=produce, name="jaxpose-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        while not waiting.empty():  # the thread may wait for room; having found it, it sees `stop`
            waiting.get_nowait()
        thread.join()
