"""Solid shapes in space as flat polygons in a picture: what `flesh` and `stage` build with and `paint` draws.

A `Piece` remembers its own shape, so that the depth of its surface at any pixel can be asked for (`surface`), which
decides whether a joint is seen.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int32

Outline = Int32[np.ndarray, "v 2"]
"""A polygon in sixteenths of a pixel, as OpenCV draws it."""
FRACTION = 4
"""Binary digits after the point of an `Outline`."""

Colour = tuple[float, float, float]

LEVELS = ((1.0, 0.0), (0.80, 0.16), (0.56, 0.34))
"""How round things are shaded: nested outlines, each shrunk to a share and moved towards the light by a share."""

NOBODY = -1
"""The owner of what is no person."""


class Piece(NamedTuple):
    """A part of a body or a thing: a tapered capsule, or anything that is about one."""

    name: str
    owner: int  # the person's number in the scene, or `NOBODY`
    slot: int  # of what it is made, see `looks`
    levels: list[Outline]  # from the outline inwards to where it is brightest
    shape: tuple[float, ...]  # both ends: x, y, x, y in pixels; depths, radii in pixels, radii in depth (metres)


class Patch(NamedTuple):
    """What is painted at once, over everything that is farther away."""

    depth: float  # metres
    fills: list[tuple[Outline, Colour]]
    pieces: list[Piece]


def outline(points: Float[np.ndarray, "*n v 2"]) -> Int32[np.ndarray, "*n v 2"]:
    """Pixels as sixteenths; far outside the picture they are cut, where OpenCV would overflow."""
    return np.rint(np.clip(points, -8000, 8000) * (1 << FRACTION)).astype(np.int32)


_ROUND = np.linspace(0, 1, 8)


def capsules(
    start: Float[np.ndarray, "n 2"],
    end: Float[np.ndarray, "n 2"],
    radius: Float[np.ndarray, "n 2"],
) -> tuple[Float[np.ndarray, "n 16 2"], Float[np.ndarray, "n 16 2"]]:
    """The outlines of pairs of circles with their common tangents, and the centre that each of its points belongs to.

    All in pixels; `radius` is of both ends. A circle that lies within the other one is enlarged to touch it.
    """
    along = end - start
    length = np.maximum(np.sqrt(np.square(along).sum(1)), 1e-6)
    first = np.maximum(radius[:, 0], radius[:, 1] - length)
    second = np.maximum(radius[:, 1], radius[:, 0] - length)
    axis = np.arctan2(along[:, 1], along[:, 0])[:, None]
    touch = np.arccos(np.clip((first - second) / length, -1, 1))[:, None]
    angles = np.concatenate([touch + (2 * np.pi - 2 * touch) * _ROUND, -touch + 2 * touch * _ROUND], axis=1) + axis
    reach = np.repeat(np.stack([first, second], axis=1), 8, axis=1)[..., None]
    centres = np.repeat(np.stack([start, end], axis=1), 8, axis=1)
    return centres + reach * np.stack([np.cos(angles), np.sin(angles)], axis=-1), centres


def shaded(
    points: Float[np.ndarray, "*n v 2"],
    centres: Float[np.ndarray, "*n v 2"],
    light: Float[np.ndarray, "2"],
    reach: Float[np.ndarray, "*n"],
) -> Int32[np.ndarray, "k *n v 2"]:
    """The nested outlines of `LEVELS`: shrunk towards the centres, moved towards the light; `reach` is a radius."""
    move = light * np.asarray(reach)[..., None, None]
    return outline(np.stack([centres + (points - centres) * share + move * aside for share, aside in LEVELS]))


def hull(points: Float[np.ndarray, "v 2"]) -> list[int]:
    """The places of the points that span all of them, in order."""
    found: list[int] = cv2.convexHull(points.astype(np.float32), returnPoints=False)[:, 0].tolist()
    return found


def surface(shapes: Float[np.ndarray, "n 10"], points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n"]:
    """How far away (metres) the surface of each shape is at each pixel; beyond its edge, as at its edge."""
    start, end, depth, radius, thick = (shapes[:, i : i + 2] for i in range(0, 10, 2))
    along = end - start
    share = ((points - start) * along).sum(1) / np.maximum(np.square(along).sum(1), 1e-9)
    share = np.clip(share, 0, 1)
    off = np.square(points - start - share[:, None] * along).sum(1)

    def between(pair: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n"]:
        return pair[:, 0] + (pair[:, 1] - pair[:, 0]) * share

    bulge = np.sqrt(np.clip(1 - off / np.maximum(np.square(between(radius)), 1e-9), 0, 1))
    return between(depth) - between(thick) * bulge
