"""[host] From each frame's candidates to people with ids: the host's half of this system, frame by frame.

`assembly` (or the greedy parser) says who is there, `voting` who is whom, `occlusion` who was lost; here are births,
deaths and the book-keeping. NumPy and SciPy only, in constant memory. `estimator` joins it to the network.
"""

from collections import deque

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from jaxpose.association import greedy
from jaxpose.association.connections import find_connections
from jaxpose.association.parsing import make_poses
from jaxpose.association.sifting import sift
from jaxpose.geometry import Fit, to_source
from jaxpose.records import NO_ID, People, make_people
from jaxpose.skeletons import Link, Skeleton
from jaxpose.systems.staf.assembly import group
from jaxpose.systems.staf.candidates import StafCandidates
from jaxpose.systems.staf.occlusion import Tracks, advance, find_lost, keep_alive, likeness, new_tracks, no_tracks
from jaxpose.systems.staf.tracker_config import TrackerConfig
from jaxpose.systems.staf.voting import Continuations, count_votes, elect, find_continuations


class PeopleTracker:
    """People with ids, counted from 1 and never used again, from the candidates of one video's frames in order.

    In the paper's variant, people come from Algorithm 1. In the released one they come from the PAFs alone, a person
    before must be named by five joints, and the joints of feet have no vote (as in the program, which for 21 joints
    leaves out two of the head by the same numbers: here they vote). In both, a person's id is the one that most of the
    joints name, weighed with where that one should be now (`config.motion`; 0 is as published). Who has none by that is
    looked for among those lost (the program forgets those at once), and else is new, if strong
    (`association.sifting`). Who has an id keeps it with fewer joints or lower scores, but then is not told.

    `delay` frames pass between a frame and its result: a new person waits for `config.birth_hits` sights.
    """

    def __init__(self, skeleton: Skeleton, links: tuple[Link, ...], config: TrackerConfig = TrackerConfig()) -> None:
        self.skeleton, self.links, self.config = skeleton, links, config
        self.delay = config.birth_hits - 1
        self._sigmas = np.array(skeleton.sigmas)
        self._tracks: Tracks
        self.reset()

    def reset(self) -> None:
        """Forget the video so far; ids start again from 1."""
        self._next_id, self._next_mark = 1, NO_ID - 1
        self._waiting: deque[People] = deque()
        self._last_frame: int | None = None
        self._forget()

    def push(self, candidates: StafCandidates, fit: Fit, frame: int, time: float, *, cut: bool = False) -> list[People]:
        """Take the next frame's candidates (without the axis b); return the people of the frames finished by now.

        `fit` tells how the picture lies in the network's input. After a `cut` nobody of before is looked for.
        `ValueError` if the frame's number is not above the last one's.
        """
        if self._last_frame is not None and frame <= self._last_frame:
            raise ValueError(f"frames must come in order, got frame {frame} after {self._last_frame}")
        if cut:
            self._confirm(1)
            self._forget()
        keypoints, scores, owner, continuations = self._assemble(candidates)
        there = keypoints[..., 2:] > 0
        keypoints[..., :2] = np.where(there, to_source(keypoints[..., :2], fit), 0)
        rows, strong, _ = sift(keypoints, self.config)
        keypoints, scores, owner = keypoints[rows], scores[rows], _renumbered(owner, rows)
        votes = self._vote(continuations, owner, len(keypoints))
        ids = self._identify(keypoints, strong, votes, frame, time)
        self._last_frame = frame
        self._remember(candidates, owner, ids)
        told = np.flatnonzero((ids != NO_ID) & strong)
        self._waiting.append(make_people(keypoints[told], scores[told], ids[told], frame=frame, time=time))
        self._confirm(self.config.birth_hits)
        return [self._finish()] if len(self._waiting) > self.delay else []

    def flush(self) -> list[People]:
        """Return the people of all frames still waiting, and be as new.

        Those who came too late to prove themselves get ids too.
        """
        self._confirm(1)
        done = [self._finish() for _ in range(len(self._waiting))]
        self.reset()
        return done

    def _assemble(
        self, candidates: StafCandidates
    ) -> tuple[Float32[np.ndarray, "p j 3"], Float32[np.ndarray, "p"], Int64[np.ndarray, "n"], Continuations]:
        """The frame's people in pixels of the input, whose each peak is, and the links from the people before."""
        now, config = candidates.now, self.config
        slots, limbs = now.score.shape[-1], self.skeleton.limbs
        continuations = find_continuations(candidates, self.links, self._owner, self._scores)
        connections = find_connections(now, limbs)
        peak_scores = np.clip(now.score, 0, 1).ravel()
        if config.variant == "paper":
            groups = group(connections, continuations, peak_scores, slots, len(self._ids))
        else:
            groups = greedy.group(connections, peak_scores, slots)
        poses = make_poses(groups, connections, now, self.skeleton, config.parser, len(limbs))
        return *poses, continuations

    def _vote(
        self, continuations: Continuations, owner: Int64[np.ndarray, "n"], people: int
    ) -> tuple[Int64[np.ndarray, "p q"], Float64[np.ndarray, "p q"]]:
        """How many joints of each person name each one of the frame before, and the sums of their affinities."""
        if self.config.variant == "released":
            slots = len(owner) // len(self.skeleton.joints)
            voters = ~np.isin(continuations.peak // slots, self.skeleton.feet)
            continuations = Continuations(*(column[voters] for column in continuations))
        return count_votes(continuations, owner, people, len(self._ids))

    def _identify(
        self,
        keypoints: Float32[np.ndarray, "p j 3"],
        strong: Bool[np.ndarray, "p"],
        votes: tuple[Int64[np.ndarray, "p q"], Float64[np.ndarray, "p q"]],
        frame: int,
        time: float,
    ) -> Int64[np.ndarray, "p"]:
        """Each person's id (below `NO_ID` a mark, as long as it is not confirmed); brings the tracks up to date."""
        config, poses = self.config, keypoints.astype(np.float64)
        tracks = keep_alive(self._tracks, self._last_frame, frame, time, config)
        similarity, recent = likeness(tracks, poses, self._last_frame, frame, self._sigmas, config)
        similarity = np.where(strong | (similarity >= config.min_weak_similarity), similarity, 0)
        counts, sums = (each @ (self._ids[:, None] == tracks.ids) for each in votes)
        joints = (keypoints[..., 2] > 0).sum(1)
        row_of = elect(counts, sums, joints, np.where(recent, similarity.T, 0), strong, config)
        free, nameless = np.setdiff1d(np.arange(len(tracks.ids)), row_of), np.flatnonzero(row_of < 0)
        lost = find_lost(similarity[np.ix_(free, nameless)], recent[free], config)
        row_of[nameless[lost >= 0]] = free[lost[lost >= 0]]
        seen = np.flatnonzero(row_of >= 0)
        advance(tracks, row_of[seen], poses[seen], frame, time, config)

        ids = np.where(row_of >= 0, np.append(tracks.ids, NO_ID)[row_of], NO_ID)
        born = np.flatnonzero(strong & (row_of < 0))
        ids[born] = self._next_mark - np.arange(len(born))
        self._next_mark -= len(born)
        unconfirmed_missed = (tracks.ids < NO_ID) & (tracks.frames != frame)
        self._tracks = tracks.select(~unconfirmed_missed).join(new_tracks(ids[born], poses[born], frame, time))
        return ids

    def _remember(self, candidates: StafCandidates, owner: Int64[np.ndarray, "n"], ids: Int64[np.ndarray, "p"]) -> None:
        """Whose each peak is, for the links of the next frame; those without an id are nobody."""
        kept = np.flatnonzero(ids != NO_ID)
        row = np.full(len(ids) + 1, -1)
        row[kept] = np.arange(len(kept))
        self._owner, self._ids = row[owner], ids[kept]
        self._scores = np.clip(candidates.now.score, 0, 1).ravel()

    def _forget(self) -> None:
        """Nobody of the frames so far goes on."""
        self._tracks = no_tracks(len(self.skeleton.joints))
        self._owner, self._ids, self._scores = np.zeros(0, int), np.zeros(0, np.int64), np.zeros(0)

    def _finish(self) -> People:
        people = self._waiting.popleft()
        return people.select(people.ids > NO_ID)

    def _confirm(self, hits: int) -> None:
        """Give ids to the tracks seen so often, in the waiting frames too."""
        tracks = self._tracks
        for row in np.flatnonzero((tracks.ids < NO_ID) & (tracks.hits >= hits)):
            mark = tracks.ids[row]
            for column in (*(people.ids for people in self._waiting), self._ids):
                column[column == mark] = self._next_id
            tracks.ids[row] = self._next_id
            self._next_id += 1


def _renumbered(owner: Int64[np.ndarray, "n"], rows: Int64[np.ndarray, "q"]) -> Int64[np.ndarray, "n"]:
    """Whose each peak is when of the people only these are left; -1 for nobody's."""
    place = np.full(max(owner.max(initial=-1), rows.max(initial=-1)) + 2, -1)
    place[rows] = np.arange(len(rows))
    return place[owner]
