"""HOTA: how well people are found and kept apart, at 19 thresholds at once (Luiten et al., IJCV 2021), by joint.

It works on a `Pairing` and similarities in 0..1: of joints, a column for each (`keypoint_similarity`; the keypoint HOTA
of PoseTrack21, Döring et al., CVPR 2022), or of whole people or their boxes, one column (`people`). One call judges one
sequence and returns sums, `Hota`, which add up over sequences.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.evaluation.assignment import best_pairs
from jaxpose.evaluation.pairing import Pairing
from jaxpose.evaluation.protocol import Protocol

ALPHAS = np.arange(0.05, 0.99, 0.05)
"""The 19 thresholds 0.05, 0.10 .. 0.95: two people match if their similarity reaches it."""

REACH = 0.5001
"""The distance, in head sizes, at which the similarity of two joints is 0."""


def keypoint_similarity(distance: Float64[np.ndarray, "q j"]) -> Float64[np.ndarray, "q j"]:
    """PoseTrack21's similarity of joints from their distance in head sizes: 1 where they coincide, 0 from 0.5001 on.

    NaN where there is no distance.
    """
    return np.maximum(0, 1 - distance / REACH)


class HotaScores(NamedTuple):
    """In percent, by threshold (`ALPHAS`) and column, the total last; the counts as numbers. X(0) is row 0.

    With `absent_joints` a column that no truth labels is NaN, and so is the total where none is left.
    """

    hota: Float64[np.ndarray, "a j+1"]
    deta: Float64[np.ndarray, "a j+1"]
    assa: Float64[np.ndarray, "a j+1"]
    loca: Float64[np.ndarray, "a j+1"]  # the mean similarity of matched people; 100 where nobody is matched
    detre: Float64[np.ndarray, "a j+1"]
    detpr: Float64[np.ndarray, "a j+1"]
    assre: Float64[np.ndarray, "a j+1"]
    asspr: Float64[np.ndarray, "a j+1"]
    fraga: Float64[np.ndarray, "a j+1"]  # AssA that also counts against a track when it is interrupted by another
    rhota: Float64[np.ndarray, "a j+1"]  # with DetRe in place of DetA
    fa_hota: Float64[np.ndarray, "a j+1"]  # with the geometric mean of AssA and FragA in place of AssA
    fa_rhota: Float64[np.ndarray, "a j+1"]
    hotaloca: Float64[np.ndarray, "a j+1"]  # HOTA times LocA; the total is a mean only where HOTA's is
    tp: Int64[np.ndarray, "a j+1"]
    fn: Int64[np.ndarray, "a j+1"]
    fp: Int64[np.ndarray, "a j+1"]

    def mean(self) -> dict[str, Float64[np.ndarray, "j+1"]]:
        """Each score's mean over the thresholds, which is what a table shows."""
        return {name: values.mean(axis=0) for name, values in self._asdict().items()}


class Hota(NamedTuple):
    """Sums over sequences. `sums` are of AssA, LocA, AssRe, AssPr and FragA, each times the matches it is a mean of;
    `pooled` are the same for the totals, made of every sequence's mean over its columns.
    """  # fmt: skip

    tp: Int64[np.ndarray, "a j"]
    fn: Int64[np.ndarray, "a j"]
    fp: Int64[np.ndarray, "a j"]
    labelled: Int64[np.ndarray, "j"]  # how often the truth has each column
    sums: Float64[np.ndarray, "5 a j"]
    pooled: Float64[np.ndarray, "5 a"]

    @classmethod
    def empty(cls, columns: int) -> "Hota":
        """Of no sequence."""
        counts, sums = np.zeros((len(ALPHAS), columns), np.int64), np.zeros((5, len(ALPHAS), columns))
        return cls(counts, counts, counts, np.zeros(columns, np.int64), sums, np.zeros(sums.shape[:2]))

    def merge(self, other: "Hota") -> "Hota":
        """The sums of both."""
        return Hota(*(a + b for a, b in zip(self, other, strict=True)))

    def compute(self, protocol: Protocol) -> HotaScores:
        """The scores over all sequences that were merged, by the protocol that they were judged by.

        Totals are means over columns (`mean_totals`), else as PoseTrack21 has them: made of the pooled counts and sums.
        `absent_joints` leaves out columns that no truth labels, and makes them NaN.
        """
        judged = (self.labelled > 0) | (not protocol.absent_joints)
        columns = _family(self.tp, self.fn, self.fp, _per_match(self.sums, self.tp))
        if protocol.mean_totals:
            total = _mean(columns, judged)
        else:
            tp, fn, fp = (count.sum(axis=-1) for count in (self.tp, self.fn, self.fp))
            total = np.where(judged.any(), _family(tp, fn, fp, _per_match(self.pooled, tp)), np.nan)
        scores = np.append(np.where(judged, columns, np.nan), total[..., None], axis=-1)
        counts = [np.append(count, count.sum(axis=-1)[:, None], axis=-1) for count in (self.tp, self.fn, self.fp)]
        return HotaScores(*(100 * scores), *counts)

    def compute_sequence(self, protocol: Protocol) -> HotaScores:
        """The scores of one sequence by itself, whose totals are means over columns in PoseTrack21's tables too."""
        return self.compute(dataclasses.replace(protocol, mean_totals=True))


def hota(
    pairing: Pairing,
    truth_there: Bool[np.ndarray, "n j"],
    found_there: Bool[np.ndarray, "m j"],
    similarity: Float64[np.ndarray, "q j"],
    protocol: Protocol,
) -> Hota:
    """Judge one sequence; `similarity` is in 0..1, and NaN or 0 where two people may not match.

    In each frame and column people are matched once for all thresholds, so that their similarities add up to the most;
    with `global_alignment` each is first multiplied by how well the two ids agree over the sequence, as in the paper.
    A match counts at every threshold that its similarity reaches. Without `frame_misses` a frame in which nobody was
    found misses all joints of the sequence, as PoseTrack21 counts it (unless nobody was found in any frame).
    """
    columns = truth_there.shape[1]
    flat = np.flatnonzero(similarity > 0)
    pairs, column = np.divmod(flat, columns)
    near = similarity.ravel()[flat]
    truth, found = pairing.truth[pairs] * columns + column, pairing.found[pairs] * columns + column
    truth_track, truth_lengths = _tracks(pairing.truth_ids, truth_there)
    found_track, found_lengths = _tracks(pairing.found_ids, found_there)

    meetings, meeting = np.unique(truth_track[truth] * len(found_lengths) + found_track[found], return_inverse=True)
    met = meetings // max(1, len(found_lengths)), meetings % max(1, len(found_lengths))
    lengths = truth_lengths[met[0]], found_lengths[met[1]]
    weight = near
    if protocol.global_alignment:
        weight = near * _alignment(truth, found, near, meeting, lengths)[meeting]
    matched = np.flatnonzero(best_pairs(truth, found, weight))
    matched = matched[np.argsort(truth_track[truth[matched]], kind="stable")]  # by track, then as before by frame

    bounds = np.searchsorted(met[0], np.arange(columns + 1) * (len(truth_lengths) // columns))
    tp, sums = _sums(meeting[matched], near[matched], lengths, bounds)
    labelled = truth_there.sum(axis=0)
    counted = labelled if protocol.frame_misses else _frame_counts(pairing, truth_there)
    judged = (labelled > 0) | (not protocol.absent_joints)
    total = tp.sum(axis=-1)
    pooled = np.where(total > 0, _mean(_per_match(sums, tp), judged), 0) * total
    return Hota(tp, counted - tp, found_there.sum(axis=0) - tp, labelled, sums, pooled)


def _tracks(
    ids: Int64[np.ndarray, "n"], there: Bool[np.ndarray, "n j"]
) -> tuple[Int64[np.ndarray, "n*j"], Int64[np.ndarray, "t"]]:
    """The track of each joint (the id's, one for each column, numbered column by column), and how long each is."""
    names, who = np.unique(ids, return_inverse=True)
    columns = there.shape[1]
    track = (np.arange(columns) * len(names) + who[:, None]).ravel()
    return track, np.bincount(track[there.ravel()], minlength=columns * len(names))


def _alignment(
    truth: Int64[np.ndarray, "e"],
    found: Int64[np.ndarray, "e"],
    near: Float64[np.ndarray, "e"],
    meeting: Int64[np.ndarray, "e"],
    lengths: tuple[Int64[np.ndarray, "p"], Int64[np.ndarray, "p"]],
) -> Float64[np.ndarray, "p"]:
    """The global alignment score of each two tracks that meet: the Jaccard index of their joints, each similarity
    shared out among all that compete for it.
    """  # fmt: skip
    rivals = np.bincount(truth, near)[truth] + np.bincount(found, near)[found] - near
    together = np.bincount(meeting, near / rivals, minlength=len(lengths[0]))
    return together / (lengths[0] + lengths[1] - together)


def _sums(
    meeting: Int64[np.ndarray, "k"],
    near: Float64[np.ndarray, "k"],
    lengths: tuple[Int64[np.ndarray, "p"], Int64[np.ndarray, "p"]],
    bounds: Int64[np.ndarray, "j+1"],
) -> tuple[Int64[np.ndarray, "a j"], Float64[np.ndarray, "5 a j"]]:
    """Matches, and the sums of `Hota`, by threshold and column.

    `meeting` tells for each match, by track of the truth and frame, which two tracks meet; those of column i are
    bounds[i] to bounds[i + 1].
    """
    reached = np.searchsorted(ALPHAS - np.finfo(float).eps, near, side="right")  # how many thresholds
    steps, total = len(ALPHAS) + 1, len(lengths[0])
    cell = meeting * steps + reached

    def at_least(cells: Float64[np.ndarray, "p*s"]) -> Float64[np.ndarray, "p a"]:
        return cells.reshape(total, steps)[:, :0:-1].cumsum(axis=1)[:, ::-1]

    tpa = at_least(np.bincount(cell, minlength=total * steps))
    truth, found = (np.maximum(1, length)[:, None] for length in lengths)
    union = np.maximum(1, truth + found - tpa)
    fragments = np.stack([_squared_runs(meeting[reached > a], total) for a in range(len(ALPHAS))], axis=1)
    each = (tpa**2 / union, at_least(np.bincount(cell, near, total * steps)), tpa**2 / truth, tpa**2 / found)
    spans = [slice(*span) for span in np.lib.stride_tricks.sliding_window_view(bounds, 2)]
    tp, *sums = (np.stack([x[span].sum(axis=0) for span in spans], axis=1) for x in (tpa, *each, fragments / union))
    return tp, np.stack(sums)


def _squared_runs(meeting: Int64[np.ndarray, "k"], total: int) -> Float64[np.ndarray, "p"]:
    """For each two tracks the sum of n² over the runs of n matches without one to another track between them."""
    starts = np.flatnonzero(np.diff(meeting, prepend=-1))
    return np.bincount(meeting[starts], np.diff(starts, append=len(meeting)) ** 2.0, minlength=total)


def _frame_counts(pairing: Pairing, there: Bool[np.ndarray, "n j"]) -> Int64[np.ndarray, "j"]:
    """The joints of the truth, but of frames without anybody found those of the whole sequence instead of their own."""
    everybody = there.sum(axis=0)
    if not len(pairing.found_ids):
        return everybody
    lost = ~np.isin(pairing.truth_frame, pairing.found_frame)
    return there[~lost].sum(axis=0) + len(np.unique(pairing.truth_frame[lost])) * everybody


def _per_match(sums: Float64[np.ndarray, "5 *n"], tp: Int64[np.ndarray, "*n"]) -> Float64[np.ndarray, "5 *n"]:
    """Means from sums; without matches 0, but LocA 1."""
    without = np.zeros_like(sums)
    without[1] = 1
    return np.divide(sums, tp, out=without, where=tp > 0)


def _family(
    tp: Int64[np.ndarray, "*n"],
    fn: Int64[np.ndarray, "*n"],
    fp: Int64[np.ndarray, "*n"],
    means: Float64[np.ndarray, "5 *n"],
) -> Float64[np.ndarray, "s *n"]:
    """All scores, 0..1, in the order of `HotaScores`."""
    assa, loca, assre, asspr, fraga = means
    deta, detre, detpr = (tp / np.maximum(1, tp + wrong) for wrong in (fn + fp, fn, fp))
    both = np.sqrt(assa * fraga)
    score, rhota, fa_hota, fa_rhota = np.sqrt([deta * assa, detre * assa, deta * both, detre * both])
    return np.stack(
        [score, deta, assa, loca, detre, detpr, assre, asspr, fraga, rhota, fa_hota, fa_rhota, score * loca]
    )


def _mean(values: Float64[np.ndarray, "*n j"], judged: Bool[np.ndarray, "j"]) -> Float64[np.ndarray, "*n"]:
    """The mean over the columns that are judged; NaN without any."""
    return values[..., judged].mean(axis=-1) if judged.any() else np.full(values.shape[:-1], np.nan)
