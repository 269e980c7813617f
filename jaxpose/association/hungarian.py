"""The per-limb Hungarian parser (OpenPose, section 3.5, equations 13 to 16): each limb's best matching by itself.

For a tree of limbs only. There the matchings fit together by themselves: nobody can be given a joint twice, since two
peaks of a joint would have to be joined around a loop.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from jaxpose.association.connections import Connections, components


def group(connections: Connections) -> list[list[int]]:
    """The peaks of each person, of connections whose limbs form a tree.

    Of each limb the one-to-one connections whose affinities sum to the most (equations 13 to 15); persons are the peaks
    that those of all limbs hold together. So the sum over all limbs is the highest there is (equation 16).
    """
    chosen = [
        which[_best_matching(connections.select(which))]
        for which in (np.flatnonzero(connections.limb == limb) for limb in np.unique(connections.limb))
    ]
    kept = connections.select(np.concatenate([np.zeros(0, int), *chosen]))
    return components(kept.a, kept.b)


def _best_matching(connections: Connections) -> np.ndarray:
    """The indices of the connections of one limb that are in its matching."""
    rows, row = np.unique(connections.a, return_inverse=True)
    columns, column = np.unique(connections.b, return_inverse=True)
    worth = np.zeros((len(rows), len(columns)))
    worth[row, column] = connections.affinity
    matched = np.zeros(worth.shape, bool)
    matched[linear_sum_assignment(worth, maximize=True)] = True
    return np.flatnonzero(matched[row, column])
