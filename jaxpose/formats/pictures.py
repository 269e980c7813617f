"""What a file tells of people in pictures to learn from, whatever its format: `PictureFile`.

The readers of `formats.mpii`, `formats.lspet`, `formats.carfusion` and `formats.labelled` give it; `data.gathering`
finds the pictures themselves and makes training examples of both. `formats.poses` is the counterpart for files that
are to be compared.

Points are x, y in pixels, the centre of the top-left pixel is (0, 0).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

from jaxpose.records import NO_ID, joint_boxes
from jaxpose.skeletons import Skeleton

Polygon = Float32[np.ndarray, "k 2"]


class Picture(NamedTuple):
    """The people of one picture, or of one frame of a video."""

    name: str  # as the file calls it: a path below the data set's folder, or a name only
    size: tuple[int, int] | None  # width, height; None where the file does not tell
    keypoints: Float32[np.ndarray, "p j 3"]  # the third number is COCO's: 0 not labelled, 1 hidden, 2 visible
    boxes: Float32[np.ndarray, "p 4"]  # x, y, w, h
    ids: Int64[np.ndarray, "p"]  # `NO_ID` where nobody is told apart
    regions: tuple[Polygon, ...]  # in which people may be unlabelled
    sequence: str  # the video, or the picture's own name
    frame: int = 0  # of the video, 0 for a single picture
    video: str | None = None  # the video's file, where the picture is none of its own
    split: str | None = None  # "train", "val": where the file itself says what a picture is for


class PictureFile(NamedTuple):
    """All pictures of a file. `unlabelled` counts those that it names and in which nobody looked for people."""

    source: str
    skeleton: Skeleton
    pictures: list[Picture]
    unlabelled: int = 0


def people(
    keypoints: Sequence[Float64[np.ndarray, "j 3"]], joints: int
) -> tuple[Float32[np.ndarray, "p j 3"], Float32[np.ndarray, "p 4"], Int64[np.ndarray, "p"]]:
    """Keypoints, boxes and ids of people of whom nothing but their joints is told."""
    found = np.array(keypoints, np.float32).reshape(-1, joints, 3)
    return found, joint_boxes(found), np.full(len(found), NO_ID, np.int64)


def rectangle(box: Sequence[float]) -> Polygon:
    """A box x, y, w, h as a polygon."""
    x, y, w, h = box
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32)


def square(x: float, y: float, radius: float) -> Polygon:
    """The square around a point, `radius` pixels to each side."""
    return rectangle((x - radius, y - radius, 2 * radius, 2 * radius))
