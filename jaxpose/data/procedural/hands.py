"""The hands of the procedural figures: where the 20 finger joints are for given curls.

In a hand's own frame the fingers of a flat hand point to -y, the thumb is on the +z side, and the palm looks to -x on
the left hand and to +x on the right one (towards the thigh, with the arm hanging). Lengths are in units of the hand's.
"""

import numpy as np
from jaxtyping import Float

_KNUCKLES = np.array([[-0.16, 0.10], [-0.50, 0.13], [-0.52, 0.04], [-0.49, -0.05], [-0.44, -0.13]])  # y, z
_PHALANGES = np.array(
    [[0.24, 0.18, 0.14], [0.23, 0.14, 0.10], [0.25, 0.15, 0.11], [0.22, 0.14, 0.11], [0.17, 0.11, 0.09]]
)
_SPREAD = np.array([0.75, 0.16, 0.03, -0.10, -0.24])  # the angle of each finger from -y towards +z, in radians
_BENDS = np.array([[0.4, 0.7, 1.0]] + 4 * [[0.8, 1.7, 2.3]])  # radians from the palm's plane at curl 1

SIDES = np.array([1.0, -1.0])  # left, right: the sign of x


def fingers(curls: Float[np.ndarray, "p 2 5"], spread: Float[np.ndarray, "p 2"]) -> Float[np.ndarray, "p 2 20 3"]:
    """The joints of each hand (left, right) in its own frame, `thumb_1` to `pinky_4`, relative to the wrist.

    `curls` run from 0 (flat) to 1 (a fist), thumb to pinky; `spread` 1 is an ordinary open hand.
    """
    bend = curls[..., None] * _BENDS
    aside = _SPREAD * np.where(np.arange(5) == 0, 1.0, spread[..., None])
    along = np.cos(bend)
    steps = np.stack(
        [
            -SIDES[:, None, None] * np.sin(bend),
            -along * np.cos(aside)[..., None],
            along * np.sin(aside)[..., None],
        ],
        axis=-1,
    )
    joints = np.zeros((*curls.shape, 4, 3))
    joints[..., 0, 1:] = _KNUCKLES
    joints[..., 1:, :] = joints[..., :1, :] + np.cumsum(_PHALANGES[..., None] * steps, axis=-2)
    return joints.reshape(*curls.shape[:-1], 20, 3)
