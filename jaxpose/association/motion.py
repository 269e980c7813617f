"""How tracked people move between frames: whole bodies with a constant velocity, corrected by what is found.

The filter is the alpha-beta one (a Kalman filter's steady state, with its gains as settings; Kalata, IEEE Trans. AES
1984). Only the body as a whole has a velocity: limbs swing back, and a missing joint has none. Times are in frames, so
that frames left out do no harm. Pure functions on arrays, NumPy only; `identities` calls them.
"""

import numpy as np
from jaxtyping import Float64, Int64


def predict(
    poses: Float64[np.ndarray, "n j 3"], velocities: Float64[np.ndarray, "n 2"], frames: Int64[np.ndarray, "n"]
) -> Float64[np.ndarray, "n j 3"]:
    """The poses moved on by their velocities (pixels a frame) for so many frames."""
    moved = poses.copy()
    moved[..., :2] += (velocities * frames[:, None])[:, None]
    return moved


def body_shift(start: Float64[np.ndarray, "n j 3"], stop: Float64[np.ndarray, "n j 3"]) -> Float64[np.ndarray, "n 2"]:
    """How far each body moved: the median over the joints in both poses, which a few wrong ones do not bend.

    (0, 0) where no joint is in both.
    """
    shared = (start[..., 2] > 0) & (stop[..., 2] > 0)
    moves = np.where(shared[..., None], stop[..., :2] - start[..., :2], np.inf)
    moves.sort(axis=1)
    count, rows = shared.sum(1), np.arange(len(moves))
    last = np.maximum(count - 1, 0)
    median = (moves[rows, last // 2] + moves[rows, (last + 1) // 2]) / 2
    return np.where(count[:, None] > 0, median, 0)


def gains(
    sights: Int64[np.ndarray, "n"], position_gain: float, velocity_gain: float
) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n"]]:
    """The gains of tracks at their `sights`-th sight (2 or more): those given, or larger ones for young tracks.

    Those of a young track make its motion the straight line of least squares through its sights so far.
    """
    pairs = sights * (sights + 1)
    return np.maximum(position_gain, (4 * sights - 2) / pairs), np.maximum(velocity_gain, 6 / pairs)


def correct(
    expected: Float64[np.ndarray, "n j 3"],
    velocities: Float64[np.ndarray, "n 2"],
    found: Float64[np.ndarray, "n j 3"],
    frames: Int64[np.ndarray, "n"],
    position_gain: Float64[np.ndarray, "n"],
    velocity_gain: Float64[np.ndarray, "n"],
) -> tuple[Float64[np.ndarray, "n j 3"], Float64[np.ndarray, "n 2"]]:
    """Poses and velocities after people expected in one place, `frames` frames after their last sight, were found.

    A joint in both poses moves by `position_gain` of the way, one that is new is taken as found, and one that was not
    found is carried along with the body.
    """
    shift = body_shift(expected, found)
    part = position_gain[:, None, None]
    poses = expected.copy()
    poses[..., :2] += part * shift[:, None]
    both = expected[..., :2] + part * (found[..., :2] - expected[..., :2])
    there = found[..., 2:] > 0
    poses[..., :2] = np.where(there, np.where(expected[..., 2:] > 0, both, found[..., :2]), poses[..., :2])
    poses[..., 2:] = np.where(there, found[..., 2:], expected[..., 2:])
    return poses, velocities + velocity_gain[:, None] * shift / frames[:, None]
