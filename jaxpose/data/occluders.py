"""Synthetic occluders: rectangles and ellipses, of one colour or showing a piece of another picture, over joints.

A joint that is covered stays labelled: the network has to tell from the rest of the person where it is. In a clip an
occluder goes along with the joint that it covers.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jaxpose.data.config import OccluderConfig
from jaxpose.data.crops import Scene
from jaxpose.data.pictures import Picture
from jaxpose.records import joint_boxes

Patch = UInt8[np.ndarray, "h w 3"]


class Occluder(NamedTuple):
    """One thing that covers one joint of one person."""

    person: int
    joint: int
    width: float  # pixels of the crop
    height: float
    angle: float  # degrees
    ellipse: bool
    filling: Patch  # one pixel for one colour


def draw_occluders(
    rng: np.random.Generator,
    keypoints: Float32[np.ndarray, "p j 3"],
    size: tuple[int, int],
    other: Callable[[], tuple[Picture, Scene]],
    config: OccluderConfig,
) -> list[Occluder]:
    """Occluders for the people of a crop (height, width); `other` gives another picture, to cut a piece from."""
    inside = ((keypoints[..., :2] > -0.5) & (keypoints[..., :2] < np.array(size[::-1]) - 0.5)).all(-1) & (
        keypoints[..., 2] > 0
    )
    tall = joint_boxes(keypoints)[:, 2:].max(axis=1, initial=0)
    result = []
    for _ in range(rng.integers(config.most, endpoint=True)):
        if not inside.any():
            break
        person, joint = rng.choice(np.argwhere(inside))
        width, height = np.clip(rng.uniform(*config.size, 2) * tall[person], 4, min(size) / 2)
        angle, ellipse, patch = rng.uniform(0, 180), rng.random() < 0.5, rng.random() < config.patches
        filling = rng.integers(256, size=(1, 1, 3), dtype=np.uint8)
        if patch:
            piece = empty_piece(rng, *other(), max(width, height))
            filling = filling if piece is None else piece
        result.append(Occluder(int(person), int(joint), width, height, angle, bool(ellipse), filling))
    return result


def empty_piece(rng: np.random.Generator, picture: Picture, scene: Scene, side: float) -> Patch | None:
    """A square piece of a picture in which nobody is labelled and nobody may be; None if four tries find none."""
    h, w = picture.pixels.shape[:2]
    size = min(round(side), h, w)
    boxes = [joint_boxes(scene.keypoints[person][None])[0] for person in range(len(scene.keypoints))]
    taken = [(x, y, x + w, y + h) for x, y, w, h in boxes]
    taken += [(*region.min(axis=0), *region.max(axis=0)) for region in scene.regions]
    for _ in range(4):
        x, y = (int(rng.integers(room - size, endpoint=True)) for room in (w, h))
        x1, y1, x2, y2 = (value * picture.shrunk for value in (x, y, x + size, y + size))
        if all(x2 <= left or x1 >= right or y2 <= top or y1 >= bottom for left, top, right, bottom in taken):
            return picture.pixels[y : y + size, x : x + size]
    return None


def cover(
    image: UInt8[np.ndarray, "h w 3"], keypoints: Float32[np.ndarray, "p j 3"], occluders: Sequence[Occluder]
) -> None:
    """Draw occluders into a crop, in place, each over its joint if that is labelled in this frame."""
    h, w = image.shape[:2]
    for each in occluders:
        x, y, there = keypoints[each.person, each.joint]
        reach = int(np.ceil(np.hypot(each.width, each.height) / 2)) + 1
        left, top = max(round(x) - reach, 0), max(round(y) - reach, 0)
        right, bottom = min(round(x) + reach + 1, w), min(round(y) + reach + 1, h)
        if not there or left >= right or top >= bottom:
            continue
        mask = np.zeros((bottom - top, right - left), np.uint8)
        turned = ((float(x - left), float(y - top)), (each.width, each.height), each.angle)
        if each.ellipse:
            cv2.ellipse(mask, turned, 1, cv2.FILLED)
        else:
            cv2.fillConvexPoly(mask, np.round(cv2.boxPoints(turned)).astype(np.int32), 1)
        filling = cv2.resize(each.filling, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        np.copyto(image[top:bottom, left:right], filling, where=mask[..., None] > 0)
