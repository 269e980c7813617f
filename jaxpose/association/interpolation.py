"""People of the frames in between, where only every n-th was looked at: straight lines from each id's joints.

It stands behind a tracker, and needs one frame of patience: the frames of a gap are told when the frame after it comes.
"""

import numpy as np

from jaxpose.records import NO_ID, People, joint_boxes

LONGEST = 1.0
"""Seconds of the longest gap that is filled; in more time people do something else than walk on straight."""

TRUST = 0.5
"""What the scores of interpolated people and joints are multiplied by, so that they can be told from those seen."""


class Interpolator:
    """Fills the frames that a tracker was not shown; its state is the last frame told."""

    def __init__(self) -> None:
        self._last: People | None = None

    def push(self, people: People) -> list[People]:
        """The frames between the last one and this one, then this one.

        In the frames between are those ids, and of these those joints, that both frames have. Places, times and scores
        lie on straight lines between the two, the scores times `TRUST`. A gap of more than `LONGEST` seconds stays.
        """
        last, self._last = self._last, people
        if last is None or not 0 < people.time - last.time <= LONGEST:
            return [people]
        ids = np.intersect1d(last.ids, people.ids)
        ids = ids[ids != NO_ID]
        before, after = (_pick(one, ids) for one in (last, people))
        gap = people.frame - last.frame
        return [*(_between(before, after, step / gap, last.frame + step) for step in range(1, gap)), people]

    def reset(self) -> None:
        """Forget the last frame; the next one starts a new video."""
        self._last = None


def _between(before: People, after: People, share: float, frame: int) -> People:
    """The same people, in the same order, at a share of the way."""
    keypoints = (1 - share) * before.keypoints + share * after.keypoints
    keypoints[..., 2] *= TRUST
    keypoints[(before.keypoints[..., 2] <= 0) | (after.keypoints[..., 2] <= 0)] = 0
    keypoints = keypoints.astype(np.float32)
    scores = TRUST * ((1 - share) * before.scores + share * after.scores)
    time = (1 - share) * before.time + share * after.time
    return People(frame, time, keypoints, scores.astype(np.float32), before.ids, joint_boxes(keypoints))


def _pick(people: People, ids: np.ndarray) -> People:
    """The people of these ids, in this order; each of them is there."""
    order = np.argsort(people.ids, kind="stable")
    return people.select(order[np.searchsorted(people.ids, ids, sorter=order)])
