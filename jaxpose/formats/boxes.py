"""What a file tells of people's boxes, whatever its format: `BoxFile`, and the checks that all formats share.

`formats.coco` and `formats.mot` read their files into it; `detection.FileDetector` hands it out frame by frame.
"""

import contextlib
import os
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from jaxpose.errors import FormatError
from jaxpose.records import NO_ID, Boxes, Frame

MOST_PIXELS = 1e6
"""No picture is as large: a number beyond it is a mistake (and float32 would no longer hold a tenth of a pixel)."""

MOST_COUNT = 2**53
"""The last whole number before a float64, which text and JSON may give for a whole number, skips some."""


class Row(NamedTuple):
    """One person in one frame: frame from 0, box as in `records.Boxes`, score in 0..1, `NO_ID` or an id from 0."""

    frame: int
    box: tuple[float, float, float, float]
    score: float
    id: int


class BoxFile(NamedTuple):
    """The people's boxes of one video, by frame; coordinates as in `records.Boxes`.

    `last` is the last frame that the file tells of, with or without people in it, and -1 where it tells of none.
    """

    source: str
    frames: Int64[np.ndarray, "n"]  # ascending, from 0
    boxes: Float32[np.ndarray, "n 4"]
    scores: Float32[np.ndarray, "n"]
    ids: Int64[np.ndarray, "n"]
    last: int

    def of(self, frame: Frame) -> Boxes:
        """The boxes of a frame, found by its number; none where the file has none."""
        low, high = np.searchsorted(self.frames, [frame.number, frame.number + 1])
        return Boxes(frame.number, frame.time, self.boxes[low:high], self.scores[low:high], self.ids[low:high])


def collect_rows(source: str | os.PathLike[str], rows: Iterable[Row], last: int) -> BoxFile:
    """The rows of a file in the order of their frames; within a frame they stay in the file's order."""
    ordered = sorted(rows, key=lambda row: row.frame)
    return BoxFile(
        source=str(source),
        frames=np.array([row.frame for row in ordered], np.int64),
        boxes=np.array([row.box for row in ordered], np.float32).reshape(-1, 4),
        scores=np.array([row.score for row in ordered], np.float32),
        ids=np.array([row.id for row in ordered], np.int64),
        last=last,
    )


@contextlib.contextmanager
def place(source: str | os.PathLike[str], where: str) -> Iterator[None]:
    """A `ValueError` of what stands there becomes a `FormatError` that names the file and the place."""
    try:
        yield
    except ValueError as error:
        raise FormatError(f"{source}, {where}: {error}") from error


@contextlib.contextmanager
def reading(source: str | os.PathLike[str]) -> Iterator[None]:
    """A file that cannot be opened or read becomes a `FormatError`."""
    try:
        yield
    except OSError as error:
        raise FormatError(f"{source}: cannot be read ({error.strerror})") from error


def outer_box(values: Sequence[object]) -> tuple[float, float, float, float]:
    """A box whose x, y count from the outer corner of the top-left pixel, checked, in `records.Boxes`' coordinates."""
    x, y, w, h = (pixels(name, value) for name, value in zip("xywh", values, strict=True))
    for name, side in (("width", w), ("height", h)):
        if np.float32(side) <= 0:
            raise ValueError(f"a box's {name} must be above 0, got {side:g}; take the row out or mend it")
    return x - 0.5, y - 0.5, w, h


def pixels(name: str, value: object) -> float:
    """A coordinate or length: a finite number."""
    number = _number(name, value)
    if not abs(number) <= MOST_PIXELS:
        raise ValueError(f"`{name}` must be a number of pixels within ±{MOST_PIXELS:.0f}, got {number:g}")
    return number


def probability(name: str, value: object) -> float:
    """A score in 0..1."""
    number = _number(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"`{name}` must be in 0..1, got {number:g}; rescale the file's scores")
    return number


def whole(name: str, value: object, least: int) -> int:
    """A whole number, `least` or more."""
    number = _number(name, value)
    if not least <= number < MOST_COUNT or not number.is_integer():
        raise ValueError(f"`{name}` must be a whole number from {least}, got {reprlib.repr(value)}")
    return int(number)


def identity(name: str, value: object) -> int:
    """An id from 0, or -1 for none."""
    return whole(name, value, NO_ID)


def _number(name: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # JSON may hold a whole number of any length
            return float(value)
    raise ValueError(f"`{name}` must be a number, got {reprlib.repr(value)}")
