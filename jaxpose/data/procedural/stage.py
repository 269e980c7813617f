"""Where procedural people are: a floor, a round wall far behind, boxes and poles; as the camera sees them.

Everything is fixed in the world, so it moves in the picture as the camera does, alike in all views.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from jaxpose.data.procedural import patterns
from jaxpose.data.procedural.camera import NEAR, Camera, project
from jaxpose.data.procedural.rotations import about, turned
from jaxpose.data.procedural.solids import NOBODY, Patch, Piece, capsules, hull, outline, shaded

_GRID = 8  # pixels between the lines of sight that are traced to the wall


class Box(NamedTuple):
    """A box that stands on the ground: furniture, a crate, a low wall."""

    middle: Float[np.ndarray, "2"]  # x, z in metres
    size: Float[np.ndarray, "3"]  # its width (x), height and depth (z) before it is turned
    heading: float
    colours: Float[np.ndarray, "3 3"]  # of the top, of the faces across x, of those across z


class Pole(NamedTuple):
    """An upright pole, trunk or post."""

    middle: Float[np.ndarray, "2"]
    height: float
    radius: float
    colour: Float[np.ndarray, "3"]


class Stage(NamedTuple):
    """All that is no person."""

    wall: UInt8[np.ndarray, "h w 3"]  # its last row and column are its first ones again
    floor: UInt8[np.ndarray, "s s 3"]
    radius: float  # of the wall around (0, 0), in metres
    grain: tuple[float, float]  # texels a metre of the wall and of the floor
    boxes: tuple[Box, ...]
    poles: tuple[Pole, ...]


def draw_stage(
    rng: np.random.Generator, radius: float, grain: float, boxes: tuple[Box, ...], poles: tuple[Pole, ...]
) -> Stage:
    """A random wall and floor; `grain` is how many texels a metre of the wall gets."""
    floor = patterns.ground(rng)
    texels = (grain, float(np.exp(rng.uniform(np.log(40), np.log(160)))))
    return Stage(patterns.wrapped(patterns.wall(rng, 256, 512)), floor, radius, texels, boxes, poles)


def background(stage: Stage, camera: Camera) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
    """The picture without things and people, and where in it the floor is (255)."""
    width, height = camera.size
    columns, rows = width // _GRID + 2, height // _GRID + 2
    x, y = np.meshgrid(np.arange(columns) * float(_GRID), np.arange(rows) * float(_GRID))
    inner = np.stack([x - (width - 1) / 2, y - (height - 1) / 2, np.full_like(x, camera.focal)], axis=-1)
    sight = inner @ camera.turn
    # where each line of sight meets the cylinder |(x, z)| = radius
    start, way = camera.position[[0, 2]], sight[..., [0, 2]]
    a, b = np.square(way).sum(-1), way @ start
    reach = (-b + np.sqrt(np.maximum(b * b - a * (start @ start - stage.radius**2), 0))) / np.maximum(a, 1e-9)
    met = start + reach[..., None] * way
    middle = start + stage.radius * camera.turn[2, [0, 2]]  # angles are measured from there: no jump in the picture
    turn = np.arctan2(*(met @ np.array([[middle[1], middle[0]], [-middle[0], middle[1]]])).transpose(2, 0, 1))
    turn += np.arctan2(middle[0], middle[1])
    up = camera.position[1] + reach * sight[..., 1]
    u, v = (stage.grain[0] * along for along in (turn * stage.radius, -up))
    # grid lines lie on pixels 0, 8, 16, ...: enlarge linearly so that they stay there
    share = np.array([[1 / _GRID, 0, 0], [0, 1 / _GRID, 0]])
    u, v = (
        cv2.warpAffine(along.astype(np.float32), share, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        for along in (u, v)
    )
    low = v > 0  # below the wall's foot
    floor = low.astype(np.uint8) * np.uint8(255)
    rows_low = np.flatnonzero(low.any(1))
    rows_high = np.flatnonzero(~low.all(1))
    picture = np.empty((height, width, 3), np.uint8)
    if len(rows_high):
        part = slice(0, int(rows_high[-1]) + 1)
        picture[part] = _repeated(stage.wall, u[part], v[part] - 1)
    if len(rows_low):
        first = int(rows_low[0])
        shift = np.array([[1, 0, 0], [0, 1, first], [0, 0, 1.0]])
        ground = camera.projection[:, [0, 2, 3]]  # from x, z, 1 on the floor to the picture
        turn_back = np.diag([stage.grain[1], stage.grain[1], 1]) @ np.linalg.inv(ground) @ shift
        below = cv2.warpPerspective(
            stage.floor, turn_back, (width, height - first), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_WRAP,
        )  # fmt: skip
        cv2.copyTo(below, floor[first:], picture[first:])
    return picture, floor


def _repeated(
    texture: UInt8[np.ndarray, "h w 3"], u: Float[np.ndarray, "n m"], v: Float[np.ndarray, "n m"]
) -> UInt8[np.ndarray, "n m 3"]:
    """The endlessly repeated texture (`patterns.wrapped`) there; twice as fast as OpenCV's own repetition."""
    height, width = np.float32(texture.shape[0] - 1), np.float32(texture.shape[1] - 1)
    u = u - width * np.floor(u * (1 / width))
    v = v - height * np.floor(v * (1 / height))
    return cv2.remap(texture, u, v, cv2.INTER_LINEAR)


_FACES = (  # across which axis, on which side; the corners in turn
    (0, 1), (0, -1), (2, 1), (2, -1), (1, 1),
)  # fmt: skip
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]]) / 2


def things(stage: Stage, camera: Camera, light: Float[np.ndarray, "2"]) -> list[Patch]:
    """The boxes and poles as patches."""
    patches = [patch for box in stage.boxes for patch in _box(box, camera)]
    return patches + [patch for pole in stage.poles for patch in _pole(pole, camera, light)]


def _box(box: Box, camera: Camera) -> list[Patch]:
    """The faces that look at the camera; the top is painted before what stands on it."""
    turn = about(1, box.heading)
    middle = np.array([box.middle[0], box.size[1] / 2, box.middle[1]])
    patches = []
    for axis, side in _FACES:
        corners = np.zeros((4, 3))
        corners[:, axis] = side / 2
        corners[:, [(axis + 1) % 3, (axis + 2) % 3]] = _CORNERS
        world = middle + (corners * box.size) @ turn.T
        normal = side * turn[:, axis]
        if normal @ (camera.position - world[0]) <= 0:
            continue
        flat, depth = project(world, camera)
        if (depth <= NEAR).any():
            continue
        shape = outline(flat[hull(flat)])
        far = float(depth.max() + 0.2 if axis == 1 else depth.mean())
        paint = box.colours[{1: 0, 0: 1, 2: 2}[axis]].tolist()
        ends = flat.mean(0)
        size = float(np.ptp(flat, axis=0).max())
        piece = Piece("box", NOBODY, NOBODY, [shape], (*ends, *ends, far, far, size, size, 0.0, 0.0))
        patches.append(Patch(far, [(shape, tuple(paint))], [piece]))
    return patches


def _pole(pole: Pole, camera: Camera, light: Float[np.ndarray, "2"]) -> list[Patch]:
    ends = np.array([[pole.middle[0], height, pole.middle[1]] for height in (0.0, pole.height)])
    flat, depth = project(ends, camera)
    if (depth <= NEAR).any():
        return []
    radius = camera.focal * pole.radius / depth
    shape, centres = capsules(flat[None, 0], flat[None, 1], radius[None])
    levels = shaded(shape[0], centres[0], light, radius.min())
    geometry = (*flat.ravel(), *depth, *radius, pole.radius, pole.radius)
    paint = tuple(pole.colour.tolist())
    return [Patch(float(depth.min()), [(levels[0], paint)], [Piece("pole", NOBODY, NOBODY, list(levels), geometry)])]


def seat(hips: Float[np.ndarray, "3"], heading: float, height: float, colours: Float[np.ndarray, "3 3"]) -> Box:
    """A stool under somebody who sits with the middle of the hips there."""
    back = turned(about(1, heading), z=-0.03)
    top = max(hips[1] - 0.052 * height, 0.05)
    return Box(
        hips[[0, 2]] + back[[0, 2]], np.array([0.42, top, 0.38]) * [height / 1.7, 1, height / 1.7], heading, colours
    )
