"""How procedural people move over time: acts that follow each other, walks around closed paths, turning.

`Actors` holds everything that was drawn by chance; `pose_at` is then a pure function of the time, so that any frame of
a scene can be made alone.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxpose.data.procedural.acts import IN_PLACE, Act, running, walking
from jaxpose.data.procedural.figure import Pose

_PERIOD = 3.0  # seconds from one act to the next
_CHANGE = 0.9  # of which the change takes
_POINTS = 128  # of a path
_KINDS = ("walk", "run", "stand", "sit", "floor", "sport")
_LIKELY = np.array([0.24, 0.08, 0.36, 0.14, 0.08, 0.10])


class Actors(NamedTuple):
    """The movement of `p` people; `m` acts each. Seconds, metres, radians."""

    base: Float[np.ndarray, "p m 15 3"]
    swing: Float[np.ndarray, "p m 15 3"]
    phase: Float[np.ndarray, "p m 15 3"]
    curls: Float[np.ndarray, "p m 2 5"]
    lift: Float[np.ndarray, "p m"]
    rate: Float[np.ndarray, "p"]  # radians of phase a second, for those who stay
    start: Float[np.ndarray, "p"]  # seconds that each is ahead of the scene's clock
    stride: Float[np.ndarray, "p"]  # metres of a whole gait cycle; 0: stays
    speed: Float[np.ndarray, "p"]  # metres a second along the path
    path: Float[np.ndarray, "p 129 2"]  # a closed path on the ground around (0, 0), where the person is at time 0
    length: Float[np.ndarray, "p 129"]  # of the path up to each point
    heading: Float[np.ndarray, "p"]  # of those who stay
    turning: Float[np.ndarray, "p"]  # how far those turn to and fro
    seated: Bool[np.ndarray, "p"]
    spread: Float[np.ndarray, "p 2"]
    mood: Float[np.ndarray, "p 4"]


def cast(rng: np.random.Generator, heights: Float[np.ndarray, "p"], facing: float, acts: int) -> Actors:
    """Draw the movement of people of these heights; every second one looks about towards `facing`."""
    count = len(heights)
    kinds = [_KINDS[kind] for kind in rng.choice(len(_KINDS), count, p=_LIKELY)]
    movers = np.array([kind in ("walk", "run") for kind in kinds], bool)
    runs = np.array([kind == "run" for kind in kinds], bool)
    drawn = [_acts(rng, kind, acts) for kind in kinds]
    stacked = [np.array([[act[field] for act in row] for row in drawn]) for field in range(5)]
    base, swing, phase, curls, lift = (
        array.reshape(count, acts, *shape)
        for array, shape in zip(stacked, ((15, 3), (15, 3), (15, 3), (2, 5), ()), strict=True)
    )
    path, length = _paths(rng, count)
    towards = np.where(rng.random(count) < 0.5, facing + rng.normal(0, 0.4, count), rng.uniform(-np.pi, np.pi, count))
    return Actors(
        base, swing, phase, curls, lift,
        rate=2 * np.pi * rng.uniform(0.3, 1.2, count),
        start=rng.uniform(0, _PERIOD, count),
        stride=np.where(movers, heights * np.where(runs, 1.35, 0.85), 0.0),
        speed=heights / 1.7 * np.where(runs, rng.uniform(2.2, 3.5, count), rng.uniform(0.9, 1.6, count)) * movers,
        path=path,
        length=length,
        heading=towards,
        turning=rng.uniform(0, 0.5, count),
        seated=np.array([kind == "sit" for kind in kinds], bool),
        spread=rng.uniform(0.2, 1.4, (count, 2)),
        mood=np.clip(rng.normal([0.15, 0.2, 0.75, 0.2], [0.3, 0.5, 0.2, 0.3], (count, 4)), [0, -1, 0.1, 0], 1),
    )  # fmt: skip


def _acts(rng: np.random.Generator, kind: str, count: int) -> list[Act]:
    if kind == "walk":
        return [walking(rng)] * count
    if kind == "run":
        return [running(rng)] * count
    return [IN_PLACE[kind][rng.integers(len(IN_PLACE[kind]))](rng) for _ in range(count)]


def _paths(rng: np.random.Generator, count: int) -> tuple[Float[np.ndarray, "p 129 2"], Float[np.ndarray, "p 129"]]:
    """Ellipses of any direction through (0, 0), with their lengths so far."""
    turn = np.linspace(0, 2 * np.pi, _POINTS + 1) * rng.choice([-1, 1], (count, 1)) + rng.uniform(0, 6.3, (count, 1))
    long = rng.uniform(1.0, 4.0, (count, 1))
    ellipse = np.stack([long * np.cos(turn), long * rng.uniform(0.35, 1.0, (count, 1)) * np.sin(turn)], axis=-1)
    aim = rng.uniform(0, np.pi, count)
    cos, sin = np.cos(aim), np.sin(aim)
    path = ellipse @ np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1)
    path -= path[:, :1]
    steps = np.sqrt(np.square(np.diff(path, axis=1)).sum(-1))
    return path, np.concatenate([np.zeros((count, 1)), np.cumsum(steps, axis=1)], axis=1)


def pose_at(actors: Actors, time: float) -> tuple[Pose, Float[np.ndarray, "p 2"], Float[np.ndarray, "p"]]:
    """The poses, the way (x, z) from where each person was at time 0, and where each looks, at `time` in seconds."""
    people = np.arange(len(actors.rate))
    clock = (time + actors.start) / _PERIOD
    now = np.floor(clock).astype(np.int64)
    share = np.clip((clock - now - 1) * _PERIOD / _CHANGE + 1, 0, 1)
    share = share * share * (3 - 2 * share)
    count = actors.base.shape[1]

    way = actors.speed * time
    beat = np.where(actors.stride > 0, 2 * np.pi * way / np.maximum(actors.stride, 1e-9), actors.rate * time)

    def mixed(values: Float[np.ndarray, "p m *n"]) -> Float[np.ndarray, "p *n"]:
        weight = share.reshape(-1, *[1] * (values.ndim - 2))
        return values[people, now % count] * (1 - weight) + values[people, (now + 1) % count] * weight

    angles = mixed(actors.base + actors.swing * np.sin(actors.phase + beat[:, None, None, None]))
    hop = mixed(actors.lift) * np.where(actors.stride > 0, 0.5 + 0.5 * np.cos(2 * beat), np.abs(np.sin(beat / 2 + 1)))
    wiggle = 0.08 * np.sin(beat[:, None, None] * [[0.3], [0.4]] + np.arange(5))
    place, ahead = _along(actors, way)
    heading = np.where(actors.stride > 0, ahead, actors.heading + actors.turning * np.sin(0.4 * actors.rate * time))
    blink = 1 - 0.9 * (np.sin(1.7 * time + 5 * actors.start) > 0.985)
    mood = actors.mood * np.stack([0.6 + 0.4 * np.sin(beat), np.ones_like(beat), blink, np.ones_like(beat)], axis=1)
    pose = Pose(angles, np.clip(mixed(actors.curls) + wiggle, -0.1, 1), actors.spread, mood, hop)
    return pose, place, heading


def _along(actors: Actors, way: Float[np.ndarray, "p"]) -> tuple[Float[np.ndarray, "p 2"], Float[np.ndarray, "p"]]:
    """The place and the direction on each path after `way` metres."""
    place, ahead = np.zeros((len(way), 2)), np.zeros(len(way))
    for person in np.flatnonzero(actors.speed > 0):
        length, path = actors.length[person], actors.path[person]
        spots = (way[person] + np.array([0.0, -0.15, 0.15])) % length[-1]
        x, z = (np.interp(spots, length, path[:, axis]) for axis in (0, 1))
        place[person] = x[0], z[0]
        ahead[person] = np.arctan2(x[2] - x[1], z[2] - z[1])
    return place, ahead
