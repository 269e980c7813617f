"""What a file tells of people's poses in one video, whatever its format: `PoseFile`.

Every reader of poses in `formats` fills it, in float64 and with the file's own order of frames and people; `evaluation`
compares two of them, and the writers of `formats` write it (`rounded` makes one of a tracker's frame). Joints are in
pixels as the file gives them, no half pixel is added or taken.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.records import People
from jaxpose.skeletons import MIDDLES, Skeleton

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
    visibility: Int64[np.ndarray, "n j"] | None = None  # COCO's: 1 hidden, 2 visible; None where the file tells none
    times: Float64[np.ndarray, "f"] | None = None  # seconds; None where the file tells none
    sizes: Int64[np.ndarray, "f 2"] | None = None  # width, height of each picture; None where the file tells none

    @property
    def frame(self) -> Int64[np.ndarray, "n"]:
        """The place of each person's frame in `numbers`."""
        return np.repeat(np.arange(len(self.numbers)), np.diff(self.offsets))

    def keep(self, people: Bool[np.ndarray, "n"]) -> "PoseFile":
        """The same frames with only the people that a mask names."""
        counts = np.bincount(self.frame[people], minlength=len(self.numbers))
        return self._replace(
            offsets=np.concatenate([[0], np.cumsum(counts)]),
            visibility=None if self.visibility is None else self.visibility[people],
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
            times=None if self.times is None else self.times[frames],
            sizes=None if self.sizes is None else self.sizes[frames],
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
            visibility=None if self.visibility is None else np.where(known, self.visibility[:, source], 0),
        )

    def converted(self, target: Skeleton) -> "PoseFile":
        """As `as_skeleton`, and `neck` and `mid_hip` become the middle of shoulders and hips (`skeletons.MIDDLES`).

        Such a middle is there if both sides are, with the lower of their scores and visibilities.
        """
        if target == self.skeleton:
            return self
        poses = self.as_skeleton(target)
        for joint, sides in MIDDLES.items():
            if joint not in target.joints or joint in self.skeleton.joints or not {*sides} <= {*self.skeleton.joints}:
                continue
            place, pair = target.index(joint), [self.skeleton.index(side) for side in sides]
            there = np.asarray(self.there[:, pair].all(axis=1))
            poses.xy[:, place] = np.where(there[:, None], self.xy[:, pair].mean(axis=1), 0)
            poses.there[:, place] = there
            poses.joint_scores[:, place] = np.where(there, self.joint_scores[:, pair].min(axis=1), np.nan)
            if poses.visibility is not None and self.visibility is not None:
                poses.visibility[:, place] = np.where(there, self.visibility[:, pair].min(axis=1), 0)
        return poses

    def at(self, frame: int) -> "PoseFile":
        """A frame by itself, by its place in `numbers`."""
        people, here = slice(*self.offsets[frame : frame + 2]), slice(frame, frame + 1)
        return self._replace(
            names=None if self.names is None else self.names[here],
            numbers=self.numbers[here],
            labelled=self.labelled[here],
            regions=self.regions[here],
            offsets=self.offsets[frame : frame + 2] - self.offsets[frame],
            times=None if self.times is None else self.times[here],
            sizes=None if self.sizes is None else self.sizes[here],
            visibility=None if self.visibility is None else self.visibility[people],
            **{field: getattr(self, field)[people] for field in PER_PERSON},
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


PIXEL_DIGITS = 2
SCORE_DIGITS = 4
SHARE_DIGITS = 6
"""Digits after the point, in what is written of a tracker's people, of pixels, scores and shares of the picture."""


def rounded(
    people: People,
    skeleton: Skeleton,
    *,
    name: str | None = None,
    size: tuple[int, int] | None = None,
    digits: int = PIXEL_DIGITS,
) -> PoseFile:
    """A tracker's frame as it is written: rounded, and scores within 0..1 (a peak may overshoot).

    No joint's score is rounded down to 0, which would make it missing; the boxes span the rounded joints.
    """
    keypoints = np.asarray(people.keypoints, np.float64)
    scores = round_scores(keypoints[..., 2:])
    keypoints = np.concatenate([keypoints[..., :2].round(digits), scores], axis=-1)
    keypoints = np.where(scores == 0, 0.0, keypoints)
    return tracked_poses(
        "memory",
        skeleton,
        [people.frame],
        [people.total],
        keypoints,
        span(keypoints[..., :2], scores[..., 0] > 0).round(digits),
        round_scores(np.asarray(people.scores, np.float64)),
        np.asarray(people.ids, np.int64),
        names=None if name is None else (name,),
        times=[round(float(people.time), 6)],
        sizes=None if size is None else [size],
    )


def round_scores(scores: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    """Within 0..1, and never rounded down to 0."""
    least = np.where(scores > 0, LEAST_SCORE, 0.0)
    return np.clip(scores.round(SCORE_DIGITS), least, 1.0)


LEAST_SCORE = 10.0**-SCORE_DIGITS
"""What is written of a joint with a score of 0 or less, where a score of 0 would make it missing."""


def scored_joints(poses: PoseFile) -> Float64[np.ndarray, "n j"]:
    """A score for every joint, for formats in which a joint is there if its score is above 0.

    1 where the file tells none, 0 where there is no joint.
    """
    scores = np.where(np.isnan(poses.joint_scores), 1.0, np.maximum(poses.joint_scores, LEAST_SCORE))
    return np.where(poses.there, scores, 0.0)


def scored_people(poses: PoseFile) -> Float64[np.ndarray, "n"]:
    """A score for every person: where the file tells none, the mean of their joints', 1 for a person without any."""
    count = poses.there.sum(axis=1)
    mean = np.divide(scored_joints(poses).sum(axis=1), count, out=np.ones(len(count)), where=count > 0)
    return np.where(np.isnan(poses.scores), mean, poses.scores)


def span(xy: Float64[np.ndarray, "n j 2"], there: Bool[np.ndarray, "n j"]) -> Float64[np.ndarray, "n 4"]:
    """The box x, y, w, h that spans each person's joints; zeros for a person without any."""
    low = np.min(xy, axis=1, where=there[..., None], initial=np.inf)
    high = np.max(xy, axis=1, where=there[..., None], initial=-np.inf)
    return np.where(there.any(axis=1, keepdims=True), np.concatenate([low, high - low], axis=1), 0)


def tracked_poses(
    source: str,
    skeleton: Skeleton,
    numbers: Sequence[int],
    counts: Sequence[int],
    keypoints: Float64[np.ndarray, "n j 3"],
    boxes: Float64[np.ndarray, "n 4"],
    scores: Float64[np.ndarray, "n"],
    ids: Int64[np.ndarray, "n"],
    *,
    names: tuple[str, ...] | None = None,
    times: Sequence[float] | None = None,
    sizes: Sequence[tuple[int, int]] | None = None,
) -> PoseFile:
    """The file of a tracker: `counts` people in each frame, joints as x, y, score; one is there if its score is > 0."""
    there = keypoints[..., 2] > 0
    frames, people = len(numbers), len(ids)
    return PoseFile(
        source=source,
        skeleton=skeleton,
        names=names,
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
        times=None if times is None else np.array(times, np.float64),
        sizes=None if sizes is None else np.array(sizes, np.int64).reshape(-1, 2),
    )
