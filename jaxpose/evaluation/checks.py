"""What must hold before two files are compared, checked once, so that nothing half-computed is ever printed.

`fit` makes two files of poses comparable: the same frames in the same order, the same joints. `need_ids` and
`need_heads` are for the measures that need identities and head sizes, `check_boxes` and `check_frames` for files of
boxes. Each refusal is one line that names file, frame and person (`refuse`).
"""

import collections
import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int64

from jaxpose.errors import EvaluationError, JaxposeWarning
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.poses import PER_PERSON, PoseFile
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton

TWICE = "is twice in the frame; an id must be one person's there"


def fit(truth: PoseFile, found: PoseFile, skeleton: Skeleton) -> tuple[PoseFile, PoseFile]:
    """Both files with the joints of a skeleton and with the truth's frames, in its order.

    Frames are the same if they have the same name, without its folders where the two files share no whole name; if one
    of the files has no names, if they have the same number. Joints that only the found side lacks are told by a
    `JaxposeWarning`: they count as missed.

    Raises `EvaluationError` where the frames differ, no joint of the skeleton is in both files, an id is twice in a
    frame, or a coordinate or a score is infinite or a coordinate NaN (a score that is NaN is one that is not told).
    """
    lacking = _lacking_joints(truth, found, skeleton)
    found = _in_order(truth, found)
    for file in (truth, found):
        _check_finite(file)
        _check_unique(file)
    if lacking:
        told = f"has no {', '.join(lacking)}, which the truth has: these joints count as missed"
        warnings.warn(f"{found.source}: {found.skeleton.name} {told}", JaxposeWarning, stacklevel=2)
    return truth.as_skeleton(skeleton), found.as_skeleton(skeleton)


def need_ids(file: PoseFile) -> None:
    """Raise `EvaluationError` for a person with joints but without an id; crowds need none."""
    refuse(
        file,
        (file.ids == NO_ID) & _judged(file),
        "has no id; tracking measures need everybody's",
    )


def check_boxes(file: TrackFile) -> None:
    """Raise `EvaluationError` for a box without an id, and for an id that is twice in a frame; scored or not."""
    order = np.lexsort((file.ids, file.frames))
    frames, ids = file.frames[order], file.ids[order]
    again = (np.diff(frames, prepend=-1) == 0) & (np.diff(ids, prepend=-1) == 0)
    for wrong, told in ((ids == NO_ID, "has no id; give each box one"), (again, TWICE)):
        if wrong.any():
            frame, person = frames[wrong][0], ids[wrong][0]
            raise EvaluationError(f"{file.source}, frame {frame} counted from 0, person {person}: {told}")


def check_frames(poses: PoseFile, boxes: TrackFile) -> None:
    """Raise `EvaluationError` for boxes in a frame that a file of poses lacks: it lists its frames, boxes do not."""
    with_boxes = np.unique(boxes.frames)
    lacking = with_boxes[~np.isin(with_boxes, poses.numbers)]
    if len(lacking):
        told = f"is not in {poses.source}, which lacks {len(lacking)} of the {len(with_boxes)} frames that have boxes"
        raise EvaluationError(f"{boxes.source}, frame {lacking[0]} counted from 0: {told}; give files of one video")


def need_heads(truth: PoseFile) -> None:
    """Raise `EvaluationError` for a person with joints but without a head box of a size above 0."""
    sizes = np.hypot(truth.heads[:, 2], truth.heads[:, 3])
    missing = ~np.isfinite(truth.heads).all(-1)
    joints = truth.there.any(-1) & _judged(truth)
    refuse(
        truth,
        missing & joints,
        "has no head box to measure distances by; add it, or judge whole people by oks or iou",
    )
    refuse(truth, ~(sizes > 0) & joints, "has a head box without size to measure distances by; mend it")


def _judged(file: PoseFile) -> Bool[np.ndarray, "n"]:
    return file.posed & ~file.crowd


def _lacking_joints(truth: PoseFile, found: PoseFile, skeleton: Skeleton) -> list[str]:
    """The joints of a skeleton that the truth has and what was found has not; `EvaluationError` if these are all."""
    wanted = [joint for joint in skeleton.joints if joint in truth.skeleton.joints]
    lacking = [joint for joint in wanted if joint not in found.skeleton.joints]
    if len(lacking) == len(wanted):
        raise EvaluationError(
            f"{found.source}: its joints ({found.skeleton.name}) and those of {truth.source} ({truth.skeleton.name}) "
            f"share none of {skeleton.name}; give files of the same kind of pose"
        )
    return lacking


def _in_order(truth: PoseFile, found: PoseFile) -> PoseFile:
    """The found people by the truth's frames."""
    truth_keys, found_keys = _keys(truth, found)
    for file, keys in ((truth, truth_keys), (found, found_keys)):
        for key, count in collections.Counter(keys).items():
            if count > 1:
                raise EvaluationError(f"{file.source}: {count} frames are called {key}; give each another name")
    places = {key: frame for frame, key in enumerate(truth_keys)}
    for frame, key in enumerate(found_keys):
        if key not in places:
            told = f"is not in {truth.source}; give files of the same frames"
            raise EvaluationError(f"{found.source}, {found.name(frame)}: {told}")
    if missing := places.keys() - set(found_keys):
        frame = min(places[key] for key in missing)
        told = f"is not in {found.source}, which lacks {len(missing)} of {len(truth_keys)} frames"
        raise EvaluationError(f"{truth.source}, {truth.name(frame)}: {told}; list frames without people too")
    frame_of = np.array([places[key] for key in found_keys], np.int64)
    if not np.array_equal(frame_of, np.arange(len(frame_of))):
        found = _move(found, frame_of)
    return found._replace(names=truth.names, numbers=truth.numbers)


def _keys(truth: PoseFile, found: PoseFile) -> tuple[Sequence[object], Sequence[object]]:
    """What tells each frame of either file."""
    if truth.names is None or found.names is None:
        return truth.numbers.tolist(), found.numbers.tolist()
    bare = [[name.replace("\\", "/").rsplit("/", 1)[-1] for name in names] for names in (truth.names, found.names)]
    if set(truth.names) & set(found.names) or any(len(set(names)) < len(names) for names in bare):
        return truth.names, found.names
    return bare[0], bare[1]


def _move(file: PoseFile, frame_of: Int64[np.ndarray, "f"]) -> PoseFile:
    """The file with each frame at another place."""
    frame = frame_of[file.frame]
    people, frames = np.argsort(frame, kind="stable"), np.argsort(frame_of)
    return file._replace(
        labelled=file.labelled[frames],
        regions=tuple(file.regions[place] for place in frames),
        offsets=np.searchsorted(frame[people], np.arange(len(frame_of) + 1)),
        **{field: getattr(file, field)[people] for field in PER_PERSON},
    )


def _check_finite(file: PoseFile) -> None:
    strange = (~np.isfinite(file.xy).all(-1) & file.there).any(-1)
    refuse(file, strange, "has a joint whose x or y is not a finite number; mend it or leave the joint out")
    infinite = np.isinf(file.joint_scores).any(-1) | np.isinf(file.scores)
    refuse(file, infinite, "has an infinite score; give a number, or leave the score out")


def _check_unique(file: PoseFile) -> None:
    """People without an id, and those who are not judged, may be any number in a frame."""
    people = np.flatnonzero((file.ids != NO_ID) & _judged(file))
    people = people[np.lexsort((file.ids[people], file.frame[people]))]
    frame, ids = file.frame[people], file.ids[people]
    again = np.zeros(len(file.ids), bool)
    again[people[1:]] = (frame[1:] == frame[:-1]) & (ids[1:] == ids[:-1])
    refuse(file, again, TWICE)


def refuse(file: PoseFile, wrong: Bool[np.ndarray, "n"], told: str) -> None:
    """Raise `EvaluationError` for the first person that a mask names: by id, or without one by place in the frame."""
    if wrong.any():
        person = int(np.argmax(wrong))
        frame = int(file.frame[person])
        row = person - int(file.offsets[frame])
        called = f"{row + 1} of the frame" if file.ids[person] == NO_ID else file.ids[person]
        raise EvaluationError(f"{file.source}, {file.name(frame)}, person {called}: {told}")
