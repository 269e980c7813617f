"""Who is whom, all frames at once: the pairs of a matching with the greatest total weight.

`hota` matches people so in every frame, `identity` matches ids so over a whole video, and `people` finds so which
boxes are absorbed. The Hungarian method (SciPy's) is only asked about what is really contested.
"""

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def best_pairs(
    row: Int64[np.ndarray, "e"], column: Int64[np.ndarray, "e"], weight: Float64[np.ndarray, "e"]
) -> Bool[np.ndarray, "e"]:
    """Which of the possible pairs of a row and a column belong to the matching with the greatest total weight.

    Every row and every column is matched at most once; weights are above 0, so no free pair is left out. Rows and
    columns are numbered from 0 without regard to frames: pairs that share neither do not meet. Where several matchings
    have the same total, SciPy's choice stands.
    """
    chosen = np.zeros(len(row), bool)
    rows, columns = row.max(initial=-1) + 1, column.max(initial=-1) + 1
    left = np.arange(len(row))
    while len(left):
        sure = left[_sure(row[left], column[left], weight[left], rows, columns)]
        if not len(sure):
            break
        chosen[sure] = True
        free_row, free_column = np.ones(rows, bool), np.ones(columns, bool)
        free_row[row[sure]], free_column[column[sure]] = False, False
        left = left[free_row[row[left]] & free_column[column[left]]]
    if len(left):
        chosen[left[_contested(row[left], column[left], weight[left])]] = True
    return chosen


def _sure(
    row: Int64[np.ndarray, "e"],
    column: Int64[np.ndarray, "e"],
    weight: Float64[np.ndarray, "e"],
    rows: int,
    columns: int,
) -> Int64[np.ndarray, "s"]:
    """Pairs that weigh more than the heaviest other pair of their row and that of their column together.

    They are in every best matching: one without such a pair gains by taking it for the two, at most, that it excludes.
    """
    top = (weight == _heaviest(row, weight, rows)[row]) & (weight == _heaviest(column, weight, columns)[column])
    alone = (np.bincount(row[top])[row[top]] == 1) & (np.bincount(column[top])[column[top]] == 1)
    others = np.where(top, 0.0, weight)
    rivals = _heaviest(row, others, rows)[row[top]] + _heaviest(column, others, columns)[column[top]]
    return np.flatnonzero(top)[alone & (weight[top] > rivals)]


def _heaviest(place: Int64[np.ndarray, "e"], weight: Float64[np.ndarray, "e"], places: int) -> Float64[np.ndarray, "p"]:
    heaviest = np.zeros(places)
    np.maximum.at(heaviest, place, weight)
    return heaviest


def _contested(
    row: Int64[np.ndarray, "e"], column: Int64[np.ndarray, "e"], weight: Float64[np.ndarray, "e"]
) -> Int64[np.ndarray, "c"]:
    """The pairs of the best matching, by the Hungarian method for each group of rows and columns that hang together."""
    rows, row = np.unique(row, return_inverse=True)
    columns, column = np.unique(column, return_inverse=True)
    total = len(rows) + len(columns)
    links = coo_array((np.ones(len(row), bool), (row, len(rows) + column)), shape=(total, total))
    group = connected_components(links, directed=False)[1][row]
    order = np.argsort(group, kind="stable")
    chosen = []
    for edges in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        those, r = np.unique(row[edges], return_inverse=True)
        these, c = np.unique(column[edges], return_inverse=True)
        table = np.zeros((len(those), len(these)))
        table[r, c] = weight[edges]
        partner = np.full(len(those), -1)
        at, to = linear_sum_assignment(table, maximize=True)
        partner[at] = to
        chosen.append(edges[partner[r] == c])
    return np.concatenate(chosen)
