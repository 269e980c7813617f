"""What happens to the pixels of crops that are drawn on the device: colours, and things over joints."""

import dataclasses

import cv2
import dotted
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from device_crops import drawn, loaded

from jaxpose.data import colors as host
from jaxpose.data.config import ColorConfig, CropConfig, OccluderConfig, PlaceConfig
from jaxpose.data.device import colors, occluders, sampling

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 48, 3)).astype(np.float32)


def test_the_color_map_is_the_host_s():
    for numbers in ((0.1, -0.2, 0.3, 20.0), (0.0, 0.0, -1.0, 0.0), (-0.3, 0.5, 0.0, -90.0)):
        np.testing.assert_allclose(colors.color_map(*map(jnp.float32, numbers)), host.color_map(*numbers), atol=1e-3)


def test_blur_is_opencv_s():
    for sigma in (0.0, 0.7, 2.0):
        expected = cv2.GaussianBlur(IMAGE, (13, 13), sigma) if sigma else IMAGE
        np.testing.assert_allclose(colors.blurred(jnp.array(IMAGE), sigma, 6), expected, atol=0.02)


RECOLOR = jax.jit(colors.recolor, static_argnums=2)


def recolored(config, seed=0):
    return np.asarray(RECOLOR(jax.random.key(seed), IMAGE, config))


def test_colors_change_as_often_and_as_far_as_asked():
    np.testing.assert_array_equal(recolored(ColorConfig()), IMAGE)
    grey = [np.ptp(recolored(ColorConfig(grey=0.5), seed), axis=-1).max() < 0.01 for seed in range(60)]
    assert 18 < sum(grey) < 42

    def differences(config):
        return [(recolored(config, seed) - IMAGE)[(IMAGE > 60) & (IMAGE < 190)] for seed in range(60)]

    lighter = [float(each.mean()) for each in differences(ColorConfig(brightness=0.2))]
    assert -51.1 < min(lighter) < -40
    assert 40 < max(lighter) < 51.1
    noise = [float(each.std()) for each in differences(ColorConfig(noise=0.5))]
    assert 18 < sum(each == 0 for each in noise) < 42
    assert 9 < max(noise) < 12.5
    blur = [np.array_equal(recolored(ColorConfig(blur=0.5), seed), IMAGE) for seed in range(60)]
    assert 18 < sum(blur) < 42


@pytest.mark.parametrize("patches", [0.0, 1.0])
def test_occluders_cover_joints_that_stay_labelled(patches):
    place = PlaceConfig(rotation=0.0, shift=0.0, scale=(0.8, 1.0), flip=0.0)
    source = dotted.Dots(6, people=1, radius=8, width=640, height=600)
    config = CropConfig(place, occluders=OccluderConfig(most=1, size=(0.3, 0.3), patches=patches))
    bare = drawn(source, dataclasses.replace(config, occluders=OccluderConfig(most=0)), 16, longest=320)
    batch = drawn(source, config, 16, longest=320)
    np.testing.assert_array_equal(batch.keypoints, bare.keypoints)
    np.testing.assert_array_equal(batch.valid, bare.valid)
    covered = 0
    for image, before, (keypoints, *_) in zip(batch.images, bare.images, batch.keypoints, strict=True):
        changed = (image != before).any(-1)
        there = [xy for *xy, labelled in keypoints.tolist() if labelled and min(xy) >= 0 and max(xy) < 367]
        hit = [xy for xy in there if changed[round(xy[1]), round(xy[0])]]
        assert (len(hit) > 0) == changed.any()
        covered += bool(hit)
        if hit and not patches:
            assert len(np.unique(image[changed], axis=0)) == 1
    assert 2 <= covered <= 14  # half of them have one


def test_a_piece_of_a_picture_shows_nobody():
    """But for the rims of dots, whose middles are the joints."""
    pictures = loaded(dotted.Dots(4, people=1, width=300, height=240, radius=2))
    middle, side, points = jnp.array([100.0, 100]), jnp.float32(30), 88 + sampling.grid(25, 0, 1)

    @jax.jit
    def show(chances):
        part, empty = occluders.draw_piece(chances, middle, side, pictures)
        return sampling.draw(pictures, part._replace(has=jnp.ones((1, 25, 25), bool)), points), empty

    shown = [show(chances) for chances in np.random.default_rng(0).random((40, 3), np.float32)]
    clear = [bool(np.abs(piece - 128).max() < 1) for piece, _ in shown]
    empty = [bool(each) for _, each in shown]
    assert all(is_clear for is_clear, is_empty in zip(clear, empty, strict=True) if is_empty)
    assert sum(empty) >= 5
    assert not all(clear)
