"""The order in which CLEAR MOT matches, one rule at a time; whole scenes are compared in `test_clear`."""

import numpy as np
import pytest

from jaxpose.evaluation.correspondence import correspond, tracks
from jaxpose.evaluation.pairing import Pairing, pair


def both(frames: int, people: int, found: int) -> Pairing:
    """So many people and found ones in every frame, with ids 10, 11, ... and 20, 21, ..."""
    return pair(
        frames,
        np.repeat(np.arange(frames), people),
        np.tile(10 + np.arange(people), frames),
        np.repeat(np.arange(frames), found),
        np.tile(20 + np.arange(found), frames),
    )


def matches(cost: list, latest: bool = False) -> list[tuple[int, int, int]]:
    """(frame, person, found) of each match; `cost` is by frame, person, found."""
    frames, people, found = np.shape(cost)
    pairing = both(frames, people, found)
    place, column = correspond(pairing, np.reshape(cost, (-1, 1)), latest=latest)
    assert not column.any()
    return [(int(pairing.frame[k]), int(pairing.truth[k] % people), int(pairing.found[k] % found)) for k in place]


NO = np.nan


def test_the_cheapest_pairs_are_matched_where_nothing_is_known() -> None:
    assert matches([[[0.4, 0.1], [0.2, 0.3]]]) == [(0, 0, 1), (0, 1, 0)]


def test_as_many_pairs_as_possible_whatever_they_cost() -> None:
    assert matches([[[0.0, 1000.0], [0.0, NO]]]) == [(0, 0, 1), (0, 1, 0)]


def test_an_earlier_pair_is_kept_also_after_a_gap_and_at_any_cost() -> None:
    first, gap, crossed = [[0.1, 0.9], [0.9, 0.1]], [[NO, NO], [NO, NO]], [[0.9, 0.0], [0.0, 0.9]]
    assert matches([first, gap, crossed])[2:] == [(2, 0, 0), (2, 1, 1)]


def test_an_earlier_pair_that_may_not_match_is_not_kept() -> None:
    assert matches([[[0.1, 0.9], [0.9, 0.1]], [[NO, 0.1], [0.1, NO]]])[2:] == [(1, 0, 1), (1, 1, 0)]


def test_an_earlier_pair_is_kept_even_at_the_price_of_a_match() -> None:
    assert matches([[[0.1, 0.9], [0.9, 0.1]], [[NO, 0.1], [0.1, 0.2]]])[2:] == [(1, 1, 1)]


def test_an_unrivalled_match_is_remembered() -> None:
    assert matches([[[0.3, NO]], [[0.3, 0.1]]]) == [(0, 0, 0), (1, 0, 0)]


@pytest.mark.parametrize(("latest", "owner"), [(False, 0), (True, 1)])
def test_of_two_who_had_the_same_found_id_the_first_or_the_latest_keeps_it(latest: bool, owner: int) -> None:
    cost = [[[0.1], [NO]], [[NO], [0.1]], [[0.1], [0.1]]]
    assert matches(cost, latest)[2:] == [(2, owner, 0)]


def test_columns_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(0)
    pairing = both(6, 4, 5)
    cost = np.where(rng.random((len(pairing.truth), 3)) < 0.5, rng.random((len(pairing.truth), 3)), np.nan)
    place, column = correspond(pairing, cost, latest=False)
    for one in range(3):
        alone, _ = correspond(pairing, cost[:, [one]], latest=False)
        assert place[column == one].tolist() == alone.tolist()


def test_nobody() -> None:
    place, column = correspond(both(3, 0, 2), np.zeros((0, 4)), latest=True)
    assert len(place) == len(column) == 0


def test_tracks_number_ids_and_columns_from_0() -> None:
    assert tracks(np.array([7, -1, 7]), 2).tolist() == [[2, 3], [0, 1], [2, 3]]
