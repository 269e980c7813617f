"""The native result file: a line of JSON for the whole, then a line for each frame, written as the work goes on.

    {"jaxpose": version, "skeleton": {"name", "joints": [...], "limbs": [[a, b], ...]}, "source", "config"}
    {"frame", "time", "people": [{"id", "score", "keypoints": [[x, y, score], ...], "box": [x, y, w, h]}, ...]}

Frames count from 0, times are in seconds, points and boxes in pixels of the source picture, scores in 0..1. A missing
joint is [0, 0, 0]; the box spans the joints. An `id` of -1 is a person without identity. Lines of pictures, rather than
of a video's frames, have the `image`'s name and its `size` (width, height) too. With `"normalized": true` in the first
line points and boxes are shares of the picture's width and height, which are not read back. Whatever ends a run, the
lines written so far can be read; a file may be packed by gzip (`.jsonl.gz`).
"""

import contextlib
import importlib.metadata
import io
import json
import os
import reprlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from jaxpose.errors import FormatError, JaxposeWarning, OutputError
from jaxpose.formats.growing import Lines, unpacked
from jaxpose.formats.poses import PIXEL_DIGITS, PoseFile, scored_joints, scored_people, span, tracked_poses
from jaxpose.formats.values import GZIP, MOST_COUNT, line, listed, need, number, reading, table, whole, wholes
from jaxpose.formats.writing import Writer
from jaxpose.records import NO_ID, People
from jaxpose.skeletons import Limb, by_joints


class Header(NamedTuple):
    """What the first line tells: who wrote the file, of which joints, from which video, with which settings."""

    version: str
    skeleton: str
    joints: tuple[str, ...]
    limbs: tuple[Limb, ...]
    source: str
    config: dict[str, Any]


class JsonlWriter(Writer):
    """A native result file being written. Each line is on disk when `write` returns."""

    holds = frozenset({"ids", "scores", "joint scores", "times", "picture names", "picture sizes", "empty frames"})

    def _open(self, overwrite: bool, resume: bool) -> None:
        skeleton = {"name": self.skeleton.name, "joints": self.skeleton.joints, "limbs": self.skeleton.limbs}
        first: dict[str, Any] = {
            "jaxpose": importlib.metadata.version("jaxpose"),
            "skeleton": skeleton,
            "source": self.source,
            "config": self.config,
        }
        if self.normalized:
            first["normalized"] = True
        self._done: dict[int, str | None] = {}
        keep = self._find_end(first) if resume and self.path.exists() and self.path.stat().st_size else None
        self._lines = Lines(self.path, overwrite=overwrite or resume, keep=keep)
        if keep is None:
            try:
                self._lines.add(_dump(first))
            except OutputError:
                with contextlib.suppress(OutputError):
                    self._lines.close()
                raise

    def _find_end(self, first: Mapping[str, Any]) -> int | None:
        """Where the last whole line ends, having noted which frames there are; None if not even the first is whole."""
        if self.path.name.lower().endswith(".gz"):
            raise OutputError(f"{self.path}: a packed file cannot be gone on with; unpack it, or --overwrite")
        end = 0
        with reading(self.path), self.path.open("rb") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    break
                try:
                    content = json.loads(text)
                    with _line(self.path, number):
                        if number > 1:
                            self._done[whole("frame", need(content, "frame"), 0)] = content.get("image")
                except (ValueError, RecursionError) as error:
                    raise FormatError(f"{self.path}, line {number}: not JSON ({error})") from error
                if number == 1 and _apart(content) != _apart(json.loads(_dump(first))):
                    raise self.refuse_resume()
                end += len(text)
        return end or None

    def has(self, number: int, name: str | None = None) -> bool:
        """See `Writer.has`; `OutputError` if it held another picture of that number."""
        if number in self._done and self._done[number] != name:
            raise self.refuse_resume()
        return number in self._done

    def _append(self, poses: PoseFile) -> None:
        lines = []
        for place in range(len(poses.numbers)):
            frame = poses.at(place)
            number = int(frame.numbers[0])
            content: dict[str, Any] = {
                "frame": number,
                "time": float(number) if frame.times is None else float(frame.times[0]),
            }
            if frame.names is not None:
                content["image"] = frame.names[0]
            if frame.sizes is not None:
                content["size"] = frame.sizes[0].tolist()
            content["people"] = _rows(frame)
            lines.append(_dump(content))
        self._lines.add("".join(lines))

    def close(self) -> None:
        """See `Writer.close`."""
        self._lines.close()


def _dump(content: Mapping[str, Any]) -> str:
    return json.dumps(content, allow_nan=False, separators=(",", ":")) + "\n"


def _apart(first: object) -> object:
    """The first line without the version that wrote it."""
    return {key: value for key, value in first.items() if key != "jaxpose"} if isinstance(first, dict) else first


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
    told: dict[int, tuple[float, str | None, tuple[int, int] | None]] = {}
    for place, content in enumerate(lines, 2):
        with _line(path, place):
            frame = whole("frame", need(content, "frame"), 0)
            if frame in frames:
                raise ValueError(f"frame {frame} comes a second time; keep one of the two lines")
            people = listed("people", need(content, "people"))
            told[frame] = _time(content), _name(content), _size(content)
            frames[frame] = _columns(f"{path}, line {place}, frame {frame}", people, len(skeleton.joints))
    numbers = sorted(frames)
    nobody = _columns(str(path), [], len(skeleton.joints))
    columns = zip(nobody, *(frames[number] for number in numbers), strict=True)
    keypoints, boxes, scores, ids = (np.concatenate(column) for column in columns)
    counts = [len(frames[number][0]) for number in numbers]
    names = tuple(name for number in numbers if (name := told[number][1]) is not None)
    sizes = [size for number in numbers if (size := told[number][2]) is not None]
    return tracked_poses(
        str(path),
        skeleton,
        numbers,
        counts,
        keypoints,
        boxes,
        scores[:, 0],
        ids,
        names=names if names and len(names) == len(numbers) else None,
        times=[told[number][0] for number in numbers],
        sizes=sizes if sizes and len(sizes) == len(numbers) else None,
    )


def _name(content: Mapping[str, Any]) -> str | None:
    return line("image", content["image"]) if "image" in content else None


def _size(content: Mapping[str, Any]) -> tuple[int, int] | None:
    if "size" not in content:
        return None
    width, height = (whole("size", side, 1) for side in listed("size", content["size"]))
    return width, height


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
        if first.get("normalized"):
            raise ValueError("the points are shares of the picture's sides; write the file again without --normalized")
    return header, lines


def _rows(frame: PoseFile) -> list[dict[str, Any]]:
    """A frame's people as the file has them; without a score they have 1."""
    scores = scored_joints(frame)
    keypoints = np.where(frame.there[..., None], np.concatenate([frame.xy, scores[..., None]], axis=-1), 0.0)
    boxes = np.where(np.isnan(frame.boxes), span(frame.xy, frame.there).round(PIXEL_DIGITS), frame.boxes)
    columns = zip(frame.ids.tolist(), scored_people(frame).tolist(), keypoints.tolist(), boxes.tolist(), strict=True)
    return [{"id": i, "score": s, "keypoints": k, "box": b} for i, s, k, b in columns]


def _lines(path: Path) -> Iterator[Any]:
    """The content of each line."""
    number = 0
    with reading(path), _opened(path) as file:
        for number, text in enumerate(file, 1):
            try:
                yield json.loads(text)
            except (ValueError, RecursionError) as error:  # of the JSON, of its UTF-8, of brackets within brackets
                if text.endswith(b"\n") or number == 1:
                    raise FormatError(f"{path}, line {number}: not JSON ({error})") from error
                told = f"{path}: line {number}, the last, was cut off and is left out"
                warnings.warn(told, JaxposeWarning, stacklevel=3)


def _opened(path: Path) -> IO[bytes]:
    """The lines of a file, also of one that gzip has packed, as far as these go."""
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
    return io.BytesIO(unpacked(path)) if packed else path.open("rb")


def _frames(path: str | os.PathLike[str], lines: Iterator[Any], joints: int) -> Iterator[People]:
    for place, content in enumerate(lines, 2):
        with _line(path, place):
            frame = whole("frame", need(content, "frame"), 0)
            time = _time(content)
            people = listed("people", need(content, "people"))
            keypoints, boxes, scores, ids = _columns(f"{path}, line {place}, frame {frame}", people, joints)
        yield People(
            frame=frame,
            time=time,
            keypoints=keypoints.astype(np.float32),
            scores=scores[:, 0].astype(np.float32),
            ids=ids,
            boxes=boxes.astype(np.float32),
        )


def _time(content: Mapping[str, Any]) -> float:
    time = number("time", need(content, "time"))
    if not abs(time) <= MOST_COUNT:
        raise ValueError(f"`time` must be a number of seconds, got {time:g}")
    return time


@contextlib.contextmanager
def _line(path: str | os.PathLike[str], number: int) -> Iterator[None]:
    """Whatever a line lacks becomes a `FormatError` that names it."""
    try:
        yield
    except KeyError as error:
        raise FormatError(f"{path}, line {number}: {error} is missing") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError(f"{path}, line {number}: {error}") from error
