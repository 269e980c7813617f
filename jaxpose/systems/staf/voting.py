"""[host] Which person of the frame before is which of this one: links between people, and the votes of the joints.

A temporal connection joins a peak of the previous frame, which belongs to a person there, with a peak of this frame:
so it says whose joint that peak is. `assembly` reads these links to build people, `count_votes` and `elect` to name
them.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64

from jaxpose.association.connections import LEAST_AFFINITY
from jaxpose.association.matching import match
from jaxpose.skeletons import Link
from jaxpose.systems.staf.candidates import StafCandidates
from jaxpose.systems.staf.tracker_config import TrackerConfig


class Continuations(NamedTuple):
    """A peak of this frame, the row of a person of the frame before, and the best connection's score of the two.

    There is one entry for each pair. `queue` is its place in Algorithm 1's queue (higher is earlier): as for limbs, the
    affinity and a tenth of the scores of both peaks.
    """

    peak: Int64[np.ndarray, "c"]
    person: Int64[np.ndarray, "c"]
    affinity: Float64[np.ndarray, "c"]
    queue: Float64[np.ndarray, "c"]


def find_continuations(
    candidates: StafCandidates,
    links: tuple[Link, ...],
    owner_before: Int[np.ndarray, "n"],
    scores_before: Float[np.ndarray, "n"],
) -> Continuations:
    """The links in one frame's candidates (without the axis b) from people of the frame before.

    `owner_before` holds for each peak of the frame before (joint * slots + slot) the row of its person or -1,
    `scores_before` the peak's score.
    """
    slots = candidates.now.score.shape[-1]
    this, last = np.asarray(links).T
    used = (np.flatnonzero(owner_before >= 0) % slots).max(initial=-1) + 1
    link, slot, nth = np.nonzero(candidates.affinity[:, :used] > LEAST_AFFINITY)
    before = last[link] * slots + slot
    person = owner_before[before]
    owned = person >= 0
    link, slot, nth, before, person = (column[owned] for column in (link, slot, nth, before, person))
    affinity = candidates.affinity[link, slot, nth].astype(np.float64)
    peak = this[link] * slots + candidates.partner[link, slot, nth]
    queue = affinity + 0.1 * (scores_before[before] + np.clip(candidates.now.score, 0, 1).ravel()[peak])
    order = np.lexsort((-queue, person, peak))
    pair = peak[order] * (owner_before.max(initial=0) + 1) + person[order]
    best = order[np.flatnonzero(np.diff(pair, prepend=-1))]
    return Continuations(peak[best], person[best], affinity[best], queue[best])


def count_votes(
    continuations: Continuations, owner: Int[np.ndarray, "n"], people: int, people_before: int
) -> tuple[Int64[np.ndarray, "p q"], Float64[np.ndarray, "p q"]]:
    """How many joints of each person name each person of the frame before, and the sum of their affinities.

    A joint has one vote, for the person of its best connection. `owner` holds for each peak the row of its person or
    -1.
    """
    peak, before, affinity, _ = continuations
    order = np.lexsort((-affinity, peak))
    best = order[np.flatnonzero(np.diff(peak[order], prepend=-1))]
    best = best[owner[peak[best]] >= 0]
    place = owner[peak[best]] * people_before + before[best]
    size, shape = people * people_before, (people, people_before)
    return (
        np.bincount(place, minlength=size).reshape(shape),
        np.bincount(place, affinity[best], minlength=size).reshape(shape),
    )


def elect(
    counts: Int64[np.ndarray, "p n"],
    sums: Float64[np.ndarray, "p n"],
    joints: Int64[np.ndarray, "p"],
    likeness: Float64[np.ndarray, "p n"],
    strong: Bool[np.ndarray, "p"],
    config: TrackerConfig,
) -> Int64[np.ndarray, "p"]:
    """For each person the row of the one whose id they have, or -1; nobody's is given twice.

    Whom to choose: somebody whom enough joints name, or, unless `config.motion` is 0, whose expected pose is alike. The
    worth of a pair is the share of the person's `joints` that name the other (of equal shares the higher sum of
    affinities counts), and so many times the likeness; the pairs are those of the most worth in all, of the strong
    first, then of the others.
    """
    share = (counts + 0.5 * sums / (1 + sums.max(initial=0))) / np.maximum(joints, 1)[:, None]
    allowed = counts >= config.votes
    if config.motion:
        allowed |= likeness >= config.min_similarity
    worth = np.where(allowed, share + config.motion * likeness, 0)
    chosen, free = np.full(len(counts), -1), np.ones(counts.shape[1], bool)
    for group in (strong, ~strong):
        rows, columns = np.flatnonzero(group), np.flatnonzero(free)
        r, c = match(worth[np.ix_(rows, columns)], 1e-9)
        chosen[rows[r]] = columns[c]
        free[columns[c]] = False
    return chosen
