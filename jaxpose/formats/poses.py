"""What a file tells of people's poses in one video, whatever its format: `PoseFile`.

`formats.posetrack`, `formats.coco` and `formats.jsonl` read their files into it, in float64 and with the file's own
order of frames and people; `evaluation` compares two of them. Joints are in pixels as the file gives them, no half
pixel is added or taken.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.records import People
from jaxpose.skeletons import Skeleton

Polygon = Float64[np.ndarray, "k 2"]


class PoseFile(NamedTuple):
    """The people of one video, or of a set of pictures, frame by frame; the people of frame i are rows
    offsets[i] to offsets[i + 1]. What the file does not tell is NaN (scores, boxes), `NO_ID` (ids) or False.
    """  # fmt: skip

    source: str  # the file
    skeleton: Skeleton
    names: tuple[str, ...] | None  # [f] what the file calls each frame's picture; None where it only numbers them
    numbers: Int64[np.ndarray, "f"]  # each frame's number from 0, ascending; the id of the picture in COCO's files
    labelled: Bool[np.ndarray, "f"]  # False: nobody looked for people in this frame
    regions: tuple[tuple[Polygon, ...], ...]  # [f] polygons in which nothing counts
    offsets: Int64[np.ndarray, "f+1"]
    xy: Float64[np.ndarray, "n j 2"]  # as in the file, also where a joint is not there
    there: Bool[np.ndarray, "n j"]  # the file tells of this joint of this person
    joint_scores: Float64[np.ndarray, "n j"]
    scores: Float64[np.ndarray, "n"]  # of the person
    ids: Int64[np.ndarray, "n"]
    boxes: Float64[np.ndarray, "n 4"]  # x, y, w, h of the person, as in the file
    heads: Float64[np.ndarray, "n 4"]  # x, y, w, h of the head, as in the file
    areas: Float64[np.ndarray, "n"]  # of the person, in squared pixels
    crowd: Bool[np.ndarray, "n"]  # a region with people in it rather than a person
    posed: Bool[np.ndarray, "n"]  # False: a person without any list of joints (PoseTrack 2017 only)

    @property
    def frame(self) -> Int64[np.ndarray, "n"]:
        """The place of each person's frame in `numbers`."""
        return np.repeat(np.arange(len(self.numbers)), np.diff(self.offsets))

    def keep(self, people: Bool[np.ndarray, "n"]) -> "PoseFile":
        """The same frames with only the people that a mask names."""
        counts = np.bincount(self.frame[people], minlength=len(self.numbers))
        return self._replace(
            offsets=np.concatenate([[0], np.cumsum(counts)]),
            **{field: getattr(self, field)[people] for field in PER_PERSON},
        )

    def keep_frames(self, frames: Bool[np.ndarray, "f"]) -> "PoseFile":
        """Only the frames that a mask names, and their people."""
        chosen = self.keep(frames[self.frame])
        return chosen._replace(
            names=None if self.names is None else tuple(itertools.compress(self.names, frames)),
            numbers=self.numbers[frames],
            labelled=self.labelled[frames],
            regions=tuple(itertools.compress(self.regions, frames)),
            offsets=np.concatenate([[0], np.cumsum(np.diff(self.offsets)[frames])]),
        )

    def as_skeleton(self, target: Skeleton) -> "PoseFile":
        """The same people with the joints of another skeleton, by name; those it lacks are not there."""
        if target == self.skeleton:
            return self
        known = [joint in self.skeleton.joints for joint in target.joints]
        source = [self.skeleton.joints.index(joint) if joint in self.skeleton.joints else 0 for joint in target.joints]
        return self._replace(
            skeleton=target,
            xy=self.xy[:, source],
            there=self.there[:, source] & known,
            joint_scores=np.where(known, self.joint_scores[:, source], np.nan),
        )

    def name(self, frame: int) -> str:
        """What to call a frame in a message."""
        return f"frame {self.numbers[frame]}" if self.names is None else f"frame {self.names[frame]}"


PER_PERSON = ("xy", "there", "joint_scores", "scores", "ids", "boxes", "heads", "areas", "crowd", "posed")
"""The fields of `PoseFile` with a row for each person."""


def collect_people(people: Iterable[People], skeleton: Skeleton, source: str = "memory") -> PoseFile:
    """What a tracker told of consecutive frames, to be evaluated without a file; a joint is there if its score is."""
    frames = list(people)
    nobody = np.zeros((0, len(skeleton.joints), 3))
    return tracked_poses(
        source,
        skeleton,
        [one.frame for one in frames],
        [one.total for one in frames],
        np.concatenate([nobody, *(one.keypoints for one in frames)]),
        np.concatenate([np.zeros((0, 4)), *(one.boxes for one in frames)]),
        np.concatenate([np.zeros(0), *(one.scores for one in frames)]),
        np.concatenate([np.zeros(0, np.int64), *(one.ids for one in frames)]),
    )


def tracked_poses(
    source: str,
    skeleton: Skeleton,
    numbers: Sequence[int],
    counts: Sequence[int],
    keypoints: Float64[np.ndarray, "n j 3"],
    boxes: Float64[np.ndarray, "n 4"],
    scores: Float64[np.ndarray, "n"],
    ids: Int64[np.ndarray, "n"],
) -> PoseFile:
    """The file of a tracker: `counts` people in each frame, joints as x, y, score; one is there if its score is > 0."""
    there = keypoints[..., 2] > 0
    frames, people = len(numbers), len(ids)
    return PoseFile(
        source=source,
        skeleton=skeleton,
        names=None,
        numbers=np.array(numbers, np.int64),
        labelled=np.ones(frames, bool),
        regions=((),) * frames,
        offsets=np.cumsum([0, *counts]),
        xy=keypoints[..., :2],
        there=there,
        joint_scores=np.where(there, keypoints[..., 2], np.nan),
        scores=scores,
        ids=ids,
        boxes=boxes,
        heads=np.full((people, 4), np.nan),
        areas=np.full(people, np.nan),
        crowd=np.zeros(people, bool),
        posed=np.ones(people, bool),
    )
