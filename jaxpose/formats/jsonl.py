"""The native result file: a line of JSON for the whole, then a line for each frame, written as the work goes on.

    {"jaxpose": version, "skeleton": {"name", "joints": [...], "limbs": [[a, b], ...]}, "source", "config"}
    {"frame", "time", "people": [{"id", "score", "keypoints": [[x, y, score], ...], "box": [x, y, w, h]}, ...]}

Frames count from 0, times are in seconds, points and boxes in pixels of the source picture, scores in 0..1. A missing
joint is [0, 0, 0]; the box spans the joints. An `id` of -1 is a person without identity. Whatever ends a run, the lines
written so far can be read.
"""

import contextlib
import importlib.metadata
import json
import os
import reprlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Float, Float64, Int64

from jaxpose.errors import FormatError, JaxposeWarning, OutputError
from jaxpose.formats.poses import PoseFile, tracked_poses
from jaxpose.formats.values import MOST_COUNT, listed, need, table, whole, wholes
from jaxpose.records import NO_ID, People, joint_boxes
from jaxpose.skeletons import Limb, Skeleton, by_joints

PIXEL_DIGITS = 2
SCORE_DIGITS = 4


class Header(NamedTuple):
    """What the first line tells: who wrote the file, of which joints, from which video, with which settings."""

    version: str
    skeleton: str
    joints: tuple[str, ...]
    limbs: tuple[Limb, ...]
    source: str
    config: dict[str, Any]


class JsonlWriter:
    """A result file being written; a context manager. Each line is on disk when `write` returns."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        skeleton: Skeleton,
        *,
        source: str,
        config: Mapping[str, Any],
        overwrite: bool = False,
    ) -> None:
        """Write the first line; `OutputError` if the file exists (unless `overwrite`) or cannot be written."""
        self.path = Path(path)
        header = {
            "jaxpose": importlib.metadata.version("jaxpose"),
            "skeleton": {"name": skeleton.name, "joints": skeleton.joints, "limbs": skeleton.limbs},
            "source": source,
            "config": dict(config),
        }
        with self._writing():
            self._file = self.path.open("w" if overwrite else "x", encoding="utf-8", newline="\n")
        try:
            self._line(header)
        except OutputError:
            with contextlib.suppress(OutputError):
                self.close()
            raise

    def write(self, people: People) -> None:
        """Append a frame's line. Scores above 1 (a peak may overshoot) are written as 1."""
        self._line({"frame": int(people.frame), "time": round(float(people.time), 6), "people": _rows(people)})

    def close(self) -> None:
        """Close the file; `OutputError` if what is still to be written cannot be."""
        with self._writing():
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, allow_nan=False, separators=(",", ":"))
        with self._writing():
            self._file.write(text + "\n")
            self._file.flush()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error


def read(path: str | os.PathLike[str]) -> tuple[Header, Iterator[People]]:
    """The first line, and the frames' people read as one goes through them.

    Raises `FormatError` naming the line of whatever is malformed. A last line that was cut off (a killed run) is left
    out with a `JaxposeWarning`.
    """
    header, lines = _open(path)
    return header, _frames(path, lines, len(header.joints))


def read_poses(path: str | os.PathLike[str]) -> PoseFile:
    """The poses of a whole file, in float64 as written; a joint is there if its score is above 0.

    Joints have the skeleton that the first line names, in the order that it tells. Raises `FormatError` that names the
    file, frame and person of whatever is malformed, also of a frame that comes twice; a cut last line as in `read`.
    """
    header, lines = _open(path)
    with _line(path, 1):
        skeleton = by_joints(header.joints)
    frames: dict[int, tuple[_Columns, ...]] = {}
    for number, content in enumerate(lines, 2):
        with _line(path, number):
            frame = whole("frame", need(content, "frame"), 0)
            if frame in frames:
                raise ValueError(f"frame {frame} comes a second time; keep one of the two lines")
            people = listed("people", need(content, "people"))
            frames[frame] = _columns(f"{path}, line {number}, frame {frame}", people, len(skeleton.joints))
    numbers = sorted(frames)
    nobody = _columns(str(path), [], len(skeleton.joints))
    columns = zip(nobody, *(frames[number] for number in numbers), strict=True)
    keypoints, boxes, scores, ids = (np.concatenate(column) for column in columns)
    counts = [len(frames[number][0]) for number in numbers]
    return tracked_poses(str(path), skeleton, numbers, counts, keypoints, boxes, scores[:, 0], ids)


_Columns = Float64[np.ndarray, "p ..."] | Int64[np.ndarray, "p"]


def _columns(place: str, people: list[Any], joints: int) -> tuple[_Columns, ...]:
    """A frame's keypoints, boxes, scores and ids, in float64 and int64."""
    for person in people:
        for key in ("id", "score", "keypoints", "box"):
            need(person, key)

    def where(person: int) -> str:
        return f"{place}, person {reprlib.repr(people[person]['id'])}"

    for index, person in enumerate(people):
        if not isinstance(person["keypoints"], list) or len(person["keypoints"]) != joints:
            raise FormatError(f"{where(index)}: needs {joints} keypoints of x, y, score each")
    points = [point for person in people for point in person["keypoints"]]
    return (
        table("keypoints", points, 3, lambda point: where(point // joints), told=True).reshape(-1, joints, 3),
        table("box", [person["box"] for person in people], 4, where, told=True),
        table("score", [[person["score"]] for person in people], 1, where, most=MOST_COUNT),
        wholes("id", [person["id"] for person in people], NO_ID, where),
    )


def _open(path: str | os.PathLike[str]) -> tuple[Header, Iterator[Any]]:
    """The first line, and the content of those after it."""
    lines = _lines(Path(path))
    first = next(lines, None)
    if first is None:
        raise FormatError(f"{path}: empty, where the first line should describe the file")
    with _line(path, 1):
        skeleton = first["skeleton"]
        header = Header(
            version=str(first["jaxpose"]),
            skeleton=str(skeleton["name"]),
            joints=tuple(str(joint) for joint in skeleton["joints"]),
            limbs=tuple((int(a), int(b)) for a, b in skeleton["limbs"]),
            source=str(first["source"]),
            config=dict(first["config"]),
        )
    return header, lines


def _rows(people: People) -> list[dict[str, Any]]:
    """The people as the file has them; the boxes are those of the rounded joints."""
    keypoints = np.asarray(people.keypoints, np.float64)
    scores = _round_scores(keypoints[..., 2:])
    rounded = np.concatenate([keypoints[..., :2].round(PIXEL_DIGITS), scores], axis=-1)
    rounded = np.where(scores == 0, 0.0, rounded)
    boxes = joint_boxes(rounded).astype(np.float64).round(PIXEL_DIGITS)
    person_scores = _round_scores(np.asarray(people.scores, np.float64))
    columns = zip(people.ids.tolist(), person_scores.tolist(), rounded.tolist(), boxes.tolist(), strict=True)
    return [{"id": i, "score": s, "keypoints": k, "box": b} for i, s, k, b in columns]


def _round_scores(scores: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Within 0..1, and never rounded down to 0, which would make a joint missing."""
    least = np.where(scores > 0, 10.0**-SCORE_DIGITS, 0.0)
    return np.clip(scores.round(SCORE_DIGITS), least, 1.0)


def _lines(path: Path) -> Iterator[Any]:
    """The content of each line."""
    number = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield json.loads(line)
                except ValueError as error:  # of the JSON or of its UTF-8
                    if line.endswith(b"\n") or number == 1:
                        raise FormatError(f"{path}, line {number}: not JSON ({error})") from error
                    told = f"{path}: line {number}, the last, was cut off and is left out"
                    warnings.warn(told, JaxposeWarning, stacklevel=3)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error


def _frames(path: str | os.PathLike[str], lines: Iterator[Any], joints: int) -> Iterator[People]:
    for number, content in enumerate(lines, 2):
        with _line(path, number):
            people = _people(content, joints)
        yield people


def _people(content: Mapping[str, Any], joints: int) -> People:
    rows = content["people"]
    keypoints = np.array([row["keypoints"] for row in rows], np.float32)
    if rows and keypoints.shape[1:] != (joints, 3):
        raise ValueError(f"each person needs {joints} keypoints of x, y, score")
    return People(
        frame=int(content["frame"]),
        time=float(content["time"]),
        keypoints=keypoints.reshape(len(rows), joints, 3),
        scores=np.array([float(row["score"]) for row in rows], np.float32),
        ids=np.array([int(row["id"]) for row in rows], np.int64),
        boxes=np.array([row["box"] for row in rows], np.float32).reshape(len(rows), 4),
    )


@contextlib.contextmanager
def _line(path: str | os.PathLike[str], number: int) -> Iterator[None]:
    """Whatever a line lacks becomes a `FormatError` that names it."""
    try:
        yield
    except KeyError as error:
        raise FormatError(f"{path}, line {number}: {error} is missing") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError(f"{path}, line {number}: {error}") from error
