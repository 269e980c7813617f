"""What of two files is judged: which frames, which people, which joints. The first step of every PoseTrack measure.

AP and MOT follow poseval here, HOTA the evaluator of PoseTrack21; `Protocol` names where the two differ. Both files
have the same frames and PoseTrack's 15 joints already (`checks`).
"""

import numpy as np
from jaxtyping import Bool

from jaxpose.evaluation.protocol import Protocol
from jaxpose.evaluation.regions import ignored_joints
from jaxpose.formats.poses import Polygon, PoseFile

Sides = tuple[PoseFile, PoseFile]
"""The truth and what was found, over the same frames."""


def for_joints(truth: PoseFile, found: PoseFile, protocol: Protocol) -> Sides:
    """What AP and MOT judge.

    Frames: those with people in the truth (`labelled_frames`: those that are labelled). A joint is there if the file
    tells of it. Joints in ignore regions go; in frames that have such regions, people without joints go too.
    """
    people = np.diff(truth.offsets) > 0
    return _judge(truth, found, truth.labelled if protocol.labelled_frames else people)


def for_hota(truth: PoseFile, found: PoseFile, protocol: Protocol) -> Sides:
    """What keypoint HOTA judges.

    Frames: those that are labelled. A joint is there if its x and y are above 0 (`same_joints`: as for AP and MOT).
    Joints in ignore regions go; in frames that have such regions, people all of whose joints then are at or left of 0
    and at or above 0 go too (`same_joints`: people without joints).
    """
    if protocol.same_joints:
        return _judge(truth, found, truth.labelled)
    return _judge(_on_picture(truth), _on_picture(found), truth.labelled, somewhere=True)


def _judge(truth: PoseFile, found: PoseFile, frames: Bool[np.ndarray, "f"], *, somewhere: bool = False) -> Sides:
    truth, found = (file.keep_frames(frames) for file in (truth, found))
    truth, found = (file.keep(file.posed & ~file.crowd) for file in (truth, found))
    regions = truth.regions
    return _outside(truth, regions, somewhere), _outside(found, regions, somewhere)


def _on_picture(file: PoseFile) -> PoseFile:
    """With the joints that lie right of and below the picture's corner."""
    return file._replace(there=np.all(file.xy > 0, axis=-1))


def _outside(file: PoseFile, regions: tuple[tuple[Polygon, ...], ...], somewhere: bool) -> PoseFile:
    """Without the joints in ignore regions, and in frames with regions without the people who have no joints left.

    `somewhere`: a person stays who has a joint with x or y above 0.
    """
    ignored = ignored_joints(file, regions)
    there = file.there & ~ignored
    left = ((file.xy > 0).any(-1) & ~ignored if somewhere else there).any(-1)
    has_regions = np.array([bool(polygons) for polygons in regions], bool)
    return file._replace(there=there).keep(left | ~has_regions[file.frame])
