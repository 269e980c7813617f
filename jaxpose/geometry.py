"""Plane geometry of pictures, boxes and poses, on NumPy arrays: how a picture fits a network's input, IoU, OKS.

Points are `(x, y)` in pixels, the centre of the top-left pixel is (0, 0). Boxes are x, y, w, h.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64

SIDE, ABOVE, BELOW = 0.03, 0.1, 0.08
"""How far a person's box reaches beyond the joints, left and right, above and below, in shares of the joints' height:
medians of human-made boxes against the joints that a network found in two videos of walking people."""

AREA_SHARE = 0.53
"""The area of a person as a share of that of their box: the median of COCO's people."""


class Fit(NamedTuple):
    """How a picture lies in a network's input: scaled by one factor to the top left, padded right and below."""

    width: int
    height: int
    scale: float


def fit_input(width: int, height: int, size: int, stride: int) -> Fit:
    """The input whose long side is `size`, each side rounded to a multiple of `stride`; the aspect is kept.

    The picture is enlarged where it is smaller. Rounding leaves less than one stride of padding.
    """
    if size < stride:
        raise ValueError(f"`size` must be at least the stride {stride}, got {size}")
    unit = 2 * max(width, height) * stride  # in whole numbers, so that equal aspects round alike
    target_w, target_h = (max(1, (2 * side * size + unit // 2) // unit) * stride for side in (width, height))
    return Fit(target_w, target_h, min(target_w / width, target_h / height))


def to_source(xy: Float[np.ndarray, "*n 2"], fit: Fit) -> Float[np.ndarray, "*n 2"]:
    """Points of the network's input in pixels of the picture."""
    return (xy + 0.5) / fit.scale - 0.5


def fit_aspect(boxes: Float[np.ndarray, "n 4"], aspect: float, grow: float = 1.0) -> Float64[np.ndarray, "n 4"]:
    """The smallest boxes of that aspect (width / height) that hold these, `grow` times as large, centres as before."""
    boxes = np.asarray(boxes, np.float64)
    width = np.maximum(boxes[:, 2], boxes[:, 3] * aspect) * grow
    sides = np.stack([width, width / aspect], axis=1)
    return np.concatenate([boxes[:, :2] + (boxes[:, 2:] - sides) / 2, sides], axis=1)


def crop_maps(boxes: Float[np.ndarray, "n 4"], width: int, height: int) -> Float64[np.ndarray, "n 2 3"]:
    """For each box the affine map from the pixels of a crop of that size, which shows just the box, to the picture's.

    Boxes are as in `records.Boxes`: that around all of a picture begins at (-0.5, -0.5).
    """
    maps = np.zeros((len(boxes), 2, 3))
    scale = np.asarray(boxes, np.float64)[:, 2:] / (width, height)
    maps[:, [0, 1], [0, 1]] = scale
    maps[:, :, 2] = boxes[:, :2] + scale / 2
    return maps


def iou(a: Float[np.ndarray, "n 4"], b: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Intersection over union of boxes x, y, w, h; 0 where both are empty."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=-1)
    union = np.prod(a[:, None, 2:], axis=-1) + np.prod(b[None, :, 2:], axis=-1) - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def person_box(xy: Float64[np.ndarray, "n j 2"], there: Bool[np.ndarray, "n j"]) -> Float64[np.ndarray, "n 4"]:
    """The box x, y, w, h of each whole person, NaN for one without joints.

    It is the span of the joints that are there, widened as people are wider than their skeletons, by shares of the
    span's height (`SIDE`, `ABOVE`, `BELOW`).
    """
    somebody = there.any(axis=1, keepdims=True)
    low = np.where(somebody, xy.min(axis=1, where=there[..., None], initial=np.inf), np.nan)
    high = np.where(somebody, xy.max(axis=1, where=there[..., None], initial=-np.inf), np.nan)
    height = high[:, 1:] - low[:, 1:]
    return np.concatenate([low - height * (SIDE, ABOVE), high - low + height * (2 * SIDE, ABOVE + BELOW)], axis=1)


def oks(
    a: Float[np.ndarray, "n j 3"],
    b: Float[np.ndarray, "m j 3"],
    sigmas: Float[np.ndarray, "j"],
    areas: Float[np.ndarray, "n m"],
) -> Float[np.ndarray, "n m"]:
    """Object keypoint similarity over the joints that both people have; 0 where they share none.

    COCO's form exp(-d² / (2 s² (2 sigma)²)) with `areas` as s² (in squared pixels). COCO's evaluation averages over the
    joints that the truth labels instead; that one belongs to `evaluation`.
    """
    shared = (a[:, None, :, 2] > 0) & (b[None, :, :, 2] > 0)
    squared = np.square(a[:, None, :, :2] - b[None, :, :, :2]).sum(-1)
    spread = 2 * np.square(2 * np.asarray(sigmas)) * np.maximum(areas, 1e-9)[..., None]
    each = np.exp(-squared / spread) * shared
    count = shared.sum(-1)
    return np.divide(each.sum(-1), count, out=np.zeros(count.shape, each.dtype), where=count > 0)
