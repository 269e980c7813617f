"""The list of what went wrong: hand-made scenes with known events, and plain loops."""

import numpy as np
import pytest

from jaxpose.evaluation.analysis import Event, events, stride, worst
from jaxpose.evaluation.clear import Matches, clear
from jaxpose.evaluation.pairing import Pairing, pair
from jaxpose.evaluation.protocol import PROTOCOLS

Matched = dict[int, int]
"""Found id by truth id, in one frame."""


def judged(truth: list[list[int]], found: list[list[int]], matched: list[Matched]) -> tuple[Pairing, Matches]:
    """The pairing of ids by frame, and matches as CLEAR would give them."""
    frames = np.arange(len(truth))
    sides = [
        (np.repeat(frames, [len(ids) for ids in side]), np.array([i for ids in side for i in ids], int))
        for side in (truth, found)
    ]
    pairing = pair(len(truth), *sides[0], *sides[1])
    rows = np.full((len(pairing.truth_ids), 1), -1)
    for frame, of_frame in enumerate(matched):
        for a, b in of_frame.items():
            row = np.flatnonzero((pairing.truth_frame == frame) & (pairing.truth_ids == a))
            rows[row] = np.flatnonzero((pairing.found_frame == frame) & (pairing.found_ids == b))
    return pairing, Matches(rows, np.zeros(rows.shape, bool))


def told(truth: list[list[int]], found: list[list[int]], matched: list[Matched], first: int = 0) -> list[Event]:
    pairing, matches = judged(truth, found, matched)
    return events(pairing, matches, first + np.arange(len(truth)), np.ones(len(pairing.truth)))


def kinds(some: list[Event]) -> list[tuple[str, int, int, tuple[int, ...], tuple[int, ...]]]:
    return [(e.kind, e.first, e.last, e.truth, e.found) for e in some]


def test_nothing_went_wrong() -> None:
    good = told([[1, 2]] * 4, [[7, 8]] * 4, [{1: 7, 2: 8}] * 4)
    assert good == []
    assert told([[], []], [[], []], [{}, {}]) == []


def test_a_switch_and_what_it_makes_of_the_track() -> None:
    some = told([[5]] * 4, [[12], [12], [31], [31]], [{5: 12}, {5: 12}, {5: 31}, {5: 31}], first=78)
    assert kinds(some) == [("switch", 80, 80, (5,), (12, 31)), ("split", 78, 81, (5,), (12, 31))]


@pytest.mark.parametrize("gap", [0, 2])
def test_two_who_exchange_their_ids_are_one_swap(gap: int) -> None:
    """The second may be missed for a while before it turns up under the other's id."""
    before, between, after = {1: 7, 2: 8}, {1: 8}, {1: 8, 2: 7}
    some = told([[1, 2]] * (4 + gap), [[7, 8]] * (4 + gap), [before] * 2 + [between] * gap + [after] * 2)
    swaps = [event for event in some if event.kind in ("swap", "switch")]
    assert kinds(swaps) == [("swap", 2, 2 + gap, (1, 2), (7, 8))]
    assert swaps[0].frames == 2


def test_a_swap_that_was_overtaken_is_two_switches() -> None:
    """Truth 1 has moved on to 9 when 2 takes 7: nothing was exchanged."""
    matched = [{1: 7, 2: 8}, {1: 8}, {1: 9}, {1: 9, 2: 7}]
    some = told([[1, 2]] * 4, [[7, 8, 9]] * 4, matched)
    assert [(e.kind, e.truth, e.found) for e in some if e.kind in ("swap", "switch")] == [
        ("switch", (1,), (7, 8)),
        ("switch", (1,), (8, 9)),
        ("switch", (2,), (8, 7)),
    ]


def test_one_who_switches_there_and_back_is_no_swap() -> None:
    some = told([[1]] * 3, [[7, 8]] * 3, [{1: 7}, {1: 8}, {1: 7}])
    assert [e.found for e in some if e.kind == "switch"] == [(7, 8), (8, 7)]


def test_frames_in_a_row_are_one_span() -> None:
    matched = [{3: 7}, {}, {}, {3: 7}, {}, {3: 7}]
    some = told([[3]] * 6, [[7]] * 6, matched, first=50)
    assert kinds(some) == [
        ("missed", 51, 52, (3,), ()),
        ("false", 51, 52, (), (7,)),
        ("returned", 53, 53, (3,), (7,)),
        ("missed", 54, 54, (3,), ()),
        ("false", 54, 54, (), (7,)),
        ("returned", 55, 55, (3,), (7,)),
    ]
    assert [e.frames for e in some] == [2, 2, 2, 1, 1, 1]


def test_who_leaves_the_picture_is_not_missed_and_does_not_return() -> None:
    assert told([[3], [], [], [3]], [[7], [], [], [7]], [{3: 7}, {}, {}, {3: 7}]) == []
    some = told([[3], [3], [], [3]], [[], [], [], []], [{}] * 4)
    assert kinds(some) == [("missed", 0, 1, (3,), ()), ("missed", 3, 3, (3,), ())]


def test_frames_are_in_a_row_by_their_usual_distance() -> None:
    """Every fourth frame is judged, and after frame 12 comes a pause."""
    pairing, matches = judged([[3]] * 6, [[]] * 6, [{}] * 6)
    numbers = np.array([0, 4, 8, 12, 40, 44])
    some = events(pairing, matches, numbers, np.zeros(0))
    assert kinds(some) == [("missed", 0, 12, (3,), ()), ("missed", 40, 44, (3,), ())]
    assert [event.frames for event in some] == [4, 2]
    assert (stride(numbers), stride(numbers[:1]), stride(numbers[:0])) == (4, 1, 1)


def test_one_found_id_that_covers_two_people() -> None:
    some = told([[1], [1], [2]], [[8]] * 3, [{1: 8}, {1: 8}, {2: 8}])
    assert kinds(some) == [("joined", 0, 2, (1, 2), (8,))]


def test_similarity_is_of_the_match_or_the_best_there_was() -> None:
    pairing, matches = judged([[1, 2]] * 2, [[7, 8]] * 2, [{1: 7}, {1: 8}])
    similarity = np.array([0.9, 0.2, 0.3, np.nan, 0.1, 0.7, 0.4, 0.5])  # by frame, truth, found
    some = {event.kind: event.similarity for event in events(pairing, matches, np.arange(2), similarity)}
    assert some["missed"] == pytest.approx((0.3 + 0.5) / 2)
    assert some["switch"] == 0.7
    assert some["split"] == pytest.approx((0.9 + 0.7) / 2)
    lost = [e for e in events(pairing, matches, np.arange(2), similarity) if e.kind == "false"]
    assert [(e.found, e.similarity) for e in lost] == [((8,), 0.2), ((7,), 0.4)]


@pytest.mark.parametrize("seed", range(20))
def test_random_scenes_against_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = 30
    truth, found, matched = [], [], []
    for _ in range(frames):
        truth.append([int(i) for i in rng.permutation(6) if rng.random() < 0.8])
        found.append([int(i) for i in rng.permutation(20)[:6] if rng.random() < 0.8])
        pairs = zip(rng.permutation(truth[-1]).tolist(), rng.permutation(found[-1]).tolist(), strict=False)
        matched.append({a: b for a, b in pairs if rng.random() < 0.7})
    some = told(truth, found, matched)

    def frames_of(kind: str, side: str) -> set[tuple[int, int]]:
        return {(getattr(e, side)[0], f) for e in some if e.kind == kind for f in range(e.first, e.last + 1)}

    assert frames_of("missed", "truth") == {(i, f) for f in range(frames) for i in truth[f] if i not in matched[f]}
    others = [set(of_frame.values()) for of_frame in matched]
    assert frames_of("false", "found") == {(i, f) for f in range(frames) for i in found[f] if i not in others[f]}

    changes, returns, last, missed = [], [], {}, {}
    covers: dict[int, list[int]] = {}
    goes_by: dict[int, list[int]] = {}
    for f in range(frames):
        for i in truth[f]:
            if i not in matched[f]:
                missed[i] = missed.get(i, 0) + 1
                continue
            j = matched[f][i]
            goes_by.setdefault(i, []).append(j)
            covers.setdefault(j, []).append(i)
            if last.get(i, j) != j:
                changes.append((f, i, last[i], j))
            elif i in last and missed.get(i):
                returns.append((f, i, j, missed[i]))
            last[i], missed[i] = j, 0
    told_changes = [(e.first, e.truth[0], *e.found) for e in some if e.kind == "switch"]
    for e in some:
        if e.kind == "swap":
            told_changes += [(e.first, e.truth[0], *e.found), (e.last, e.truth[1], *e.found[::-1])]
    assert sorted(told_changes) == sorted(changes)
    assert {(e.first, e.truth[0], e.found[0], e.frames) for e in some if e.kind == "returned"} == set(returns)
    assert {e.truth[0]: (e.found, e.frames) for e in some if e.kind == "split"} == {
        i: (tuple(dict.fromkeys(ids)), len(ids)) for i, ids in goes_by.items() if len(set(ids)) > 1
    }
    assert {e.found[0] for e in some if e.kind == "joined"} == {j for j, ids in covers.items() if len(set(ids)) > 1}


@pytest.mark.parametrize("seed", range(5))
def test_the_list_has_as_many_switches_and_misses_as_clear_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame, ids = np.repeat(np.arange(40), 4), np.tile(np.arange(4), 40)
    pairing = pair(40, frame, ids, frame, np.concatenate([rng.permutation(6)[:4] for _ in range(40)]))
    cost = rng.random((len(pairing.truth), 1))
    cost[cost > 0.4] = np.nan
    everybody = np.ones((len(frame), 1), bool)
    counts, matches = clear(pairing, everybody, everybody, cost, PROTOCOLS["strict"])
    some = events(pairing, matches, np.arange(40), 1 - cost[:, 0])
    assert sum({"switch": 1, "swap": 2}.get(event.kind, 0) for event in some) == counts.switches[0] > 0
    assert sum(event.frames for event in some if event.kind == "missed") == counts.misses[0] > 0
    assert sum(event.frames for event in some if event.kind == "false") == counts.false_positives[0] > 0


def test_the_worst_come_by_kind_then_length_and_are_shown_in_order() -> None:
    matched = [{1: 7, 2: 8}, {1: 7}, {2: 8}, {2: 8}, {1: 9, 2: 8}]
    some = told([[1, 2]] * 5, [[7, 8, 9]] * 5, matched)
    chosen = worst(some, 2)
    assert kinds(chosen) == [("missed", 2, 3, (1,), ()), ("switch", 4, 4, (1,), (7, 9))]
    assert not any(event.kind in ("split", "joined", "returned") for event in worst(some, 100))


def test_matches_by_joint_are_no_people() -> None:
    pairing, matches = judged([[1]], [[1]], [{1: 1}])
    with pytest.raises(ValueError, match="one column"):
        events(pairing, Matches(*(np.repeat(field, 15, axis=1) for field in matches)), np.arange(1), np.ones(1))
