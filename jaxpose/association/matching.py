"""Which person is which: how alike two poses are, one-to-one matching, and removal of duplicates.

Pure functions on arrays, NumPy and SciPy only; `identities` builds its tracks with them.
"""

import numpy as np
from jaxtyping import Bool, Float, Float64, Int
from scipy.optimize import linear_sum_assignment

from jaxpose.geometry import oks
from jaxpose.records import joint_boxes

BOX_MARGIN = 0.25
"""A person's area, by which OKS measures, is that of the joints' box widened by this share on each side."""


def match(similarity: Float[np.ndarray, "n m"], minimum: float) -> tuple[Int[np.ndarray, "q"], Int[np.ndarray, "q"]]:
    """The one-to-one pairs (rows, columns) whose similarities sum to the most, none below `minimum` (above 0).

    Rows and columns may stay alone. A pair below the minimum is worth nothing, so it never takes an allowed one's place
    (removing such pairs only after the assignment would).
    """
    worth = np.where(similarity >= minimum, similarity, 0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    allowed = worth[rows, columns] > 0
    return rows[allowed], columns[allowed]


def match_greedily(
    similarity: Float[np.ndarray, "n m"], minimum: float
) -> tuple[Int[np.ndarray, "q"], Int[np.ndarray, "q"]]:
    """One-to-one pairs (rows, columns), the most alike first, as long as one is not below `minimum` (above 0).

    The way of "Simple Baselines" (Xiao et al., ECCV 2018, section 3); of equals the first row, then the first column.
    """
    left, pairs = np.where(similarity >= minimum, similarity, 0), []
    while left.any():
        row, column = np.unravel_index(left.argmax(), left.shape)
        left[row], left[:, column] = 0, 0
        pairs.append((row, column))
    rows, columns = np.array(sorted(pairs), int).reshape(-1, 2).T
    return rows, columns


def keep_best(
    overlap: Float[np.ndarray, "n n"], worth: Float[np.ndarray, "n"], maximum: float
) -> Bool[np.ndarray, "n"]:
    """Who stays when each who stays, from the most worth down, removes all that overlap it by more than `maximum`."""
    stays = np.ones(len(worth), bool)
    for i in np.argsort(-worth, kind="stable"):
        if stays[i]:
            stays &= overlap[i] <= maximum
            stays[i] = True
    return stays


def distinct(
    poses: Float[np.ndarray, "n j 3"],
    worth: Float[np.ndarray, "n"],
    sigmas: Float[np.ndarray, "j"],
    margin: float,
    maximum: float,
) -> Bool[np.ndarray, "n"]:
    """Who stays when of two poses whose OKS is above `maximum` the one of less worth goes.

    The area of OKS is the mean of the two boxes', widened by `margin`.
    """
    areas = widened_boxes(poses, margin)[:, 2:].prod(1)
    return keep_best(oks(poses, poses, sigmas, (areas[:, None] + areas) / 2), worth, maximum)


def widened_boxes(poses: Float[np.ndarray, "n j 3"], margin: float) -> Float64[np.ndarray, "n 4"]:
    """The x, y, w, h that spans each pose's joints, widened on each side by `margin` times its longer side.

    Joints lie inside a body, and those of somebody seen from the side form a strip so thin that its IoU is chance.
    """
    boxes = joint_boxes(poses).astype(np.float64)
    extra = margin * boxes[:, 2:].max(axis=1, keepdims=True)
    return np.concatenate([boxes[:, :2] - extra, boxes[:, 2:] + 2 * extra], axis=1)


def blurred_iou(
    a: Float64[np.ndarray, "n 4"], b: Float64[np.ndarray, "m 4"], blur: Float64[np.ndarray, "n"]
) -> Float64[np.ndarray, "n m"]:
    """IoU of boxes x, y, w, h with their centres brought `blur` times nearer; plain IoU where that is 1.

    The same as enlarging both boxes `blur` times about their centres: buffered IoU (Yang et al., WACV 2023) with the
    buffer growing where a place is uncertain.
    """
    half_a, half_b = a[:, None, 2:] / 2, b[None, :, 2:] / 2
    apart = np.abs(a[:, None, :2] + half_a - b[None, :, :2] - half_b) / blur[:, None, None]
    shared = np.minimum(np.minimum(half_a, half_b) * 2, half_a + half_b - apart)
    both = np.clip(shared, 0, None).prod(-1)
    union = a[:, None, 2:].prod(-1) + b[None, :, 2:].prod(-1) - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def pose_similarity(
    a: Float[np.ndarray, "n j 3"],
    b: Float[np.ndarray, "m j 3"],
    sigmas: Float[np.ndarray, "j"],
    margin: float,
    blur: Float64[np.ndarray, "n"],
) -> Float64[np.ndarray, "n m"]:
    """How alike poses are, 0 to 1: the mean of OKS and of the IoU of their widened boxes.

    OKS tells neighbours with different poses apart, IoU still works where few joints are shared. All distances count as
    `blur` times shorter. The area of OKS is the mean of the two widened boxes'.
    """
    boxes_a, boxes_b = widened_boxes(a, margin), widened_boxes(b, margin)
    areas = (boxes_a[:, None, 2:].prod(-1) + boxes_b[None, :, 2:].prod(-1)) / 2 * np.square(blur)[:, None]
    return (oks(a, b, sigmas, areas) + blurred_iou(boxes_a, boxes_b, blur)) / 2
