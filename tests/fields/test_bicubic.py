import cv2
import jax
import numpy as np
import pytest

from jaxpose.fields.bicubic import cubic_matrix, cubic_weights, resize


@pytest.mark.parametrize(("h", "w", "times"), [(1, 1, 8), (2, 5, 4), (7, 9, 8), (46, 82, 8)])
def test_enlarged_as_opencv_does(h, w, times):
    maps = np.random.default_rng(h).normal(0, 1, (2, h, w, 3)).astype(np.float32)
    ours = jax.jit(lambda maps: resize(maps, h * times, w * times, times))(maps)
    for one, other in zip(maps, np.asarray(ours), strict=True):
        truth = cv2.resize(one, (w * times, h * times), interpolation=cv2.INTER_CUBIC)
        np.testing.assert_allclose(other, truth, atol=1e-5)


def test_between_grids_whose_cells_are_no_multiple_of_each_other():
    maps = np.random.default_rng(0).normal(0, 1, (1, 20, 30, 2)).astype(np.float32)
    truth = cv2.resize(maps[0], (39, 26), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(resize(maps, 26, 39, 1.3)[0], truth, atol=1e-5)


def test_the_weights_are_keys_kernel():
    ahead = np.linspace(0, 1, 9)
    weights = np.array(cubic_weights(ahead))
    np.testing.assert_allclose(weights.sum(0), 1)
    np.testing.assert_allclose(weights[:, 0], (0, 1, 0, 0), atol=1e-15)
    np.testing.assert_allclose(weights[:, -1], (0, 0, 1, 0), atol=1e-15)
    # The middle of two cells under a = -0.75: -0.09375 and 0.59375 on each side.
    np.testing.assert_allclose(weights[:, 4], (-0.09375, 0.59375, 0.59375, -0.09375))


def test_a_straight_ramp_stays_straight_inside():
    place = (np.arange(80) + 0.5) / 8 - 0.5
    inside = (place >= 1) & (place <= 8)
    np.testing.assert_allclose((cubic_matrix(10, 80, 8) @ np.arange(10))[inside], place[inside], atol=0.08)
    np.testing.assert_allclose(cubic_matrix(10, 10, 1), np.eye(10), atol=1e-7)
