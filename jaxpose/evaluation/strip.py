"""An overlay strip: for each event of the error analysis two small pictures, the frame before it and the one of it.

Whom it is about is dashed and white as in the truth; everybody who was found is in the colour of their id
(`video.overlay`). The pictures are cut from
the video around the people concerned; without a video they are drawn on a plain ground. A video is read once, in order,
and only the cuts are kept. `video.still` writes it as PNG.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, UInt8

from jaxpose.evaluation.analysis import Event
from jaxpose.evaluation.listing import describe
from jaxpose.evaluation.people import boxes_of
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.poses import PoseFile
from jaxpose.records import Frame, People
from jaxpose.skeletons import Skeleton
from jaxpose.video.overlay import draw, id_color

Picture = UInt8[np.ndarray, "h w 3"]
Point = Float[np.ndarray, "2"]

SIDE = 280
"""Width and height of a small picture."""

GAP, HEAD = 6, 30
"""Between pictures, and the height of the line above the two of an event."""

COLUMNS = 2
"""Events side by side."""

LEAST = 48.0
"""No cut shows fewer pixels of the video across."""

GROUND, PAPER, WHITE, BLACK = 44, 22, (245, 245, 245), (0, 0, 0)
BOXES = Skeleton("boxes", (), (), ())


class Cut(NamedTuple):
    """A square of a frame that goes to one place of the strip."""

    number: int  # of the frame
    left: float
    top: float
    side: float  # in pixels of the video
    row: int  # of the strip, in its pixels
    column: int
    truth: tuple[int, ...]  # the ids to be shown; all if there is none


def strip(
    events: Sequence[Event],
    truth: TrackFile | PoseFile,
    found: TrackFile | PoseFile,
    frames: Iterable[Frame] | None,
) -> Picture:
    """The pictures of some events (`analysis.worst`), by rows, each pair under its sentence.

    `truth` and `found` are what was compared; their frames' numbers are those of `frames`, the video, if there is one.
    """
    sides = _Side.of(truth), _Side.of(found)
    rows = -(-len(events) // COLUMNS)
    width, height = 2 * SIDE + GAP, HEAD + SIDE
    canvas = np.full((rows * (height + GAP) + GAP, COLUMNS * (width + GAP) + GAP, 3), PAPER, np.uint8)
    cuts: list[Cut] = []
    for place, event in enumerate(events):
        top, left = GAP + place // COLUMNS * (height + GAP), GAP + place % COLUMNS * (width + GAP)
        _write(canvas, f"{place + 1}. {describe(event)}", (left + 2, top + HEAD - 10), width - 4)
        cuts += _cuts(event, sides, top + HEAD, left)
    for cut, picture in _pictures(cuts, frames):
        _draw_sides(picture, cut, sides)
        _write(picture, f"frame {cut.number}", (6, SIDE - 8), SIDE)
        canvas[cut.row : cut.row + SIDE, cut.column : cut.column + SIDE] = picture
    return canvas


class _Side(NamedTuple):
    """One side's people; those without a pose have no joints."""

    number: Int64[np.ndarray, "n"]
    ids: Int64[np.ndarray, "n"]
    boxes: Float64[np.ndarray, "n 4"]
    keypoints: Float64[np.ndarray, "n j 3"]
    skeleton: Skeleton

    @classmethod
    def of(cls, people: TrackFile | PoseFile) -> "_Side":
        if isinstance(people, TrackFile):
            return cls(people.frames, people.ids, people.boxes, np.zeros((len(people.ids), 0, 3)), BOXES)
        tracks = boxes_of(people)
        keypoints = np.concatenate([people.xy, people.there[..., None]], axis=-1)
        side = cls(tracks.frames, tracks.ids, tracks.boxes, keypoints, people.skeleton)
        return side.take(np.any(people.there, axis=1))

    def take(self, rows: Bool[np.ndarray, "n"]) -> "_Side":
        """The people that a mask names."""
        return _Side(self.number[rows], self.ids[rows], self.boxes[rows], self.keypoints[rows], self.skeleton)

    def where(self, numbers: Sequence[int], ids: tuple[int, ...]) -> Float64[np.ndarray, "k 4"]:
        """The boxes of some ids in some frames."""
        return self.boxes[np.isin(self.number, numbers) & np.isin(self.ids, ids)]


def _cuts(event: Event, sides: tuple[_Side, _Side], row: int, column: int) -> list[Cut]:
    """The two cuts of an event: around its people of the truth, or around those who are nobody."""
    truth, found = sides
    known = np.unique(np.concatenate([truth.number, found.number]))
    before = known[known < event.first][-1:].tolist() or [event.first]
    numbers = (*before, event.last if event.kind == "swap" else event.first)
    boxes = truth.where(numbers, event.truth) if event.truth else found.where(numbers, event.found)
    low, high = boxes[:, :2].min(axis=0), (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    side = max(1.5 * float((high - low).max()), LEAST)
    left, top = ((low + high - side) / 2).tolist()
    return [
        Cut(number, left, top, side, row, column + place * (SIDE + GAP), event.truth)
        for place, number in enumerate(numbers)
    ]


def _pictures(cuts: Sequence[Cut], frames: Iterable[Frame] | None) -> Iterable[tuple[Cut, Picture]]:
    """Each cut with its piece of the video; on a plain ground without one, and where the video ends early."""
    waiting: dict[int, list[Cut]] = {}
    for cut in cuts:
        waiting.setdefault(cut.number, []).append(cut)
    if frames is not None and waiting:
        for frame in frames:
            for cut in waiting.pop(frame.number, []):
                yield cut, _piece(frame.image, cut)
            if not waiting:
                break
    for left in waiting.values():
        for cut in left:
            yield cut, np.full((SIDE, SIDE, 3), GROUND, np.uint8)


def _piece(image: Picture, cut: Cut) -> Picture:
    scale = SIDE / cut.side
    shift = np.array([[scale, 0, (0.5 - cut.left) * scale - 0.5], [0, scale, (0.5 - cut.top) * scale - 0.5]])
    if scale < 1:  # averaged first, since a warp would skip pixels
        image = cv2.blur(image, (max(1, round(1 / scale)),) * 2)
    ground = (GROUND,) * 3
    return cv2.warpAffine(image, shift, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderValue=ground)


def _draw_sides(picture: Picture, cut: Cut, sides: tuple[_Side, _Side]) -> None:
    """In the cut's coordinates everybody who was found, then those of the truth whom the event is about."""
    truth, found = (_within(side, cut) for side in sides)
    for number, (x, y, w, h) in zip(found.ids.tolist(), found.boxes, strict=True):
        if not found.skeleton.joints:
            low, high = (round(x), round(y)), (round(x + w), round(y + h))
            for color, width in ((BLACK, 5), (id_color(number), 3)):
                cv2.rectangle(picture, low, high, color, width, cv2.LINE_AA)
    boxes, keypoints = found.boxes.astype(np.float32), found.keypoints.astype(np.float32)
    people = People(cut.number, 0.0, keypoints, np.ones(len(boxes), np.float32), found.ids, boxes)
    picture[:] = draw(picture, people, found.skeleton)
    shown = truth.take(np.full(len(truth.ids), not cut.truth) | np.isin(truth.ids, cut.truth))
    taken: list[tuple[int, int]] = []
    for number, box, pose in zip(shown.ids.tolist(), shown.boxes, shown.keypoints, strict=True):
        for start, end in _lines(box, pose, shown.skeleton):
            _dash(picture, start, end)
        x = int(np.clip(box[0] + box[2] / 2 - 10, 2, SIDE - 60))
        y = int(np.clip(box[1] + box[3] + 13, 12, SIDE - 24))
        while any(abs(x - left) < 60 and abs(y - base) < 12 for left, base in taken):
            y -= 12
        taken.append((x, y))
        _write(picture, f"truth {number}", (x, y), SIDE, 0.36)


def _within(side: _Side, cut: Cut) -> _Side:
    """The people of the cut's frame whose boxes reach into it."""
    scale = SIDE / cut.side
    people = side.take(side.number == cut.number)
    corner = np.array([cut.left, cut.top])
    boxes = np.concatenate([(people.boxes[:, :2] - corner) * scale, people.boxes[:, 2:] * scale], axis=-1)
    keypoints = people.keypoints.copy()
    keypoints[..., :2] = (keypoints[..., :2] + 0.5 - corner) * scale - 0.5
    seen = np.all((boxes[:, :2] < SIDE) & (boxes[:, :2] + boxes[:, 2:] > 0), axis=-1)
    return people._replace(boxes=boxes, keypoints=keypoints).take(seen)


def _lines(
    box: Float[np.ndarray, "4"], pose: Float[np.ndarray, "j 3"], skeleton: Skeleton
) -> list[tuple[Point, Point]]:
    """The limbs of a pose; of a person without joints the sides of the box."""
    if skeleton.joints:
        return [(pose[a, :2], pose[b, :2]) for a, b in skeleton.drawn_limbs if pose[a, 2] > 0 and pose[b, 2] > 0]
    corners = box[:2] + box[2:] * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    return list(zip(corners, np.roll(corners, -1, axis=0), strict=True))


def _dash(picture: Picture, start: Point, end: Point) -> None:
    """A dashed white line with dark gaps, to be seen on any ground."""
    length = float(np.linalg.norm(end - start))
    cv2.line(picture, _whole(start), _whole(end), (70, 70, 70), 1, cv2.LINE_AA)
    for at in np.arange(0, length, 9):
        a, b = at / length, min(1.0, (at + 5) / length)
        cv2.line(picture, _whole(start + a * (end - start)), _whole(start + b * (end - start)), WHITE, 1, cv2.LINE_AA)


def _whole(point: Point) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _write(picture: Picture, text: str, place: tuple[int, int], width: int, size: float = 0.45) -> None:
    """White text with a shadow, smaller if it would not fit."""
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    size *= min(1.0, width / max(wide, 1))
    for shift, color in ((1, BLACK), (0, WHITE)):
        at = (place[0] + shift, place[1] + shift)
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, color, 1, cv2.LINE_AA)
