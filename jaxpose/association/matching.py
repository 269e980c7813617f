"""One-to-one matching by similarity, as trackers of ids and evaluators use it. Host side, NumPy and SciPy only."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment


def match(similarity: Float[np.ndarray, "n m"], minimum: float) -> tuple[Int[np.ndarray, "q"], Int[np.ndarray, "q"]]:
    """The one-to-one pairs whose similarities sum to the most, no pair below `minimum` (> 0).

    Rows and columns may stay alone: a forbidden pair is worth nothing, so it never costs an allowed one its place.
    """
    worth = np.where(similarity >= minimum, similarity, 0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    allowed = worth[rows, columns] > 0
    return rows[allowed], columns[allowed]


def suppress(overlap: Float[np.ndarray, "n n"], rank: Float[np.ndarray, "n"], maximum: float) -> Bool[np.ndarray, "n"]:
    """Who stays when, from the highest rank down, each who stays removes all that overlap it by more than `maximum`."""
    stays = np.ones(len(rank), bool)
    for i in np.argsort(-rank, kind="stable"):
        if stays[i]:
            stays &= overlap[i] <= maximum
            stays[i] = True
    return stays
