"""Average precision of each joint (AP, mAP), as PoseTrack's evaluator poseval defines it: how well are joints found?

After `judged` and `pairing`. Each frame's people are assigned by how many joints match; then all predictions of a
joint, over the whole data set, are ranked by their scores. `Precision` holds what is ranked, so the states of sequences
merge.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.evaluation.pairing import NEAR, Pairing
from jaxpose.evaluation.protocol import Protocol
from jaxpose.formats.poses import PoseFile

NO_SCORE = -9999.0
"""A joint that the file gives no score ranks behind those that have one."""


class PrecisionScores(NamedTuple):
    """In percent, joint by joint, the mean over joints last; NaN where undefined, which the mean leaves out."""

    ap: Float64[np.ndarray, "j+1"]
    precision: Float64[np.ndarray, "j+1"]  # of all predictions, whatever their scores
    recall: Float64[np.ndarray, "j+1"]


class Precision(NamedTuple):
    """What AP is made of: `r` people that were found, in the order of the files."""

    labelled: Int64[np.ndarray, "j"]  # joints in the truth
    scores: Float64[np.ndarray, "r j"]  # of each joint that was found; NaN where it was not
    right: Bool[np.ndarray, "r j"]  # it matches the joint of the person in the truth that its person is assigned to

    @classmethod
    def empty(cls, columns: int) -> "Precision":
        """Nothing yet, for so many joints."""
        return cls(np.zeros(columns, np.int64), np.zeros((0, columns)), np.zeros((0, columns), bool))

    def merge(self, other: "Precision") -> "Precision":
        """Both together, this one's people first."""
        return Precision(
            self.labelled + other.labelled,
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.right, other.right]),
        )

    @property
    def ranked(self) -> Int64[np.ndarray, "j"]:
        """How many predictions there are of each joint."""
        return np.sum(~np.isnan(self.scores), axis=0)

    @property
    def correct(self) -> Int64[np.ndarray, "j"]:
        """How many of them are right."""
        return np.sum(self.right, axis=0)

    def curve(self, joint: int, protocol: Protocol) -> tuple[Float64[np.ndarray, "k"], Float64[np.ndarray, "k"]]:
        """Recall and precision (0 to 1) of one joint after each of its predictions, highest score first.

        Equal scores: later ones of the files first, or as one point of the curve with `order_free_ties`. Recall is NaN
        if no truth has the joint.
        """
        there = ~np.isnan(self.scores[:, joint])
        scores, right = self.scores[there, joint], self.right[there, joint]
        order = np.argsort(scores, kind="stable")[::-1]
        scores, hits, tried = scores[order], np.cumsum(right[order]), np.arange(1, len(order) + 1)
        if protocol.order_free_ties:
            last = np.diff(scores, append=-np.inf) < 0
            hits, tried = hits[last], tried[last]
        labelled = self.labelled[joint]
        return hits / labelled if labelled else np.full(len(hits), np.nan), hits / tried

    def compute(self, protocol: Protocol) -> PrecisionScores:
        """AP (the area under the curve, whose precision is the highest at this recall or above), precision, recall.

        A joint that no truth has is NaN everywhere with `absent_joints`. In poseval its precision is 0; its AP and
        recall are 0 too, unless something was found, which makes them NaN and so leaves them out of the totals.
        """
        table = np.array([self._joint(joint, protocol) for joint in range(len(self.labelled))]).reshape(-1, 3)
        return PrecisionScores(*(100 * np.append(column, mean(column)) for column in table.T))

    def _joint(self, joint: int, protocol: Protocol) -> tuple[float, float, float]:
        """AP, precision and recall (0 to 1) of one joint."""
        if protocol.absent_joints and not self.labelled[joint]:
            return np.nan, np.nan, np.nan
        recall, precision = self.curve(joint, protocol)
        if not len(recall):
            return 0.0, 0.0, 0.0
        highest = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(recall, prepend=0) * highest)), float(precision[-1]), float(recall[-1])


def mean(values: Float64[np.ndarray, "k"]) -> float:
    """The mean of what is not NaN; NaN if nothing is left."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else np.nan


def precision(
    truth: PoseFile,
    found: PoseFile,
    pairing: Pairing,
    distance: Float64[np.ndarray, "q j"],
    protocol: Protocol,
) -> Precision:
    """What AP is made of in one sequence, from the judged people and the distances of their joints in head sizes."""
    assigned = assign(pairing, truth.there, found, distance, protocol)
    right = np.zeros(found.there.shape, bool)
    right[pairing.found[assigned]] = distance[assigned] <= NEAR
    scores = np.where(np.isnan(found.joint_scores), NO_SCORE, found.joint_scores)
    return Precision(truth.there.sum(0), np.where(found.there, scores, np.nan), right)


def assign(
    pairing: Pairing,
    truth_there: Bool[np.ndarray, "n j"],
    found: PoseFile,
    distance: Float64[np.ndarray, "q j"],
    protocol: Protocol,
) -> Int64[np.ndarray, "k"]:
    """The pairs whose people are taken for each other: at most one for each person.

    A pair's PCK is the share of the truth's joints that match. Everyone who was found turns to the person of the truth
    with the highest PCK; each of these then takes the one with the highest PCK of those who turned to them (at a PCK of
    0 nothing is right all the same). Equal PCK: the first in the file; with `order_free_ties` the smaller mean distance
    of the joints that both have, then the higher mean score.
    """
    share = np.sum(distance <= NEAR, axis=1) / np.maximum(truth_there.sum(1), 1)[pairing.truth]
    ties = _ties(pairing, found, distance) if protocol.order_free_ties else ()
    turned = _best((pairing.truth, *ties, -share, pairing.found), np.arange(len(share)))
    return _best((pairing.found, *ties, -share, pairing.truth), turned)


def _best(keys: tuple[np.ndarray, ...], pairs: Int64[np.ndarray, "k"]) -> Int64[np.ndarray, "p"]:
    """For each value of the last key the pair that comes first by the others, the last of them counting most."""
    order = pairs[np.lexsort([key[pairs] for key in keys])]
    return order[np.diff(keys[-1][order], prepend=-1) != 0]


def _ties(
    pairing: Pairing, found: PoseFile, distance: Float64[np.ndarray, "q j"]
) -> tuple[Float64[np.ndarray, "q"], Float64[np.ndarray, "q"]]:
    """What decides between pairs of equal PCK, the lower first: the last key counts most."""
    both = np.maximum(np.sum(~np.isnan(distance), axis=1), 1)
    told = found.there & ~np.isnan(found.joint_scores)
    score = np.sum(found.joint_scores, axis=1, where=told, initial=0) / np.maximum(told.sum(1), 1)
    return -score[pairing.found], np.nansum(distance, axis=1) / both
