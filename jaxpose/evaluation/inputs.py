"""What is judged, read: two files of poses or boxes, checked against each other, without what the options leave out."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from jaxpose.errors import EvaluationError
from jaxpose.evaluation.checks import check_boxes, check_frames, fit, need_heads, need_ids
from jaxpose.evaluation.filters import large_people, long_tracks, without_weak_joints
from jaxpose.evaluation.people import Similarity, boxes_of
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.mot import read_tracks
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.recognise import Kind, Partners, kind_of, partners, read_pair
from jaxpose.formats.recognise import read_poses as read_poses_of_any_format
from jaxpose.skeletons import POSETRACK_15, Skeleton


@dataclasses.dataclass(frozen=True)
class Options:
    """How to judge; the filters are for what was found."""

    protocol: str = "poseval"  # one of `PROTOCOLS`, for PoseTrack's joints
    similarity: Similarity | None = None  # judge whole people alone, by this
    threshold: float = 0.5  # of the similarity of whole people, from which two may match
    min_track: int = 0  # leave out ids that are seen in fewer frames
    min_size: float = 0.0  # leave out people smaller than so many pixels
    joint_thresholds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    videos: bool = False  # keep what plots and the error analysis need, which grows with the number of files


def read_tracked(found: Path, truth: Path) -> list[tuple[PoseFile, PoseFile]]:
    """Truth and predictions with ids and head boxes, of PoseTrack's joints: what thresholds are learnt from."""
    pairs = [read_poses(files, POSETRACK_15, Options()) for files in partners(truth, found)]
    for one, other in pairs:
        need_heads(one)
        need_ids(other)
    return pairs


def read_poses(files: Partners, skeleton: Skeleton | None, options: Options) -> tuple[PoseFile, PoseFile]:
    """Two files of poses with the same frames and joints, those of the truth unless a skeleton is named."""
    truth, found = read_pair(files.truth, files.found)
    truth, found = fit(truth, found, skeleton or truth.skeleton)
    return truth, filtered(found, options)


def filtered(found: PoseFile, options: Options) -> PoseFile:
    """What was found, without what the options leave out."""
    if options.joint_thresholds:
        found = without_weak_joints(found, options.joint_thresholds)
    if options.min_size:
        found = found.keep(large_people(boxes_of(found).boxes, options.min_size))
    if options.min_track:
        need_ids(found)
        found = found.keep(long_tracks(found.ids, options.min_track))
    return found


def _filtered_boxes(found: TrackFile, options: Options) -> TrackFile:
    if options.joint_thresholds:
        raise EvaluationError(f"{found.source}: boxes have no joints that thresholds could leave out; give none")
    found = found.keep(large_people(found.boxes, options.min_size))
    return found.keep(long_tracks(found.ids, options.min_track))


def read_people(files: Partners, options: Options) -> tuple[PoseFile | TrackFile, PoseFile | TrackFile]:
    """Two files of people with ids, one of which may hold poses, the other boxes."""
    truth, found = (_people_of(path) for path in (files.truth, files.found))
    for one, other in ((truth, found), (found, truth)):
        if isinstance(one, PoseFile) and isinstance(other, TrackFile):
            check_frames(one, other)
    return truth, filtered(found, options) if isinstance(found, PoseFile) else _filtered_boxes(found, options)


def _people_of(path: Path) -> PoseFile | TrackFile:
    told = read_tracks(path) if kind_of(path) == Kind.MOT else read_poses_of_any_format(path)
    check_boxes(boxes_of(told) if isinstance(told, PoseFile) else told)
    return told
