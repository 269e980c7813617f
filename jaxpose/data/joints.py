"""Which joints of a skeleton a data set can tell of, and its people as people of that skeleton.

A data set that does not label a joint says nothing of it: the maps of that joint teach nothing (`JointMap.known`),
however many people are in the picture. A joint that a data set labels, but not of this person (hidden, cut off), is
known and not there. COCO's third number is kept: 0 not labelled, 1 hidden, 2 visible.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from jaxpose.skeletons import MIDDLES, Skeleton

DERIVED = {**MIDDLES, "chest": ("neck", "mid_hip")}
"""Joints that are the middle of two others, also derived ones; `chest` is that of OpenPose's MPI networks."""


class JointMap(NamedTuple):
    """From the joints of a data set to those of a skeleton."""

    weights: Float32[np.ndarray, "t s"]  # each target joint is the mean of the source joints with a weight
    known: Bool[np.ndarray, "t"]  # False: the data set does not tell of this joint

    def apply(self, keypoints: Float32[np.ndarray, "*n s 3"]) -> Float32[np.ndarray, "*n t 3"]:
        """People of the data set as people of the skeleton; x, y and COCO's 0, 1 or 2.

        A middle is labelled if all its joints are, and hidden if one of them is. What is not labelled is (0, 0, 0).
        """
        used = self.weights > 0
        labelled = np.where(used, keypoints[..., None, :, 2], 2).min(axis=-1) * self.known
        points = np.where(keypoints[..., 2:] > 0, keypoints[..., :2], 0)
        result = np.concatenate([self.weights @ points, labelled[..., None]], axis=-1)
        return np.where(labelled[..., None] > 0, result, 0).astype(np.float32)


def joint_map(source: Skeleton, labels: Collection[str], target: Skeleton) -> JointMap:
    """How to get from a data set's skeleton, of which it labels the joints `labels`, to another one, by name.

    `neck`, `mid_hip` and `chest` are middles where the data set does not label them itself. Raises `ValueError` for a
    label that is no joint of the source.
    """
    if strange := sorted({*labels} - {*source.joints}):
        raise ValueError(f"`labels` must be joints of {source.name}, got {', '.join(strange)}")
    weights = np.zeros((len(target.joints), len(source.joints)), np.float32)
    for place, joint in enumerate(target.joints):
        for origin, weight in _origins(joint, labels).items():
            weights[place, source.index(origin)] = weight
    return JointMap(weights, np.any(weights > 0, axis=1))


def _origins(joint: str, labels: Collection[str]) -> dict[str, float]:
    """The labelled joints whose mean a joint is, with their weights; none if it cannot be told."""
    if joint in labels:
        return {joint: 1.0}
    halves = [_origins(half, labels) for half in DERIVED.get(joint, ())]
    if not halves or not all(halves):
        return {}
    return {origin: weight / 2 for half in halves for origin, weight in half.items()}
