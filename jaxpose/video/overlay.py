"""Draws people onto pictures: limbs in a colour by id, joints, id labels, and the trail of where each has been.

Everything scales with the picture, and lines also with the person, so that a far pedestrian is not painted over.
"""

import colorsys
import functools
from collections import deque
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from jaxpose.records import NO_ID, People
from jaxpose.skeletons import Skeleton

Color = tuple[int, int, int]

GOLDEN = (5**0.5 - 1) / 2
"""Hues this far apart on the colour wheel: any number of consecutive ids stay distinct."""

GREY: Color = (200, 200, 200)
BITS = 4
"""OpenCV draws at fractions of a pixel given in 1/16."""

TRAIL_POINTS = 25
"""Points that a trail is drawn through at most."""

TORSO = ("neck", "left_shoulder", "right_shoulder", "left_hip", "right_hip")


class Style(NamedTuple):
    """What is drawn beside limbs and joints, and on what."""

    labels: bool = True  # each person's id, on a plate
    scores: bool = False  # the person's score, beside the id or alone
    alpha: float = 1.0  # how much of the picture the drawing covers, above 0 and up to 1
    black: bool = False  # draw on black rather than on the picture


class Trails:
    """Where each id has been in the last `length` frames; one who is gone fades out over as many."""

    def __init__(self, skeleton: Skeleton, length: int = 30) -> None:
        if length < 1:
            raise ValueError(f"`length` must be at least 1 frame, got {length}")
        self.points: dict[int, deque[Float[np.ndarray, "2"]]] = {}
        self._torso = np.array([joint in TORSO for joint in skeleton.joints])
        self._length = length

    def update(self, people: People) -> None:
        """Take the people of the next frame; those without an id leave no trail."""
        for gone in self.points.keys() - set(people.ids.tolist()):
            self.points[gone].popleft()
            if not self.points[gone]:
                del self.points[gone]
        for number, pose in zip(people.ids.tolist(), people.keypoints, strict=True):
            if number != NO_ID and (pose[:, 2] > 0).any():
                points = self.points.setdefault(number, deque(maxlen=self._length))
                place = self._place(pose)
                points.append((points[-1] + place) / 2 if points else place)  # joints that come and go make it jump

    def _place(self, pose: Float[np.ndarray, "j 3"]) -> Float[np.ndarray, "2"]:
        """The middle of the torso's joints, or of all where none of those is there."""
        there = pose[:, 2] > 0
        torso = there & self._torso
        middle: Float[np.ndarray, "2"] = pose[torso if torso.any() else there, :2].mean(axis=0)
        return middle


def draw(
    image: UInt8[np.ndarray, "h w 3"],
    people: People,
    skeleton: Skeleton,
    trails: Trails | None = None,
    style: Style = Style(),
) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of the RGB picture with the people drawn on it; `trails` as updated with these people."""
    if not 0 < style.alpha <= 1:
        raise ValueError(f"`alpha` must be above 0 and at most 1, got {style.alpha}")
    canvas = np.zeros(image.shape, np.uint8) if style.black else np.ascontiguousarray(image).copy()
    ground = canvas.copy() if style.alpha < 1 else canvas
    unit = min(canvas.shape[:2]) / 720  # 1 on a 720p picture
    if trails is not None:
        for number, points in trails.points.items():
            _draw_trail(canvas, np.array(points), id_color(number), unit)
    order = np.argsort(people.boxes[:, 1] + people.boxes[:, 3])  # who stands lower is nearer, and drawn later
    for person in order.tolist():
        color = id_color(int(people.ids[person]))
        _draw_pose(canvas, people.keypoints[person], skeleton, color, unit)
    for person in order.tolist():
        number = int(people.ids[person])
        told = [str(number)] if style.labels and number != NO_ID else []
        told += [f"{people.scores[person]:.2f}"] if style.scores else []
        if told:
            _draw_label(canvas, " ".join(told), id_color(number), people.boxes[person], unit)
    if style.alpha < 1:
        cv2.addWeighted(canvas, style.alpha, ground, 1 - style.alpha, 0, dst=canvas)
    return canvas


@functools.lru_cache(maxsize=4096)
def id_color(number: int) -> Color:
    """The RGB colour of an id; grey for a person without one."""
    if number == NO_ID:
        return GREY
    r, g, b = colorsys.hsv_to_rgb(number * GOLDEN % 1, (0.85, 0.6)[number % 2], 1.0)
    return round(255 * r), round(255 * g), round(255 * b)


def _draw_pose(
    canvas: UInt8[np.ndarray, "h w 3"], pose: Float[np.ndarray, "j 3"], skeleton: Skeleton, color: Color, unit: float
) -> None:
    there = pose[:, 2] > 0
    if not there.any():
        return
    height = np.ptp(pose[there, 1]) + np.ptp(pose[there, 0])
    width = max(1, round(min(4 * unit, height / 40)))
    points = _fixed(pose[:, :2])
    dark: Color = (color[0] // 3, color[1] // 3, color[2] // 3)
    limbs = [np.array((points[a], points[b]), np.int32) for a, b in skeleton.drawn_limbs if there[a] and there[b]]
    # a dark rim keeps limbs apart from clothes of their colour; smooth, it would cost more than the rest
    cv2.polylines(canvas, limbs, False, dark, width + 2, cv2.LINE_8, BITS)
    cv2.polylines(canvas, limbs, False, color, width, cv2.LINE_AA, BITS)
    light: Color = (128 + color[0] // 2, 128 + color[1] // 2, 128 + color[2] // 2)
    radius = round((width * 0.5 + 0.7) * 2**BITS)
    for joint in np.flatnonzero(there).tolist():
        cv2.circle(canvas, points[joint], radius, light, cv2.FILLED, cv2.LINE_AA, BITS)


def _draw_trail(
    canvas: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "n 2"], color: Color, unit: float
) -> None:
    """Three stretches, the newest the thickest."""
    if len(points) < 2:
        return
    kept = np.unique(np.linspace(0, len(points) - 1, TRAIL_POINTS).round().astype(int))
    line = np.round(points[kept] * 2**BITS).astype(np.int32)
    for part in range(3):
        stretch = line[max(0, len(line) * part // 3 - 1) : len(line) * (part + 1) // 3]
        cv2.polylines(canvas, [stretch], False, color, max(1, round((part + 1) * unit)), cv2.LINE_AA, BITS)


def _draw_label(
    canvas: UInt8[np.ndarray, "h w 3"], text: str, color: Color, box: Float[np.ndarray, "4"], unit: float
) -> None:
    """A text on a plate of its colour, above the person and inside the picture."""
    plate = _plate(text, color, unit)
    height, width = plate.shape[:2]
    left = int(np.clip(box[0] + (box[2] - width) / 2, 0, max(0, canvas.shape[1] - width)))
    head = 0.08 * box[3]  # from the face's joints to the top of the head
    top = int(np.clip(box[1] - head - 4 * unit - height, 0, max(0, canvas.shape[0] - height)))
    part = canvas[top : top + height, left : left + width]
    part[:] = plate[: part.shape[0], : part.shape[1]]


@functools.lru_cache(maxsize=1024)
def _plate(text: str, color: Color, unit: float) -> UInt8[np.ndarray, "h w 3"]:
    """The plate by itself: an id's is drawn once, and shown in every frame."""
    size, weight = max(0.35, 0.55 * unit), max(1, round(1.2 * unit))
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, size, weight)
    pad = max(2, round(4 * unit))
    plate = np.full((height + 2 * pad + 1, width + 2 * pad + 1, 3), color, np.uint8)
    ink: Color = (0, 0, 0) if np.dot(color, (0.3, 0.59, 0.11)) > 100 else (255, 255, 255)
    cv2.putText(plate, text, (pad, height + pad), cv2.FONT_HERSHEY_DUPLEX, size, ink, weight, cv2.LINE_AA)
    return plate


def _fixed(points: Float[np.ndarray, "n 2"]) -> list[tuple[int, int]]:
    """Points as OpenCV wants them with a shift of `BITS`."""
    return [(x, y) for x, y in np.round(points * 2**BITS).astype(int).tolist()]
