"""The baseline tracker of ids: per-frame people of any source in, the same people with ids out.

It sees poses only, no pictures. Each track keeps its last pose and a slow velocity; in every frame the tracks' poses
are moved on, compared with the people found (the mean of OKS and box IoU), and paired by the Hungarian algorithm: first
with the strong people, then the tracks left over with the weak ones. A strong person left over starts a track, which is
given its id after some sights; a track that is missed for long is forgotten, and its id is never used again.

All published systems are compared with this one, and single-frame networks get their ids from it
(`tracking.FrameTracker`). Two score levels: ByteTrack (Zhang et al., ECCV 2022); widened boxes: C-BIoU (Yang et al.,
WACV 2023); OKS on predicted poses: LightTrack and PoseFlow's descendants.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from jaxpose.association.config import IdentityConfig
from jaxpose.association.matching import match, suppress
from jaxpose.geometry import iou, oks
from jaxpose.records import People, joint_boxes
from jaxpose.skeletons import Skeleton


class _Tracks(NamedTuple):
    """What is known of each of `n` tracks; one row each."""

    ids: Int64[np.ndarray, "n"]  # below 0 while the track has no id yet: a mark of its own
    poses: Float64[np.ndarray, "n j 3"]  # last place of each joint, carried along where it was not seen since
    velocities: Float64[np.ndarray, "n 2"]  # pixels a frame
    seen: Int64[np.ndarray, "n"]  # index of the frame of the last sight
    hits: Int64[np.ndarray, "n"]  # sights so far

    def select(self, which: Bool[np.ndarray, "n"]) -> "_Tracks":
        return _Tracks(*(column[which] for column in self))

    def join(self, other: "_Tracks") -> "_Tracks":
        return _Tracks(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class IdentityTracker:
    """Gives ids to the people of one video, frame by frame, in constant memory.

    `delay` frames pass between a frame and its result: the first sights of a track wait until it has proved itself, so
    that they carry its id as well. People who belong to no track with an id are left out of the result.
    """

    def __init__(self, skeleton: Skeleton, config: IdentityConfig = IdentityConfig()) -> None:
        self.skeleton, self.config = skeleton, config
        self.delay = config.birth_hits - 1
        self._sigmas = np.array(skeleton.sigmas)
        self.reset()

    def reset(self) -> None:
        """Forget the video so far; the next frame starts a new one, and ids start again from 1."""
        j = len(self.skeleton.joints)
        none = np.zeros(0, np.int64)
        self._tracks = _Tracks(none, np.zeros((0, j, 3)), np.zeros((0, 2)), none, none)
        self._waiting: deque[People] = deque()
        self._next_id, self._next_mark = 1, -2

    def push(self, people: People) -> list[People]:
        """Take the people of the next frame; return those of the frames finished by now, with ids.

        Raises ValueError when the frame's index is not above the last one's.
        """
        if self._waiting and people.frame <= self._waiting[-1].frame:
            raise ValueError(f"frames must come in order: got frame {people.frame} after {self._waiting[-1].frame}")
        self._waiting.append(self._identify(people))
        return [self._finish()] if len(self._waiting) > self.delay else []

    def flush(self) -> list[People]:
        """Return the people of all frames still waiting, and be as new."""
        done = [self._finish() for _ in range(len(self._waiting))]
        self.reset()
        return done

    def _finish(self) -> People:
        people = self._waiting.popleft()
        return people.select(people.ids > 0)

    def _identify(self, people: People) -> People:
        """The people worth keeping, each with its track's id or mark; the tracks are brought up to this frame."""
        people, strong = self._sift(people)
        tracks, frame = self._tracks, people.frame
        poses = people.keypoints.astype(np.float64)
        predicted = tracks.poses.copy()
        predicted[..., :2] += (tracks.velocities * (frame - tracks.seen)[:, None])[:, None]
        similarity = self._similarity(predicted, poses)

        owner = np.full(people.count, -1)
        for of_pass, minimum in (
            (strong, self.config.min_similarity),
            (~strong, self.config.min_weak_similarity),
        ):
            free = np.setdiff1d(np.arange(len(tracks.ids)), owner)
            whom = np.flatnonzero(of_pass)
            rows, columns = match(similarity[np.ix_(free, whom)], minimum)
            owner[whom[columns]] = free[rows]

        self._tracks, marks = self._update(tracks, predicted, poses, owner, strong, frame)
        people = people._replace(ids=marks)
        self._confirm(people)
        return people

    def _sift(self, people: People) -> tuple[People, Bool[np.ndarray, "p"]]:
        """Without those too weak and without duplicates; and who of the rest is strong."""
        config = self.config
        scores = people.keypoints[..., 2]
        count = (scores > 0).sum(1)
        mean = scores.sum(1) / np.maximum(count, 1)
        share = count / scores.shape[1]
        keep = (share >= config.weak_joints) & (mean >= config.weak_score) & (count > 0)
        strong = (share >= config.strong_joints) & (mean >= config.strong_score)
        boxes = self._boxes(people.keypoints)
        worth = np.where(keep, mean * share, -1)
        keep &= suppress(np.where(keep[:, None] & keep, iou(boxes, boxes), 0), worth, config.duplicate_iou)
        return people.select(keep), strong[keep]

    def _boxes(self, poses: Float[np.ndarray, "n j 3"]) -> Float[np.ndarray, "n 4"]:
        boxes = joint_boxes(poses).astype(np.float64)
        margin = self.config.box_margin * boxes[:, 2:].max(1, keepdims=True)
        return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + 2 * margin], axis=1)

    def _similarity(
        self, tracks: Float64[np.ndarray, "n j 3"], people: Float64[np.ndarray, "p j 3"]
    ) -> Float64[np.ndarray, "n p"]:
        """The mean of OKS and of the IoU of the widened boxes."""
        a, b = self._boxes(tracks), self._boxes(people)
        areas = (a[:, None, 2:].prod(-1) + b[None, :, 2:].prod(-1)) / 2
        return (oks(tracks, people, self._sigmas, areas) + iou(a, b)) / 2

    def _update(
        self,
        tracks: _Tracks,
        predicted: Float64[np.ndarray, "n j 3"],
        poses: Float64[np.ndarray, "p j 3"],
        owner: Int64[np.ndarray, "p"],
        strong: Bool[np.ndarray, "p"],
        frame: int,
    ) -> tuple[_Tracks, Int64[np.ndarray, "p"]]:
        """The tracks after this frame, and the id or mark of each person."""
        config = self.config
        seen = np.flatnonzero(owner >= 0)
        of = owner[seen]
        new = poses[seen]
        shared = (new[..., 2] > 0) & (predicted[of][..., 2] > 0)
        off = np.where(shared[..., None], new[..., :2] - predicted[of][..., :2], np.nan)
        with_shared = shared.any(1)
        shift = np.zeros((len(of), 2))
        shift[with_shared] = np.nanmedian(off[with_shared], axis=1)
        share = np.maximum(config.velocity_share, 1 / tracks.hits[of])[:, None]
        velocities = tracks.velocities.copy()
        velocities[of] += share * shift / (frame - tracks.seen[of])[:, None]
        carried = predicted[of]
        carried[..., :2] += shift[:, None]
        kept = tracks.poses.copy()
        kept[of] = np.where(new[..., 2:] > 0, new, carried)
        last, hits = tracks.seen.copy(), tracks.hits.copy()
        last[of] = frame
        hits[of] += 1
        alive = np.where(tracks.ids > 0, frame - last <= config.max_missed, last == frame)

        born = strong & (owner < 0)
        n = int(born.sum())
        marks = np.full(len(poses), -1)
        marks[seen] = tracks.ids[of]
        marks[born] = self._next_mark - np.arange(n)
        self._next_mark -= n
        newborn = _Tracks(marks[born], poses[born], np.zeros((n, 2)), np.full(n, frame), np.ones(n, np.int64))
        return _Tracks(tracks.ids, kept, velocities, last, hits).select(alive).join(newborn), marks

    def _confirm(self, people: People) -> None:
        """Give ids to the tracks seen often enough, in the waiting frames too."""
        ids = self._tracks.ids
        for row in np.flatnonzero((ids < 0) & (self._tracks.hits >= self.config.birth_hits)):
            for frame in (*self._waiting, people):
                frame.ids[frame.ids == ids[row]] = self._next_id
            ids[row] = self._next_id
            self._next_id += 1
