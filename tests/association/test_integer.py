"""The integer program and the Hungarian parser against all ways there are."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from jaxpose.association import greedy, hungarian, integer
from jaxpose.association.connections import Connections
from jaxpose.errors import SceneTooLargeError

SLOTS = 10
TREE = ((0, 1), (1, 2), (1, 3))
GRAPH = (*TREE, (0, 2), (2, 3), (0, 3))


def scene(rng: np.random.Generator, limbs, counts, density=0.8) -> Connections:
    edges = [
        (limb, first * SLOTS + a, second * SLOTS + b, rng.uniform(0.05, 1))
        for limb, (first, second) in enumerate(limbs)
        for a, b in itertools.product(range(counts[first]), range(counts[second]))
        if rng.uniform() < density
    ]
    limb, a, b, affinity = zip(*edges, strict=True)
    return Connections(np.array(limb), np.array(a), np.array(b), np.array(affinity, np.float32))


def partitions(peaks: list[int]) -> Iterator[list[list[int]]]:
    """All ways to share peaks out among people of whom nobody has a joint twice."""
    if not peaks:
        yield []
        return
    first, rest = peaks[0], peaks[1:]
    for others in partitions(rest):
        yield [[first], *others]
        for i, person in enumerate(others):
            if all(peak // SLOTS != first // SLOTS for peak in person):
                yield [*others[:i], [first, *person], *others[i + 1 :]]


def total(connections: Connections, people: list[list[int]]) -> float:
    owner = {peak: person for person, peaks in enumerate(people) for peak in peaks}
    return sum(affinity for _, a, b, affinity in zip(*connections, strict=True) if owner.get(a, -1) == owner.get(b, -2))


@pytest.mark.parametrize("limbs", [TREE, GRAPH], ids=["tree", "graph"])
@pytest.mark.parametrize("seed", range(15))
def test_the_best_of_all_partitions(limbs, seed):
    rng = np.random.default_rng(seed)
    connections = scene(rng, limbs, rng.permutation([1, 2, 3, 3]) if seed % 3 else [2, 2, 3, 2])
    people = integer.group(connections, SLOTS, 600)
    for person in people:
        assert len({peak // SLOTS for peak in person}) == len(person) >= 2
    peaks = np.unique([connections.a, connections.b]).tolist()
    best = max(total(connections, way) for way in partitions(peaks))
    assert total(connections, people) == pytest.approx(best, rel=1e-6)
    if limbs is TREE:
        assert total(connections, hungarian.group(connections)) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_one_limb_has_its_best_matching(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 6, 2)
    connections = scene(rng, ((0, 1),), (n, m), density=0.9)
    worth = np.zeros((n, m))
    worth[connections.a, connections.b - SLOTS] = connections.affinity
    square = np.zeros((max(n, m),) * 2)
    square[:n, :m] = worth
    orders = itertools.permutations(range(len(square)))
    best = max(square[np.arange(len(square)), list(order)].sum() for order in orders)
    for people in (hungarian.group(connections), integer.group(connections, SLOTS, 600)):
        assert all(len(person) == 2 for person in people)
        assert total(connections, people) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_greedy_on_a_tree_is_the_greedy_matching_of_each_limb(seed):
    rng = np.random.default_rng(seed)
    connections = scene(rng, TREE, [4, 4, 4, 4])
    peak_scores = rng.uniform(0, 1, 4 * SLOTS)
    rank = connections.affinity + 0.1 * (peak_scores[connections.a] + peak_scores[connections.b])
    taken, pairs = set(), []
    for i in np.argsort(-rank):
        limb, a, b, _ = (field[i] for field in connections)
        if (limb, a) not in taken and (limb, b) not in taken:
            taken |= {(limb, a), (limb, b)}
            pairs.append((a, b))
    people: list[set[int]] = []
    for pair in pairs:
        touched = [person for person in people if person & set(pair)]
        people = [person for person in people if person not in touched] + [set(pair).union(*touched)]
    found = greedy.group(connections, peak_scores, SLOTS)
    assert sorted(map(sorted, found)) == sorted(map(sorted, people))


def test_a_path_around_a_loop_is_cut():
    """All wins by single limbs would give somebody two peaks of joint 0: the weakest of them has to go."""
    edges = [(0, 0, 10, 0.9), (1, 10, 20, 0.8), (2, 1, 20, 0.7), (2, 0, 20, 0.1), (0, 1, 10, 0.2)]
    limb, a, b, affinity = zip(*edges, strict=True)
    connections = Connections(np.array(limb), np.array(a), np.array(b), np.array(affinity, np.float32))
    assert sorted(map(sorted, integer.group(connections, SLOTS, 600))) == [[0, 10, 20]]


def test_a_scene_too_large_for_its_time_is_refused_in_one_line():
    connections = scene(np.random.default_rng(0), GRAPH, [10] * 4, density=1)
    with pytest.raises(SceneTooLargeError, match=r"600 connections between 40 peaks took more than 0.01 seconds"):
        integer.group(connections, SLOTS, 0.01)
