"""What can be taken out of predictions before they are judged: weak joints, short tracks, small people.

AP ranks joints by score and wants them all; MOTA pays for each wrong one, so published trackers are judged without
their weak joints and short tracks. The frames stay the same.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.evaluation.checks import refuse
from jaxpose.formats.poses import PoseFile
from jaxpose.records import NO_ID


def without_weak_joints(found: PoseFile, thresholds: Mapping[str, float]) -> PoseFile:
    """Without the joints whose score is below their name's threshold, and then without people who have no joints left.

    Joints that `thresholds` does not name stay. `EvaluationError` if one that it names has no score.
    """
    limits = np.array([thresholds.get(joint, -np.inf) for joint in found.skeleton.joints])
    limited = found.there & np.isfinite(limits)
    unscored = limited & np.isnan(found.joint_scores)
    if unscored.any():
        name = found.skeleton.joints[np.argwhere(unscored)[0, 1]]
        refuse(found, unscored.any(axis=1), f"{name} has no score, which thresholds need; write the scores")
    there = found.there & ~(limited & (found.joint_scores < limits))
    return found._replace(there=there).keep(there.any(axis=1))


def long_tracks(ids: Int64[np.ndarray, "n"], frames: int) -> Bool[np.ndarray, "n"]:
    """Who has an id that is seen in at least so many frames."""
    _, person, counts = np.unique(ids, return_inverse=True, return_counts=True)
    return (counts[person] >= frames) & (ids != NO_ID)


def large_people(boxes: Float64[np.ndarray, "n 4"], pixels: float) -> Bool[np.ndarray, "n"]:
    """Whose box x, y, w, h is at least so many pixels wide or high; nobody without a box (NaN)."""
    return np.max(boxes[:, 2:], axis=1, initial=-np.inf) >= pixels
