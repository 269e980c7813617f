"""A picture, its people and what is not labelled in it, cut to a crop by one affine map."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64, Int64, UInt8

from jaxpose.data.examples import Polygon
from jaxpose.data.pictures import Picture, draw
from jaxpose.data.placement import Placement, matrix, move
from jaxpose.skeletons import Skeleton


class Crop(NamedTuple):
    """What a frame of a sample holds, before it is padded."""

    image: UInt8[np.ndarray, "h w 3"]  # BGR
    keypoints: Float32[np.ndarray, "p j 3"]  # x, y in pixels of the crop, 1 or 0: labelled
    ids: Int64[np.ndarray, "p"]
    valid: UInt8[np.ndarray, "h/s w/s"]


class Scene(NamedTuple):
    """A picture's people in the skeleton that is trained, in pixels of the picture."""

    keypoints: Float32[np.ndarray, "p j 3"]
    ids: Int64[np.ndarray, "p"]
    regions: tuple[Polygon, ...]


def cut(
    picture: Picture, scene: Scene, placement: Placement, skeleton: Skeleton, width: int, height: int, stride: int
) -> Crop:
    """The crop of that size. Joints outside it stay, also beyond its edges: limbs may reach into it."""
    by = matrix(placement)
    there = scene.keypoints[..., 2] > 0
    keypoints = np.zeros_like(scene.keypoints)
    keypoints[..., :2] = np.where(there[..., None], move(scene.keypoints[..., :2], by), 0)
    keypoints[..., 2] = there
    if placement.flip:
        keypoints = keypoints[:, list(skeleton.flip)]
    cells = (height // stride, width // stride)
    valid = inside(by, picture.width, picture.height, cells, stride)
    erase(valid, [move(region, by) for region in scene.regions], stride)
    return Crop(draw(picture, by, width, height), keypoints, scene.ids, valid)


def inside(
    by: Float64[np.ndarray, "2 3"], width: int, height: int, cells: tuple[int, int], stride: int
) -> UInt8[np.ndarray, "h w"]:
    """1 for the cells of a crop whose centre lies in the picture of that size, which `by` has taken to the crop."""
    back = cv2.invertAffineTransform(by)
    rows, columns = ((stride - 1) / 2 + stride * np.arange(n) for n in cells)
    x, y = (line[0] * columns + line[1] * rows[:, None] + line[2] for line in back)
    within = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return within.astype(np.uint8)


def erase(valid: UInt8[np.ndarray, "h w"], regions: Sequence[Float[np.ndarray, "k 2"]], stride: int) -> None:
    """Set the cells that regions of the crop (x, y in its pixels) reach to 0.

    A cell is looked at in the middle of its four quarters, and reached where an odd number of the region's edges lies
    to the left of one. (OpenCV's polygons are wrong by cells where they leave the picture.)
    """
    h, w = valid.shape
    first, step = stride / 4 - 0.5, stride / 2
    y = first + step * np.arange(2 * h)[:, None]
    for region in regions:
        (ax, ay), (bx, by) = region.T, np.roll(region, -1, axis=0).T
        row, edge = np.nonzero((ay > y) != (by > y))
        crossing = ax[edge] + (y[row, 0] - ay[edge]) * (bx[edge] - ax[edge]) / (by[edge] - ay[edge])
        column = np.clip(np.ceil((crossing - first) / step), 0, 2 * w).astype(int)
        crossed = np.bincount(row * (2 * w + 1) + column, minlength=2 * h * (2 * w + 1))
        within = crossed.reshape(2 * h, -1).cumsum(axis=1)[:, :-1] % 2 == 1
        valid[within.reshape(h, 2, w, 2).any(axis=(1, 3))] = 0
