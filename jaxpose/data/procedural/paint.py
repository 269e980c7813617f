"""Draws patches into a picture, farthest first, and says which joints can be seen in it.

Beside the colours goes a second picture of two channels: which piece is seen at each pixel, and how light or dark the
piece is there. The second one makes shading and cloth in a few operations on the whole picture, the first one decides
what is hidden: by what was drawn, not by a model of it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8, UInt16

from jaxpose.data.procedural.camera import Camera, project
from jaxpose.data.procedural.crowd import Crowd
from jaxpose.data.procedural.figure import AT, JOINTS
from jaxpose.data.procedural.heads import turned_away
from jaxpose.data.procedural.looks import SHIRT, TROUSERS
from jaxpose.data.procedural.patterns import Tile
from jaxpose.data.procedural.solids import FRACTION, NOBODY, Outline, Patch, Piece, surface

_UNIT = 200  # the shade that leaves a colour as it is


class Painted(NamedTuple):
    """What was drawn."""

    image: UInt8[np.ndarray, "h w 3"]
    pieces: tuple[Piece, ...]
    seen: UInt16[np.ndarray, "h w"]  # 1 + the place in `pieces` of what is seen; 0: the background


def paint(
    canvas: UInt8[np.ndarray, "h w 3"],
    patches: Sequence[Patch],
    contrast: float,
    blur: float,
) -> Painted:
    """Draw everything over the background `canvas` (which is changed) and shade it.

    `contrast` is how much darker a rim is than the light side, `blur` how soft the shades are, in pixels.
    """
    shades = [round(_UNIT * (1 - contrast)), round(_UNIT * (1 - 0.3 * contrast)), round(_UNIT * (1 + 0.25 * contrast))]
    marks = np.zeros((*canvas.shape[:2], 2), np.uint16)
    marks[..., 1] = _UNIT
    pieces: list[Piece] = []
    for patch in sorted(patches, key=lambda patch: -patch.depth):
        for shape, colour in patch.fills:
            cv2.fillConvexPoly(canvas, shape, colour, cv2.LINE_AA, FRACTION)
        first = len(pieces) + 1
        pieces += patch.pieces
        for level in range(max(len(piece.levels) for piece in patch.pieces)):
            for label, piece in enumerate(patch.pieces, first):
                if level < len(piece.levels):
                    value = (label, shades[level] if len(piece.levels) > 1 else _UNIT)
                    cv2.fillConvexPoly(marks, piece.levels[level], value, cv2.LINE_8, FRACTION)
    seen, shade = cv2.split(marks)
    soft = cv2.GaussianBlur(shade.astype(np.uint8), (0, 0), max(blur, 0.4))
    edge = cv2.dilate((seen > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    np.copyto(soft, np.uint8(_UNIT), where=edge == 0)
    image = cv2.multiply(canvas, cv2.merge([soft, soft, soft]), scale=1 / _UNIT)
    return Painted(image, tuple(pieces), seen)


def clothe(painted: Painted, crowd: Crowd, camera: Camera) -> None:
    """Multiply the patterns of the clothes into the picture, in place; they turn and grow with each trunk."""
    owners = np.array([NOBODY, *(piece.owner for piece in painted.pieces)])
    slots = np.array([NOBODY, *(piece.slot for piece in painted.pieces)])
    for person, cloths in enumerate(crowd.looks.cloths):
        frame: Float[np.ndarray, "2 3"] | None = None
        for slot, cloth in zip((SHIRT, TROUSERS), cloths, strict=True):
            mine = (owners == person) & (slots == slot)
            if cloth is None or not mine.any():
                continue
            frame = _cloth_frame(crowd, camera, person) if frame is None else frame
            _multiply(painted, mine, cloth, frame)


def _cloth_frame(crowd: Crowd, camera: Camera, person: int) -> Float[np.ndarray, "2 3"]:
    """From pixels to texels: the tile's side is three quarters of the trunk's length, its top points to the neck."""
    joints = crowd.placed.joints[person, [AT["mid_hip"], AT["neck"]]]
    flat, depth = project(joints, camera)
    length = camera.focal * float(np.sqrt(np.square(joints[1] - joints[0]).sum())) / float(max(depth.mean(), 0.5))
    axis = flat[0] - flat[1]
    turn = np.arctan2(axis[0], axis[1])
    cos, sin = np.array([np.cos(turn), np.sin(turn)]) * 64 / (0.75 * max(length, 4.0))
    rotation = np.array([[cos, -sin], [sin, cos]])
    return np.concatenate([rotation, -(rotation @ flat[1])[:, None]], axis=1)


def _multiply(painted: Painted, mine: Bool[np.ndarray, "n"], cloth: Tile, frame: Float[np.ndarray, "2 3"]) -> None:
    boxes = [_bounds(piece.levels[0]) for piece, own in zip(painted.pieces, mine[1:], strict=True) if own]
    height, width = painted.seen.shape
    left, top = np.clip(np.min([box[:2] for box in boxes], axis=0), 0, (width, height)).tolist()
    right, bottom = np.clip(np.max([box[2:] for box in boxes], axis=0), 0, (width, height)).tolist()
    if left >= right or top >= bottom:
        return
    part = slice(top, bottom), slice(left, right)
    moved = frame.copy()
    moved[:, 2] += frame[:, :2] @ (left, top)
    texture = cv2.warpAffine(
        cloth, moved, (right - left, bottom - top), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_WRAP,
    )  # fmt: skip
    mask = np.uint8(255) * mine[painted.seen[part]].astype(np.uint8)
    cv2.copyTo(cv2.multiply(painted.image[part], texture, scale=1 / 127), mask, painted.image[part])


def _bounds(shape: Outline) -> tuple[int, int, int, int]:
    """The first and the last column and row of a polygon, the last ones excluded."""
    low, high = shape.min(0) >> FRACTION, (shape.max(0) >> FRACTION) + 2
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def boxes(painted: Painted, count: int) -> Float[np.ndarray, "p 4"]:
    """The x, y, w, h of all that was drawn of each person, hidden parts included, cut at the picture's edge."""
    height, width = painted.seen.shape
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    mine = [piece for piece in painted.pieces if piece.owner != NOBODY]
    owners = np.repeat([piece.owner for piece in mine], [len(piece.levels[0]) for piece in mine])
    points = np.concatenate([np.zeros((0, 2)), *(piece.levels[0] for piece in mine)])
    for person in np.unique(owners):
        own = points[owners == person]
        low[person], high[person] = own.min(0), own.max(0)
    low, high = (np.clip(edge / (1 << FRACTION), -0.5, np.array([width, height]) - 0.5) for edge in (low, high))
    drawn = (high > low).all(1, keepdims=True)
    return np.where(drawn, np.concatenate([low, high - low], axis=1), 0)


_SLACK = {
    "mid_hip": 0.21, "chest": 0.21, "hip": 0.17, "shoulder": 0.15, "neck": 0.16, "head_bottom": 0.16, "elbow": 0.10,
    "knee": 0.12, "ankle": 0.09, "heel": 0.08, "toe": 0.07, "wrist": 0.07,
}  # fmt: skip


_FINGER = 0.03

_ON_HEAD = np.array(
    [65 <= place < 135 or joint.endswith(("eye", "ear", "nose", "head_top")) for place, joint in enumerate(JOINTS)]
)

_ON_NOSE = np.array([joint.startswith("nose") or "nostril" in joint for joint in JOINTS])


def _slack(joint: str) -> float:
    """How deep a joint lies in its own flesh at most, for a person of 1.7 m."""
    return next((depth for name, depth in _SLACK.items() if joint.endswith(name)), _FINGER)


_DEEP = np.where(_ON_HEAD, 0.0, [_slack(joint) for joint in JOINTS])


def visibility(painted: Painted, crowd: Crowd, camera: Camera) -> Float[np.ndarray, "p j 3"]:
    """The joints in the picture: x, y, and 0 outside of it, 1 hidden, 2 visible.

    A joint is hidden where something else than its person is seen, where the head is seen and it lies on the head's far
    side, or where a part of the same body is seen that is nearer than the joint's own flesh reaches.
    """
    flat, depth = project(crowd.placed.joints, camera)
    height, width = painted.seen.shape
    pixel = np.rint(np.clip(flat, -1e6, 1e6)).astype(np.int64)
    inside = (depth > 0.3) & (pixel >= 0).all(-1) & (pixel < (width, height)).all(-1)
    person, joint = np.nonzero(inside)
    label = painted.seen[pixel[inside][:, 1], pixel[inside][:, 0]].astype(np.int64)
    shapes = np.array([np.zeros(10), *(piece.shape for piece in painted.pieces)])
    owners = np.array([NOBODY, *(piece.owner for piece in painted.pieces)])[label]
    part = np.array(["", *(piece.name for piece in painted.pieces)])[label]
    away = turned_away(crowd, camera)[inside]
    nearer = depth[inside] - surface(shapes[label], flat[inside])
    covered = nearer > _DEEP[joint] * crowd.bodies.height[person] / 1.7
    own = np.where(_ON_HEAD[joint] & np.isin(part, ("head", "nose")), away, covered)
    own &= ~(_ON_NOSE[joint] & (part == "nose"))
    hidden = (label > 0) & np.where(owners == person, own, True)
    result = np.zeros((*flat.shape[:2], 3))
    result[inside] = np.concatenate([flat[inside], np.where(hidden, 1.0, 2.0)[:, None]], axis=1)
    return result
