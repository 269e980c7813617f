"""Pairs of people within frames, and how far apart their joints are."""

import numpy as np
import pytest
from pose_files import pose_file

from jaxpose.evaluation.pairing import head_distances, head_sizes, near, pair, pair_people
from jaxpose.skeletons import POSETRACK_15


@pytest.mark.parametrize("seed", range(5))
def test_all_pairs_of_a_frame_by_frame_then_truth_then_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = 8
    truth, found = np.sort(rng.integers(0, frames, 12)), np.sort(rng.integers(0, frames, 9))
    pairing = pair(frames, truth, np.arange(12), found, np.arange(9))
    wanted = [(f, t, d) for f in range(frames) for t in np.flatnonzero(truth == f) for d in np.flatnonzero(found == f)]
    assert list(zip(pairing.frame, pairing.truth, pairing.found, strict=True)) == wanted
    assert (pairing.frames, pairing.truth_ids.tolist(), pairing.found_ids.tolist()) == (8, [*range(12)], [*range(9)])


def test_sides_may_be_empty() -> None:
    nobody, somebody = np.zeros(0, np.int64), np.zeros(2, np.int64)
    for truth, found in ((nobody, somebody), (somebody, nobody), (nobody, nobody)):
        assert len(pair(1, truth, truth, found, found).truth) == 0


def test_a_head_of_30_by_40_has_a_size_of_30() -> None:
    np.testing.assert_allclose(head_sizes(np.array([[7.0, 8.0, 30.0, 40.0]])), [30])


def test_distances_are_in_head_sizes_of_the_truth_and_nan_where_a_joint_is_not_there() -> None:
    heads = [[0, 0, 3, 4], [0, 0, 30, 40]]
    there = np.ones((2, 15), bool)
    there[0, 1] = False
    truth = pose_file(POSETRACK_15, [1, 1], np.zeros((2, 15, 2)), heads=heads, there=there)
    there = np.ones((3, 15), bool)
    there[0, 2] = False
    found = pose_file(POSETRACK_15, [1, 2], np.tile([3.0, 4.0], (3, 15, 1)), there=there, heads=[[0, 0, 9, 9]] * 3)
    distance = head_distances(truth, found, pair_people(truth, found))
    assert distance.shape == (3, 15)
    np.testing.assert_allclose(distance[0, [0, 1, 2, 3]], [5 / 3, np.nan, np.nan, 5 / 3])
    np.testing.assert_allclose(distance[1:], np.full((2, 15), 1 / 6))


def test_half_a_head_size_is_near() -> None:
    distance = np.array([[0.0, 0.5, np.nextafter(0.5, 1), np.nan]])
    np.testing.assert_array_equal(near(distance), [[0, 0.5, np.nan, np.nan]])


def test_half_a_head_size_away_in_pixels_is_near() -> None:
    """In integers, exactly: a head of 30 by 40 pixels, 15 pixels by 3-4-5 triangles."""
    truth = pose_file(POSETRACK_15, [1], np.zeros((1, 15, 2)), heads=[[0, 0, 30, 40]])
    found = pose_file(POSETRACK_15, [1], np.tile([9.0, -12.0], (1, 15, 1)))
    assert np.all(near(head_distances(truth, found, pair_people(truth, found))) == 0.5)
