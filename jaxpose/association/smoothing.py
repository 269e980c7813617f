"""Steadier joints: the One-Euro filter of Casiez et al. (CHI 2012), for each id and joint, frame by frame.

A low-pass filter whose cutoff rises with speed: it takes the trembling from what stands still, and lags little behind
what moves. It stands behind a tracker and changes nothing but the places of joints.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from jaxpose.records import NO_ID, People, joint_boxes

FORGET = 5.0
"""Seconds after which an id that is not seen is forgotten (the baseline tracker gives it up sooner)."""


class _State(NamedTuple):
    """What is known of one id."""

    xy: Float64[np.ndarray, "j 2"]  # smoothed
    speed: Float64[np.ndarray, "j 2"]  # smoothed, pixels a second
    time: Float64[np.ndarray, "j"]  # of the joint's last sight; NaN before the first
    last: float  # of the person's


class Smoother:
    """Smooths people frame by frame; its only state is the last filtered place and speed of each id's joints.

    `min_cutoff` (Hz) is the cutoff at rest: lower is steadier. `beta` is by how many Hz it rises with a speed of one
    person's size (the longer side of the box) a second: higher lags less. (The paper takes the speed in units of the
    signal; in sizes of the person the same values suit any picture.) `speed_cutoff` (Hz) smooths the speed itself.

    A joint that is missing stays missing; when it comes back, the time in between counts as one long step, which the
    filter trusts accordingly more. People without an id stay as they are.
    """

    def __init__(self, min_cutoff: float = 1.0, beta: float = 4.0, speed_cutoff: float = 1.0) -> None:
        if min(min_cutoff, speed_cutoff) <= 0 or beta < 0:
            raise ValueError(f"cutoffs must be above 0 and `beta` not below, got {min_cutoff}, {beta}, {speed_cutoff}")
        self.min_cutoff, self.beta, self.speed_cutoff = min_cutoff, beta, speed_cutoff
        self._states: dict[int, _State] = {}

    def smooth(self, people: People) -> People:
        """The next frame's people with their joints smoothed; frames come in the order of their times."""
        keypoints = people.keypoints.copy()
        for row in np.flatnonzero(people.ids != NO_ID).tolist():
            keypoints[row, :, :2] = self._step(int(people.ids[row]), people.keypoints[row], float(people.time))
        for gone in [key for key, state in self._states.items() if people.time - state.last > FORGET]:
            del self._states[gone]
        return people._replace(keypoints=keypoints, boxes=joint_boxes(keypoints))

    def reset(self) -> None:
        """Forget everybody; the next frame starts a new video."""
        self._states.clear()

    def _step(self, identity: int, pose: np.ndarray, time: float) -> Float64[np.ndarray, "j 2"]:
        """The smoothed places of one person's joints."""
        there, measured = pose[:, 2] > 0, pose[:, :2].astype(np.float64)
        before = self._states.get(identity)
        if before is None:
            before = _State(measured, np.zeros_like(measured), np.full(len(pose), np.nan), time)
        elapsed = np.where(there, time - before.time, np.nan)
        known: Bool[np.ndarray, "j"] = elapsed > 0
        step = np.where(known, elapsed, 1.0)[:, None]
        size = max(np.ptp(measured[there], axis=0).max(initial=0), 1.0) if there.any() else 1.0
        speed = _blend((measured - before.xy) / step, before.speed, _weight(self.speed_cutoff, step))
        cutoff = self.min_cutoff + self.beta * np.abs(speed) / size
        xy = _blend(measured, before.xy, _weight(cutoff, step))
        known = known[:, None]
        xy = np.where(known, xy, measured)
        kept = there[:, None]
        self._states[identity] = _State(
            xy=np.where(kept, xy, before.xy),
            speed=np.where(known, speed, np.where(kept, 0, before.speed)),
            time=np.where(there, time, before.time),
            last=time,
        )
        return np.where(kept, xy, measured)


def _weight(cutoff: float | np.ndarray, step: Float64[np.ndarray, "j 1"]) -> np.ndarray:
    """The share of the new value in a low-pass filter: 1 / (1 + tau / step), tau = 1 / (2 pi cutoff)."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))


def _blend(new: np.ndarray, old: np.ndarray, share: np.ndarray) -> np.ndarray:
    return share * new + (1 - share) * old
