"""Skipped frames lie on straight lines between those looked at, and can be told from them."""

import numpy as np

from jaxpose.association.interpolation import TRUST, Interpolator
from jaxpose.records import NO_ID, People, make_people


def people(number: int, ids: list[int], x: float, rate: float = 25) -> People:
    keypoints = np.array([[[x + 100 * i, 50, 0.8], [x, 90, 0.6]] for i in ids], np.float32).reshape(-1, 2, 3)
    return make_people(keypoints, np.full(len(ids), 0.5), np.array(ids, np.int64), frame=number, time=number / rate)


def test_straight_lines_between_two_frames() -> None:
    filler = Interpolator()
    assert [one.frame for one in filler.push(people(4, [1, 2, NO_ID], 10))] == [4]
    found = filler.push(people(7, [2, 5, 1], 40))
    assert [one.frame for one in found] == [5, 6, 7]
    for share, one in zip((1 / 3, 2 / 3), found[:2], strict=True):
        assert one.ids.tolist() == [1, 2]
        np.testing.assert_allclose(one.keypoints[:, 0, 0], [110 + 30 * share, 210 + 30 * share], rtol=1e-6)
        np.testing.assert_allclose(one.keypoints[..., 2], np.tile([0.8, 0.6], (2, 1)) * TRUST, rtol=1e-6)
        np.testing.assert_allclose(one.scores, 0.5 * TRUST)
        np.testing.assert_allclose(one.time, (4 + 3 * share) / 25)
        np.testing.assert_allclose(one.boxes[:, 0], one.keypoints[..., 0].min(axis=1))


def test_a_joint_that_one_side_lacks_is_missing() -> None:
    filler = Interpolator()
    before = people(0, [1], 0)
    before.keypoints[0, 1] = 0
    filler.push(before)
    between, _ = filler.push(people(2, [1], 20))
    np.testing.assert_array_equal(between.keypoints[0, 1], 0)
    assert between.keypoints[0, 0, 2] > 0


def test_nothing_to_fill() -> None:
    filler = Interpolator()
    assert len(filler.push(people(0, [1], 0))) == 1
    assert len(filler.push(people(1, [1], 0))) == 1
    assert len(filler.push(people(60, [1], 0))) == 1  # more than a second
    filler.reset()
    assert len(filler.push(people(64, [1], 0))) == 1


def test_frames_without_anybody_are_filled_with_nobody() -> None:
    filler = Interpolator()
    filler.push(people(0, [], 0))
    found = filler.push(people(3, [1], 0))
    assert [(one.frame, one.total) for one in found] == [(1, 0), (2, 0), (3, 1)]
