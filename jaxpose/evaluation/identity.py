"""IDF1: how much of every person's time one id covers (Ristani et al., ECCV workshops 2016).

Each id of the truth is given at most one found id for a whole sequence, so that the frames in which the two may match
are most. It works on a `Pairing` with a column for each joint, or one for whole people or boxes; one call judges one
sequence and returns counts that add up.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.evaluation.assignment import best_pairs
from jaxpose.evaluation.pairing import Pairing


class IdentityScores(NamedTuple):
    """In percent, by column, the total (the mean over columns that have a score) last; NaN where nothing is judged."""

    idf1: Float64[np.ndarray, "j+1"]
    idp: Float64[np.ndarray, "j+1"]  # precision: the share of what was found
    idr: Float64[np.ndarray, "j+1"]  # recall: the share of the truth


class Identity(NamedTuple):
    """Counts over sequences, by column."""

    idtp: Int64[np.ndarray, "j"]  # under the id that belongs to it
    idfp: Int64[np.ndarray, "j"]  # found otherwise
    idfn: Int64[np.ndarray, "j"]  # of the truth otherwise

    @classmethod
    def empty(cls, columns: int) -> "Identity":
        """Of no sequence."""
        return cls(*np.zeros((3, columns), np.int64))

    def merge(self, other: "Identity") -> "Identity":
        """The counts of both."""
        return Identity(*(a + b for a, b in zip(self, other, strict=True)))

    def compute(self) -> IdentityScores:
        """The scores over all sequences that were merged."""
        found, truth = self.idtp + self.idfp, self.idtp + self.idfn
        return IdentityScores(*(_percent(*share) for share in (
            (2 * self.idtp, found + truth),
            (self.idtp, found),
            (self.idtp, truth),
        )))  # fmt: skip


def identity(
    pairing: Pairing,
    truth_there: Bool[np.ndarray, "n j"],
    found_there: Bool[np.ndarray, "m j"],
    allowed: Bool[np.ndarray, "q j"],
) -> Identity:
    """Judge one sequence; `allowed` tells which pairs may match."""
    columns = truth_there.shape[1]
    pairs, column = np.nonzero(allowed)
    truth_ids, truth = np.unique(pairing.truth_ids, return_inverse=True)
    found_ids, found = np.unique(pairing.found_ids, return_inverse=True)
    truth_track = column * len(truth_ids) + truth[pairing.truth[pairs]]
    found_track = column * len(found_ids) + found[pairing.found[pairs]]
    key = truth_track * max(1, columns * len(found_ids)) + found_track
    _, first, frames = np.unique(key, return_index=True, return_counts=True)
    chosen = best_pairs(truth_track[first], found_track[first], frames.astype(float))
    idtp = np.bincount(column[first][chosen], frames[chosen], minlength=columns).astype(np.int64)
    return Identity(idtp, found_there.sum(axis=0) - idtp, truth_there.sum(axis=0) - idtp)


def _percent(part: Int64[np.ndarray, "j"], whole: Int64[np.ndarray, "j"]) -> Float64[np.ndarray, "j+1"]:
    scores = np.divide(100.0 * part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    known = scores[whole > 0]
    return np.append(scores, known.mean() if len(known) else np.nan)
