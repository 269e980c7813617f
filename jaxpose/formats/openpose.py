"""OpenPose's JSON, version 1.3, with ids: a folder with a file for each frame.

    NAME_000000000012_keypoints.json:
    {"version": 1.3, "people": [{"person_id": [3], "pose_keypoints_2d": [x, y, score, ...], ...}, ...]}

Frames count from 0; single pictures have files `NAME_keypoints.json`. The number of joints tells the skeleton: 25, 21
(BODY_21A), 18 or 15. A missing joint is 0, 0, 0; a `person_id` of -1 is none. The lists of hands, face and 3D joints
are written empty, and not read. Source: OpenPose's documentation of its output.
"""

import contextlib
import itertools
import json
import os
import re
import reprlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.errors import FormatError, JaxposeWarning, OutputError, writing
from jaxpose.formats.poses import PoseFile, scored_joints, tracked_poses
from jaxpose.formats.values import MOST_COUNT, listed, need, place, read_json, reading, table, wholes
from jaxpose.formats.writing import Writer
from jaxpose.records import NO_ID
from jaxpose.skeletons import BODY_21A, BODY_25, COCO_18, MPI_15

VERSION = 1.3
ENDING = "_keypoints.json"
NUMBERED = re.compile(r"(?:(?P<name>.*)_)?(?P<number>\d{12})" + re.escape(ENDING), re.DOTALL)
SKELETONS = {len(one.joints): one for one in (BODY_25, BODY_21A, COCO_18, MPI_15)}
PARTS = ("pose", "face", "hand_left", "hand_right")
UNREAD = tuple(f"{part}_keypoints_2d" for part in PARTS[1:])


class OpenPoseWriter(Writer):
    """A folder of files being written, one for each frame; `source` gives a video's files their name."""

    holds = frozenset({"ids", "joint scores", "picture names", "empty frames"})
    skeletons = tuple(SKELETONS.values())

    def _open(self, overwrite: bool, resume: bool) -> None:
        with writing(self.path):
            self.path.mkdir(exist_ok=True)
            there = sorted(file for file in self.path.iterdir() if file.name.endswith(ENDING))
            if there and not (overwrite or resume):
                raise OutputError(f"{self.path}: holds frames already; choose another folder, or --overwrite")
            if overwrite and not resume:
                for file in there:
                    file.unlink()
        self._done = {file.name for file in there if _is_whole(file)} if resume else set()
        self._stem = Path(self.source).stem or "frame"

    def has(self, number: int, name: str | None = None) -> bool:
        """See `Writer.has`."""
        return self._file_name(number, name) in self._done

    def _append(self, poses: PoseFile) -> None:
        scores = scored_joints(poses)
        keypoints = np.where(poses.there[..., None], np.concatenate([poses.xy, scores[..., None]], axis=-1), 0.0)
        for frame, number in enumerate(poses.numbers.tolist()):
            rows = slice(*poses.offsets[frame : frame + 2])
            people = [
                _person(identity, joints)
                for identity, joints in zip(
                    poses.ids[rows].tolist(), keypoints[rows].reshape(-1, 3 * len(self.skeleton.joints)).tolist(),
                    strict=True,
                )
            ]  # fmt: skip
            told = {"version": VERSION, **({"normalized": True} if self.normalized else {}), "people": people}
            path = self.path / self._file_name(number, None if poses.names is None else poses.names[frame])
            if path.name in self._done:
                raise OutputError(f"{path}: a second picture of that name; give pictures of different names")
            if poses.names is not None:
                self._done.add(path.name)
            _write(path, json.dumps(told, allow_nan=False, separators=(",", ":")))

    def _file_name(self, number: int, name: str | None) -> str:
        return f"{self._stem}_{number:012d}{ENDING}" if name is None else Path(name).stem + ENDING

    def close(self) -> None:
        """Each file was finished when it was written."""


def read_poses(folder: str | os.PathLike[str]) -> PoseFile:
    """The poses of a folder of OpenPose's files; those of other names are passed over.

    A frame's number is the one in its file's name where all have one, and the same name before it; else the files are
    pictures, in the order of their names, which `names` gives. A joint is there if its score is above 0. People have
    their `person_id`. Raises `FormatError` that names file and person of whatever is malformed, for a folder without
    such files and for one of several skeletons.
    """
    files = _files(Path(folder))
    numbered = [NUMBERED.fullmatch(file.name) for file in files]
    video = len({match["name"] if match else None for match in numbered}) == 1 and None not in numbered
    frames = [_people(file) for file in files]
    rows = list(itertools.chain.from_iterable(frames))
    owner = [file for file, people in zip(files, frames, strict=True) for _ in people]
    skeleton = _skeleton(files, frames)
    width = 3 * len(skeleton.joints)

    def where(row: int) -> str:
        return f"{owner[row]}, person {reprlib.repr(rows[row].get('person_id', 'without id'))}"

    keypoints = table("pose_keypoints_2d", [row["pose_keypoints_2d"] for row in rows], width, where, most=MOST_COUNT)
    keypoints = np.nan_to_num(keypoints).reshape(-1, len(skeleton.joints), 3)
    table(
        "pose_keypoints_2d",
        keypoints[..., :2].reshape(len(rows), width // 3 * 2).tolist(),
        width // 3 * 2,
        where,
        told=True,
    )
    ids = wholes("person_id", [_identity(row.get("person_id")) for row in rows], NO_ID, where)
    if any(row.get(part) for row in rows for part in UNREAD):
        warnings.warn(f"{folder}: the joints of hands and faces are left out", JaxposeWarning, stacklevel=2)
    numbers = [int(match["number"]) for match in numbered if match] if video else range(len(files))
    poses = tracked_poses(
        str(folder),
        skeleton,
        numbers,
        [len(people) for people in frames],
        keypoints,
        np.full((len(rows), 4), np.nan),
        np.full(len(rows), np.nan),
        ids,
        names=None if video else tuple(file.name.removesuffix(ENDING) for file in files),
    )
    return poses


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds OpenPose's files."""
    with reading(path):
        return Path(path).is_dir() and any(file.name.endswith(ENDING) for file in Path(path).iterdir())


def _files(folder: Path) -> list[Path]:
    with reading(folder):
        files = sorted((file for file in folder.iterdir() if file.name.endswith(ENDING)), key=_natural)
    if not files:
        raise FormatError(f"{folder}: holds no files named ..{ENDING}; give a folder that OpenPose wrote")
    return files


def _natural(file: Path) -> list[tuple[int, str]]:
    """The order in which people count: the numbers in names by their values."""
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", file.name)]


def _people(file: Path) -> list[dict[str, Any]]:
    """A file's people, each with a list of joints."""
    tree = read_json(file)
    with place(file, "people"):
        people = listed("people", need(tree, "people"))
        if tree.get("normalized"):
            raise ValueError("the points are shares of the picture's sides; write them again without --normalized")
        for person in people:
            listed("pose_keypoints_2d", need(person, "pose_keypoints_2d"))
    return people


def _skeleton(files: list[Path], frames: list[list[dict[str, Any]]]) -> Any:
    """The skeleton with as many joints as all people have; BODY_25 where there are no people."""
    counts: dict[int, Path] = {}
    for file, people in zip(files, frames, strict=True):
        for person in people:
            if values := person["pose_keypoints_2d"]:
                counts.setdefault(len(values), file)
    for count, file in counts.items():
        if count % 3 or count // 3 not in SKELETONS or len(counts) > 1:
            known = ", ".join(str(3 * joints) for joints in SKELETONS)
            told = " and ".join(map(str, counts))
            raise FormatError(f"{file}: `pose_keypoints_2d` must have {known} numbers, the same for all, got {told}")
    return SKELETONS[next(iter(counts), 75) // 3]


def _identity(told: object) -> object:
    """`person_id` stands in a list of its own."""
    return NO_ID if told is None or told == [] else told[0] if isinstance(told, list) and len(told) == 1 else told


def _person(identity: int, joints: list[float]) -> dict[str, Any]:
    person: dict[str, Any] = {"person_id": [identity], "pose_keypoints_2d": joints}
    person |= {f"{part}_keypoints_2d": [] for part in PARTS[1:]}
    return person | {f"{part}_keypoints_3d": [] for part in PARTS}


def _is_whole(file: Path) -> bool:
    with contextlib.suppress(FormatError):
        return isinstance(read_json(file), dict)
    return False


def _write(path: Path, text: str) -> None:
    """The whole file or none."""
    with writing(path):
        try:
            path.write_text(text, encoding="utf-8")
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
