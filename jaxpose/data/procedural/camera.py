"""The cameras of a procedural scene: where they stand, how they move, and where a point in the world lies in a picture.

A camera is a projection matrix: `projection @ (x, y, z, 1)` of a point in metres gives (u w, v w, w), (u, v) in pixels
(the centre of the top-left pixel is (0, 0)) and w the distance along the line of sight in metres.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxpose.data.procedural.rotations import about, cross, unit

NEAR = 0.25
"""What is nearer than this (in metres) is behind the camera."""


class Camera(NamedTuple):
    """A pinhole camera without distortion at one moment."""

    focal: float  # pixels
    size: tuple[int, int]  # width, height in pixels
    turn: Float[np.ndarray, "3 3"]  # rows: the picture's right, its down, the line of sight, in the world
    position: Float[np.ndarray, "3"]  # metres

    @property
    def projection(self) -> Float[np.ndarray, "3 4"]:
        """From the world, homogeneous, to pixels, homogeneous."""
        width, height = self.size
        inner = np.array([[self.focal, 0, (width - 1) / 2], [0, self.focal, (height - 1) / 2], [0, 0, 1]])
        return inner @ np.concatenate([self.turn, -(self.turn @ self.position)[:, None]], axis=1)


class Rig(NamedTuple):
    """One camera over time: where it is at rest, and how far it pans, zooms, drives and shakes."""

    position: Float[np.ndarray, "3"]
    target: Float[np.ndarray, "3"]  # it looks there at rest
    focal: float
    roll: float
    pan: Float[np.ndarray, "3"]  # radians to the side, radians a second, phase
    zoom: Float[np.ndarray, "3"]  # share of the focal length, likewise
    dolly: Float[np.ndarray, "3 3"]  # metres for each axis, likewise
    shake: Float[np.ndarray, "3"]  # radians to the side and up, and of roll


def project(
    points: Float[np.ndarray, "*n 3"], camera: Camera
) -> tuple[Float[np.ndarray, "*n 2"], Float[np.ndarray, "*n"]]:
    """Points in pixels, and how far away each is along the line of sight, in metres.

    The pixels of points nearer than `NEAR` mean nothing.
    """
    width, height = camera.size
    found = (points - camera.position) @ camera.turn.T
    depth = found[..., 2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return found[..., :2] * (camera.focal / np.maximum(depth, NEAR))[..., None] + middle, depth


def look(position: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"], roll: float) -> Float[np.ndarray, "3 3"]:
    """The turn of a camera that looks from one point at another, with the horizon tilted by `roll`."""
    sight = unit(target - position)
    right = unit(cross(sight, np.array([0, 1.0, 0])))
    down = cross(sight, right)
    return about(2, roll) @ np.stack([right, down, sight])


def moving(rng: np.random.Generator, rig: Rig) -> Rig:
    """The same rig with random movements: panning, zooming, driving and shaking, each in two of five cases."""
    pan, zoom, drive, shake = rng.random(4) < 0.4

    def wave(most: float) -> Float[np.ndarray, "3"]:
        return np.array([rng.uniform(0.3, 1) * most, rng.uniform(0.3, 1.2), rng.uniform(0, 2 * np.pi)])

    return rig._replace(
        pan=wave(0.15) * [pan, 1, 1],
        zoom=wave(0.25) * [zoom, 1, 1],
        dolly=np.stack([wave(0.5), wave(0.1), wave(0.5)]) * [[drive, 1, 1]],
        shake=np.array([0.004, 0.004, 0.006]) * shake,
    )


def camera_at(rig: Rig, time: float, size: tuple[int, int]) -> Camera:
    """The camera of a rig at `time` in seconds."""

    def wave(values: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
        return values[..., 0] * np.sin(values[..., 1] * time + values[..., 2])

    beats = np.array([[31.0, 53.0], [37.0, 61.0], [29.0, 47.0]]) * time + [[0, 1], [2, 3], [4, 5]]
    right, up, roll = rig.shake * np.sin(beats).sum(1)
    position = rig.position + wave(rig.dolly)
    turn = look(position, rig.target, rig.roll + roll)
    turn = about(0, up) @ about(1, right + wave(rig.pan)) @ turn
    return Camera(rig.focal * (1 + float(wave(rig.zoom))), size, turn, position)
