"""[host] What is known of each person with an id: the last pose, the motion, and so who might be whom without fields.

A temporal field reaches one frame back. Who was hidden for longer is found again by where the own motion should have
taken them, and how alike the poses are (the means of the baseline tracker, `association.motion` and `matching`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.association.matching import match, pose_similarity
from jaxpose.association.motion import correct, gains, predict
from jaxpose.systems.staf.tracker_config import TrackerConfig


class Tracks(NamedTuple):
    """What is known of each person with an id; one row each. Places are pixels of the picture."""

    ids: Int64[np.ndarray, "n"]
    poses: Float64[np.ndarray, "n j 3"]  # a joint not found lately is carried along with the body
    velocities: Float64[np.ndarray, "n 2"]  # pixels a frame
    frames: Int64[np.ndarray, "n"]  # number of the frame of the last sight
    times: Float64[np.ndarray, "n"]  # and its time in seconds
    hits: Int64[np.ndarray, "n"]  # sights so far

    def select(self, which: Bool[np.ndarray, "n"] | Int64[np.ndarray, "q"]) -> "Tracks":
        """The tracks that a mask or a list of rows names."""
        return Tracks(*(column[which] for column in self))

    def join(self, other: "Tracks") -> "Tracks":
        """These and those behind them."""
        return Tracks(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def no_tracks(joints: int) -> Tracks:
    """Nobody."""
    none = np.zeros(0, np.int64)
    return Tracks(none, np.zeros((0, joints, 3)), np.zeros((0, 2)), none, np.zeros(0), none)


def new_tracks(ids: Int64[np.ndarray, "n"], poses: Float64[np.ndarray, "n j 3"], frame: int, time: float) -> Tracks:
    """Tracks of people seen for the first time."""
    n = len(ids)
    return Tracks(ids, poses, np.zeros((n, 2)), np.full(n, frame), np.full(n, time, float), np.ones(n, np.int64))


def keep_alive(tracks: Tracks, last: int | None, frame: int, time: float, config: TrackerConfig) -> Tracks:
    """The tracks that may still be continued in this frame; `last` is the number of the one before it."""
    again = time - tracks.times <= config.reentry_seconds if config.reentry_seconds else False
    return tracks.select(_recent(tracks, last, frame, config) | again)


def _recent(tracks: Tracks, last: int | None, frame: int, config: TrackerConfig) -> Bool[np.ndarray, "n"]:
    """Who was not missed for too long; never who was in the frame before, however many numbers lie between."""
    return (frame - tracks.frames - 1 <= config.max_missed) | (tracks.frames == last)


def likeness(
    tracks: Tracks,
    poses: Float64[np.ndarray, "p j 3"],
    last: int | None,
    frame: int,
    sigmas: Float64[np.ndarray, "j"],
    config: TrackerConfig,
) -> tuple[Float64[np.ndarray, "n p"], Bool[np.ndarray, "n"]]:
    """How alike each track's expected pose and each pose are, and which tracks were missed for at most so many frames.

    Those are expected where their motion should have taken them. The others, which `keep_alive` leaves only for a
    re-entry, are expected where they were last seen.
    """
    frames = frame - tracks.frames
    recent = _recent(tracks, last, frame, config)
    expected = predict(tracks.poses, tracks.velocities, np.where(recent, frames, 0))
    blur = 1 + config.blur_growth * (np.minimum(frames, config.max_missed + 1) - 1)
    return pose_similarity(expected, poses, sigmas, config.box_margin, blur), recent


def find_lost(
    similarity: Float64[np.ndarray, "n p"], recent: Bool[np.ndarray, "n"], config: TrackerConfig
) -> Int64[np.ndarray, "p"]:
    """For each pose the row of the track that it continues by likeness alone, or -1; no track is given twice.

    The tracks not missed for long choose first.
    """
    found = np.full(similarity.shape[1], -1)
    for group in (recent, ~recent):
        rows, columns = np.flatnonzero(group), np.flatnonzero(found < 0)
        r, c = match(similarity[np.ix_(rows, columns)], config.min_similarity)
        found[columns[c]] = rows[r]
    return found


def advance(
    tracks: Tracks,
    rows: Int64[np.ndarray, "q"],
    poses: Float64[np.ndarray, "q j 3"],
    frame: int,
    time: float,
    config: TrackerConfig,
) -> None:
    """Bring those tracks up to the poses in which they are seen in this frame; in place."""
    frames = frame - tracks.frames[rows]
    expected = predict(tracks.poses[rows], tracks.velocities[rows], frames)
    tracks.hits[rows] += 1
    tracks.poses[rows], tracks.velocities[rows] = correct(
        expected,
        tracks.velocities[rows],
        poses,
        frames,
        *gains(tracks.hits[rows], config.position_gain, config.velocity_gain),
    )
    tracks.frames[rows], tracks.times[rows] = frame, time
