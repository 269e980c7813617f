"""The faces of the procedural figures: the 70 landmarks, and the outline of the skin, on a head that is a unit sphere.

In the head's own frame +z is ahead, +y up and +x the person's left. `figure` stretches the sphere to an egg and turns
it; points that stick out of it (the nose) have a length above 1.
"""

import numpy as np
from jaxtyping import Float

from jaxpose.data.procedural.rotations import unit
from jaxpose.skeletons import FACE_70

EARS = unit(np.array([[1.0, -0.05, -0.12], [-1.0, -0.05, -0.12]])) * 1.04  # left, right
EYES = [FACE_70.index("left_pupil"), FACE_70.index("right_pupil")]
NOSE = FACE_70.index("nose_bridge_4")

CONTOUR = slice(0, 17)
BROWS = (slice(17, 22), slice(22, 27))  # right, left
EYE_RINGS = (slice(36, 42), slice(42, 48))  # right, left
LIPS = slice(48, 60)
MOUTH = slice(60, 68)
BRIDGE = slice(27, 31)
NOSTRILS = slice(31, 36)


def landmarks(features: Float[np.ndarray, "p 4"], mood: Float[np.ndarray, "p 4"]) -> Float[np.ndarray, "p 70 3"]:
    """The points of FACE_70 on the unit head.

    `features` are what one face has for life: the distance of the eyes, the length of the nose, the width of the mouth
    and the height of the brows, each about 1. `mood` is how far the mouth is open, smile, how far the eyes are open,
    how high the brows are raised; 0 to 1, the smile -1 to 1.
    """
    apart, long, wide, high = features.T[:, :, None]
    open_mouth, smile, open_eyes, raised = mood.T[:, :, None]
    flat = np.zeros((len(features), 70, 2))
    turn = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    for side, ring, brow, pupil in ((-1, 36, 17, 68), (1, 42, 22, 69)):
        centre = 0.34 * side * apart
        start = np.pi - turn  # from the corner at the picture's left, over the upper lid
        flat[:, ring : ring + 6, 0] = centre + 0.155 * np.cos(start)
        flat[:, ring : ring + 6, 1] = 0.02 + (0.02 + 0.065 * open_eyes) * np.sin(start)
        flat[:, pupil] = np.concatenate([centre, np.full_like(centre, 0.02)], axis=1)
        along = np.linspace(-1, 1, 5)
        flat[:, brow : brow + 5, 0] = centre + 0.22 * along
        arch = 0.06 * (1 - along**2) - 0.02 * side * along
        flat[:, brow : brow + 5, 1] = 0.18 * high + 0.08 * raised + arch
    flat[:, BRIDGE, 1] = np.linspace(0.02, -0.28, 4) * long
    flat[:, NOSTRILS, 0] = np.linspace(-0.15, 0.15, 5)
    flat[:, NOSTRILS, 1] = -0.36 * long - 0.03 * (1 - np.linspace(-1, 1, 5) ** 2)
    for first, count, width, upper, lower in ((48, 12, 0.29, 0.075, 0.10), (60, 8, 0.23, 0.02, 0.02)):
        turn = np.pi - np.linspace(0, 2 * np.pi, count, endpoint=False)
        cos, sin = np.cos(turn), np.sin(turn)
        flat[:, first : first + count, 0] = wide * width * cos * (1 + 0.2 * smile)
        drop = np.where(sin > 0, upper, lower + 0.16 * open_mouth) * sin
        flat[:, first : first + count, 1] = -0.58 + drop + 0.06 * smile * cos**2
    ahead = np.sqrt(np.maximum(1 - np.square(flat).sum(-1), 0.05))
    points = np.concatenate([flat, ahead[..., None]], axis=-1)
    points[:, CONTOUR] = contour(open_mouth[:, 0])
    points[:, BRIDGE] *= 1 + np.linspace(0.02, 0.2, 4)[:, None] * long[..., None]
    points[:, NOSTRILS] *= 1.07
    return points


def contour(open_mouth: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 17 3"]:
    """From the right ear along the jaw to the left one."""
    turn = np.linspace(0, np.pi, 17)
    down = 0.95 * np.sin(turn) ** 0.8 + 0.03 * open_mouth[:, None] * np.sin(turn) ** 4
    side = np.broadcast_to(-0.97 * np.cos(turn), down.shape)
    return unit(np.stack([side, -down, np.broadcast_to(0.22 + 0.12 * np.sin(turn), down.shape)], axis=-1))


def hairline(height: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 11 3"]:
    """Where the skin ends above: from the left ear over the forehead (`height` 0 to 1, of the head) to the right."""
    turn = np.linspace(0, np.pi, 13)[1:-1]
    side, up = np.cos(turn), np.sin(turn) ** 0.5 * height[:, None]
    ahead = 0.25 + 0.5 * np.sin(turn)
    return unit(np.stack([np.broadcast_to(side, up.shape), up, np.broadcast_to(ahead, up.shape)], axis=-1))
