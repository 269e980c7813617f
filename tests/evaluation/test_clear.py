"""CLEAR MOT against poseval's numbers, against py-motmetrics on random scenes, and by its properties."""

import dataclasses
import time

import motmetrics
import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_files import pose_file
from tracked_scenes import renamed, shuffled, video

from jaxpose.evaluation.clear import Clear, ClearScores, Matches, clear
from jaxpose.evaluation.judged import for_joints
from jaxpose.evaluation.pairing import Pairing, head_distances, near, pair, pair_people
from jaxpose.evaluation.precision import precision
from jaxpose.evaluation.protocol import PROTOCOLS, Protocol
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.posetrack import read_poses
from jaxpose.skeletons import POSETRACK_15

POSEVAL, STRICT = PROTOCOLS["poseval"], PROTOCOLS["strict"]
SEEDS = st.integers(0, 10_000)
COUNTS = {
    "num_misses": "misses",
    "num_switches": "switches",
    "num_false_positives": "false_positives",
    "num_objects": "objects",
    "num_detections": "detections",
}


def state(truth: PoseFile, found: PoseFile, protocol: Protocol = POSEVAL) -> Clear:
    truth, found = for_joints(truth, found, protocol)
    pairing = pair_people(truth, found)
    cost = near(head_distances(truth, found, pairing))
    return clear(pairing, truth.there, found.there, cost, protocol)[0]


def assert_same(a: Clear, b: Clear) -> None:
    for one, other in zip(a[:-1], b[:-1], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(a.distance, b.distance, rtol=0, atol=1e-9)


# -- poseval ---------------------------------------------------------------------------------------------------------


def assert_expected(one: Clear, over_matches: Clear, counts: dict, scores: dict) -> None:
    """Counts and sums, and the scores that follow; `over_matches` has the distances of matches only."""
    for key, name in COUNTS.items():
        np.testing.assert_array_equal(getattr(one, name), oracles.row(counts[key], total=False))
    for state, key in ((one, "sum_distance_evaluator"), (over_matches, "sum_distance_matched")):
        np.testing.assert_allclose(state.distance, oracles.row(counts[key], total=False), rtol=0, atol=1e-9)
    for measure, values in one.compute(POSEVAL)._asdict().items():
        np.testing.assert_allclose(values, oracles.row(scores[measure]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("case", oracles.CASES)
def test_every_number_of_poseval(case: str, request: pytest.FixtureRequest) -> None:
    folder = oracles.folder(case, request)
    expected = oracles.expected(folder)["poseval"]
    expected = expected["mot"] or expected["mot_without_short_sequences"]
    over_matches = dataclasses.replace(POSEVAL, motp_over_matches=True)
    whole, matched = Clear.empty(15), Clear.empty(15)
    for name, files in oracles.sequences(folder).items():
        if name in expected.get("left_out", ()):
            continue
        truth, found = (read_poses(file).as_skeleton(POSETRACK_15) for file in files)
        one, other = state(truth, found), state(truth, found, over_matches)
        assert_expected(one, other, expected["per_sequence"][name], expected["per_sequence"][name])
        whole, matched = whole.merge(one), matched.merge(other)
    assert_expected(whole, matched, expected["counts"], expected)
    wanted = oracles.row(expected["motp_matched_only"])
    np.testing.assert_allclose(matched.compute(over_matches).motp, wanted, rtol=0, atol=1e-9)


def test_a_sequence_with_one_frame_at_which_poseval_fails_is_judged_strictly(request: pytest.FixtureRequest) -> None:
    folder = oracles.folder("06_single_labelled_frame", request)
    truth, found = (
        read_poses(file).as_skeleton(POSETRACK_15) for file in oracles.sequences(folder)["000116_bonn_test"]
    )
    assert state(truth, found).objects.any()
    assert_same(state(truth, found), state(truth, found, STRICT))


def test_the_crowd_takes_less_than_a_twentieth_of_poseval_s_time(request: pytest.FixtureRequest) -> None:
    """poseval takes 2.15 s for AP and MOT of these 20 frames on two cores."""
    files = oracles.sequences(oracles.folder("11_crowd30", request))["000129_mpiinew_test"]
    truth, found = (read_poses(file).as_skeleton(POSETRACK_15) for file in files)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        judged, left = for_joints(truth, found, POSEVAL)
        pairing = pair_people(judged, left)
        distance = head_distances(judged, left, pairing)
        precision(judged, left, pairing, distance, POSEVAL).compute(POSEVAL)
        clear(pairing, judged.there, left.there, near(distance), POSEVAL)[0].compute(POSEVAL)
        times.append(time.perf_counter() - start)
    print(f"AP and MOT of the crowd: {1000 * min(times):.1f} ms, {50 * min(times):.2f} ms a frame")
    assert min(times) < 2.15 / 20


# -- py-motmetrics ---------------------------------------------------------------------------------------------------


def boxes(seed: int, frames: int = 40, people: int = 8) -> tuple[Pairing, np.ndarray, np.ndarray, np.ndarray]:
    """Points in a square, easily mistaken, with ids that come, go, return, swap and change; the pairs' costs [q, 1]."""
    rng = np.random.default_rng(seed)
    place, names, rows = rng.uniform(0, 2, (people, 2)), np.arange(people), [[], []]
    for frame in range(frames):
        place = place + rng.normal(0, 0.15, (people, 2))
        for _ in range(rng.poisson(0.3)):
            a, b = rng.permutation(people)[:2]
            names[[a, b]] = names[[b, a]]
        if rng.random() < 0.1:
            names[rng.integers(people)] = 100 + frame
        rows[0] += [(frame, k, *place[k]) for k in rng.permutation(people) if (frame // 7 + k) % 4 and frame >= 3 * k]
        rows[1] += [
            (frame, names[k], *(place[k] + rng.normal(0, 0.2, 2)))
            for k in rng.permutation(people)
            if rng.random() < 0.8
        ]
        if rng.random() < 0.5:
            rows[1].append((frame, 1000 + rng.integers(3), *rng.uniform(0, 2, 2)))
    (f, ids, *x), (g, others, *y) = (np.array(side).T for side in rows)
    pairing = pair(frames, f.astype(int), ids.astype(int), g.astype(int), others.astype(int))
    distance = np.hypot(*(np.array(x)[:, pairing.truth] - np.array(y)[:, pairing.found]))
    cost = np.where(distance < 0.6, distance, np.nan)[:, None]
    return pairing, np.ones((len(ids), 1), bool), np.ones((len(others), 1), bool), cost


def accumulate(
    pairing: Pairing, there: np.ndarray, found_there: np.ndarray, cost: np.ndarray
) -> motmetrics.MOTAccumulator:
    """py-motmetrics' table of events of one column."""
    events = motmetrics.MOTAccumulator(auto_id=True)
    for frame in range(pairing.frames):
        rows = np.flatnonzero((pairing.truth_frame == frame) & there)
        columns = np.flatnonzero((pairing.found_frame == frame) & found_there)
        table = np.full((len(rows), len(columns)), np.nan)
        for place in np.flatnonzero(pairing.frame == frame):
            at, to = pairing.truth[place] == rows, pairing.found[place] == columns
            table[np.ix_(at, to)] = cost[place]
        events.update(pairing.truth_ids[rows], pairing.found_ids[columns], table)
    return events


ORDER_OF_FILE = dataclasses.replace(STRICT, latest_pair=False)
"""What py-motmetrics counts: all frames, all people, MOTP over matches, who comes first keeps an id."""


def assert_like_motmetrics(one: Clear, column: int, events: motmetrics.MOTAccumulator) -> None:
    names = [*COUNTS, "num_fragmentations", "motp", "mota", "precision", "recall"]
    wanted = motmetrics.metrics.create().compute(events, metrics=names, return_dataframe=False)
    for key, name in {**COUNTS, "num_fragmentations": "fragmentations"}.items():
        assert getattr(one, name)[column] == wanted[key], name
    scores = one.compute(ORDER_OF_FILE)
    for name in ("mota", "precision", "recall"):
        np.testing.assert_allclose(getattr(scores, name)[column], 100 * wanted[name], rtol=0, atol=1e-9)
    np.testing.assert_allclose(scores.motp[column], 100 * (1 - wanted["motp"]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_boxes_are_counted_as_py_motmetrics_counts_them(seed: int) -> None:
    pairing, there, found_there, cost = boxes(seed)
    one, matches = clear(pairing, there, found_there, cost, ORDER_OF_FILE)
    events = accumulate(pairing, there[:, 0], found_there[:, 0], cost[:, 0])
    assert_like_motmetrics(one, 0, events)
    assert min(one.switches[0], one.fragmentations[0], one.misses[0], one.false_positives[0]) > 3
    table = events.events
    rows = table[table.Type.isin(["MATCH", "SWITCH"])]
    frame = rows.index.get_level_values(0)
    where = {(f, o): k for k, (f, o) in enumerate(zip(pairing.truth_frame, pairing.truth_ids, strict=True))}
    assert np.sum(matches.found >= 0) == len(rows)
    for f, kind, o, h in zip(frame, rows.Type, rows.OId, rows.HId, strict=True):
        row = where[f, o]
        assert pairing.found_ids[matches.found[row, 0]] == h
        assert matches.switched[row, 0] == (kind == "SWITCH")


@pytest.mark.parametrize("seed", range(12))
def test_motp_over_matches_alone_leaves_out_the_other_rows_of_the_table_of_events(seed: int) -> None:
    pairing, there, found_there, cost = boxes(seed)
    all_rows = dataclasses.replace(ORDER_OF_FILE, motp_over_matches=False)
    one, _ = clear(pairing, there, found_there, cost, all_rows)
    other, _ = clear(pairing, there, found_there, cost, ORDER_OF_FILE)
    table = accumulate(pairing, there[:, 0], found_there[:, 0], cost[:, 0]).events
    assert {"TRANSFER", "ASCEND", "MIGRATE"} <= set(table.Type)
    np.testing.assert_allclose(one.distance[0], table.D.sum(), rtol=0, atol=1e-9)
    matched = table[table.Type.isin(["MATCH", "SWITCH"])]
    np.testing.assert_allclose(other.distance[0], matched.D.sum(), rtol=0, atol=1e-9)
    assert_same(one._replace(distance=other.distance), other)


@pytest.mark.parametrize("seed", range(6))
def test_each_column_is_counted_as_py_motmetrics_counts_it_alone(seed: int) -> None:
    truth, found = video(seed, frames=12)
    pairing = pair_people(truth, found)
    cost = near(head_distances(truth, found, pairing))
    one, _ = clear(pairing, truth.there, found.there, cost, ORDER_OF_FILE)
    for column in range(0, 15, 5):
        events = accumulate(pairing, truth.there[:, column], found.there[:, column], cost[:, column])
        assert_like_motmetrics(one, column, events)


# -- properties ------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_strict_knows_neither_order_nor_names_of_ids(seed: int) -> None:
    truth, found = video(seed, frames=10)
    other = state(renamed(3, shuffled(1, truth)), renamed(4, shuffled(2, found)), STRICT)
    assert_same(state(truth, found, STRICT), other)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_truth_as_prediction_is_perfect_under_strict(seed: int, frames: int) -> None:
    """Ignore regions may empty frames, and labelled frames may have nobody."""
    truth, _ = video(seed, frames)
    one = state(truth, truth, STRICT)
    wanted = np.where(one.objects > 0, 100.0, np.nan)
    for values in one.compute(STRICT):
        np.testing.assert_array_equal(values, np.append(wanted, 100.0 if one.objects.any() else np.nan))
    assert not np.any([one.switches, one.fragmentations, one.misses, one.false_positives])


@settings(max_examples=30, deadline=None)
@given(st.lists(SEEDS, min_size=3, max_size=3))
def test_states_merge_in_any_grouping(seeds: list[int]) -> None:
    one, two, three = (state(*video(seed)) for seed in seeds)
    left, right = one.merge(two).merge(three), one.merge(Clear.empty(15).merge(two.merge(three)))
    assert_same(left, right)
    assert_same(left, Clear(*(np.sum(values, axis=0) for values in zip(one, two, three, strict=True))))


# -- switches of the protocol ----------------------------------------------------------------------------------------


def points(
    frames: int, truth: list[tuple[int, int, float]], found: list[tuple[int, int, float]], protocol: Protocol
) -> tuple[Clear, Matches]:
    """One column of points on a line, each (frame, id, place), that may match up to a distance of 1."""
    (f, ids, x), (g, others, y) = (np.reshape(side, (-1, 3)).T for side in (truth, found))
    pairing = pair(frames, f.astype(int), ids.astype(int), g.astype(int), others.astype(int))
    distance = np.abs(x[pairing.truth] - y[pairing.found])[:, None]
    cost = np.where(distance <= 1, distance, np.nan)
    return clear(pairing, np.ones((len(ids), 1), bool), np.ones((len(others), 1), bool), cost, protocol)


def test_the_last_frame_counts_with_last_frame_alone() -> None:
    truth = [(0, 7, 0.0), (1, 7, 0.0)]
    one, matches = points(2, truth, truth, POSEVAL)
    assert (one.objects[0], one.detections[0]) == (1, 1)
    assert matches.found.tolist() == [[0], [-1]]
    one, matches = points(2, truth, truth, dataclasses.replace(POSEVAL, last_frame=True))
    assert (one.objects[0], one.detections[0]) == (2, 2)
    assert matches.found.tolist() == [[0], [1]]


def test_people_on_one_side_only_are_counted_with_count_people_alone() -> None:
    """Frames: three people missed, two invented, nobody on either side, and one that is not used."""
    truth = [(0, 1, 0.0), (0, 2, 1.0), (0, 3, 2.0)]
    found = [(1, 1, 0.0), (1, 2, 1.0)]
    one, _ = points(4, truth, found, POSEVAL)
    assert [one.objects[0], one.misses[0], one.false_positives[0]] == [3, 3, 3]
    one, _ = points(4, truth, found, dataclasses.replace(POSEVAL, count_people=True))
    assert [one.objects[0], one.misses[0], one.false_positives[0]] == [3, 3, 2]
    one, _ = points(3, truth, [], POSEVAL)
    assert [one.objects[0], one.misses[0], one.false_positives[0]] == [2, 2, 2]


def test_an_id_that_two_people_had_stays_with_the_latest_with_latest_pair_alone() -> None:
    """Found 5 is first person 1's, then, while 1 is away, person 2's; when 1 returns both might keep it."""
    truth = [(0, 1, 0.0), (1, 2, 0.0), (2, 1, 0.0), (2, 2, 0.2), (3, 9, 9.0)]
    found = [(0, 5, 0.0), (1, 5, 0.0), (2, 5, 0.1), (3, 9, 9.0)]
    _, matches = points(4, truth, found, POSEVAL)
    assert matches.found[:4, 0].tolist() == [0, 1, 2, -1]
    _, matches = points(4, truth, found, dataclasses.replace(POSEVAL, latest_pair=True))
    assert matches.found[:4, 0].tolist() == [0, 1, -1, 2]


def test_a_joint_that_nobody_found_is_zero_or_left_out_of_motp() -> None:
    """`absent_joints`: matched, only missed, only invented, absent."""
    counts = np.array([[0, 1, 0, 0], [0] * 4, [0, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0] * 4])
    one = Clear(*counts, np.array([0.25, 0, 0, 0]))
    nan = np.nan
    quirky, clean = (one.compute(protocol) for protocol in (POSEVAL, dataclasses.replace(POSEVAL, absent_joints=True)))
    np.testing.assert_array_equal(quirky.motp, [75, 0, 0, 0, 18.75])
    np.testing.assert_array_equal(clean.motp, [75, nan, nan, nan, 75])
    np.testing.assert_array_equal(quirky.precision, [100, nan, 0, nan, 50])
    np.testing.assert_array_equal(clean.precision, [100, nan, nan, nan, 100])
    for scores in (quirky, clean):
        np.testing.assert_array_equal(scores.mota, [100, 0, nan, nan, 50])
        np.testing.assert_array_equal(scores.recall, [100, 0, nan, nan, 50])


def test_labelled_frames_alone_counts_people_found_where_nobody_is() -> None:
    truth = pose_file(POSETRACK_15, [1, 0, 1], np.full((2, 15, 2), 50.0), ids=[1, 1], heads=[[0, 0, 30, 40]] * 2)
    found = pose_file(POSETRACK_15, [1, 2, 1], np.full((4, 15, 2), 50.0), ids=[1, 1, 2, 1])
    assert state(truth, found).false_positives[0] == 0
    assert state(truth, found, dataclasses.replace(POSEVAL, labelled_frames=True)).false_positives[0] == 1
    both = dataclasses.replace(POSEVAL, labelled_frames=True, count_people=True)
    assert state(truth, found, both).false_positives[0] == 2


# -- rules, by hand --------------------------------------------------------------------------------------------------


def test_a_pair_is_kept_after_a_gap_although_another_is_nearer() -> None:
    truth = [(0, 1, 0.0), (1, 1, 0.0), (3, 1, 0.0)]
    found = [(0, 5, 0.5), (1, 6, 3.0), (3, 6, 0.0), (3, 5, 0.9)]
    one, matches = points(4, truth, found, STRICT)
    assert matches.found[:, 0].tolist() == [0, -1, 3]
    assert (one.switches[0], one.fragmentations[0], one.misses[0], one.false_positives[0]) == (0, 1, 1, 2)


def test_more_pairs_go_before_nearer_ones() -> None:
    """Person 2 could only match found 5, so person 1 takes found 6, although 5 is nearer to both."""
    truth, found = [(0, 1, 0.0), (0, 2, 1.0)], [(0, 5, 0.3), (0, 6, -0.9)]
    _, matches = points(1, truth, found, STRICT)
    assert matches.found[:, 0].tolist() == [1, 0]


def test_frames_in_which_a_person_is_absent_do_not_fragment_a_track() -> None:
    truth = [(0, 1, 0.0), (2, 1, 0.0), (3, 1, 0.0), (4, 1, 0.0)]
    found = [(0, 5, 0.0), (1, 5, 0.0), (2, 6, 0.0), (4, 6, 0.0)]
    one, matches = points(5, truth, found, STRICT)
    assert matches.switched[:, 0].tolist() == [False, True, False, False]
    assert (one.fragmentations[0], one.misses[0], one.false_positives[0]) == (1, 1, 1)


def test_no_frames_and_nobody() -> None:
    for frames in (0, 3):
        one, matches = points(frames, [], [], STRICT)
        assert matches.found.shape == (0, 1)
        assert all(np.isnan(values).all() for values in one.compute(STRICT))
    assert_same(points(0, [], [], POSEVAL)[0], Clear.empty(1))


def test_scores_have_a_total_over_columns() -> None:
    scores = state(*video(5)).compute(POSEVAL)
    assert isinstance(scores, ClearScores)
    for values in scores:
        np.testing.assert_allclose(values[-1], np.nanmean(values[:-1]))
