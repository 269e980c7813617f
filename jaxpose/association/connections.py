"""One frame's candidates as a graph: the peaks are its nodes, the connections that score something its edges.

What all parsers start from (`parsing` chooses among them). A peak is one number, joint * slots + slot.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jaxpose.records import Candidates

LEAST_AFFINITY = 1e-6
"""Connections that score no more than this are none."""


class Connections(NamedTuple):
    """The edges: limb, the peak of its first and of its second joint, and how well the field joins the two."""

    limb: Int[np.ndarray, "c"]
    a: Int[np.ndarray, "c"]
    b: Int[np.ndarray, "c"]
    affinity: Float32[np.ndarray, "c"]

    def select(self, which: np.ndarray) -> "Connections":
        """The connections that a mask or a list of indices names, in that order."""
        return Connections(*(field[which] for field in self))


def find_connections(candidates: Candidates, limbs: tuple[tuple[int, int], ...]) -> Connections:
    """The connections in one frame's candidates (a `Candidates` without its axis b) that score above the least."""
    slots = candidates.score.shape[-1]
    ends = np.asarray(limbs)
    used = min(slots, int(candidates.found.max()))
    limb, slot, nth = np.nonzero(candidates.affinity[:, :used] > LEAST_AFFINITY)
    a, b = ends[limb, 0] * slots + slot, ends[limb, 1] * slots + candidates.partner[limb, slot, nth]
    return Connections(limb, a, b, candidates.affinity[limb, slot, nth])


def components(a: Int[np.ndarray, "c"], b: Int[np.ndarray, "c"]) -> list[list[int]]:
    """The sets of peaks that edges from `a` to `b` hold together; peaks without an edge are in none."""
    peaks, ends = np.unique([a, b], return_inverse=True)
    ends = ends.reshape(2, -1)
    graph = coo_array((np.ones(len(a), np.int8), (ends[0], ends[1])), shape=(len(peaks), len(peaks)))
    number, label = connected_components(graph, directed=False)
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], np.arange(1, number))
    return [group.tolist() for group in np.split(peaks[order], bounds)] if number else []
