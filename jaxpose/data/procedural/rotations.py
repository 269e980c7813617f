"""Turns in space for the procedural figures and cameras: matrices from angles in radians, vectorised.

The world is right-handed with y up. A figure that is not turned looks along +z and has its left on +x.
"""

import numpy as np
from jaxtyping import Float

Turns = Float[np.ndarray, "*n 3 3"]


def about(axis: int, angle: Float[np.ndarray, "*n"] | float) -> Turns:
    """The turn by `angle` about x (0), y (1) or z (2), counter-clockwise when seen from the axis' tip."""
    angle = np.asarray(angle, np.float64)
    one, two = (axis + 1) % 3, (axis + 2) % 3
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.zeros((*angle.shape, 3, 3))
    turn[..., axis, axis] = 1
    turn[..., one, one] = turn[..., two, two] = cos
    turn[..., two, one], turn[..., one, two] = sin, -sin
    return turn


def turned(turn: Turns, x: object = 0.0, y: object = 0.0, z: object = 0.0) -> Float[np.ndarray, "*n 3"]:
    """The vector (x, y, z), each a number or one per turn, after the turn."""
    return turn[..., 0] * _column(x) + turn[..., 1] * _column(y) + turn[..., 2] * _column(z)


def unit(vectors: Float[np.ndarray, "*n d"]) -> Float[np.ndarray, "*n d"]:
    """The vectors at length 1."""
    return vectors / np.maximum(np.sqrt(np.square(vectors).sum(-1, keepdims=True)), 1e-12)


def cross(a: Float[np.ndarray, "*n 3"], b: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """The cross product; for few vectors several times faster than NumPy's."""
    x, y, z = a[..., 0], a[..., 1], a[..., 2]
    u, v, w = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)


def _column(value: object) -> Float[np.ndarray, "*n 1"]:
    return np.asarray(value, np.float64)[..., None]
