"""CLEAR MOT (Bernardin and Stiefelhagen 2008): how many are missed, invented, or change their ids? MOTA and MOTP.

After `pairing`, for any likeness of the two sides: joint by joint (one column for each, as PoseTrack's poseval), or
whole people and boxes (one column). Columns are independent. The rules are those of py-motmetrics 1.4, on which poseval
is built: pairs of earlier frames are kept while they may match, whatever was between; of the rest as many as possible
are matched, at the lowest total cost.

`correspondence` finds the matches; all that follows from them is counted here, over all frames at once.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.evaluation.correspondence import correspond, tracks
from jaxpose.evaluation.pairing import Pairing
from jaxpose.evaluation.precision import mean
from jaxpose.evaluation.protocol import PROTOCOLS, Protocol


class ClearScores(NamedTuple):
    """In percent, column by column, the mean over columns last; NaN where undefined, which the mean leaves out."""

    mota: Float64[np.ndarray, "j+1"]
    motp: Float64[np.ndarray, "j+1"]  # 100 (1 - mean cost of a match): of joints, with costs in head sizes
    precision: Float64[np.ndarray, "j+1"]
    recall: Float64[np.ndarray, "j+1"]


class Clear(NamedTuple):
    """The counts of each column."""

    misses: Int64[np.ndarray, "j"]
    switches: Int64[np.ndarray, "j"]  # matches with another found id than the last of this id of the truth
    false_positives: Int64[np.ndarray, "j"]
    objects: Int64[np.ndarray, "j"]  # in the truth
    detections: Int64[np.ndarray, "j"]  # matches
    fragmentations: Int64[np.ndarray, "j"]  # times that an id of the truth is missed between matches
    distance: Float64[np.ndarray, "j"]  # sum of the costs that MOTP is made of

    @classmethod
    def empty(cls, columns: int) -> "Clear":
        """Nothing yet, for so many columns."""
        none = np.zeros(columns, np.int64)
        return cls(none, none, none, none, none, none, np.zeros(columns))

    def merge(self, other: "Clear") -> "Clear":
        """Both together."""
        return Clear(*(a + b for a, b in zip(self, other, strict=True)))

    def compute(self, protocol: Protocol) -> ClearScores:
        """MOTA, MOTP, precision and recall.

        Without objects MOTA and recall are NaN, with `absent_joints` precision too. Without matches MOTP is 0, with
        `absent_joints` NaN.
        """
        wrong = self.misses + self.switches + self.false_positives
        precision = share(self.detections, self.detections + self.false_positives)
        motp = 1 - share(self.distance, self.detections)
        if protocol.absent_joints:
            precision = np.where(self.objects > 0, precision, np.nan)
        else:
            motp = np.where(self.detections > 0, motp, 0)
        columns = 1 - share(wrong, self.objects), motp, precision, share(self.detections, self.objects)
        return ClearScores(*(100 * np.append(column, mean(column)) for column in columns))


class Matches(NamedTuple):
    """Who was matched, by the rows of the truth; nobody is in frames that do not count."""

    found: Int64[np.ndarray, "n j"]  # the row of what was found, -1 for none
    switched: Bool[np.ndarray, "n j"]  # this match is a switch


def clear(
    pairing: Pairing,
    truth_there: Bool[np.ndarray, "n j"],
    found_there: Bool[np.ndarray, "m j"],
    cost: Float64[np.ndarray, "q j"],
    protocol: Protocol,
) -> tuple[Clear, Matches]:
    """The counts and matches of one sequence; `cost` is NaN where a pair may not match, and where one is not there.

    poseval fails for a sequence with a single frame; its value here is the strict one.
    """
    if pairing.frames == 1 and not protocol.last_frame:
        protocol = PROTOCOLS["strict"]
    used = np.arange(pairing.frames) < pairing.frames - (not protocol.last_frame)
    substitutes = 0
    if not protocol.count_people:
        sides = pairing.truth_frame, pairing.found_frame
        both = np.logical_and(*(np.bincount(side, minlength=pairing.frames) > 0 for side in sides))
        substitutes = int(np.sum(used & ~both))
        used &= both
    truth_there = truth_there & used[pairing.truth_frame, None]
    found_there = found_there & used[pairing.found_frame, None]
    cost = np.where(used[pairing.frame, None], cost, np.nan)

    pair, column = correspond(pairing, cost, latest=protocol.latest_pair)
    columns = cost.shape[1]
    track, found_track = tracks(pairing.truth_ids, columns), tracks(pairing.found_ids, columns)
    truth_entry, found_entry = (pairing.truth[pair], column), (pairing.found[pair], column)
    matches = Matches(np.full(truth_there.shape, -1), np.zeros(truth_there.shape, bool))
    matches.found[truth_entry] = pairing.found[pair]
    last = previous(track[truth_entry], found_track[found_entry])
    matches.switched[truth_entry] = (last >= 0) & (last != found_track[found_entry])

    distance = _sums(column, cost[pair, column], columns)
    if not protocol.motp_over_matches:
        rows = _other_rows(track[truth_entry], found_track[found_entry])
        distance += _sums(column, rows * cost[pair, column], columns)
        distance += np.sum(cost, axis=0, where=~np.isnan(cost))
    detections = np.bincount(column, minlength=columns)
    objects = truth_there.sum(0)
    return Clear(
        misses=objects - detections + substitutes,
        switches=matches.switched.sum(0),
        false_positives=found_there.sum(0) - detections + substitutes,
        objects=objects + substitutes,
        detections=detections,
        fragmentations=_fragmentations(track, truth_there, matches.found >= 0),
        distance=distance,
    ), matches


def share(part: np.ndarray, whole: Int64[np.ndarray, "k"]) -> Float64[np.ndarray, "k"]:
    """Part of whole; NaN of nothing."""
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _sums(column: Int64[np.ndarray, "k"], values: Float64[np.ndarray, "k"], columns: int) -> Float64[np.ndarray, "j"]:
    """The sum of each column's values."""
    return np.bincount(column, values, columns).astype(np.float64)  # of nothing it gives integers


def previous(key: Int64[np.ndarray, "k"], value: Int64[np.ndarray, "k"]) -> Int64[np.ndarray, "k"]:
    """For each entry the value of the last one before it that has the same key; -1 for none."""
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    result = np.full(len(key), -1)
    result[order[1:][same]] = value[order[:-1][same]]
    return result


def _fragmentations(
    track: Int64[np.ndarray, "n j"], there: Bool[np.ndarray, "n j"], matched: Bool[np.ndarray, "n j"]
) -> Int64[np.ndarray, "j"]:
    """How often a track is matched again after it was missed (frames in which it is not there aside)."""
    resumed = np.zeros(there.shape, bool)
    resumed[there] = previous(track[there], matched[there].astype(np.int64)) == 0
    before = np.zeros(there.shape, bool)
    before[matched] = previous(track[matched], track[matched]) >= 0
    return np.sum(resumed & before, axis=0)


def _other_rows(track: Int64[np.ndarray, "k"], found_track: Int64[np.ndarray, "k"]) -> Int64[np.ndarray, "k"]:
    """How many rows more than one a match has in py-motmetrics' table of events, which poseval's MOTP sums all up.

    A switch to a found track that was never matched before (ASCEND); a match that was not kept, if the last such match
    of the found track was with another (TRANSFER), and once more if this one was never matched before (MIGRATE).
    """
    last = previous(track, found_track)
    ascend = (last >= 0) & (last != found_track) & (previous(found_track, track) < 0)
    chosen = last != found_track
    other = np.full(len(track), -1)
    other[chosen] = previous(found_track[chosen], track[chosen])
    transfer = (other >= 0) & (other != track)
    return ascend + transfer * (1 + (last < 0))
