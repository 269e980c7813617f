"""The greedy parser: from one frame's candidates to people (OpenPose, section 3.3, as in its released program).

Runs on the host behind `fields.candidates`. All connections of all limbs are taken together, the best first, and each
starts a person, adds a joint to one, or joins two; the redundant limbs help as any other.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float32

from jaxpose.association.config import ParserConfig
from jaxpose.records import Candidates

LEAST_AFFINITY = 1e-6
"""Connections that score no more than this are none."""


def parse(
    candidates: Candidates, limbs: tuple[tuple[int, int], ...], joints: int, config: ParserConfig
) -> tuple[Float32[np.ndarray, "p j 3"], Float32[np.ndarray, "p"]]:
    """The people in one frame's candidates (a `Candidates` without its axis b), the best first.

    Returns their joints as x, y, score in pixels of the network's input (a missing joint is 0, 0, 0; scores are clipped
    to 0..1), and a score for each person in 0..1: that of its joints and connections, as a share of what a whole person
    of the skeleton could have.

    A connection's place in the queue is its affinity plus a tenth of the scores of its two peaks. In its turn it
    - starts a person when neither of its peaks belongs to one,
    - adds the free peak to the other's person, unless that has the joint already,
    - adds to the score when both belong to the same person,
    - makes one of two persons when they share no joint.
    Then those with too few joints or too low a score per joint are dropped. (The program's special rule for people of
    feet alone, in BODY_25, is left out.)
    """
    slots = candidates.score.shape[-1]
    ends = np.asarray(limbs)
    used = min(slots, int(candidates.found.max()))
    limb, a, nth = np.nonzero(candidates.affinity[:, :used] > LEAST_AFFINITY)
    affinity = candidates.affinity[limb, a, nth]
    a, b = ends[limb, 0] * slots + a, ends[limb, 1] * slots + candidates.partner[limb, a, nth]
    peak_scores = np.clip(candidates.score, 0, 1).ravel()
    order = np.argsort(-(affinity + 0.1 * (peak_scores[a] + peak_scores[b])), kind="stable")
    queue = zip(a[order].tolist(), b[order].tolist(), affinity[order].tolist(), strict=True)
    groups, scores = _group(queue, peak_scores.tolist(), slots)
    kept = [
        (score, group)
        for score, group in zip(scores, groups, strict=True)
        if len(group) >= config.min_joints and score >= config.min_score * len(group)
    ]
    kept.sort(key=lambda person: -person[0])
    keypoints = np.zeros((len(kept), joints, 3), np.float32)
    xy = candidates.xy.reshape(-1, 2)
    for person, (_, group) in enumerate(kept):
        joint = np.asarray(group) // slots
        keypoints[person, joint, :2] = xy[group]
        keypoints[person, joint, 2] = peak_scores[group]
    most = joints + len(limbs)
    return keypoints, np.clip([score / most for score, _ in kept], 0, 1).astype(np.float32)


def _group(
    queue: Iterable[tuple[int, int, float]], peak_scores: list[float], slots: int
) -> tuple[list[list[int]], list[float]]:
    """The peaks of each person, and its score (the sum over its peaks and connections); a peak is joint * slots + slot.

    Lists and whole numbers, since thousands of tiny steps are what NumPy is slowest at.
    """
    owner = [-1] * len(peak_scores)
    groups: list[list[int]] = []
    has: list[int] = []  # for each person a bit for each joint it has
    scores: list[float] = []
    for a, b, affinity in queue:
        one, other = owner[a], owner[b]
        if one < 0 and other < 0:
            owner[a] = owner[b] = len(groups)
            groups.append([a, b])
            has.append(1 << a // slots | 1 << b // slots)
            scores.append(peak_scores[a] + peak_scores[b] + affinity)
        elif one == other:
            scores[one] += affinity
        elif one < 0 or other < 0:
            person, peak = (other, a) if one < 0 else (one, b)
            joint = 1 << peak // slots
            if not has[person] & joint:
                owner[peak] = person
                groups[person].append(peak)
                has[person] |= joint
                scores[person] += peak_scores[peak] + affinity
        elif not has[one] & has[other]:
            for peak in groups[other]:
                owner[peak] = one
            groups[one] += groups[other]
            has[one] |= has[other]
            scores[one] += scores[other] + affinity
            groups[other], has[other] = [], 0
    return groups, scores
