import cv2
import numpy as np
import pytest

from jaxpose.geometry import fit_input
from jaxpose.video.resize import apply_fit


def scene(width, height):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (384, 288), (426, 240), (31, 17), (8, 8)])
@pytest.mark.parametrize("size", [64, 256])
def test_the_input_has_the_size_of_the_fit_and_grey_only_beyond_the_picture(width, height, size):
    fit = fit_input(width, height, size, 8)
    out = apply_fit(np.full((height, width, 3), 10, np.uint8), fit)
    assert out.shape == (fit.height, fit.width, 3)
    right, below = round(width * fit.scale), round(height * fit.scale)
    assert (out[:below, :right] == 10).all()
    assert (out[below:] == 128).all()
    assert (out[:, right:] == 128).all()


def test_a_picture_of_the_right_size_stays_as_it_is():
    image = scene(64, 48)
    np.testing.assert_array_equal(apply_fit(image, fit_input(64, 48, 64, 8)), image)


def test_shrinking_by_whole_numbers_averages():
    image = scene(256, 192)
    expected = image.reshape(48, 4, 64, 4, 3).astype(float).mean(axis=(1, 3))
    np.testing.assert_allclose(apply_fit(image, fit_input(256, 192, 64, 8)), expected, atol=0.51)


def test_enlarging_interpolates_between_pixel_centres():
    image = scene(32, 32)
    np.testing.assert_array_equal(apply_fit(image, fit_input(32, 32, 64, 8)), cv2.resize(image, (64, 64)))
