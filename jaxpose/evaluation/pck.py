"""PCK: the share of joints that were found near enough, for pairs of people who are known to belong together.

`distance <= share * length`, the length being one of the person's own: the torso and a share of 0.2 (Johnson and
Everingham's LSP and its extension), the longer side of the box (Yang and Ramanan, CVPR 2011; also 0.2), or the head
size and 0.5, which is PCKh (Andriluka et al., MPII, CVPR 2014; `pairing.head_sizes` for PoseTrack's and MPII's boxes).
Who belongs to whom comes from a tracker's evaluation (`Matches.found`) or from pictures of one person (`lone_people`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from jaxpose.errors import EvaluationError
from jaxpose.formats.poses import PoseFile

TORSO = ("left_shoulder", "right_hip")


class Pck(NamedTuple):
    """Counts by joint, a state that merges."""

    labelled: Int64[np.ndarray, "j"]
    correct: Int64[np.ndarray, "j"]
    unmeasured: int  # people of the truth who have no length to measure by, and are left out

    @classmethod
    def empty(cls, columns: int) -> "Pck":
        """Nobody seen; `columns` joints."""
        return cls(np.zeros(columns, np.int64), np.zeros(columns, np.int64), 0)

    def merge(self, other: "Pck") -> "Pck":
        """The counts of both."""
        return Pck(
            self.labelled + other.labelled,
            self.correct + other.correct,
            self.unmeasured + other.unmeasured,
        )

    def compute(self) -> Float64[np.ndarray, "j+1"]:
        """PCK in percent of each joint and of all labelled joints together; NaN for a joint without labels."""
        labelled, correct = (np.append(counts, counts.sum()) for counts in (self.labelled, self.correct))
        return np.divide(100.0 * correct, labelled, out=np.full(len(labelled), np.nan), where=labelled > 0)


def pck(
    truth: PoseFile,
    found: PoseFile,
    partner: Int64[np.ndarray, "n"],
    length: Float64[np.ndarray, "n"],
    share: float,
) -> Pck:
    """Counts the truth's joints that were found within `share` lengths.

    `partner` is the row of who was found for each person of the truth, -1 for nobody (all joints wrong); `length` is
    each person's own in pixels. A person whose length is NaN or 0 is left out. A joint that was not found is wrong.
    """
    found = found.as_skeleton(truth.skeleton)
    measured = length > 0
    rows = np.flatnonzero(measured & (partner >= 0))
    chosen = partner[rows]
    distance = np.linalg.norm(truth.xy[rows] - found.xy[chosen], axis=-1)
    near = distance <= share * length[rows, None]
    return Pck(
        labelled=truth.there[measured].sum(axis=0),
        correct=(truth.there[rows] & found.there[chosen] & near).sum(axis=0),
        unmeasured=int((~measured).sum()),
    )


def torsos(people: PoseFile) -> Float64[np.ndarray, "n"]:
    """From left shoulder to right hip in pixels; NaN where one of them is not there.

    Raises `EvaluationError` if the skeleton lacks one of them.
    """
    if missing := [joint for joint in TORSO if joint not in people.skeleton.joints]:
        wanted = "choose another length, or poses that have them"
        raise EvaluationError(f"{people.source}: {people.skeleton.name} has no {', no '.join(missing)}; {wanted}")
    shoulder, hip = (people.skeleton.index(joint) for joint in TORSO)
    span = np.linalg.norm(people.xy[:, shoulder] - people.xy[:, hip], axis=-1)
    return np.where(people.there[:, shoulder] & people.there[:, hip], span, np.nan)


def box_sides(people: PoseFile) -> Float64[np.ndarray, "n"]:
    """The longer side of each person's box in pixels; NaN without a box."""
    return people.boxes[:, 2:].max(axis=-1)


def lone_people(truth: PoseFile, found: PoseFile) -> Int64[np.ndarray, "n"]:
    """The partner of each person where every frame has one person at most in the truth: the best scored one.

    Both files have the same frames. The first of equal scores is taken. Raises `EvaluationError` where a frame has
    several people in the truth, or several without scores among those found.
    """
    if (crowded := np.diff(truth.offsets) > 1).any():
        where = truth.name(int(np.argmax(crowded)))
        wanted = "one at most is allowed; take the others out, or pair people by a tracking measure"
        raise EvaluationError(f"{truth.source}, {where}: several people, {wanted}")
    several = np.diff(found.offsets)[found.frame] > 1
    if (unscored := several & np.isnan(found.scores)).any():
        where = found.name(int(found.frame[np.argmax(unscored)]))
        raise EvaluationError(f"{found.source}, {where}: several people, one without score; score all, or give one")
    best = np.append(np.lexsort((-found.scores, found.frame)), -1)  # stable: the first of equals leads its frame
    somebody = found.offsets[truth.frame + 1] > found.offsets[truth.frame]
    return np.where(somebody, best[found.offsets[truth.frame]], -1)
