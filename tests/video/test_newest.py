import threading
import time

import pytest

from jaxpose.video.newest import Newest


def test_the_oldest_is_dropped_and_counted():
    newest = Newest(3)
    for item in range(8):
        newest.put(item)
    assert [newest.get(0) for _ in range(4)] == [5, 6, 7, None]
    assert newest.dropped == 5
    assert not newest.over


def test_the_end_comes_after_the_last_item():
    newest = Newest(3)
    newest.put(1)
    newest.end()
    assert not newest.over
    assert newest.get(1) == 1
    assert newest.over
    assert newest.get(1) is None


def test_an_exception_comes_after_the_last_item_and_once():
    newest = Newest(3)
    newest.put(1)
    newest.end(KeyError("x"))
    assert newest.get(1) == 1
    with pytest.raises(KeyError):
        newest.get(1)
    assert newest.get(1) is None


def test_a_waiting_consumer_is_woken():
    newest = Newest(3)
    timer = threading.Timer(0.05, newest.put, [7])
    timer.start()
    start = time.monotonic()
    assert newest.get(10) == 7
    assert time.monotonic() - start < 5
    timer.join()
