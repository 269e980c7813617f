"""From any format of poses to any other: what each file tells, and what of it another format cannot hold.

`jaxpose convert` stands on it. Reading gives a whole file's `PoseFile`, the writer of the other format writes it as it
is, so that nothing is rounded on the way.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxpose.errors import FormatError
from jaxpose.formats import coco, jsonl, mpii, openpose, recognise
from jaxpose.formats.annolist import PoseTrack17Writer
from jaxpose.formats.annotating import CocoResultsWriter, CocoTruthWriter, PoseTrack18Writer, picture_id
from jaxpose.formats.csv import CsvWriter
from jaxpose.formats.jsonl import JsonlWriter
from jaxpose.formats.mot import MotWriter
from jaxpose.formats.mpii_mat import MpiiWriter
from jaxpose.formats.openpose import OpenPoseWriter
from jaxpose.formats.pictures import PictureFile
from jaxpose.formats.poses import PoseFile, span, tracked_poses
from jaxpose.formats.recognise import Kind
from jaxpose.formats.writing import Writer
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton

WRITERS: dict[str, type[Writer]] = {
    "jsonl": JsonlWriter,
    "openpose": OpenPoseWriter,
    "coco": CocoResultsWriter,
    "coco-gt": CocoTruthWriter,
    "posetrack17": PoseTrack17Writer,
    "posetrack18": PoseTrack18Writer,
    "mot": MotWriter,
    "csv": CsvWriter,
    "mpii": MpiiWriter,
}
"""The writer of each format of `names.FORMATS`."""

PICTURES = ("coco", "coco-gt")
"""Formats that number their frames by the ids of pictures."""


class Told(NamedTuple):
    """A file's poses, and what it says of where they come from."""

    poses: PoseFile
    source: str
    config: Mapping[str, Any]
    numbered: bool  # its numbers are ids of pictures already


def read(path: str | os.PathLike[str]) -> Told:
    """The poses of a file or folder of any format that has joints.

    Raises `FormatError` for whatever is malformed, for a file without joints, and for an id that two people of a frame
    have.
    """
    path = Path(path)
    source, config, numbered = str(path), dict[str, Any](), False
    if path.is_dir():
        poses = openpose.read_poses(path)
    elif path.suffix.lower() == ".mat":
        poses = _of_pictures(mpii.read_mat(path))
    else:
        kind = recognise.kind_of(path)
        numbered = kind in (Kind.COCO, Kind.COCO_RESULTS)
        poses = coco.read_result_poses(path) if kind == Kind.COCO_RESULTS else recognise.read_poses(path)
        if kind == Kind.JSONL:
            header, _ = jsonl.read(path)
            source, config = header.source, header.config
    _check_ids(poses)
    return Told(poses, source, config, numbered)


def told(poses: PoseFile, skeleton: Skeleton) -> frozenset[str]:
    """What poses tell beside the joints' places, in the words of `Writer.holds`."""
    there = poses.there
    checks = {
        "ids": (poses.ids != NO_ID).any(),
        "scores": not np.isnan(poses.scores).all(),
        "joint scores": not np.isnan(poses.joint_scores[there]).all(),
        "times": poses.times is not None and (poses.times != poses.numbers).any(),
        "boxes": (~np.isnan(poses.boxes[:, 0]) & ~_spanned(poses)).any(),
        "heads": not np.isnan(poses.heads).all(),
        "areas": not np.isnan(poses.areas).all(),
        "crowds": poses.crowd.any(),
        "people without joints": not poses.posed.all(),
        "regions": any(poses.regions),
        "unlabelled frames": not poses.labelled.all(),
        "empty frames": (np.diff(poses.offsets) == 0).any(),
        "picture names": poses.names is not None,
        "picture sizes": poses.sizes is not None,
        "visibility": poses.visibility is not None,
    }
    found = {name for name, yes in checks.items() if yes}
    if any(joint not in skeleton.joints and there[:, place].any() for place, joint in enumerate(poses.skeleton.joints)):
        found.add("some joints")
    return frozenset(found)


def lost(poses: PoseFile, writer: type[Writer], skeleton: Skeleton) -> list[str]:
    """What of these poses the writer cannot hold, in words; joints, where `skeleton`, the target, lacks them."""
    missing = told(poses, skeleton) - writer.holds
    if writer is MotWriter:
        return ["joints", *sorted(missing - {"some joints", "joint scores"})]
    if "some joints" in missing:
        gone = ", ".join(joint for joint in poses.skeleton.joints if joint not in skeleton.joints)
        return [*sorted(missing - {"some joints"}), f"the joints {gone}"]
    return sorted(missing)


def by_pictures(poses: PoseFile) -> PoseFile:
    """The same frames numbered by the ids that their pictures' names end in, in that order."""
    if poses.names is None:
        return poses
    ids = [picture_id(name, number) for name, number in zip(poses.names, poses.numbers.tolist(), strict=True)]
    if len(set(ids)) != len(ids):
        twice = next(name for place, name in enumerate(poses.names) if ids[place] in ids[:place])
        raise FormatError(f"{poses.source}: {twice} ends in the number of another picture; COCO needs one for each")
    return poses._replace(numbers=np.array(ids, np.int64))


def _spanned(poses: PoseFile) -> np.ndarray:
    """Whose box says nothing but what the joints span, give or take the last digit."""
    return np.abs(poses.boxes - span(poses.xy, poses.there)).max(axis=-1, initial=0) < 0.02


def _check_ids(poses: PoseFile) -> None:
    has = poses.ids != NO_ID
    keys = np.stack([poses.frame[has], poses.ids[has]], axis=-1)
    found, counts = np.unique(keys, axis=0, return_counts=True)
    if (counts > 1).any():
        frame, identity = found[np.argmax(counts > 1)].tolist()
        raise FormatError(f"{poses.source}, {poses.name(frame)}: id {identity} has several people; give each their own")


def _of_pictures(file: PictureFile) -> PoseFile:
    """Pictures to learn from as frames, numbered from 0."""
    joints = len(file.skeleton.joints)
    poses = [picture.keypoints.astype(np.float64) for picture in file.pictures]
    keypoints = np.concatenate([np.zeros((0, joints, 3)), *poses])
    people = len(keypoints)
    found = tracked_poses(
        file.source,
        file.skeleton,
        range(len(poses)),
        [len(one) for one in poses],
        keypoints,
        np.full((people, 4), np.nan),
        np.full(people, np.nan),
        np.concatenate([np.zeros(0, np.int64), *(picture.ids for picture in file.pictures)]),
        names=tuple(picture.name for picture in file.pictures),
    )
    nothing = np.full(found.joint_scores.shape, np.nan)
    return found._replace(joint_scores=nothing, visibility=keypoints[..., 2].astype(np.int64))
