"""[host] Which of a frame's people count: the first thing that every tracker here does with them.

Most poses with few joints or low scores are wrong, and a network may find one person twice.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from jaxpose.association.config import SiftConfig
from jaxpose.association.matching import keep_best, widened_boxes
from jaxpose.geometry import iou

STRONG_SCORE = 0.4
"""The `strong_score` of poses from a source of which nothing else is known."""


class Sifted(NamedTuple):
    """The people who count, as rows of those who were given, in their order; and two things of each of these."""

    rows: Int64[np.ndarray, "q"]
    strong: Bool[np.ndarray, "q"]
    worth: Float64[np.ndarray, "q"]  # the joints' scores, summed, in the skeleton's joints


def sift(keypoints: Float[np.ndarray, "p j 3"], config: SiftConfig) -> Sifted:
    """Leave out those too weak, and of those with the same box all but the worthiest."""
    scores = keypoints[..., 2]
    count = (scores > 0).sum(1)
    share = count / scores.shape[1]
    mean = scores.sum(1) / np.maximum(count, 1)
    worth = (share * mean).astype(np.float64)
    strong_score = STRONG_SCORE if config.strong_score is None else config.strong_score
    strong = (share >= config.strong_joints) & (mean >= strong_score)

    good = np.flatnonzero((count > 0) & (share >= config.weak_joints) & (mean >= config.weak_score))
    boxes = widened_boxes(keypoints[good], config.box_margin)
    good = good[keep_best(iou(boxes, boxes), worth[good], config.duplicate_iou)]
    return Sifted(good, strong[good], worth[good])
