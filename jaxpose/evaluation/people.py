"""How well whole people are tracked: MOTA, IDF1 and HOTA of boxes or of poses, each person as one.

`compare` judges one video. Each side is a `TrackFile` of boxes or a `PoseFile`; two people may match from a similarity
of 0.5 on, by IoU of boxes, by PCKh or by OKS (`similarity`). `Tracking` is the state that merges over videos, `Judged`
tells who was matched with whom, and `by_person` whose id changed and who was lost.
"""

import dataclasses
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.errors import EvaluationError
from jaxpose.evaluation.assignment import best_pairs
from jaxpose.evaluation.clear import Clear, ClearScores, Matches, clear
from jaxpose.evaluation.hota import Hota, HotaScores, hota
from jaxpose.evaluation.identity import Identity, IdentityScores, identity
from jaxpose.evaluation.pairing import Pairing, pair
from jaxpose.evaluation.protocol import PROTOCOLS
from jaxpose.evaluation.similarity import box_similarity, oks_similarity, pckh_similarity
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.poses import PoseFile
from jaxpose.geometry import person_box

RULES = dataclasses.replace(PROTOCOLS["strict"], latest_pair=False)
"""`strict`, except that of two people who were matched with the same found id the first in the file keeps it:
py-motmetrics does so, which published numbers come from."""

Similarity = Literal["iou", "pckh", "oks"]


class TrackingScores(NamedTuple):
    """In percent; each array has the same value twice, for its one column and for the total."""

    clear: ClearScores
    hota: HotaScores
    identity: IdentityScores


class Tracking(NamedTuple):
    """The counts and sums of whole people over videos."""

    clear: Clear
    hota: Hota
    identity: Identity

    @classmethod
    def empty(cls) -> "Tracking":
        """Of no video."""
        return cls(Clear.empty(1), Hota.empty(1), Identity.empty(1))

    def merge(self, other: "Tracking") -> "Tracking":
        """The sums of both."""
        return Tracking(self.clear.merge(other.clear), self.hota.merge(other.hota), self.identity.merge(other.identity))

    def compute(self) -> TrackingScores:
        """The scores over all videos that were merged."""
        return TrackingScores(self.clear.compute(RULES), self.hota.compute(RULES), self.identity.compute())


class Judged(NamedTuple):
    """Who was judged in one video, and who was matched with whom (rows of `pairing`, one column)."""

    pairing: Pairing
    numbers: Int64[np.ndarray, "f"]  # of the pairing's frames: those with people
    similarity: Float64[np.ndarray, "q"]  # of each pair
    truth_rows: Int64[np.ndarray, "n"]  # where each one stands in what `compare` was given
    found_rows: Int64[np.ndarray, "m"]
    matches: Matches


class PersonCounts(NamedTuple):
    """What became of each person of the truth, by ascending id."""

    ids: Int64[np.ndarray, "p"]
    frames: Int64[np.ndarray, "p"]  # with this person
    matched: Int64[np.ndarray, "p"]  # of these
    switches: Int64[np.ndarray, "p"]  # changes of the found id
    fragmentations: Int64[np.ndarray, "p"]  # times that the person was lost and found again


def compare(
    truth: TrackFile | PoseFile, found: TrackFile | PoseFile, by: Similarity = "iou", threshold: float = 0.5
) -> tuple[Tracking, Judged]:
    """Judge one video: pairs whose similarity is `threshold` or more may match.

    Frames belong together by their numbers, and those that only one side has count. Poses are judged as they are: what
    should not count (`judged`) is to be taken out before. Left out are poses of fewer than two joints for IoU, and
    without any joint of the truth's skeleton for PCKh and OKS. Crowds are not scored.

    Of each frame one assignment is made, of the greatest total similarity; whom it gives to somebody who is not scored
    is taken out of what was found, as MOTChallenge does, and those who are not scored of the truth. MOTA, switches and
    IDF1 are then py-motmetrics', HOTA is TrackEval's. Raises `EvaluationError` where a similarity lacks what it needs.
    """
    if not 0 < threshold <= 1:
        raise EvaluationError(f"the threshold of a match must be above 0 and at most 1, got {threshold}; 0.5 is usual")
    if by != "iou":
        if not (isinstance(truth, PoseFile) and isinstance(found, PoseFile)):
            raise EvaluationError(f"{by} compares poses, and one side has only boxes; compare these by iou")
        found = found.as_skeleton(truth.skeleton)
    truth_rows, found_rows = (_comparable(side, 2 if by == "iou" else 1) for side in (truth, found))
    truth_side, found_side = _take(truth, truth_rows), _take(found, found_rows)
    numbers, frame = np.unique(np.concatenate([truth_side.frames, found_side.frames]), return_inverse=True)
    truth_frame, found_frame = np.split(frame, [len(truth_rows)])
    pairing = pair(len(numbers), truth_frame, truth_side.ids, found_frame, found_side.ids)

    if isinstance(truth, PoseFile) and isinstance(found, PoseFile) and by != "iou":
        in_files = pairing._replace(truth=truth_rows[pairing.truth], found=found_rows[pairing.found])
        similarity = (pckh_similarity if by == "pckh" else oks_similarity)(truth, found, in_files)
    else:
        similarity = box_similarity(truth_side.boxes, found_side.boxes, pairing)
    scored, left = truth_side.scored, ~absorbed(pairing, truth_side.scored, similarity, threshold)
    similarity = similarity[scored[pairing.truth] & left[pairing.found]]
    sides = truth_frame[scored], truth_side.ids[scored], found_frame[left], found_side.ids[left]
    pairing = pair(len(numbers), *sides)
    tracking, matches = measure(pairing, similarity, threshold)
    return tracking, Judged(pairing, numbers, similarity, truth_rows[scored], found_rows[left], matches)


def measure(pairing: Pairing, similarity: Float64[np.ndarray, "q"], threshold: float) -> tuple[Tracking, Matches]:
    """Judge one video, everybody of which counts; pairs whose similarity is `threshold` or more may match."""
    truth, found = (np.ones((len(ids), 1), bool) for ids in (pairing.truth_ids, pairing.found_ids))
    alike = similarity[:, None]
    allowed = alike >= threshold
    counts, matches = clear(pairing, truth, found, np.where(allowed, 1 - alike, np.nan), RULES)
    sums = hota(pairing, truth, found, alike, RULES)
    return Tracking(counts, sums, identity(pairing, truth, found, allowed)), matches


def absorbed(
    pairing: Pairing, scored: Bool[np.ndarray, "n"], similarity: Float64[np.ndarray, "q"], threshold: float
) -> Bool[np.ndarray, "m"]:
    """Who of those found belongs to somebody who is not scored, by one assignment of everybody in each frame."""
    taken = np.zeros(len(pairing.found_ids), bool)
    if not scored.all():
        pairs = np.flatnonzero(similarity >= threshold)
        pairs = pairs[best_pairs(pairing.truth[pairs], pairing.found[pairs], similarity[pairs])]
        taken[pairing.found[pairs[~scored[pairing.truth[pairs]]]]] = True
    return taken


def by_person(pairing: Pairing, matches: Matches) -> PersonCounts:
    """Each person's own counts, from matches of whole people (one column)."""
    ids, person = np.unique(pairing.truth_ids, return_inverse=True)
    matched, switched = matches.found[:, 0] >= 0, matches.switched[:, 0]
    order = np.argsort(person, kind="stable")  # by person, then frame
    first = np.diff(person[order], prepend=-1) > 0
    starts = matched[order] & (first | ~np.append(False, matched[order][:-1]))
    stretches = np.bincount(person[order[starts]], minlength=len(ids))
    frames, found, switches = (np.bincount(person[rows], minlength=len(ids)) for rows in (order, matched, switched))
    return PersonCounts(ids, frames, found, switches, np.maximum(0, stretches - 1))


def boxes_of(file: PoseFile) -> TrackFile:
    """The boxes of whole people (`person_box`), whatever boxes the file has; NaN for people without joints."""
    return TrackFile(
        source=file.source,
        frames=file.numbers[file.frame],
        boxes=person_box(file.xy, file.there),
        ids=file.ids,
        scored=~file.crowd,
        last=int(file.numbers.max(initial=-1)),
    )


def _comparable(side: TrackFile | PoseFile, joints: int) -> Int64[np.ndarray, "r"]:
    """The rows of those who have enough joints; of all boxes."""
    enough = side.there.sum(axis=-1) >= joints if isinstance(side, PoseFile) else np.ones(len(side.ids), bool)
    return np.flatnonzero(enough)


def _take(side: TrackFile | PoseFile, rows: Int64[np.ndarray, "r"]) -> TrackFile:
    boxes = boxes_of(side) if isinstance(side, PoseFile) else side
    return boxes._replace(
        frames=boxes.frames[rows], boxes=boxes.boxes[rows], ids=boxes.ids[rows], scored=boxes.scored[rows]
    )
