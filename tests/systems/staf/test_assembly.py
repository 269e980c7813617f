"""Algorithm 1 step by step, on hand-made queues of a skeleton of four joints."""

import numpy as np
import pytest

from jaxpose.association import greedy
from jaxpose.association.connections import Connections
from jaxpose.systems.staf.assembly import group
from jaxpose.systems.staf.voting import Continuations

SLOTS = 4
A, B, C, D = (tuple(joint * SLOTS + slot for slot in range(SLOTS)) for joint in range(4))
"""The peaks of each joint."""

Limb = tuple[int, int, float]
"""Two peaks and what joins them."""
Link = tuple[int, int, float]
"""A peak, a person of the frame before and what joins them."""


def groups(limbs: list[Limb], links: list[Link], people: int = 2) -> set[frozenset[int]]:
    peaks, others, affinity = (np.array(column) for column in zip(*limbs, strict=True)) if limbs else np.zeros((3, 0))
    connections = Connections(0 * np.int64(peaks), np.int64(peaks), np.int64(others), np.float32(affinity))
    columns = [np.array(column) for column in zip(*links, strict=True)] if links else [np.zeros(0)] * 3
    peak, person, score = np.int64(columns[0]), np.int64(columns[1]), np.float64(columns[2])
    found = group(connections, Continuations(peak, person, score, score), np.zeros(4 * SLOTS), SLOTS, people)
    assert sum(map(len, found)) == len({peak for each in found for peak in each})
    return {frozenset(each) for each in found}


CASES: dict[str, tuple[list[Limb], list[Link], list[set[int]]]] = {
    "limbs alone": ([(A[0], B[0], 0.9), (B[0], C[0], 0.8), (A[1], B[1], 0.7)], [], [{A[0], B[0], C[0]}, {A[1], B[1]}]),
    "a link starts": ([], [(A[0], 0, 0.9)], [{A[0]}]),
    "links extend": ([], [(A[0], 0, 0.9), (B[1], 0, 0.8), (C[0], 1, 0.7)], [{A[0], B[1]}, {C[0]}]),
    "a joint the person has is not added": ([], [(A[0], 0, 0.9), (A[1], 0, 0.8)], [{A[0]}]),
    "links merge": (
        [(A[0], B[0], 0.9), (C[0], D[0], 0.8)], [(A[0], 0, 0.7), (C[0], 0, 0.6)], [{A[0], B[0], C[0], D[0]}],
    ),
    "not if a joint is shared": (
        [(A[0], B[0], 0.9), (A[1], C[0], 0.8)], [(B[0], 0, 0.7), (C[0], 0, 0.6)], [{A[0], B[0]}, {A[1], C[0]}],
    ),
    "nor if the other one continues somebody else": (
        [(A[0], B[0], 0.9), (C[0], D[0], 0.8)],
        [(A[0], 0, 0.7), (C[0], 1, 0.6), (D[0], 0, 0.5)],
        [{A[0], B[0]}, {C[0], D[0]}],
    ),
    "though a limb does": (
        [(A[0], B[0], 0.9), (C[0], D[0], 0.8), (B[0], C[0], 0.4)],
        [(A[0], 0, 0.7), (C[0], 1, 0.6)],
        [{A[0], B[0], C[0], D[0]}],
    ),
    "a strong link goes before a doubtful limb": (
        [(A[0], B[0], 0.9), (A[1], B[1], 0.9), (B[1], C[0], 0.5), (B[0], C[0], 0.4)],
        [(A[0], 0, 0.8), (C[0], 0, 0.7), (A[1], 1, 0.8)],
        [{A[0], B[0], C[0]}, {A[1], B[1]}],
    ),
    "a weak one goes after it": (
        [(A[0], B[0], 0.9), (A[1], B[1], 0.9), (B[1], C[0], 0.5), (B[0], C[0], 0.4)],
        [(A[0], 0, 0.8), (C[0], 0, 0.3), (A[1], 1, 0.8)],
        [{A[0], B[0]}, {A[1], B[1], C[0]}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_queue_by_hand(name: str) -> None:
    limbs, links, expected = CASES[name]
    assert groups(limbs, links) == {frozenset(each) for each in expected}


def test_without_links_it_is_the_greedy_parser() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        limb = rng.integers(0, 3, 20)
        a, b = limb * SLOTS + rng.integers(0, SLOTS, 20), (limb + 1) * SLOTS + rng.integers(0, SLOTS, 20)
        connections = Connections(limb, a, b, rng.random(20).astype(np.float32))
        scores, none = rng.random(4 * SLOTS), np.zeros(0, np.int64)
        links = Continuations(none, none, none.astype(float), none.astype(float))
        found = group(connections, links, scores, SLOTS, 0)
        assert {frozenset(each) for each in found} == {
            frozenset(each) for each in greedy.group(connections, scores, SLOTS)
        }


def test_whatever_the_links_nobody_has_a_joint_twice() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        limb = rng.integers(0, 3, 12)
        slots = rng.integers(0, SLOTS, (2, 12))
        limbs = [
            (int(j * SLOTS + s), int((j + 1) * SLOTS + o), float(rng.random()))
            for j, s, o in zip(limb, *slots, strict=True)
        ]
        links = [(int(rng.integers(16)), int(rng.integers(3)), float(rng.random())) for _ in range(10)]
        for each in groups(limbs, links, 3):
            assert len({peak // SLOTS for peak in each}) == len(each)
