"""The baseline tracker of ids: per-frame people of any source in, the same people with ids out.

It sees poses only, no pictures. Each track keeps a pose and a velocity; in every frame the tracks' poses are moved on
and compared with the people found (OKS and box IoU), and the Hungarian algorithm, or a greedy one, pairs them: first
the strong people with all tracks, then the weak ones with the tracks left over (two levels as in ByteTrack, Zhang et
al., ECCV 2022). A strong person left over starts a track, which is given its id after some sights in a row; a track
missed for long is forgotten, and its id is never used again. Weak people keep a track alive and in place, for instance
while somebody is half hidden, but are not in the result: more of their poses are wrong than right.

Single-frame networks get their ids here (`tracking.FrameTracker`), and all published systems are compared with it.
`sifting` says who counts, `matching` compares and pairs, `motion` moves; here are births, deaths and the book-keeping.
NumPy and SciPy only.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.association.config import IdentityConfig
from jaxpose.association.matching import match, match_greedily, pose_similarity
from jaxpose.association.motion import correct, gains, predict
from jaxpose.association.sifting import sift
from jaxpose.records import NO_ID, People
from jaxpose.skeletons import Skeleton


class _Tracks(NamedTuple):
    """What is known of each track; one row each."""

    ids: Int64[np.ndarray, "n"]  # below NO_ID as long as the track has no id: a mark of its own
    poses: Float64[np.ndarray, "n j 3"]  # a joint not found lately is carried along with the body
    velocities: Float64[np.ndarray, "n 2"]  # pixels a frame
    seen: Int64[np.ndarray, "n"]  # index of the frame of the last sight
    hits: Int64[np.ndarray, "n"]  # sights so far

    def select(self, which: Bool[np.ndarray, "n"] | Int64[np.ndarray, "q"]) -> "_Tracks":
        return _Tracks(*(column[which] for column in self))

    def join(self, other: "_Tracks") -> "_Tracks":
        return _Tracks(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class IdentityTracker:
    """Gives ids, counted from 1, to the people of one video, frame by frame, in constant memory.

    `delay` frames pass between a frame and its result: the first sights of a track wait until it has proved itself, so
    that they carry its id as well. Weak people and those who belong to no track with an id are left out of the result;
    of those who stay nothing but the id is changed.
    """

    def __init__(self, skeleton: Skeleton, config: IdentityConfig | None = None) -> None:
        self.skeleton = skeleton
        self.config = config or IdentityConfig()
        self.delay = self.config.birth_hits - 1
        self._sigmas = np.array(skeleton.sigmas)
        self.reset()

    def reset(self) -> None:
        """Forget the video so far; the next frame starts a new one, and ids start again from 1."""
        none = np.zeros(0, np.int64)
        self._tracks = _Tracks(none, np.zeros((0, len(self.skeleton.joints), 3)), np.zeros((0, 2)), none, none)
        self._waiting: deque[People] = deque()
        self._last_frame: int | None = None
        self._next_id, self._next_mark = 1, NO_ID - 1

    def push(self, people: People) -> list[People]:
        """Take the people of the next frame (their ids are ignored); return those of the frames finished by now.

        Raises ValueError when the frame's index is not above the last one's, or the poses have other joints than the
        skeleton.
        """
        if self._last_frame is not None and people.frame <= self._last_frame:
            raise ValueError(f"frames must come in order, got frame {people.frame} after {self._last_frame}")
        if people.keypoints.shape[1:] != (len(self.skeleton.joints), 3):
            raise ValueError(
                f"`keypoints` must be [p, {len(self.skeleton.joints)}, 3] for {self.skeleton.name}, "
                f"got {people.keypoints.shape}"
            )
        self._last_frame = people.frame
        self._waiting.append(self._identify(people))
        self._confirm(self.config.birth_hits)
        return [self._finish()] if len(self._waiting) > self.delay else []

    def flush(self) -> list[People]:
        """Return the people of all frames still waiting, and be as new.

        Those who came too late to prove themselves get ids too: all were seen in every frame since they came.
        """
        self._confirm(1)
        done = [self._finish() for _ in range(len(self._waiting))]
        self.reset()
        return done

    def _finish(self) -> People:
        people = self._waiting.popleft()
        return people.select(people.ids > NO_ID)

    def _identify(self, people: People) -> People:
        """Bring the tracks up to this frame; return its strong people with their tracks' ids or marks."""
        config = self.config
        rows, strong, worth = sift(people.keypoints, config)
        people = people.select(rows)
        tracks = self._tracks.select(people.frame - self._tracks.seen - 1 <= config.max_missed)
        poses = people.keypoints.astype(np.float64)
        frames = people.frame - tracks.seen
        expected = predict(tracks.poses, tracks.velocities, frames)
        blur = 1 + config.blur_growth * (frames - 1)
        similarity = pose_similarity(expected, poses, self._sigmas, config.box_margin, blur)

        pairs_of = match if config.matching == "hungarian" else match_greedily
        owner = np.full(people.total, -1)
        free = np.ones(len(tracks.ids), bool)
        for group, minimum in ((strong, config.min_similarity), (~strong, config.min_weak_similarity)):
            rows, columns = np.flatnonzero(free), np.flatnonzero(group)
            r, c = pairs_of(similarity[np.ix_(rows, columns)], minimum)
            owner[columns[c]] = rows[r]
            free[rows[r]] = False

        found = owner >= 0
        of = owner[found]
        tracks.hits[of] += 1
        tracks.seen[of] = people.frame
        tracks.poses[of], tracks.velocities[of] = correct(
            expected[of],
            tracks.velocities[of],
            poses[found],
            frames[of],
            *gains(tracks.hits[of], config.position_gain, config.velocity_gain),
        )

        born = np.flatnonzero(strong & ~found)
        born = born[np.lexsort((people.boxes[born, 0], people.boxes[born, 1], -worth[born]))]  # whatever their order
        marks = self._next_mark - np.arange(len(born))
        self._next_mark -= len(born)
        ids = np.full(people.total, NO_ID)
        ids[found], ids[born] = tracks.ids[of], marks
        newborn = _Tracks(
            marks, poses[born], np.zeros((len(born), 2)), np.full(len(born), people.frame), np.ones_like(born)
        )
        self._tracks = tracks.select((tracks.ids > NO_ID) | ~free).join(newborn)  # without an id, one miss is death
        return people._replace(ids=ids).select(strong)

    def _confirm(self, hits: int) -> None:
        """Give ids to the tracks seen so often, in the waiting frames too."""
        tracks = self._tracks
        for row in np.flatnonzero((tracks.ids < NO_ID) & (tracks.hits >= hits)):
            for people in self._waiting:
                people.ids[people.ids == tracks.ids[row]] = self._next_id
            tracks.ids[row] = self._next_id
            self._next_id += 1
