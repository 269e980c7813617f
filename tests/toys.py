"""Hand-made candidates of tiny skeletons, for the parsers' tests."""

import numpy as np

from jaxpose.association.config import ParserConfig
from jaxpose.records import Candidates
from jaxpose.skeletons import Skeleton

KEEP_ALL = ParserConfig(min_joints=1, min_score=0)


def toy(limbs: tuple[tuple[int, int], ...], joints: int, redundant: tuple[int, ...] = ()) -> Skeleton:
    """A skeleton of joints without a meaning."""
    return Skeleton("toy", tuple(f"joint_{i}" for i in range(joints)), limbs, (0.1,) * joints, redundant)


def candidates_of(
    scores: list[list[float]],
    connections: dict[tuple[int, int, int], float],
    limbs: tuple[tuple[int, int], ...],
    slots: int = 6,
) -> Candidates:
    """One frame's candidates: the scores of each joint's peaks, and affinities by (limb, peak, partner).

    The peaks of joint j lie at (10 * j, 10 * slot).
    """
    joints = len(scores)
    score = np.zeros((joints, slots), np.float32)
    for joint, values in enumerate(scores):
        score[joint, : len(values)] = values
    xy = np.stack(np.meshgrid(10 * np.arange(joints), 10 * np.arange(slots), indexing="ij"), -1).astype(np.float32)
    partner = np.broadcast_to(np.arange(slots), (len(limbs), slots, slots))
    affinity = np.zeros(partner.shape, np.float32)
    for place, value in connections.items():
        affinity[place] = value
    count = np.array([len(values) for values in scores])
    return Candidates(xy * (score > 0)[..., None], score, count, partner, affinity, np.bool_(True))


def slots_of(keypoints: np.ndarray) -> list[list[int | None]]:
    """For each person the slot of each joint's peak (None: missing), of people from `candidates_of`."""
    return sorted([round(float(y) / 10) if score > 0 else None for _, y, score in person] for person in keypoints)
