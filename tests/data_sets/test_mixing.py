from collections import Counter

import numpy as np
import pytest

from jaxpose.data.mixing import BLOCK, Order, uniform


def test_an_epoch_holds_every_example_once():
    order = Order([10], [1.0], batch=4, seed=3)
    drawn = np.concatenate([order.indices(number) for number in range(15)])
    epochs = drawn.reshape(6, 10)
    assert (np.sort(epochs, axis=1) == np.arange(10)).all()
    assert len({tuple(epoch) for epoch in epochs}) == 6
    other = Order([10], [1.0], batch=4, seed=4)
    assert not np.array_equal(np.concatenate([other.indices(number) for number in range(15)]), drawn)


def test_each_source_has_epochs_of_its_own():
    order = Order([7, 5, 300], [0.5, 0.3, 0.2], batch=3, seed=0)
    drawn = {0: [], 1: [], 2: []}
    for number in range(200):
        drawn[order.source(number)].extend(order.indices(number).tolist())
    for source, length in enumerate((7, 5)):
        whole = len(drawn[source]) // length * length
        assert (np.sort(np.reshape(drawn[source][:whole], (-1, length)), axis=1) == np.arange(length)).all()
    assert len(set(drawn[2])) == len(drawn[2]) > 60


def test_a_batch_larger_than_its_source():
    assert Counter(Order([3], [2.0], batch=7, seed=0).indices(0).tolist()).most_common()[-1][1] == 2


def test_sources_come_by_their_shares():
    order = Order([9, 9], [95, 5], batch=1, seed=1)
    sources = np.array([order.source(number) for number in range(20000)])
    assert sources.mean() == pytest.approx(0.05, abs=0.005)
    runs = np.diff(np.flatnonzero(sources))
    assert runs.mean() == pytest.approx(20, rel=0.1)
    assert runs.std() == pytest.approx(20, rel=0.15)  # independent draws
    never = Order([9, 9, 9], [0, 1, 0], batch=1, seed=1)
    assert {never.source(number) for number in range(500)} == {1}


def test_numbers_far_away_are_what_counting_would_give():
    """Past the blocks by which sources are drawn, and asked for in any order."""
    lengths, batch = (50, 70), 4
    order = Order(lengths, [0.7, 0.3], batch, seed=5)
    far = order.indices(BLOCK + 3)
    counts = Counter(order.source(number) for number in range(BLOCK + 3))
    source = order.source(BLOCK + 3)
    before = counts[source] * batch
    epoch = []
    number = BLOCK + 3
    while number >= 0 and len(epoch) < 2 * lengths[source]:
        if order.source(number) == source:
            epoch = [*order.indices(number).tolist(), *epoch]
        number -= 1
    place = (before + batch) % lengths[source]
    assert len(set(epoch[-place:])) == place or place == 0
    np.testing.assert_array_equal(Order(lengths, [0.7, 0.3], batch, seed=5).indices(BLOCK + 3), far)


def test_uniform_numbers():
    numbers = uniform(7, np.arange(100_000, dtype=np.uint64))
    assert 0 <= numbers.min() < 1e-4
    assert 1 - 1e-4 < numbers.max() < 1
    counts = np.histogram(numbers, 100, (0, 1))[0]
    assert np.square(counts - 1000).sum() / 1000 < 150  # chi squared of 99 degrees of freedom
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 0.01
    np.testing.assert_array_equal(uniform(7, np.array([5, 70_000], np.uint64)), numbers[[5, 70_000]])
    assert not np.isin(uniform(8, np.arange(100, dtype=np.uint64)), numbers).any()
    first = 0xE220A8397B1DCDAF / 2**64  # splitmix64's published first output for the state 0
    state = int(np.random.SeedSequence(0).generate_state(1, np.uint64)[0])
    step = 0x9E3779B97F4A7C15
    number = (-state * pow(step, -1, 2**64)) % 2**64  # where our row stands at that state
    assert uniform(0, np.array([number], np.uint64))[0] == pytest.approx(first, abs=1e-15)


@pytest.mark.parametrize(
    ("lengths", "shares", "message"),
    [
        ([], [], "every source needs a share, got 0 sources"),
        ([3], [1, 1], "got 1 sources and 2 shares"),
        ([3, 0], [1, 1], r"every source needs an example, got lengths \[3, 0\]"),
        ([3, 3], [1, -1], "shares must be 0 or more"),
        ([3, 3], [0, 0], "not all 0"),
    ],
)
def test_rows_that_cannot_be_made_are_refused(lengths, shares, message):
    with pytest.raises(ValueError, match=message):
        Order(lengths, shares, 1, 0)
