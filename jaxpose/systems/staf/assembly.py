"""[host] The paper's Algorithm 1: people of a frame from its limbs and from the people of the frame before, together.

Raaj et al., CVPR 2019, section 3.4. Connections of limbs (PAFs) and links from the previous frame (TAFs) stand in one
queue, the best first: so where a limb is doubtful, a joint may be told by where its person was. What the text leaves
open is chosen here: a link names the person of the frame before as a whole, at most one group of peaks continues such
a person, and links never join two groups that continue different people, as limbs may.
"""

import numpy as np
from jaxtyping import Float

from jaxpose.association.connections import Connections
from jaxpose.systems.staf.voting import Continuations


def group(
    connections: Connections,
    continuations: Continuations,
    peak_scores: Float[np.ndarray, "n"],
    slots: int,
    people_before: int,
) -> list[list[int]]:
    """The peaks of each person. A peak is joint * slots + slot.

    A limb in its turn starts a person, adds its free peak to the other's person unless that has the joint already, or
    makes one of two persons that share no joint, as in `association.greedy`. A link from a person of the frame before
    - starts the group of that person with its peak, where neither has one,
    - adds its free peak to the group, unless that has the joint already,
    - makes the peak's group that of the person, where the person has none yet and the group none before it,
    - makes one of both, where they share no joint and the peak's group continues nobody.

    Lists and whole numbers, since thousands of tiny steps are what NumPy is slowest at.
    """
    _, a, b, affinity = connections
    first = np.concatenate([a, continuations.peak])
    second = np.concatenate([b, -1 - continuations.person])  # below 0: a person of the frame before
    order = np.argsort(
        -np.concatenate([affinity + 0.1 * (peak_scores[a] + peak_scores[b]), continuations.queue]), kind="stable"
    )
    owner = [-1] * len(peak_scores)
    groups: list[list[int]] = []
    has: list[int] = []  # for each group a bit for each joint it has
    continues: list[int] = []  # for each group the person of the frame before, or -1
    group_of = [-1] * people_before

    def merge(one: int, other: int) -> None:
        for peak in groups[other]:
            owner[peak] = one
        groups[one] += groups[other]
        has[one] |= has[other]
        for person, its in enumerate(group_of):
            if its == other:
                group_of[person] = one
        if continues[one] < 0:
            continues[one] = continues[other]
        groups[other], has[other] = [], 0

    for peak, partner in zip(first[order].tolist(), second[order].tolist(), strict=True):
        one, joint = owner[peak], 1 << peak // slots
        other = owner[partner] if partner >= 0 else group_of[-1 - partner]
        if one < 0 and other < 0:
            owner[peak] = len(groups)
            groups.append([peak])
            has.append(joint)
            continues.append(-1)
            if partner >= 0:
                owner[partner] = owner[peak]
                groups[-1].append(partner)
                has[-1] |= 1 << partner // slots
            else:
                continues[-1], group_of[-1 - partner] = -1 - partner, owner[peak]
        elif one < 0:
            if not has[other] & joint:
                owner[peak] = other
                groups[other].append(peak)
                has[other] |= joint
        elif other < 0:
            if partner < 0:
                if continues[one] < 0:
                    continues[one], group_of[-1 - partner] = -1 - partner, one
            elif not has[one] & 1 << partner // slots:
                owner[partner] = one
                groups[one].append(partner)
                has[one] |= 1 << partner // slots
        elif one != other and not has[one] & has[other] and (partner >= 0 or continues[one] < 0):
            merge(other, one)
    return [peaks for peaks in groups if peaks]
