"""The small types that every part of jaxpose hands to the next: frames in, candidates or boxes between, people out.

All are NamedTuples of NumPy arrays (and so already pytrees). Points are `(x, y)` in pixels, the centre of the top-left
pixel is (0, 0); boxes are x, y, w, h in the same coordinates, x and y their top left corner. Dimension letters: `b`
batch, `h w` rows and columns, `j` joints, `l` limbs, `k` candidates of a joint, `m` partners of a candidate, `p`
people.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int, Int64, UInt8

NO_ID = -1
"""The id of a person who has none (yet)."""


class Frame(NamedTuple):
    """One picture of a video: RGB, its number counted from 0 and its presentation time in seconds."""

    number: int
    time: float
    image: UInt8[np.ndarray, "h w 3"]


class People(NamedTuple):
    """The people of one frame; a frame without people is an ordinary one with `p = 0`.

    `keypoints` are x, y, score in pixels of the source picture; a missing joint is (0, 0, 0) and only its score tells
    so. `scores` are in 0..1. `ids` are `NO_ID` where a person has no identity. `boxes` are x, y, w, h.
    """

    frame: int
    time: float
    keypoints: Float32[np.ndarray, "p j 3"]
    scores: Float32[np.ndarray, "p"]
    ids: Int64[np.ndarray, "p"]
    boxes: Float32[np.ndarray, "p 4"]

    @property
    def total(self) -> int:
        """Number of people (`len` counts a tuple's fields)."""
        return len(self.keypoints)

    def select(self, which: Bool[np.ndarray, "p"] | Int[np.ndarray, "q"]) -> "People":
        """The people that a mask or a list of indices names, in that order."""
        return self._replace(
            keypoints=self.keypoints[which],
            scores=self.scores[which],
            ids=self.ids[which],
            boxes=self.boxes[which],
        )


class Boxes(NamedTuple):
    """Where the people of one frame are, before their poses are known; a frame without people is one with `p = 0`.

    `boxes` are x, y, w, h in pixels of the source picture. The centre of its top-left pixel is (0, 0), as for joints,
    so a box around all of a picture is (-0.5, -0.5, width, height): half a pixel less than in the files of COCO and
    MOTChallenge, which count from the picture's outer corner. A box may go on beyond the picture. `scores` are in 0..1.
    `ids` are `NO_ID` where a person has no identity.
    """

    frame: int
    time: float
    boxes: Float32[np.ndarray, "p 4"]
    scores: Float32[np.ndarray, "p"]
    ids: Int64[np.ndarray, "p"]

    @property
    def total(self) -> int:
        """Number of people (`len` counts a tuple's fields)."""
        return len(self.boxes)

    def select(self, which: Bool[np.ndarray, "p"] | Int[np.ndarray, "q"]) -> "Boxes":
        """The people that a mask or a list of indices names, in that order."""
        return self._replace(boxes=self.boxes[which], scores=self.scores[which], ids=self.ids[which])


class Candidates(NamedTuple):
    """What the device hands to the host of one batch of frames: every peak, and how well peaks belong together.

    Fixed in shape: `k` slots for each joint, highest peak first, the first `found` filled; `partner` and `affinity`
    hold for each peak of a limb's first joint the slots of its `m` nearest peaks of the second joint, and the score of
    each such connection (0: none). `xy` is in pixels of the network's input. The arrays are JAX's on the device and
    NumPy's once they are copied to the host.
    """

    xy: Float32[Any, "b j k 2"]
    score: Float32[Any, "b j k"]
    found: Int[Any, "b j"]  # peaks there are; more than k means that the weakest were left out
    partner: Int[Any, "b l k m"]
    affinity: Float32[Any, "b l k m"]
    finite: Bool[Any, "b"]  # no NaN or infinity in this frame's maps


def make_people(
    keypoints: Float32[np.ndarray, "p j 3"],
    scores: Float32[np.ndarray, "p"],
    ids: Int64[np.ndarray, "p"] | None = None,
    *,
    frame: int = 0,
    time: float = 0.0,
) -> People:
    """People from their joints: the box of each spans the joints that are there, the ids default to `NO_ID`."""
    keypoints = np.asarray(keypoints, np.float32)
    return People(
        frame=frame,
        time=time,
        keypoints=keypoints,
        scores=np.asarray(scores, np.float32),
        ids=np.full(len(keypoints), NO_ID, np.int64) if ids is None else np.asarray(ids, np.int64),
        boxes=joint_boxes(keypoints),
    )


def joint_boxes(keypoints: Float32[np.ndarray, "p j 3"]) -> Float32[np.ndarray, "p 4"]:
    """The x, y, w, h that spans each person's joints (score > 0); zeros for a person without joints."""
    there = keypoints[..., 2:] > 0
    low = np.min(keypoints[..., :2], axis=1, where=there, initial=np.inf)
    high = np.max(keypoints[..., :2], axis=1, where=there, initial=-np.inf)
    boxes = np.concatenate([low, high - low], axis=1)
    return np.where(there.any(axis=1), boxes, 0).astype(np.float32)
