"""The One-Euro filter is the paper's, steadies what stands, lags little behind what moves, and invents no joint."""

import math

import numpy as np
import pytest

from jaxpose.association.smoothing import FORGET, Smoother
from jaxpose.records import NO_ID, People, make_people

JOINTS = 3


def frame(xy: np.ndarray, number: int, ids: list[int] | None = None, score: float = 0.9) -> People:
    """People at [p, j, 2], at 25 frames a second."""
    keypoints = np.concatenate([xy, np.full((*xy.shape[:2], 1), score)], axis=-1)
    return make_people(
        keypoints, np.ones(len(xy)), np.array(ids or range(1, len(xy) + 1)), frame=number, time=number / 25
    )


class PaperFilter:
    """One coordinate, as the paper's Algorithm 1 has it; speeds are divided by the person's size."""

    def __init__(self, min_cutoff: float, beta: float, speed_cutoff: float) -> None:
        self.min_cutoff, self.beta, self.speed_cutoff = min_cutoff, beta, speed_cutoff
        self.last: tuple[float, float] | None = None

    def step(self, x: float, elapsed: float, size: float) -> float:
        if self.last is None:
            self.last = x, 0.0
            return x
        before, speed = self.last
        alpha = self.alpha(self.speed_cutoff, elapsed)
        speed = alpha * (x - before) / elapsed + (1 - alpha) * speed
        alpha = self.alpha(self.min_cutoff + self.beta * abs(speed) / size, elapsed)
        self.last = alpha * x + (1 - alpha) * before, speed
        return self.last[0]

    @staticmethod
    def alpha(cutoff: float, elapsed: float) -> float:
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau / elapsed)


def test_it_is_the_paper_s_filter() -> None:
    rng = np.random.default_rng(0)
    smoother = Smoother(1.3, 2.0, 0.7)
    filters = [[[PaperFilter(1.3, 2.0, 0.7) for _ in range(2)] for _ in range(JOINTS)] for _ in range(2)]
    xy = rng.uniform(0, 600, (2, JOINTS, 2))
    for number in range(40):
        xy = xy + rng.normal(0, 8, xy.shape)
        given = frame(xy, number)
        found = smoother.smooth(given)
        for person in range(2):
            place = given.keypoints[person, :, :2].astype(float)
            size = np.ptp(place, axis=0).max()
            wanted = [
                [filters[person][joint][axis].step(place[joint, axis], 1 / 25, size) for axis in range(2)]
                for joint in range(JOINTS)
            ]
            np.testing.assert_allclose(found.keypoints[person, :, :2], wanted, rtol=1e-6)
        np.testing.assert_array_equal(found.keypoints[..., 2], given.keypoints[..., 2])


def test_what_stands_trembles_less_and_what_walks_lags_little() -> None:
    rng = np.random.default_rng(1)
    body = np.array([[[100.0, 100], [140, 200], [100, 300]]])
    noise = rng.normal(0, 2, (200, 1, JOINTS, 2))
    smoother, walker = Smoother(), Smoother()
    still = np.array([smoother.smooth(frame(body + step, i)).keypoints[..., :2] for i, step in enumerate(noise)])
    assert still[50:].std(axis=0).mean() < 0.5 * noise[50:].std(axis=0).mean()
    steps = np.arange(200)[:, None, None, None] * (6.0, 0)  # 150 pixels a second, 0.75 of the person's size
    walked = np.array([walker.smooth(frame(body + step, i)).keypoints[..., :2] for i, step in enumerate(steps)])
    lag = (body + steps - walked)[50:, ..., 0]
    assert 0 < lag.max() < 12  # two frames


def test_missing_joints_stay_missing_and_come_back_trusted() -> None:
    smoother = Smoother()
    xy = np.array([[[100.0, 100], [140, 200], [100, 300]]])
    smoother.smooth(frame(xy, 0))
    hidden = frame(xy + 3, 1)
    hidden.keypoints[0, 1] = 0
    found = smoother.smooth(hidden)
    np.testing.assert_array_equal(found.keypoints[0, 1], 0)
    soon, late = (Smoother(), Smoother())
    for one in (soon, late):
        one.smooth(frame(xy, 0))
    moved = [one.smooth(frame(xy + 30, at)).keypoints[0, 0, 0] for one, at in ((soon, 1), (late, 100))]
    assert moved[0] < moved[1] < 130.5
    assert moved[1] > 128


def test_ids_are_kept_apart_and_people_without_id_left_alone() -> None:
    smoother = Smoother()
    xy = np.array([[[100.0, 100], [140, 200], [100, 300]], [[700, 100], [740, 200], [700, 300]]])
    smoother.smooth(frame(xy, 0, [4, NO_ID]))
    found = smoother.smooth(frame(xy[::-1] + 10, 1, [NO_ID, 4]))
    np.testing.assert_array_equal(found.keypoints[0], frame(xy[::-1] + 10, 1).keypoints[0])
    assert (found.keypoints[1, :, 0] < xy[0, :, 0] + 10).all()
    np.testing.assert_allclose(found.boxes[1, :2], found.keypoints[1, :, :2].min(axis=0))


def test_memory_is_bounded_and_reset_forgets() -> None:
    smoother = Smoother()
    xy = np.array([[[100.0, 100], [140, 200], [100, 300]]])
    for number in range(0, 25 * 60, 5):
        smoother.smooth(frame(xy, number, [number + 1]))
    assert len(smoother._states) <= FORGET * 5 + 1
    smoother.reset()
    again = smoother.smooth(frame(xy + 50, 0, [1]))
    np.testing.assert_array_equal(again.keypoints[0, :, :2], xy[0] + 50)


def test_a_time_that_does_not_move_on_changes_nothing_to_nan() -> None:
    smoother = Smoother()
    xy = np.array([[[100.0, 100], [140, 200], [100, 300]]])
    for _ in range(3):
        found = smoother.smooth(frame(xy + 1, 5))
    assert np.isfinite(found.keypoints).all()


@pytest.mark.parametrize("options", [{"min_cutoff": 0}, {"beta": -1}, {"speed_cutoff": 0}])
def test_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cutoffs must be above 0"):
        Smoother(**options)
