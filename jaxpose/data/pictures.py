"""Stored pictures to pixels, and pixels into a crop by one affine map.

A picture that will be drawn much smaller is halved first, once or more: a JPEG is decoded at 1/2, 1/4 or 1/8 of its
size, which costs less, any other is shrunk by averaging. So nothing is skipped between the crop's pixels.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

GREY = (128, 128, 128)
"""What lies around a picture."""
REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


class Picture(NamedTuple):
    """A decoded picture, `shrunk` times smaller than the stored one, whose coordinates stay in use."""

    pixels: UInt8[np.ndarray, "h w 3"]  # BGR
    shrunk: int

    @property
    def width(self) -> int:
        """Of the stored picture, to within what `shrunk` rounds off."""
        return self.pixels.shape[1] * self.shrunk

    @property
    def height(self) -> int:
        """Likewise."""
        return self.pixels.shape[0] * self.shrunk


def decode(data: bytes, scale: float = 1.0) -> Picture | None:
    """A picture (JPEG, PNG, WebP) to be drawn at `scale` or less; None if it cannot be read.

    Marks in a file by which viewers turn it (EXIF) are ignored: annotations count in stored pixels.
    """
    by = min(_times(scale), max(REDUCED)) if data[:2] == b"\xff\xd8" else 1  # a JPEG's first bytes
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), REDUCED[by] | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:  # no bytes at all, or a size that OpenCV refuses
        return None
    return None if pixels is None else shrink(Picture(pixels, by), scale)


def shrink(picture: Picture, scale: float) -> Picture:
    """The same picture, made smaller where it is to be drawn at 1/2 or less."""
    h, w = picture.pixels.shape[:2]
    by = _times(scale * picture.shrunk)
    if by == 1 or min(h, w) < by:
        return picture
    whole = picture.pixels[: h // by * by, : w // by * by]
    return Picture(cv2.resize(whole, (w // by, h // by), interpolation=cv2.INTER_AREA), picture.shrunk * by)


def draw(picture: Picture, matrix: Float64[np.ndarray, "2 3"], width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
    """The picture in a crop of that size (BGR), bilinearly; `matrix` takes its stored pixels to the crop's."""
    linear, by = matrix[:, :2], picture.shrunk
    shift = matrix[:, 2] + linear.sum(axis=1) * (by - 1) / 2  # its first pixel's centre is at (by - 1) / 2
    own = np.column_stack([linear * by, shift])
    return cv2.warpAffine(picture.pixels, own, (width, height), flags=cv2.INTER_LINEAR, borderValue=GREY)


def _times(scale: float) -> int:
    """How many times smaller, by halving, a picture may become that is to be drawn at `scale`."""
    return 2 ** max(0, math.floor(-math.log2(scale)))
