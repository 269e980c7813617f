"""Who could be whom: every pair of a person in the truth and one that was found in the same frame, and how near they
are, joint by joint.

A `Pairing` is what the tracking measures (`clear`, `hota`, `identity`) work on, whether people are compared by their
joints (one column for each of `j` joints), whole (one column), or by their boxes (one column). Memory grows with the
number of pairs within frames, so linearly with the video.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from jaxpose.formats.poses import PoseFile

HEAD_SHARE = 0.6
"""PoseTrack's head size is this share of the diagonal of the head's box."""

NEAR = 0.5
"""Two joints match up to this distance in head sizes (PCKh@0.5), itself included."""


class Pairing(NamedTuple):
    """The people of `frames` frames, and all pairs of them within a frame, by frame, then truth, then found."""

    frames: int
    truth_frame: Int64[np.ndarray, "n"]  # ascending
    truth_ids: Int64[np.ndarray, "n"]
    found_frame: Int64[np.ndarray, "m"]  # ascending
    found_ids: Int64[np.ndarray, "m"]
    truth: Int64[np.ndarray, "q"]  # the row of each pair's person in the truth
    found: Int64[np.ndarray, "q"]  # and of the one that was found

    @property
    def frame(self) -> Int64[np.ndarray, "q"]:
        """The frame of each pair."""
        return self.truth_frame[self.truth]


def pair(
    frames: int,
    truth_frame: Int64[np.ndarray, "n"],
    truth_ids: Int64[np.ndarray, "n"],
    found_frame: Int64[np.ndarray, "m"],
    found_ids: Int64[np.ndarray, "m"],
) -> Pairing:
    """All pairs of people who are in the same frame; both sides are in the order of their frames (from 0)."""
    start = np.searchsorted(found_frame, truth_frame, "left")
    partners = np.searchsorted(found_frame, truth_frame, "right") - start
    truth = np.repeat(np.arange(len(truth_frame)), partners)
    first = np.repeat(np.cumsum(partners) - partners, partners)  # the place of each person's first pair
    found = np.arange(len(truth)) - first + np.repeat(start, partners)
    return Pairing(frames, truth_frame, truth_ids, found_frame, found_ids, truth, found)


def pair_people(truth: PoseFile, found: PoseFile) -> Pairing:
    """All pairs of people in the frames of two files that have the same frames."""
    return pair(len(truth.numbers), truth.frame, truth.ids, found.frame, found.ids)


def head_sizes(heads: Float64[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n"]:
    """PoseTrack's unit of length for each person: 0.6 times the diagonal of the head's box x, y, w, h, in pixels."""
    return HEAD_SHARE * np.hypot(heads[:, 2], heads[:, 3])


def head_distances(truth: PoseFile, found: PoseFile, pairing: Pairing) -> Float64[np.ndarray, "q j"]:
    """The distance between the two people's joints in head sizes; NaN where one of them has no such joint."""
    x, y = (truth.xy[..., axis][pairing.truth] - found.xy[..., axis][pairing.found] for axis in (0, 1))
    distance = np.sqrt(x * x + y * y) / head_sizes(truth.heads)[pairing.truth, None]
    both = truth.there[pairing.truth] & found.there[pairing.found]
    return np.where(both, distance, np.nan)


def near(distance: Float64[np.ndarray, "q j"]) -> Float64[np.ndarray, "q j"]:
    """Distances in head sizes, NaN where they are too far to match (or there is none)."""
    return np.where(distance <= NEAR, distance, np.nan)
