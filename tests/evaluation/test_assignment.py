import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from jaxpose.evaluation.assignment import best_pairs


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.05, 0.3, 1.0]), st.booleans())
def test_the_total_is_the_hungarian_methods(seed: int, share: float, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    table = rng.random(rng.integers(1, 12, 2)) + 1e-3
    table = np.where(rng.random(table.shape) < share, np.ceil(4 * table) if ties else table, 0)
    row, column = np.nonzero(table)
    chosen = best_pairs(row, column, table[row, column])
    assert np.bincount(row[chosen], minlength=1).max() <= 1
    assert np.bincount(column[chosen], minlength=1).max() <= 1
    assert table[row[chosen], column[chosen]].sum() == pytest.approx(
        table[linear_sum_assignment(table, maximize=True)].sum(), abs=1e-12
    )
    if not ties:
        best = np.zeros(table.shape, bool)
        best[linear_sum_assignment(table, maximize=True)] = True
        np.testing.assert_array_equal(chosen, best[row, column])


def test_two_good_pairs_beat_the_best_one() -> None:
    row, column = np.array([0, 0, 1]), np.array([0, 1, 0])
    np.testing.assert_array_equal(best_pairs(row, column, np.array([1.0, 0.6, 0.6])), [False, True, True])
    np.testing.assert_array_equal(best_pairs(row, column, np.array([1.0, 0.4, 0.4])), [True, False, False])


def test_no_pairs() -> None:
    nothing = np.zeros(0, np.int64)
    assert best_pairs(nothing, nothing, np.zeros(0)).shape == (0,)
