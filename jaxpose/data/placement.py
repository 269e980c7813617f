"""Where a crop is cut: around which person, and the one affine map that turns, scales, mirrors and moves the picture.

`place` draws a placement, `between` gives those of a motion, `matrix` the map from the picture's pixels to the crop's.
All points are x, y, the centre of the top-left pixel is (0, 0).
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64

from jaxpose.data.config import PlaceConfig

Box = tuple[float, float, float, float]


class Placement(NamedTuple):
    """Which point of the picture comes to lie on which of the crop, how large, and how turned around it."""

    x: float  # of the picture
    y: float
    to_x: float  # of the crop
    to_y: float
    scale: float  # pixels of the crop for one of the picture
    angle: float  # degrees; from the right downwards, as the picture is seen
    flip: bool  # mirrored left to right, before it is turned


def place(
    rng: np.random.Generator, box: Box, width: float, height: float, flip: bool, config: PlaceConfig
) -> Placement:
    """A drawn placement of the person with that box (x, y, w, h) in a crop, or a part of one, of that size."""
    side = min(width, height)
    share = rng.uniform(*config.scale)
    angle = rng.uniform(-config.rotation, config.rotation)
    shift = rng.uniform(-config.shift, config.shift, 2) * (side / config.crop)
    return Placement(
        x=box[0] + box[2] / 2,
        y=box[1] + box[3] / 2,
        to_x=(width - 1) / 2 + shift[0],
        to_y=(height - 1) / 2 + shift[1],
        scale=config.target * share * side / box[3],
        angle=angle,
        flip=flip,
    )


def between(start: Placement, end: Placement, share: float) -> Placement:
    """The placement at a share of the way: each number moves evenly; mirrored as the start is."""
    x, y, to_x, to_y, scale, angle = ((1 - share) * a + share * b for a, b in zip(start[:-1], end[:-1], strict=True))
    return Placement(x, y, to_x, to_y, scale, angle, start.flip)


def matrix(placement: Placement) -> Float64[np.ndarray, "2 3"]:
    """The affine map from points of the picture to points of the crop."""
    turn = math.radians(placement.angle)
    cos, sin = placement.scale * math.cos(turn), placement.scale * math.sin(turn)
    side = -1 if placement.flip else 1
    linear = np.array([[side * cos, -sin], [side * sin, cos]])
    to = np.array([placement.to_x, placement.to_y])
    return np.column_stack([linear, to - linear @ (placement.x, placement.y)])


def move(points: Float[np.ndarray, "*n 2"], by: Float64[np.ndarray, "2 3"]) -> Float64[np.ndarray, "*n 2"]:
    """Points after the map."""
    return points @ by[:, :2].T + by[:, 2]


def anchor(
    rng: np.random.Generator,
    keypoints: Float32[np.ndarray, "p j 3"],
    boxes: Float32[np.ndarray, "p 4"],
    config: PlaceConfig,
) -> int | None:
    """The person to cut the crop around, drawn from those with joints and size enough; None where nobody has joints."""
    joints = (keypoints[..., 2] > 0).sum(axis=1)
    area = boxes[:, 2] * boxes[:, 3]
    fit = (joints > 0) & (area > 0)
    good = fit & (joints >= config.anchor_joints) & (area >= config.anchor_size**2)
    among = np.flatnonzero(good if good.any() else fit)
    return int(rng.choice(among)) if len(among) else None


def box_in_empty(rng: np.random.Generator, width: int, height: int, config: PlaceConfig) -> Box:
    """A box in a picture without people, as if one stood in its inner half: at `scale` 1 the picture fills the crop."""
    tall = config.target * min(width, height)
    x, y = rng.uniform(0.25, 0.75, 2) * (width, height)
    return x - tall / 2, y - tall / 2, tall, tall
