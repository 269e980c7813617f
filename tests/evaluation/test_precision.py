"""AP per joint against poseval's numbers, against the rules in plain loops, and by its properties."""

import dataclasses

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_files import pose_file
from tracked_scenes import part, renamed, shuffled, video

from jaxpose.evaluation.judged import for_joints
from jaxpose.evaluation.pairing import head_distances, pair_people
from jaxpose.evaluation.precision import Precision, PrecisionScores, mean, precision
from jaxpose.evaluation.protocol import PROTOCOLS, Protocol
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.posetrack import read_poses
from jaxpose.skeletons import POSETRACK_15

POSEVAL, STRICT = PROTOCOLS["poseval"], PROTOCOLS["strict"]
SEEDS = st.integers(0, 10_000)


def state(truth: PoseFile, found: PoseFile, protocol: Protocol = POSEVAL) -> Precision:
    truth, found = for_joints(truth, found, protocol)
    pairing = pair_people(truth, found)
    return precision(truth, found, pairing, head_distances(truth, found, pairing), protocol)


def assert_same(a: PrecisionScores, b: PrecisionScores) -> None:
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)


@pytest.mark.parametrize("case", oracles.CASES)
def test_every_number_of_poseval(case: str, request: pytest.FixtureRequest) -> None:
    folder = oracles.folder(case, request)
    expected = oracles.expected(folder)["poseval"]["ap"]
    tied = expected["tie_sensitive"]
    whole = Precision.empty(15)
    for name, files in oracles.sequences(folder).items():
        truth, found = (read_poses(file).as_skeleton(POSETRACK_15) for file in files)
        one = state(truth, found)
        whole = whole.merge(one)
        if expected["per_sequence"][name] is None:
            assert not one.labelled.any()
            continue
        for measure, values in one.compute(POSEVAL)._asdict().items():
            if measure != "ap" or not tied:
                wanted = oracles.row(expected["per_sequence"][name][measure])
                np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-9)
    scores = whole.compute(POSEVAL)
    wanted = expected["ap_tie_order"]["reversed_stable"] if tied else expected["ap"]
    np.testing.assert_allclose(scores.ap, oracles.row(wanted), rtol=0, atol=1e-9)
    np.testing.assert_allclose(scores.precision, oracles.row(expected["precision"]), rtol=0, atol=1e-9)
    np.testing.assert_allclose(scores.recall, oracles.row(expected["recall"]), rtol=0, atol=1e-9)
    for counts, key in ((whole.labelled, "num_gt"), (whole.ranked, "num_pred"), (whole.correct, "num_tp")):
        np.testing.assert_array_equal(counts, oracles.row(expected[key], total=False))
    if tied:
        orders = {key: oracles.row(value) for key, value in expected["ap_tie_order"].items()}
        order_free = whole.compute(dataclasses.replace(POSEVAL, order_free_ties=True)).ap
        np.testing.assert_allclose(order_free, orders["worst"], rtol=0, atol=1e-9)
        assert np.all((orders["worst"] <= scores.ap + 1e-9) & (scores.ap <= orders["best"] + 1e-9))


def by_loop(truth: PoseFile, found: PoseFile) -> tuple[list[int], list[list[tuple[float, int]]]]:
    """Labelled joints, and each joint's (score, right) in the order of the file, by the rules one after the other."""
    labelled, ranked = [0] * 15, [[] for _ in range(15)]
    for frame in range(len(truth.numbers)):
        people, others = (range(file.offsets[frame], file.offsets[frame + 1]) for file in (truth, found))

        def match(g: int, p: int, joint: int) -> bool:
            if not (truth.there[g, joint] and found.there[p, joint]):
                return False
            size = 0.6 * np.hypot(*truth.heads[g, 2:])
            return bool(np.hypot(*(truth.xy[g, joint] - found.xy[p, joint])) / size <= 0.5)

        share = np.zeros((len(others), len(people)))
        for i, p in enumerate(others):
            for k, g in enumerate(people):
                joints = truth.there[g].sum()
                share[i, k] = sum(match(g, p, joint) for joint in range(15)) / joints if joints else 0
            if len(people):
                best = share[i].argmax()
                share[i, np.arange(len(people)) != best] = 0
        partner = {}
        for k, g in enumerate(people):
            if len(others) and share[:, k].max() > 0:
                partner[others[int(share[:, k].argmax())]] = g
            for joint in range(15):
                labelled[joint] += int(truth.there[g, joint])
        for p in others:
            for joint in np.flatnonzero(found.there[p]):
                score = found.joint_scores[p, joint]
                right = p in partner and match(partner[p], p, joint)
                ranked[joint].append((-9999 if np.isnan(score) else score, int(right)))
    return labelled, ranked


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_what_is_ranked_and_its_area_equal_plain_loops(seed: int) -> None:
    truth, found = video(seed)
    one = state(truth, found)
    labelled, ranked = by_loop(*for_joints(truth, found, POSEVAL))
    assert one.labelled.tolist() == labelled
    areas = one.compute(POSEVAL).ap
    for joint in range(15):
        there = ~np.isnan(one.scores[:, joint])
        pairs = list(zip(one.scores[there, joint], one.right[there, joint].astype(int), strict=True))
        assert pairs == ranked[joint]
        if not labelled[joint]:
            continue
        order = sorted(range(len(pairs)), key=lambda i: (pairs[i][0], i), reverse=True)
        rights = np.cumsum([pairs[i][1] for i in order])
        steps = [0, *(rights / labelled[joint])]
        area = sum(
            (steps[i + 1] - steps[i]) * max(rights[k] / (k + 1) for k in range(i, len(order)))
            for i in range(len(order))
        )
        np.testing.assert_allclose(areas[joint], 100 * area, rtol=0, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(0, 6), st.integers(0, 6))
def test_shards_in_any_grouping_make_the_whole(seed: int, a: int, b: int) -> None:
    truth, found = video(seed)
    a, b = sorted((a, b))
    one, two, three = (state(part(truth, s), part(found, s)) for s in (slice(0, a), slice(a, b), slice(b, None)))
    left, right = one.merge(two).merge(three), one.merge(two.merge(Precision.empty(15).merge(three)))
    for protocol in (POSEVAL, STRICT):
        whole = state(truth, found).compute(protocol)
        assert_same(left.compute(protocol), whole)
        assert_same(right.compute(protocol), whole)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_strict_knows_neither_order_nor_ids(seed: int) -> None:
    truth, found = video(seed)
    other = state(renamed(3, shuffled(1, truth)), renamed(4, shuffled(2, found)), STRICT)
    assert_same(state(truth, found, STRICT).compute(STRICT), other.compute(STRICT))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_truth_as_prediction_is_perfect_under_strict(seed: int, frames: int) -> None:
    truth, _ = video(seed, frames)
    one = state(truth, truth, STRICT)
    wanted = np.where(one.labelled > 0, 100.0, np.nan)
    for values in one.compute(STRICT):
        np.testing.assert_array_equal(values, np.append(wanted, 100.0 if one.labelled.any() else np.nan))


def line(labelled: int, *ranked: tuple[float, bool]) -> Precision:
    """One joint with these scores."""
    scores, right = zip(*ranked, strict=True) if ranked else ((), ())
    return Precision(np.array([labelled]), np.reshape(scores, (-1, 1)), np.reshape(right, (-1, 1)).astype(bool))


def test_the_area_of_a_curve_computed_by_hand() -> None:
    one = line(4, (0.9, True), (0.6, True), (0.8, False))
    recall, values = one.curve(0, POSEVAL)
    np.testing.assert_allclose(recall, [1 / 4, 1 / 4, 2 / 4])
    np.testing.assert_allclose(values, [1, 1 / 2, 2 / 3])
    scores = one.compute(POSEVAL)
    np.testing.assert_allclose([scores.ap[0], scores.precision[0], scores.recall[0]], [125 / 3, 200 / 3, 50])


def test_equal_scores_let_later_ones_first_or_count_as_one_point() -> None:
    """`order_free_ties`, of scores."""
    free = dataclasses.replace(POSEVAL, order_free_ties=True)
    wrong_last, wrong_first = line(1, (0.5, True), (0.5, False)), line(1, (0.5, False), (0.5, True))
    assert wrong_last.compute(POSEVAL).ap[0] == 50
    assert wrong_first.compute(POSEVAL).ap[0] == 100
    for one in (wrong_last, wrong_first):
        assert one.compute(free).ap[0] == 50
        np.testing.assert_allclose(one.curve(0, free), [[1], [0.5]])


def test_equal_shares_of_joints_go_to_the_first_or_to_the_nearest() -> None:
    """`order_free_ties`, of people: both found ones match all joints, the second better; only the first is right."""
    truth = pose_file(POSETRACK_15, [1], np.full((1, 15, 2), 50.0), heads=[[0, 0, 30, 40]])
    found = pose_file(POSETRACK_15, [2], np.full((2, 15, 2), [[[55.0, 50.0]], [[51.0, 50.0]]]))
    assert state(truth, found).right[:, 0].tolist() == [True, False]
    free = dataclasses.replace(POSEVAL, order_free_ties=True)
    assert state(truth, found, free).right[:, 0].tolist() == [False, True]


def test_half_a_head_size_away_is_right_and_makes_people_match() -> None:
    """The second is (9, 12) pixels off, and the head measures 30 by 40; the first is farther away."""
    truth = pose_file(POSETRACK_15, [1], np.full((1, 15, 2), 50.0), heads=[[0, 0, 30, 40]])
    found = pose_file(POSETRACK_15, [2], np.full((2, 15, 2), [[[80.0, 50.0]], [[59.0, 62.0]]]))
    assert state(truth, found).right.all(1).tolist() == [False, True]


def test_equal_distances_go_to_the_higher_score_under_order_free_ties() -> None:
    truth = pose_file(POSETRACK_15, [1], np.full((1, 15, 2), 50.0), heads=[[0, 0, 30, 40]])
    scores = np.repeat([[0.2], [0.7]], 15, axis=1)
    found = pose_file(POSETRACK_15, [2], np.full((2, 15, 2), 51.0), joint_scores=scores)
    free = dataclasses.replace(POSEVAL, order_free_ties=True)
    assert state(truth, found, free).right[:, 0].tolist() == [False, True]


def test_a_joint_that_no_truth_has_is_zero_or_left_out() -> None:
    """`absent_joints`: of two joints only the first is labelled; poseval's rule depends on what was found."""
    absent = dataclasses.replace(POSEVAL, absent_joints=True)
    labelled, scores = np.array([1, 0]), np.array([[0.5, np.nan]])
    nothing = Precision(labelled, scores, np.array([[True, False]]))
    assert [values.tolist() for values in nothing.compute(POSEVAL)] == [[100, 0, 50]] * 3
    something = Precision(labelled, np.array([[0.5, 0.5]]), np.array([[True, False]]))
    ap, values, recall = something.compute(POSEVAL)
    np.testing.assert_array_equal(ap, [100, np.nan, 100])
    np.testing.assert_array_equal(values, [100, 0, 50])
    np.testing.assert_array_equal(recall, [100, np.nan, 100])
    for one in (nothing, something):
        for values in one.compute(absent):
            np.testing.assert_array_equal(values, [100, np.nan, 100])


def test_a_labelled_joint_that_nobody_found_has_ap_0_in_both_protocols() -> None:
    for protocol in (POSEVAL, STRICT):
        assert [values.tolist() for values in line(2).compute(protocol)] == [[0, 0]] * 3


def test_predictions_in_a_labelled_frame_without_people_are_wrong_under_labelled_frames() -> None:
    """`labelled_frames`, seen in AP: the second frame has no people in the truth."""
    truth = pose_file(POSETRACK_15, [1, 0], np.full((1, 15, 2), 50.0), heads=[[0, 0, 30, 40]])
    scores = np.repeat([[0.2], [0.7]], 15, axis=1)
    found = pose_file(POSETRACK_15, [1, 1], np.full((2, 15, 2), 50.0), joint_scores=scores)
    assert state(truth, found).compute(POSEVAL).ap[-1] == 100
    labelled = dataclasses.replace(POSEVAL, labelled_frames=True)
    assert state(truth, found, labelled).compute(labelled).ap[-1] == 50


def test_nothing_at_all_is_undefined_rather_than_a_warning() -> None:
    assert np.isnan(mean(np.array([np.nan])))
    for values in Precision.empty(3).compute(STRICT):
        assert np.isnan(values).all()
        assert len(values) == 4
