"""A table of people for spreadsheets and pandas: CSV with a row for each person in each frame.

    frame,time,id,score,nose_x,nose_y,nose_score,left_eye_x,...

Frames count from 0, times are in seconds, points in pixels, scores in 0..1; an id of -1 is none. The cells of a missing
joint are empty, and a frame without people has no row. Rows of pictures have a column `image` after `time`. Columns
`nose_x_share`, `nose_y_share` hold shares of the picture's sides, which are not read back.
"""

import csv
import io
import itertools
import os
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.errors import FormatError, OutputError
from jaxpose.formats.growing import Lines
from jaxpose.formats.poses import PoseFile, scored_joints, scored_people, tracked_poses
from jaxpose.formats.values import MOST_COUNT, place, reading, table, whole
from jaxpose.formats.writing import Writer
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton, by_joints

PERSON = ("frame", "time", "id", "score")
PICTURE = ("frame", "time", "image", "id", "score")
SHARES = ("_x_share", "_y_share", "_score")
PIXELS = ("_x", "_y", "_score")


class CsvWriter(Writer):
    """A table being written; whether it has a column of pictures' names is settled by the first frame."""

    holds = frozenset({"ids", "scores", "joint scores", "times", "picture names"})

    def _open(self, overwrite: bool, resume: bool) -> None:
        self._pictures: bool | None = None
        self._done = -1
        keep = self._find_end() if resume and self.path.exists() and self.path.stat().st_size else None
        self._lines = Lines(self.path, overwrite=overwrite or resume, keep=keep)

    def _find_end(self) -> int | None:
        """Where the rows of the last frame but one end: the last may lack some of its people."""
        with reading(self.path):
            rows = self.path.read_bytes().splitlines(keepends=True)
        whole_rows = [row for row in rows if row.endswith(b"\n")]
        if not whole_rows:
            return None
        first = whole_rows[0].decode("utf-8", "replace").strip()
        if first not in (_first(self.skeleton, self.normalized, pictures) for pictures in (False, True)):
            raise self.refuse_resume()
        self._pictures = first == _first(self.skeleton, self.normalized, True)
        numbers = []
        for row, text in enumerate(whole_rows[1:], 2):
            with place(self.path, f"line {row}"):
                numbers.append(whole("frame", _number("frame", text.partition(b",")[0].decode("utf-8", "replace")), 0))
        if not numbers:
            return len(whole_rows[0])
        last = numbers[-1]
        self._done = last - 1
        kept = 1 + sum(1 for _ in itertools.takewhile(lambda number: number != last, numbers))
        return sum(map(len, whole_rows[:kept]))

    def has(self, number: int, name: str | None = None) -> bool:
        """See `Writer.has`."""
        return number <= self._done

    def _append(self, poses: PoseFile) -> None:
        pictures = poses.names is not None
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        if self._pictures is None:
            rows.writerow(_first(self.skeleton, self.normalized, pictures).split(","))
            self._pictures = pictures
        if pictures != self._pictures:
            raise OutputError(f"{self.path}: pictures and a video's frames cannot stand in one table")
        keypoints = np.concatenate([poses.xy, scored_joints(poses)[..., None]], axis=-1)
        cells = keypoints.astype(object)
        cells[~poses.there] = ""
        scores = scored_people(poses).tolist()
        for row, frame in enumerate(poses.frame.tolist()):
            number = int(poses.numbers[frame])
            time = float(number) if poses.times is None else float(poses.times[frame])
            name = () if poses.names is None else (poses.names[frame],)
            rows.writerow([number, time, *name, int(poses.ids[row]), scores[row], *cells[row].ravel().tolist()])
        if text.tell():
            self._lines.add(text.getvalue())

    def close(self) -> None:
        """See `Writer.close`; a table without frames has its first row."""
        if self._pictures is None:
            self._pictures = False
            self._lines.add(_first(self.skeleton, self.normalized, False) + "\n")
        self._lines.close()


def read_poses(path: str | os.PathLike[str]) -> PoseFile:
    """The poses of a table; the columns' names tell the joints, in any order of three columns each.

    Frames are those that have rows. A joint is there unless its cells are empty or its score is 0. Raises `FormatError`
    that names file, line and column of whatever is malformed.
    """
    rows = _rows(path)
    _, first = next(rows, (1, None))
    if first is None:
        raise FormatError(f"{path}: empty, where the first line should name the columns")
    with place(path, "line 1"):
        columns, joints = _columns(first)
    frames: list[tuple[int, float, str | None]] = []
    people: list[tuple[int, float]] = []
    cells: list[list[float]] = []
    lines: list[int] = []
    for number, row in rows:
        with place(path, f"line {number}"):
            if len(row) != len(first):
                raise ValueError(f"must have {len(first)} values as the first line has, got {len(row)}")
            told = dict(zip(columns, row, strict=False))
            frame = whole("frame", _number("frame", told["frame"]), 0)
            time = _number("time", told["time"])
            if not abs(time) <= MOST_COUNT:
                raise ValueError(f"`time` must be a number of seconds, got {told['time']}")
            person = whole("id", _number("id", told["id"]), NO_ID)
            frames.append((frame, time, told.get("image")))
            score = _number("score", told["score"])
            if not abs(score) <= MOST_COUNT:
                raise ValueError(f"`score` must be a finite number, got {told['score']}")
            people.append((person, score))
            cells.append(_cells(first[len(columns) :], row[len(columns) :]))
            lines.append(number)
    skeleton = joints
    keypoints = np.array(cells).reshape(-1, len(skeleton.joints), 3)
    table("x, y", keypoints[..., :2].reshape(len(cells), 2 * len(skeleton.joints)).tolist(), 2 * len(skeleton.joints),
          lambda row: f"{path}, line {lines[row]}", told=True)  # fmt: skip
    order = np.argsort([frame for frame, *_ in frames], kind="stable")
    numbers, first_rows, counts = np.unique(
        np.array([frames[row][0] for row in order], np.int64), return_index=True, return_counts=True
    )
    heads = [frames[order[row]] for row in first_rows]
    return tracked_poses(
        str(path),
        skeleton,
        numbers.tolist(),
        counts.tolist(),
        keypoints[order],
        np.full((len(cells), 4), np.nan),
        np.array([score for _, score in people])[order] if people else np.zeros(0),
        np.array([person for person, _ in people], np.int64)[order] if people else np.zeros(0, np.int64),
        names=tuple(str(name) for *_, name in heads) if "image" in columns else None,
        times=[time for _, time, _ in heads],
    )


def _first(skeleton: Skeleton, normalized: bool, pictures: bool) -> str:
    """The first line."""
    return ",".join([*(PICTURE if pictures else PERSON), *joint_columns(skeleton, SHARES if normalized else PIXELS)])


def joint_columns(skeleton: Skeleton, parts: tuple[str, str, str] = PIXELS) -> list[str]:
    """The names of the columns of joints, three a joint."""
    return [joint + part for joint in skeleton.joints for part in parts]


def _rows(path: str | os.PathLike[str]) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each line that is not blank."""
    with reading(path):
        content = Path(path).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not text in UTF-8 ({error}); save the table as UTF-8") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in rows:
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        raise FormatError(f"{path}, line {rows.line_num}: not CSV ({error})") from error


def _columns(first: list[str]) -> tuple[tuple[str, ...], Skeleton]:
    """The columns before those of the joints, and the joints."""
    head = next((head for head in (PICTURE, PERSON) if tuple(first[: len(head)]) == head), None)
    if head is None:
        wanted = " or ".join(",".join(head) for head in (PERSON, PICTURE))
        raise ValueError(f"the first columns must be {wanted}, got {reprlib.repr(','.join(first))}")
    names = first[len(head) :]
    if names and names[0].endswith(SHARES[0]):
        raise ValueError("the points are shares of the picture's sides; write the table again without --normalized")
    joints = tuple(name.removesuffix(PIXELS[0]) for name in names[::3])
    expected = [joint + part for joint in joints for part in PIXELS]
    if names != expected:
        raise ValueError(f"each joint must have the columns _x, _y, _score, got {reprlib.repr(names)}")
    return head, by_joints(joints)


def _cells(names: list[str], row: list[str]) -> list[float]:
    """The numbers of a person's joints; 0 for a joint whose cells are empty."""
    values: list[float] = []
    for start in range(0, len(row), 3):
        three = row[start : start + 3]
        if any(cell.strip() for cell in three):
            values += [_number(name, cell) for name, cell in zip(names[start : start + 3], three, strict=True)]
            score = values[-1]
            if not 0 <= score <= MOST_COUNT:
                raise ValueError(f"`{names[start + 2]}` must be a score, 0 or more, got {three[2]}")
        else:
            values += [0.0, 0.0, 0.0]
    return values


def _number(name: str, cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"`{name}` must be a number, got {reprlib.repr(cell)}") from None
