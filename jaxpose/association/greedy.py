"""The greedy parser (OpenPose, section 3.5, as in its released program): the default, and the fastest by far.

All connections of all limbs are taken together, the best first, and each starts a person, adds a joint to one, or joins
two; the redundant limbs help as any other. On a tree of limbs this is the greedy matching of each limb by itself.
"""

import numpy as np
from jaxtyping import Float

from jaxpose.association.connections import Connections


def group(connections: Connections, peak_scores: Float[np.ndarray, "n"], slots: int) -> list[list[int]]:
    """The peaks of each person.

    A connection's place in the queue is its affinity plus a tenth of the scores of its two peaks. In its turn it
    - starts a person when neither of its peaks belongs to one,
    - adds the free peak to the other's person, unless that has the joint already,
    - makes one of two persons when they share no joint.

    Lists and whole numbers, since thousands of tiny steps are what NumPy is slowest at.
    """
    _, a, b, affinity = connections
    order = np.argsort(-(affinity + 0.1 * (peak_scores[a] + peak_scores[b])), kind="stable")
    owner = [-1] * len(peak_scores)
    groups: list[list[int]] = []
    has: list[int] = []  # for each person a bit for each joint it has
    for one_peak, other_peak in zip(a[order].tolist(), b[order].tolist(), strict=True):
        one, other = owner[one_peak], owner[other_peak]
        if one < 0 and other < 0:
            owner[one_peak] = owner[other_peak] = len(groups)
            groups.append([one_peak, other_peak])
            has.append(1 << one_peak // slots | 1 << other_peak // slots)
        elif one < 0 or other < 0:
            person, peak = (other, one_peak) if one < 0 else (one, other_peak)
            joint = 1 << peak // slots
            if not has[person] & joint:
                owner[peak] = person
                groups[person].append(peak)
                has[person] |= joint
        elif one != other and not has[one] & has[other]:
            for peak in groups[other]:
                owner[peak] = one
            groups[one] += groups[other]
            has[one] |= has[other]
            groups[other], has[other] = [], 0
    return [peaks for peaks in groups if peaks]
