"""MOTChallenge's text: a line for each person in each frame, of ground truth, detections or results.

    frame, id, x, y, w, h, score or flag [, class, visibility | , -1, -1, -1]

Frames count from 1 and become numbers from 0. x, y is the box's top left corner, counted from 0 at the outer corner of
the picture's top-left pixel, as most programs write it; half a pixel less is what `records.Boxes` holds. (The
benchmark's own text counts pixels from 1: boxes of such a file come out one pixel too far right and below.) Boxes may
go on beyond the picture. An id of -1 is none.

Of poses, `MotWriter` writes the boxes that `evaluate` compares with a truth of boxes: `geometry.person_box`.
"""

import os
import reprlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxpose.formats.boxes import BoxFile, Row, TrackFile, collect_rows, file_box, outer_box
from jaxpose.formats.growing import Lines
from jaxpose.formats.poses import PIXEL_DIGITS, PoseFile, scored_people
from jaxpose.formats.values import identity, place, probability, reading, whole
from jaxpose.formats.writing import Writer
from jaxpose.geometry import person_box

COLUMNS = ("frame", "id", "x", "y", "w", "h", "score", "class", "visibility", "z")

PERSON_CLASSES = (-1, 1, 2, 7)
"""None told, pedestrian, person on a vehicle, static person (the classes of MOT16, Milan et al., arXiv:1603.00831)."""

LIKENESS_CLASSES = (8, 12)
"""Distractor and reflection: no person to be found, and nothing wrong with finding one there."""

NO_SCORE = -1


class MotWriter(Writer):
    """The boxes around people's joints being written; a person whose joints span no area has none."""

    holds = frozenset({"ids", "scores"})

    def _open(self, overwrite: bool, resume: bool) -> None:
        self._lines = Lines(self.path, overwrite=overwrite)

    def _append(self, poses: PoseFile) -> None:
        boxes = person_box(poses.xy, poses.there).round(PIXEL_DIGITS)
        boxes[:, :2] += 0.5
        rows = zip(
            (poses.numbers[poses.frame] + 1).tolist(),
            poses.ids.tolist(),
            boxes.tolist(),
            scored_people(poses).tolist(),
            strict=True,
        )
        lines = [
            f"{frame},{person},{','.join(f'{value:.{PIXEL_DIGITS}f}' for value in box)},{score:g},-1,-1,-1\n"
            for frame, person, box, score in rows
            if box[2] > 0 and box[3] > 0
        ]
        if lines:
            self._lines.add("".join(lines))

    def close(self) -> None:
        """See `Writer.close`."""
        self._lines.close()


def read_boxes(path: str | os.PathLike[str]) -> BoxFile:
    """The people's boxes of a MOT text file, coordinates as in `records.Boxes`.

    Left out are rows whose seventh value is 0 (not to be considered) and, where rows have 8 or 9 values, those of
    another class than a person's. A score of -1 (none told) becomes 1. Blanks and blank lines do not matter; an empty
    file tells of no people. Raises `FormatError` that names the line of whatever is malformed.
    """
    rows: list[Row] = []
    last = -1
    for number, frame, values in _lines(path):
        last = max(last, frame)
        if _counts(values):
            with place(path, f"line {number}"):
                rows.append(_row(frame, values))
    return collect_rows(path, rows, last)


def read_tracks(path: str | os.PathLike[str]) -> TrackFile:
    """The boxes and ids of a MOT text file to be evaluated, truth or found, coordinates as in the file.

    A box is not to be scored if its seventh value is 0 or, where rows have 8 or 9 values, its class is another than a
    person's. Things that nobody takes for a person (vehicles, occluders) are left out. The seventh value may be any
    finite number: what was found counts whatever its score. Raises `FormatError` that names the line of whatever is
    malformed.
    """
    frames, boxes, ids, scored = [], [], [], []
    last = -1
    for number, frame, values in _lines(path):
        last = max(last, frame)
        if len(values) in (8, 9) and values[7] not in PERSON_CLASSES + LIKENESS_CLASSES:
            continue
        with place(path, f"line {number}"):
            if not np.isfinite(values[6]):
                raise ValueError(f"`score` must be a finite number, got {values[6]:g}")
            frames.append(frame)
            boxes.append(file_box(values[2:6]))
            ids.append(identity("id", values[1]))
            scored.append(_counts(values))
    order = np.argsort(frames, kind="stable")
    return TrackFile(
        source=str(path),
        frames=np.array(frames, np.int64)[order],
        boxes=np.array(boxes, np.float64).reshape(-1, 4)[order],
        ids=np.array(ids, np.int64)[order],
        scored=np.array(scored, bool)[order],
        last=last,
    )


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, int, list[float]]]:
    """The number, frame and values of each line that is not blank."""
    with reading(path), Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            with place(path, f"line {number}"):
                values = _values(line)
                frame = whole("frame", values[0], 1) - 1 if values else -1
            if values:
                yield number, frame, values


def _values(line: bytes) -> list[float]:
    """The numbers of a line; none of a blank one."""
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError(f"not text, got {reprlib.repr(line)}; MOT text is expected") from None
    if not text:
        return []
    fields = text.split(",")
    if not 7 <= len(fields) <= len(COLUMNS):
        raise ValueError(
            f"must have 7 to {len(COLUMNS)} values between commas (frame,id,x,y,w,h,score,...), "
            f"got {len(fields)} in {reprlib.repr(text)}"
        )
    return [_value(name, field) for name, field in zip(COLUMNS, fields, strict=False)]


def _value(name: str, field: str) -> float:
    try:
        return float(field)
    except ValueError:
        raise ValueError(f"`{name}` must be a number, got {reprlib.repr(field.strip())}") from None


def _counts(values: list[float]) -> bool:
    """Whether a row tells of a person; with ten values the last three are a place in the world, not a class."""
    return values[6] != 0 and (len(values) not in (8, 9) or values[7] in PERSON_CLASSES)


def _row(frame: int, values: list[float]) -> Row:
    score = 1.0 if values[6] == NO_SCORE else probability("score", values[6])
    return Row(frame, outer_box(values[2:6]), score, identity("id", values[1]))
