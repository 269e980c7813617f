"""From one frame's candidates to people, by any of the parsers (OpenPose, section 3.5 and table 2).

Runs on the host behind `fields.candidates` or `fields.exact`. A parser says which peaks belong together; what a person
scores and who is kept is the same for all.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int64

from jaxpose.association import greedy, hungarian, integer
from jaxpose.association.config import ParserConfig
from jaxpose.association.connections import Connections, find_connections
from jaxpose.records import Candidates
from jaxpose.skeletons import Skeleton

MOST_BARE_JOINTS = 4
"""Someone with feet needs more joints than this besides: a foot alone is often found for the left and the right one."""


def parse(
    candidates: Candidates, skeleton: Skeleton, config: ParserConfig
) -> tuple[Float32[np.ndarray, "p j 3"], Float32[np.ndarray, "p"]]:
    """The people in one frame's candidates (a `Candidates` without its axis b), the best first.

    Returns their joints as x, y, score in pixels of the network's input (a missing joint is 0, 0, 0; scores are clipped
    to 0..1), and a score for each person in 0..1: that of its joints and connections, as a share of what a whole person
    could have with the limbs that the method reads.

    Those with too few joints or too low a score per joint are dropped; toes and heels do not count as joints there, and
    who has any of them needs more than `MOST_BARE_JOINTS` others (both as in the released program).
    `SceneTooLargeError` if an integer program takes too long.
    """
    slots = candidates.score.shape[-1]
    connections = find_connections(candidates, skeleton.limbs)
    limbs = len(skeleton.limbs)
    if config.method.endswith("-tree"):
        connections = connections.select(~np.isin(connections.limb, skeleton.redundant))
        limbs -= len(skeleton.redundant)
    peak_scores = np.clip(candidates.score, 0, 1).ravel()
    match config.method:
        case "greedy" | "greedy-tree":
            groups = greedy.group(connections, peak_scores, slots)
        case "hungarian-tree":
            groups = hungarian.group(connections)
        case "integer-tree" | "integer-graph":
            groups = integer.group(connections, slots, config.max_seconds)
    keypoints, scores, _ = make_poses(groups, connections, candidates, skeleton, config, limbs)
    return keypoints, scores


def make_poses(
    groups: Sequence[Sequence[int]],
    connections: Connections,
    candidates: Candidates,
    skeleton: Skeleton,
    config: ParserConfig,
    limbs: int,
) -> tuple[Float32[np.ndarray, "p j 3"], Float32[np.ndarray, "p"], Int64[np.ndarray, "n"]]:
    """The people that groups of peaks are, as `parse` tells them; and for each peak the row of its person, or -1.

    `limbs` is how many a whole person could have among the connections. A peak is joint * slots + slot.
    """
    slots, joints = candidates.score.shape[-1], len(skeleton.joints)
    peak_scores = np.clip(candidates.score, 0, 1).ravel()
    n = len(groups)
    owner = np.full(len(peak_scores), -1)
    for number, peaks in enumerate(groups):
        owner[peaks] = number
    (peak,) = np.nonzero(owner >= 0)
    person, joint = owner[peak], peak // slots
    within = owner[connections.a] == owner[connections.b]
    within &= owner[connections.a] >= 0
    score = np.bincount(person, peak_scores[peak], minlength=n)
    score += np.bincount(owner[connections.a[within]], connections.affinity[within], minlength=n)
    feet = np.bincount(person[np.isin(joint, skeleton.feet)], minlength=n)
    count = np.bincount(person, minlength=n) - feet
    kept = (count >= config.min_joints) & (score >= config.min_score * count)
    kept &= (feet == 0) | (count > MOST_BARE_JOINTS)

    keypoints = np.zeros((n, joints, 3), np.float32)
    keypoints[person, joint, :2] = candidates.xy.reshape(-1, 2)[peak]
    keypoints[person, joint, 2] = peak_scores[peak]
    order = np.flatnonzero(kept)
    order = order[np.argsort(-score[order], kind="stable")]
    row = np.full(n + 1, -1)  # the last entry is that of nobody
    row[order] = np.arange(len(order))
    return keypoints[order], np.clip(score[order] / (joints + limbs), 0, 1).astype(np.float32), row[owner]
