"""A data set's pictures as arrays for the device's memory, made once, so that crops can be cut there (`batches.py`).

Everything is padded to one size. A pixel is one number of four bytes: red, green, blue, and whether people may be
unlabelled there. Each picture lies with its copies at 1/2, 1/4 and 1/8 of its size, averaged, in one rectangle:
whoever draws it much smaller reads a copy, so that nothing is skipped between the crop's pixels. (Averaging many
samples of the picture itself costs a read for each, copies cost half of the picture's memory.)
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8, UInt32

from jaxpose.data.crops import erase
from jaxpose.data.examples import Example, Source
from jaxpose.data.joints import JointMap, joint_map
from jaxpose.data.pictures import decode
from jaxpose.errors import DataError
from jaxpose.skeletons import Skeleton

LEVELS = 4
"""The picture and its smaller copies."""


class DevicePictures(NamedTuple):
    """Some pictures of one data set. The arrays are NumPy's, and JAX's once they are on the device.

    People stand in pixels of the stored picture, like everywhere; `pixels` are those of one made smaller.
    """

    pixels: UInt32[Any, "n 3*h/2 w"]  # red in the lowest byte, the highest is 255 where people may be unlabelled
    sizes: Int32[Any, "n 2"]  # width and height of the picture in `pixels`
    stored: Float32[Any, "n 2"]  # width and height of the stored picture
    keypoints: Float32[Any, "n p j 3"]  # x, y, and 1 or 0: labelled; zeros for padding
    boxes: Float32[Any, "n p 4"]  # x, y, w, h; zeros for padding
    known: Bool[Any, "j"]  # False: the data set does not label this joint


def corner(level: int, longest: int) -> tuple[int, int]:
    """Column and row of the first pixel of a picture's copy at 1 / 2**`level` of its size."""
    return longest // 2 if level > 1 else 0, (0, longest, longest, longest * 5 // 4)[level]


def load_pictures(source: Source, skeleton: Skeleton, longest: int) -> DevicePictures:
    """All pictures of a source with their people in a skeleton, no side longer than `longest` pixels.

    They need 6 * `longest`**2 bytes each. Raises `DataError` for a picture that cannot be decoded.
    """
    if longest < 8 or longest % 8:
        raise ValueError(f"`longest` must be a multiple of 8, got {longest}")
    if len(source) < 1:
        raise DataError("the data set is empty")
    joints = joint_map(source.skeleton, source.labels, skeleton)
    pixels = np.zeros((len(source), longest * 3 // 2, longest), np.uint32)
    sizes = np.zeros((len(source), 2), np.int32)
    stored = np.zeros((len(source), 2), np.float32)

    def fill(row: int) -> Example:
        example = source[row]
        sizes[row], stored[row] = _fill(pixels[row], example, longest)
        return example._replace(image=b"")

    with ThreadPoolExecutor() as pool:
        examples = list(pool.map(fill, range(len(source))))
    return DevicePictures(pixels, sizes, stored, *_people(examples, joints), joints.known)


def _people(
    examples: list[Example], joints: JointMap
) -> tuple[Float32[np.ndarray, "n p j 3"], Float32[np.ndarray, "n p 4"]]:
    most = max(1, *(len(example.keypoints) for example in examples))
    keypoints = np.zeros((len(examples), most, len(joints.known), 3), np.float32)
    boxes = np.zeros((len(examples), most, 4), np.float32)
    for row, example in enumerate(examples):
        here = slice(len(example.keypoints))
        keypoints[row, here], boxes[row, here] = joints.apply(example.keypoints), example.boxes
    keypoints[..., 2] = keypoints[..., 2] > 0
    return keypoints, boxes


def _fill(
    into: UInt32[np.ndarray, "3*h/2 w"], example: Example, longest: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Write an example's picture and its copies; the sizes of the picture there, and as it was stored."""
    picture = decode(example.image)
    if picture is None:
        raise DataError(f"{example.sequence}, frame {example.frame}: the picture cannot be decoded; build it again")
    factor = max(1.0, max(picture.width, picture.height) / longest)
    size = max(1, round(picture.width / factor)), max(1, round(picture.height / factor))
    small = cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA)
    mask = _region_mask(example, size, (picture.width, picture.height))
    for level in range(LEVELS):
        by = 2**level
        w, h = size[0] // by, size[1] // by
        if min(w, h) < 1:
            break
        x, y = corner(level, longest)
        into[y : y + h, x : x + w] = _packed(_averaged(small, by), _averaged(mask, by))
    return size, (picture.width, picture.height)


def _averaged(image: UInt8[np.ndarray, "h w *c"], by: int) -> UInt8[np.ndarray, "h/by w/by *c"]:
    h, w = image.shape[0] // by, image.shape[1] // by
    return np.asarray(cv2.resize(image[: h * by, : w * by], (w, h), interpolation=cv2.INTER_AREA))


def _packed(image: UInt8[np.ndarray, "h w 3"], mask: UInt8[np.ndarray, "h w"]) -> UInt32[np.ndarray, "h w"]:
    """OpenCV's BGR and the mask in one number."""
    blue, green, red = (image[..., channel].astype(np.uint32) for channel in range(3))
    return red | green << 8 | blue << 16 | mask.astype(np.uint32) << 24


def _region_mask(example: Example, size: tuple[int, int], stored: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    """255 for the pixels of the smaller picture that the example's regions reach, in blocks of 2x2."""
    w, h = size
    outside = np.ones(((h + 1) // 2, (w + 1) // 2), np.uint8)
    factor = np.array(size) / np.array(stored)
    erase(outside, [(region + 0.5) * factor - 0.5 for region in example.regions], 2)  # which looks at each pixel once
    return 255 * (1 - outside).repeat(2, axis=0).repeat(2, axis=1)[:h, :w]
