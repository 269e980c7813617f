import threading

import pytest

from jaxpose.video.ahead import ahead


def counting(stop, log):
    try:
        for i in range(stop):
            log.append(i)
            yield i
    finally:
        log.append("closed")


@pytest.mark.parametrize("depth", [1, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_all_items_in_order(count, depth):
    log = []
    assert list(ahead(counting(count, log), depth)) == list(range(count))
    assert log[-1] == "closed"


def test_at_most_depth_items_wait():
    log, taken = [], threading.Event()

    def items():
        for i in range(50):
            log.append(i)
            taken.set()
            yield i

    iterator = ahead(items(), 3)
    assert next(iterator) == 0
    for _ in range(20):
        taken.clear()
        taken.wait(0.01)
    assert max(log) <= 4  # one in hand, three waiting, one being handed over
    iterator.close()


@pytest.mark.parametrize("after", [0, 1, 7])
def test_closing_early_closes_the_source(after):
    log = []
    iterator = ahead(counting(10**9, log), 2)
    for i in range(after + 1):
        assert next(iterator) == i
    iterator.close()
    assert log[-1] == "closed"
    assert not [thread for thread in threading.enumerate() if thread.name == "jaxpose-ahead"]


def test_an_error_follows_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise OSError("gone")

    got = []
    with pytest.raises(OSError, match="gone"):
        got.extend(ahead(items(), 4))
    assert got == [1, 2]
