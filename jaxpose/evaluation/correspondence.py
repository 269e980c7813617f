"""Who is matched with whom through a sequence, by the rules of CLEAR MOT: the first half of `clear`.

A pair that was matched before is kept while it may match, whatever was between; of the others as many as possible are
matched, at the lowest total cost. Most have nobody else to match, so the past decides nothing about them: only frames
where somebody may match several others are gone through one after the other.
"""

import numpy as np
from jaxtyping import Float64, Int64

from jaxpose.evaluation.assignment import best_pairs
from jaxpose.evaluation.pairing import Pairing


def correspond(
    pairing: Pairing, cost: Float64[np.ndarray, "q j"], *, latest: bool
) -> tuple[Int64[np.ndarray, "k"], Int64[np.ndarray, "k"]]:
    """The matches, in the order of their pairs: the place of each in `pairing`, and its column.

    `cost` is NaN where a pair may not match; its columns are independent. Two people of the truth can have been matched
    with the same found id, at different times: the first in the file keeps it, with `latest` the last matched with it.
    """
    columns = cost.shape[1]
    pair, column = np.nonzero(~np.isnan(cost))
    value = cost[pair, column]
    truth, found = pairing.truth[pair] * columns + column, pairing.found[pair] * columns + column
    alone = (np.bincount(truth)[truth] == 1) & (np.bincount(found)[found] == 1)
    matched = alone.copy()

    frame = pairing.frame[pair]
    contested = np.unique(frame[~alone])
    start, end = np.searchsorted(frame, contested, "left"), np.searchsorted(frame, contested, "right")
    track = tracks(pairing.truth_ids, columns)[pairing.truth[pair], column]
    found_id = pairing.found_ids[pairing.found[pair]]
    last = np.full(track.max(initial=-1) + 1, -1)  # the entry that each id of the truth was last matched by
    known = 0  # entries up to here are in `last`
    for a, b in zip(start, end, strict=True):
        past = known + np.flatnonzero(matched[known:a])
        last[track[past]] = past
        known = a
        rivals = a + np.flatnonzero(~alone[a:b])
        before = last[track[rivals]]
        same = (before >= 0) & (found_id[before] == found_id[rivals])
        kept, before = rivals[same], before[same]
        order = np.lexsort((-before, found[kept])) if latest else np.argsort(found[kept], kind="stable")
        kept = kept[order][np.diff(found[kept][order], prepend=-1) != 0]
        free = rivals[~np.isin(truth[rivals], truth[kept]) & ~np.isin(found[rivals], found[kept])]
        matched[kept] = True
        if len(free):
            heavy = 1 + 2 * len(free) * np.abs(value[free]).max()  # one pair more is worth any cost
            rows, places = truth[free] - truth[free].min(), found[free] - found[free].min()
            matched[free[best_pairs(rows, places, heavy - value[free])]] = True
    return pair[matched], column[matched]


def tracks(ids: Int64[np.ndarray, "n"], columns: int) -> Int64[np.ndarray, "n j"]:
    """A number from 0 for each id in each column, the same in all frames; ids themselves may be any numbers."""
    return np.unique(ids, return_inverse=True)[1][:, None] * columns + np.arange(columns)
