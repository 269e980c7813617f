"""How alike two whole people are, 0..1, for each pair that a `Pairing` names: IoU of boxes, PCKh and OKS of poses.

`people` matches by one of them. Poses are compared by the joints that the truth labels; both sides have one skeleton.
"""

import numpy as np
from jaxtyping import Float64

from jaxpose.evaluation.checks import refuse
from jaxpose.evaluation.pairing import Pairing, head_distances, head_sizes, near
from jaxpose.formats.poses import PoseFile
from jaxpose.geometry import AREA_SHARE


def box_similarity(
    truth: Float64[np.ndarray, "n 4"], found: Float64[np.ndarray, "m 4"], pairing: Pairing
) -> Float64[np.ndarray, "q"]:
    """Intersection over union of each pair's boxes x, y, w, h; 0 where both are empty."""
    a, b = truth[pairing.truth], found[pairing.found]
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=-1)
    union = np.prod(a[:, 2:], axis=-1) + np.prod(b[:, 2:], axis=-1) - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def pckh_similarity(truth: PoseFile, found: PoseFile, pairing: Pairing) -> Float64[np.ndarray, "q"]:
    """The share of the truth's joints that the other person has within half a head size."""
    _need(truth, pairing, head_sizes(truth.heads), "has no head box, which PCKh needs; compare by oks or iou")
    hits = (~np.isnan(near(head_distances(truth, found, pairing)))).sum(axis=-1)
    return hits / truth.there.sum(axis=-1)[pairing.truth]


def oks_similarity(truth: PoseFile, found: PoseFile, pairing: Pairing) -> Float64[np.ndarray, "q"]:
    """COCO's object keypoint similarity over the truth's joints; a joint that was not found adds 0.

    A person's area is the file's, or 0.53 times that of the file's box.
    """
    areas = np.where(np.isnan(truth.areas), AREA_SHARE * truth.boxes[:, 2] * truth.boxes[:, 3], truth.areas)
    _need(truth, pairing, areas, "has no area above 0, nor a box, which OKS needs; compare by iou or pckh")
    squared = np.square(truth.xy[pairing.truth] - found.xy[pairing.found]).sum(axis=-1)
    spread = 2 * np.square(2 * np.array(truth.skeleton.sigmas)) * areas[pairing.truth, None]
    both = truth.there[pairing.truth] & found.there[pairing.found]
    return np.where(both, np.exp(-squared / spread), 0).sum(axis=-1) / truth.there.sum(axis=-1)[pairing.truth]


def _need(truth: PoseFile, pairing: Pairing, size: Float64[np.ndarray, "n"], why: str) -> None:
    """Raise the error of the first person in a pair who has no size."""
    paired = np.zeros(len(truth.ids), bool)
    paired[pairing.truth] = True
    refuse(truth, paired & ~(size > 0), why)
