"""Which format a file has, and which two files of two folders belong together: what a person need not say.

`evaluate` is given a truth and what was found, files or folders: `partners` makes pairs of files of them, `kind_of`
tells each file's format, `read_pair` reads two files of poses, `read_poses` a single one. Boxes (`Kind.MOT`) are read
by `mot.read_tracks`.
"""

import enum
import gzip
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jaxpose.errors import FormatError
from jaxpose.formats import coco, csv, jsonl, posetrack
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.values import GZIP, reading

SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".txt", ".csv")
"""How the names of files end that are looked for in folders."""

HEAD_BYTES = 65536
"""How much of a file is looked at: its first pictures or people, which have the keys that tell."""


class Kind(enum.StrEnum):
    """A format, by what a person would call it."""

    POSETRACK_2017 = "PoseTrack 2017"
    POSETRACK_2018 = "PoseTrack 2018"
    COCO = "COCO ground truth"
    COCO_RESULTS = "COCO results"
    JSONL = "jaxpose jsonl"
    MOT = "MOTChallenge text"
    CSV = "CSV table"


POSES = {
    Kind.POSETRACK_2017: posetrack.read_poses,
    Kind.POSETRACK_2018: posetrack.read_poses,
    Kind.COCO: coco.read_poses,
    Kind.JSONL: jsonl.read_poses,
    Kind.CSV: csv.read_poses,
}
"""The formats whose poses can be read from the file alone."""

KEYS = re.compile(rb'"(annolist|jaxpose|vid_id|frame_id|frame_index|is_labeled|track_id|scores)"\s*:')
"""The keys that tell one object from another; COCO's ground truth has none of them."""


class Partners(NamedTuple):
    """Two files to be compared, and the name of what they tell of."""

    name: str
    truth: Path
    found: Path


def kind_of(path: str | os.PathLike[str]) -> Kind:
    """The format of a file, by the end of its name and the first of its content.

    Raises `FormatError` for a file that cannot be read or is of no known format.
    """
    name = Path(path).name.lower()
    if name.endswith(".txt"):
        return Kind.MOT
    if name.endswith(".jsonl"):
        return Kind.JSONL
    if name.endswith(".csv"):
        return Kind.CSV
    head = _head(path).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"["):
        return Kind.COCO_RESULTS
    if not head.startswith(b"{"):
        known = "PoseTrack's or COCO's JSON, jaxpose's .jsonl, or MOTChallenge's text in a file named .txt"
        raise FormatError(f"{path}: of no known format; give {known}")
    keys = set(KEYS.findall(head))
    if b"jaxpose" in keys:
        return Kind.JSONL
    if b"annolist" in keys:
        return Kind.POSETRACK_2017
    return Kind.POSETRACK_2018 if keys else Kind.COCO


def read_pair(truth: str | os.PathLike[str], found: str | os.PathLike[str]) -> tuple[PoseFile, PoseFile]:
    """The poses of two files, whatever their formats.

    A COCO result list is read for the truth's pictures and joints. A file of `images` and `annotations` that tells
    nothing of a video is read as the truth is. Raises `FormatError` for what is malformed or holds no poses.
    """
    truth_kind, found_kind = kind_of(truth), kind_of(found)
    poses = _reader(truth, truth_kind)(truth)
    if found_kind == Kind.COCO_RESULTS:
        return poses, coco.read_results(found, poses)
    if found_kind == Kind.COCO and truth_kind != Kind.COCO:
        found_kind = Kind.POSETRACK_2018
    return poses, _reader(found, found_kind)(found)


def read_poses(path: str | os.PathLike[str]) -> PoseFile:
    """The poses of one file; raises `FormatError` for what is malformed or holds no poses."""
    return _reader(path, kind_of(path))(path)


def _reader(path: str | os.PathLike[str], kind: Kind) -> Callable[[str | os.PathLike[str]], PoseFile]:
    if kind not in POSES:
        told = "boxes" if kind == Kind.MOT else "results, whose pictures only a ground truth tells"
        raise FormatError(f"{path}: {kind} holds {told}; give one of {', '.join(POSES)}")
    return POSES[kind]


def partners(truth: str | os.PathLike[str], found: str | os.PathLike[str]) -> list[Partners]:
    """The pairs of files to compare, two files, or the files of two folders matched by their names without suffix.

    Of a file and a folder it is the folder's file of the same name. Two files are known by the name of what was found.
    Raises `FormatError` for a file without partner, for two files of one name, and for a folder without files.
    """
    sides = Path(truth), Path(found)
    for side in sides:
        if not side.exists():
            raise FormatError(f"{side}: cannot be read (No such file or directory)")
    if not any(side.is_dir() for side in sides):
        return [Partners(stem(sides[1]), *sides)]
    truths, founds = (files(side) if side.is_dir() else {stem(side): side} for side in sides)
    if sides[1].is_file():  # all that is asked for
        truths = {name: path for name, path in truths.items() if name in founds}
    if sides[0].is_file():
        founds = {name: path for name, path in founds.items() if name in truths}
    for here, there, folder in ((truths, founds, sides[1]), (founds, truths, sides[0])):
        for name in sorted(here.keys() - there.keys()):
            raise FormatError(f"{here[name]}: has no partner named {name} in {folder}; add it, or take this file out")
    return [Partners(name, truths[name], founds[name]) for name in sorted(truths)]


def stem(path: Path) -> str:
    """A file's name without the suffix of its format."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def files(folder: Path) -> dict[str, Path]:
    """A folder's files of known suffixes, by their names without it.

    Raises `FormatError` for two files of one name, and for a folder without files.
    """
    found: dict[str, Path] = {}
    with reading(folder):
        listed = sorted(folder.iterdir())
    for path in listed:
        if path.name.startswith(".") or not path.name.lower().endswith(SUFFIXES):
            continue
        if (name := stem(path)) in found:
            raise FormatError(f"{path}: has the name of {found[name].name}; keep one of the two")
        found[name] = path
    if not found:
        raise FormatError(f"{folder}: has no files named {', '.join(SUFFIXES)}; give a folder of such, or a file")
    return found


def _head(path: str | os.PathLike[str]) -> bytes:
    with reading(path), Path(path).open("rb") as file:
        if file.peek(len(GZIP)).startswith(GZIP):
            try:
                return gzip.GzipFile(fileobj=file).read(HEAD_BYTES)
            except (OSError, EOFError, zlib.error) as error:
                raise FormatError(f"{path}: a damaged gzip file ({error}); get it again") from error
        return file.read(HEAD_BYTES)
