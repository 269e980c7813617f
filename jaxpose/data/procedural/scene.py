"""Procedural scenes: articulated people move through textured surroundings, filmed by moving cameras, with all truth.

`scene(seed)` draws everything by chance; `Scene.frame` then makes any frame of any view, alone and always the same:
motion -> joints in the world -> flesh -> picture. No files, no downloads; NumPy and OpenCV only.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64, UInt8

from jaxpose.data.procedural import stage as stages
from jaxpose.data.procedural.camera import Camera, Rig, camera_at, moving, project
from jaxpose.data.procedural.crowd import Crowd
from jaxpose.data.procedural.figure import AT, JOINTS, Bodies, draw_bodies, stand
from jaxpose.data.procedural.flesh import patches
from jaxpose.data.procedural.light import Grade, draw_grade, graded, shadows
from jaxpose.data.procedural.looks import Looks, dress
from jaxpose.data.procedural.motion import Actors, cast, pose_at
from jaxpose.data.procedural.paint import boxes, clothe, paint, visibility
from jaxpose.data.procedural.patterns import colour
from jaxpose.records import Frame, People
from jaxpose.skeletons import Skeleton

SIZE = (368, 368)
"""Width and height of a picture."""


class Seen(NamedTuple):
    """All people of a scene as one camera has them in one frame; also those who are not in the picture."""

    ids: Int64[np.ndarray, "p"]
    keypoints: Float[np.ndarray, "p 138 3"]  # in the order of `figure.JOINTS`: x, y, 0 outside, 1 hidden, 2 visible
    boxes: Float[np.ndarray, "p 4"]  # x, y, w, h of the whole body in the picture; zeros where it is not
    world: Float[np.ndarray, "p 138 3"]  # the joints in metres, y up


class Scene(NamedTuple):
    """A scene; its people are numbered from 0, these are their ids. Frames are `1 / rate` seconds apart."""

    seed: int
    size: tuple[int, int]
    frames: int
    rate: float
    bodies: Bodies
    looks: Looks
    actors: Actors
    ground: Float[np.ndarray, "p 2"]  # where each person is halfway
    stage: stages.Stage
    rigs: tuple[Rig, ...]
    grade: Grade

    def camera(self, number: int, view: int = 0) -> Camera:
        """The camera of a view in a frame."""
        return camera_at(self.rigs[view], self._time(number), self.size)

    def crowd(self, number: int) -> Crowd:
        """The people in a frame, in the world."""
        return _crowd(self.bodies, self.looks, self.actors, self.ground, self._time(number))

    def frame(self, number: int, view: int = 0) -> tuple[UInt8[np.ndarray, "h w 3"], Seen]:
        """A picture (RGB), and the people in it."""
        if not 0 <= number < self.frames:
            raise IndexError(f"the scene has frames 0 to {self.frames - 1}, got {number}")
        camera, crowd = self.camera(number, view), self.crowd(number)
        canvas, floor = stages.background(self.stage, camera)
        shadows(canvas, floor, crowd, camera, self.grade)
        sun = camera.turn @ self.grade.sun
        light = sun[:2]
        everything = patches(crowd, camera, light) + stages.things(self.stage, camera, light)
        blur = 0.007 * camera.focal / float(np.median(project(crowd.placed.skull, camera)[1].clip(1.0)))
        painted = paint(canvas, everything, self.grade.contrast, min(blur, 4.0))
        clothe(painted, crowd, camera)
        image = graded(painted.image, self.grade, np.random.default_rng((self.seed, 1, number, view)))
        seen = Seen(
            np.arange(len(self.ground)),
            visibility(painted, crowd, camera),
            boxes(painted, len(self.ground)),
            crowd.placed.joints,
        )
        return image, seen

    def play(self, skeleton: Skeleton, view: int = 0) -> Iterator[tuple[Frame, People]]:
        """The scene as a video: every frame, and the people who are in it (visible or hidden joints have score 1).

        Whoever has no visible joint in a frame is left out of it; the ids are the same in all frames and views.
        """
        for number in range(self.frames):
            image, seen = self.frame(number, view)
            keypoints = of_skeleton(seen.keypoints, skeleton)
            there = (keypoints[..., 2] == 2).any(1)
            keypoints[..., 2] = keypoints[..., 2] > 0
            time = number / self.rate
            people = People(number, time, keypoints.astype(np.float32), np.ones(len(there), np.float32), seen.ids,
                            seen.boxes.astype(np.float32))  # fmt: skip
            yield Frame(number, time, image), people.select(there)

    def _time(self, number: int) -> float:
        return (number - self.frames // 2) / self.rate


def of_skeleton(keypoints: Float[np.ndarray, "p 138 3"], skeleton: Skeleton) -> Float[np.ndarray, "p j 3"]:
    """The joints of a body's skeleton. Raises `ValueError` for a joint that procedural people lack."""
    for joint in skeleton.joints:
        if joint not in AT:
            raise ValueError(f"{joint!r} of {skeleton.name} is no joint of the procedural people: choose from {JOINTS}")
    return keypoints[:, [AT[joint] for joint in skeleton.joints]]


def _crowd(bodies: Bodies, looks: Looks, actors: Actors, ground: np.ndarray, time: float) -> Crowd:
    pose, moved, heading = pose_at(actors, time)
    return Crowd(bodies, looks, stand(bodies, pose, ground + moved, heading))


def scene(
    seed: int,
    *,
    size: tuple[int, int] = SIZE,
    people: tuple[int, int] = (1, 6),
    frames: int = 1,
    rate: float = 25.0,
    views: int = 1,
    near: tuple[float, float] = (0.3, 1.5),
    aim: str = "mid_hip",
) -> Scene:
    """Draw a scene.

    Args:
        seed: decides everything.
        size: width and height of the pictures.
        people: the least and the most people; some of them may be outside of the picture.
        frames: of the video.
        rate: frames a second.
        views: cameras, all around the people and looking at the same one.
        near: how tall the person in the middle is in the picture, as shares of its height.
        aim: the joint of that person which the camera looks at.
    """
    rng = np.random.default_rng((seed, 0))
    width, height = size
    count = int(rng.integers(people[0], people[1] + 1))
    bodies, looks = draw_bodies(rng, count), dress(rng, count)

    tall = height * float(np.exp(rng.uniform(*np.log(near))))
    focal = float(rng.uniform(0.8, 2.0)) * max(size)
    focal = max(focal, 2.0 * tall / bodies.height[0])
    away = focal * bodies.height[0] / tall
    facing = float(rng.uniform(-np.pi, np.pi))
    actors = cast(rng, bodies.height, facing, acts=1 if frames / rate < 1 else 4)
    ground = _spots(rng, count, facing, away, width / focal)

    crowd = _crowd(bodies, looks, actors, ground, 0.0)
    rigs = tuple(
        _rig(rng, facing + 2 * np.pi * view / views, away, focal, crowd.placed.joints[0, AT[aim]], width / focal, aim)
        for view in range(views)
    )
    if frames > 1:
        rigs = tuple(moving(rng, rig) for rig in rigs)
    radius = away + 1.5 + float(rng.uniform(0.3, 8))
    grain = focal / (away + radius) / float(rng.uniform(0.7, 2.0))
    furniture, poles = _things(rng, crowd, actors, ground, away, facing, width / focal)
    return Scene(
        seed, size, frames, rate, bodies, looks, actors, ground,
        stages.draw_stage(rng, radius, grain, furniture, poles), rigs, draw_grade(rng),
    )  # fmt: skip


def _spots(rng: np.random.Generator, count: int, facing: float, away: float, spread: float) -> np.ndarray:
    """Places for people: one in the middle, the others in the first camera's picture, 0.6 m apart where possible."""
    ahead, aside = np.array([np.sin(facing), np.cos(facing)]), np.array([np.cos(facing), -np.sin(facing)])
    spots = np.zeros((count, 2))
    for person in range(1, count):
        for _ in range(12):
            depth = rng.uniform(-min(0.5 * away, away - 1.5), max(1.0, min(0.9 * away, 5.0)))
            across = rng.uniform(-1, 1) * max(0.55 * spread * (away + depth), 0.9)
            spots[person] = across * aside - depth * ahead
            if np.square(spots[:person] - spots[person]).sum(1).min() > 0.36:
                break
    return spots


def _rig(
    rng: np.random.Generator, turn: float, away: float, focal: float, target: np.ndarray, spread: float, aim: str
) -> Rig:
    """A camera `away` metres from its target, at any height."""
    high = float(rng.uniform(0.5, 2.0)) if rng.random() < 0.75 else float(rng.uniform(2.0, 2.0 + 0.6 * away))
    rise = np.clip((high - target[1]) / away, -0.5, 0.85)
    flat = away * np.sqrt(1 - rise**2)
    position = target + np.array([flat * np.sin(turn), away * rise, flat * np.cos(turn)])
    position[1] = max(position[1], 0.15)
    off = rng.uniform(-0.5, 0.5, 3) * spread * away * (0.5 if aim == "mid_hip" else 0.25)
    still = np.array([0, 1.0, 0])
    return Rig(position, target + off * [1, 0.5, 1], focal, float(rng.normal(0, 0.04)), still, still,
               np.stack([still] * 3), np.zeros(3))  # fmt: skip


def _things(
    rng: np.random.Generator, crowd: Crowd, actors: Actors, ground: np.ndarray, away: float, facing: float,
    spread: float,
) -> tuple[tuple[stages.Box, ...], tuple[stages.Pole, ...]]:  # fmt: skip
    """Seats for who sits, and boxes and poles where nobody is or walks."""
    joints = crowd.placed.joints
    walked = (ground[:, None] + actors.path[:, ::8] * (actors.speed > 0)[:, None, None]).reshape(-1, 2)
    taken = np.concatenate([walked, joints[:, ::3, [0, 2]].reshape(-1, 2)])
    shades = np.array([[1.0], [0.75], [0.55]])
    furniture = [
        stages.seat(joints[person, AT["mid_hip"]], float(actors.heading[person]), float(crowd.bodies.height[person]),
                    colour(rng) * shades)
        for person in np.flatnonzero(actors.seated)
    ]  # fmt: skip
    poles = []
    ahead, aside = np.array([np.sin(facing), np.cos(facing)]), np.array([np.cos(facing), -np.sin(facing)])
    for _ in range(int(rng.integers(0, 6))):
        depth = rng.uniform(-min(0.6 * away, away - 1.2), min(away, 5.0))
        spot = rng.uniform(-0.55, 0.55) * spread * (away + depth) * aside - depth * ahead
        gap = float(np.sqrt(np.square(taken - spot).sum(1).min()))
        if rng.random() < 0.35 and gap > 0.35:
            poles.append(stages.Pole(spot, float(rng.uniform(0.8, 4)), float(rng.uniform(0.015, 0.12)), colour(rng)))
        elif gap > 0.6:
            wide = rng.uniform(0.25, min(gap, 1.1), 2)
            high = rng.uniform(0.3, 1.1) if depth < 0 else rng.uniform(0.3, 2.0)
            furniture.append(stages.Box(spot, np.array([wide[0], high, wide[1]]), float(rng.uniform(0, np.pi)),
                                        colour(rng) * shades))  # fmt: skip
    return tuple(furniture), tuple(poles)
