"""Matching, duplicates and pose similarity against brute force, plain loops and `geometry`."""

import itertools
import math

import numpy as np
import pytest

from jaxpose.association.matching import (
    blurred_iou,
    distinct,
    keep_best,
    match,
    match_greedily,
    pose_similarity,
    widened_boxes,
)
from jaxpose.geometry import iou
from jaxpose.skeletons import COCO_17


def best_sum(similarity, minimum):
    """The largest sum over all one-to-one choices of pairs that reach the minimum."""
    n, m = similarity.shape
    best = 0.0
    for size in range(1, min(n, m) + 1):
        for rows in itertools.combinations(range(n), size):
            for columns in itertools.permutations(range(m), size):
                values = [similarity[pair] for pair in zip(rows, columns, strict=True)]
                if min(values) >= minimum:
                    best = max(best, sum(values))
    return best


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 2), (4, 4), (4, 2), (1, 5)])
@pytest.mark.parametrize("seed", range(5))
def test_match_against_brute_force(shape, seed):
    similarity = np.random.default_rng(seed).random(shape)
    rows, columns = match(similarity, 0.4)
    assert len(set(rows)) == len(rows)
    assert len(set(columns)) == len(columns)
    assert (similarity[rows, columns] >= 0.4).all()
    assert similarity[rows, columns].sum() == pytest.approx(best_sum(similarity, 0.4))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_match_of_nobody(shape):
    rows, columns = match(np.zeros(shape), 0.1)
    assert len(rows) == len(columns) == 0


@pytest.mark.parametrize("seed", range(5))
def test_greedy_matching_takes_the_most_alike_first(seed):
    similarity = np.random.default_rng(seed).random((4, 5))
    free, expected = {(row, column) for row in range(4) for column in range(5)}, set()
    while allowed := [pair for pair in free if similarity[pair] >= 0.4]:
        best = max(allowed, key=lambda pair: similarity[pair])
        expected.add(best)
        free = {pair for pair in free if pair[0] != best[0] and pair[1] != best[1]}
    rows, columns = match_greedily(similarity, 0.4)
    assert list(rows) == sorted(rows)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == expected
    assert len(expected) >= 3


def test_greedy_matching_gives_up_the_sum():
    similarity = np.array([[0.9, 0.8], [0.8, 0.1]])
    assert [each.tolist() for each in match(similarity, 0.05)] == [[0, 1], [1, 0]]
    assert [each.tolist() for each in match_greedily(similarity, 0.05)] == [[0, 1], [0, 1]]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_greedy_matching_of_nobody(shape):
    rows, columns = match_greedily(np.zeros(shape), 0.1)
    assert rows.shape == columns.shape == (0,)


def test_forbidden_pairs_take_no_place():
    # Of all complete assignments the crossed one is worth more (0.3 + 0.5), but 0.3 is forbidden.
    rows, columns = match(np.array([[0.6, 0.3], [0.5, 0.1]]), 0.4)
    assert list(zip(rows, columns, strict=True)) == [(0, 0)]


def test_minimum_itself_is_allowed():
    rows, _ = match(np.array([[0.5]]), 0.5)
    assert len(rows) == 1


def test_keep_best_goes_down_by_worth():
    overlap = np.array([[1, 0.8, 0.1], [0.8, 1, 0.8], [0.1, 0.8, 1]])
    assert keep_best(overlap, np.array([0.9, 0.8, 0.7]), 0.5).tolist() == [True, False, True]  # 1 removes nobody
    assert keep_best(overlap, np.array([0.8, 0.9, 0.7]), 0.5).tolist() == [False, True, False]
    assert keep_best(overlap, np.array([0.8, 0.9, 0.7]), 0.8).all()
    assert keep_best(np.zeros((0, 0)), np.zeros(0), 0.5).shape == (0,)


def test_the_lesser_of_two_alike_goes():
    rng = np.random.default_rng(0)
    one, other = (np.concatenate([rng.uniform(0, 100, (17, 2)), np.ones((17, 1))], axis=1) for _ in range(2))
    near, far = (one + np.array([shift, 0, 0]) for shift in (1, 60))
    poses, worth = np.stack([one, other, near, far]), np.array([0.5, 0.3, 0.9, 0.1])
    stays = distinct(poses, worth, np.array(COCO_17.sigmas), 0.25, 0.5)
    assert stays.tolist() == [False, True, True, True]
    assert distinct(poses, worth, np.array(COCO_17.sigmas), 0.25, 1.0).all()
    assert distinct(poses[:0], worth[:0], np.array(COCO_17.sigmas), 0.25, 0.5).shape == (0,)


def test_blur_of_one_is_iou():
    rng = np.random.default_rng(0)
    a, b = (np.concatenate([rng.uniform(0, 50, (n, 2)), rng.uniform(1, 50, (n, 2))], axis=1) for n in (6, 8))
    np.testing.assert_allclose(blurred_iou(a, b, np.ones(6)), iou(a, b), atol=1e-12)


def test_blur_enlarges_both_boxes():
    rng = np.random.default_rng(1)
    a, b = (np.concatenate([rng.uniform(0, 50, (n, 2)), rng.uniform(1, 50, (n, 2))], axis=1) for n in (4, 8))
    blur = np.array([1, 1.3, 2, 5])

    def enlarged(boxes, by):
        return np.concatenate([boxes[:, :2] - boxes[:, 2:] * (by - 1) / 2, boxes[:, 2:] * by], axis=1)

    expected = [iou(enlarged(a[i : i + 1], by), enlarged(b, by))[0] for i, by in enumerate(blur)]
    np.testing.assert_allclose(blurred_iou(a, b, blur), expected, atol=1e-12)


def test_empty_boxes_overlap_nothing():
    assert blurred_iou(np.zeros((1, 4)), np.zeros((2, 4)), np.ones(1)).tolist() == [[0, 0]]


def test_widened_boxes():
    pose = np.zeros((1, 17, 3))
    pose[0, 3], pose[0, 9] = (10, 20, 0.5), (14, 60, 0.5)
    np.testing.assert_allclose(widened_boxes(pose, 0.25), [[0, 10, 24, 60]])


def test_pose_similarity_against_a_loop():
    rng = np.random.default_rng(2)
    a, b = (np.concatenate([rng.uniform(0, 60, (n, 17, 2)), rng.random((n, 17, 1))], axis=2) for n in (3, 4))
    a[rng.random(a.shape[:2]) < 0.3] = 0
    b[rng.random(b.shape[:2]) < 0.3] = 0
    a[0, 9:], b[0, :9] = 0, 0  # no joint in both
    blur = np.array([1, 1.5, 3])
    boxes = widened_boxes(a, 0.2), widened_boxes(b, 0.2)
    overlap = blurred_iou(*boxes, blur)
    for n, m in np.ndindex(3, 4):
        area = (np.prod(boxes[0][n, 2:]) + np.prod(boxes[1][m, 2:])) / 2
        terms = [
            math.exp(-((math.dist(p[:2], q[:2]) / blur[n]) ** 2) / (2 * area * (2 * sigma) ** 2))
            for p, q, sigma in zip(a[n], b[m], COCO_17.sigmas, strict=True)
            if p[2] > 0 and q[2] > 0
        ]
        expected = (sum(terms) / max(len(terms), 1) + overlap[n, m]) / 2
        found = pose_similarity(a, b, np.array(COCO_17.sigmas), 0.2, blur)[n, m]
        assert found == pytest.approx(expected)
    np.testing.assert_allclose(np.diag(pose_similarity(a, a, np.array(COCO_17.sigmas), 0.2, np.ones(3))), 1)
