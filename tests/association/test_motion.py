"""The motion of tracked bodies against closed forms."""

import numpy as np
import pytest

from jaxpose.association.motion import body_shift, correct, gains, predict


def bodies(n=2, j=9, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.uniform(0, 100, (n, j, 2)), np.ones((n, j, 1))], axis=2)


def moved(poses, by):
    return np.concatenate([poses[..., :2] + np.asarray(by), poses[..., 2:]], axis=-1)


def test_predict_counts_frames():
    poses = bodies()
    expected = np.stack([moved(poses[0], (3, 0)), moved(poses[1], (-2, 8))])
    found = predict(poses, np.array([[3.0, 0], [-0.5, 2]]), np.array([1, 4]))
    np.testing.assert_allclose(found, expected)


def test_shift_is_the_median_of_shared_joints():
    start = bodies(3)
    stop = moved(start, (4, -7))
    stop[0, :3, :2] += 500  # three wrong joints of nine
    stop[1, 2:] = 0  # two joints left
    stop[2, :5], start[2, 5:] = 0, 0  # none in both
    np.testing.assert_allclose(body_shift(start, stop), [[4, -7], [4, -7], [0, 0]])


@pytest.mark.parametrize("shared", [1, 2, 5, 6])
def test_shift_against_numpy(shared):
    start, stop = bodies(1, seed=1), bodies(1, seed=2)
    start[:, shared:] = 0
    expected = np.median(stop[0, :shared, :2] - start[0, :shared, :2], axis=0)
    np.testing.assert_allclose(body_shift(start, stop), expected[None])


def test_correct_moves_a_part_of_the_way():
    expected = bodies(1)
    expected[0, 0] = 0  # a joint that the track never had
    found = moved(bodies(1), (10, 20))
    found[0, 1] = 0  # a joint that was not found
    poses, velocities = correct(expected, np.array([[1.0, 1]]), found, np.array([2]), np.array([0.5]), np.array([0.2]))
    np.testing.assert_allclose(poses[0, 0], found[0, 0])
    np.testing.assert_allclose(poses[0, 1], moved(expected[0, 1], (5, 10)))
    np.testing.assert_allclose(poses[0, 2:], moved(expected[0, 2:], (5, 10)))
    np.testing.assert_allclose(velocities, [[2, 3]])


def test_filter_finds_a_constant_velocity():
    start, velocity = bodies(1), np.array([3.0, -1])
    poses, velocities = start, np.zeros((1, 2))
    frames = [1, 1, 3, 1, 2, 1] * 12
    for step, frame in zip(frames, np.cumsum(frames), strict=True):
        expected = predict(poses, velocities, np.array([step]))
        found = moved(start, velocity * frame)
        poses, velocities = correct(expected, velocities, found, np.array([step]), np.array([0.5]), np.array([0.2]))
    np.testing.assert_allclose(velocities, [velocity], atol=1e-6)
    np.testing.assert_allclose(poses, found, atol=1e-5)


def test_gains_of_young_tracks_fit_a_line():
    """With gains that are not held at a floor the filter is the least-squares line through all sights."""
    rng = np.random.default_rng(3)
    places = 10 + 4 * np.arange(8) + rng.normal(0, 3, 8)
    pose = np.ones((1, 1, 3))
    poses, velocities = pose * (places[0], 1, 1), np.zeros((1, 2))
    for n in range(2, 9):
        expected = predict(poses, velocities, np.array([1]))
        found = pose * (places[n - 1], 1, 1)
        poses, velocities = correct(expected, velocities, found, np.array([1]), *gains(np.array([n]), 0.0, 0.0))
        slope, start = np.polyfit(np.arange(n), places[:n], 1)
        assert velocities[0, 0] == pytest.approx(slope)
        assert poses[0, 0, 0] == pytest.approx(start + slope * (n - 1))


def test_gains_of_old_tracks_are_those_given():
    position, velocity = gains(np.array([2, 3, 4, 100]), 0.5, 0.2)
    np.testing.assert_allclose(position, [1, 10 / 12, 14 / 20, 0.5])
    np.testing.assert_allclose(velocity, [1, 6 / 12, 6 / 20, 0.2])
