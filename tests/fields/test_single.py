"""One person's joints from heatmaps: places that are known by hand, and by Gaussians drawn in float64."""

import jax
import numpy as np
import pytest

from jaxpose.fields.single import find_joints, unflip
from jaxpose.skeletons import COCO_19, Skeleton

ONE = Skeleton("one", ("nose",), (), (0.1,))
STRIDE, SIGMA = 4, 8.0
SIZE = 64, 48

FIND = jax.jit(find_joints, static_argnums=(1, 2, 3))
UNFLIP = jax.jit(unflip, static_argnums=(1, 2))


def gaussians(places, size=SIZE):
    """Maps of one joint each, its Gaussian's top at x, y in pixels: [n h w 1]."""
    y, x = (STRIDE * np.arange(side) + (STRIDE - 1) / 2 for side in size)
    maps = [np.exp(-((x - px) ** 2 + (y[:, None] - py) ** 2) / (2 * SIGMA**2)) for px, py in places]
    return np.stack(maps)[..., None].astype(np.float32)


def test_a_quarter_of_a_cell_towards_the_higher_neighbour():
    maps = np.zeros((1, 5, 6, 3), np.float32)
    maps[0, 2, 3] = 0.8
    maps[0, 2, 4, 0], maps[0, 1, 3, 0] = 0.5, 0.2  # joint 0: right and up
    maps[0, 2, 2, 1], maps[0, 3, 3, 1] = 0.1, 0.7  # joint 1: left and down; joint 2: neither
    found = FIND(maps, STRIDE)
    np.testing.assert_allclose(found[0, :, :2], [[14.5, 8.5], [12.5, 10.5], [13.5, 9.5]])
    np.testing.assert_allclose(found[0, :, 2], 0.8)


def test_at_the_border_nothing_moves():
    maps = np.zeros((1, 4, 4, 2), np.float32)
    maps[0, 0, 0, 0] = maps[0, 3, 3, 1] = 1
    maps[0, 0, 1, 0] = maps[0, 2, 3, 1] = 0.5
    for refinement in ("quarter", "dark"):
        np.testing.assert_allclose(FIND(maps, STRIDE, refinement)[0, :, :2], [[1.5, 1.5], [13.5, 13.5]])


def test_a_map_below_zero_scores_zero():
    assert FIND(np.full((1, 4, 4, 1), -0.1, np.float32), STRIDE)[0, 0, 2] == 0


def test_dark_finds_a_gaussian_s_top_where_a_quarter_cannot():
    places = np.random.default_rng(0).uniform(30, 150, (40, 2))
    quarter, dark = (np.abs(FIND(gaussians(places), STRIDE, each)[:, 0, :2] - places) for each in ("quarter", "dark"))
    assert dark.max() < 0.02
    assert quarter.max() <= STRIDE / 4 + 1e-3
    assert quarter.mean() > 0.3


def test_dark_bears_noise():
    places = np.random.default_rng(1).uniform(30, 150, (40, 2))
    noise = np.random.default_rng(2).normal(0, 0.02, (40, *SIZE, 1))
    found = FIND((gaussians(places) + noise).astype(np.float32), STRIDE, "dark")
    assert np.abs(found[:, 0, :2] - places).max() < 1.0


@pytest.mark.parametrize("people", [0, 1, 3])
def test_any_number_of_people(people):
    assert FIND(np.zeros((people, 8, 8, 19), np.float32), STRIDE).shape == (people, 19, 3)


def test_unflip_gives_the_maps_of_the_crop_that_was_not_mirrored():
    maps = np.random.default_rng(0).random((2, 8, 6, 19)).astype(np.float32)
    mirrored = maps[:, :, ::-1][..., [COCO_19.index(name) for name in _other_side()]]
    np.testing.assert_array_equal(UNFLIP(mirrored, COCO_19), maps)


def test_unflip_moves_the_maps_of_a_network_that_has_its_first_cell_at_pixel_0():
    width, stride = 24, STRIDE
    cells = np.arange(width, dtype=float)

    def rows(x):  # of a Gaussian at pixel x, in float64: one row of cells at pixels 0, 4, 8
        return np.exp(-((stride * cells - x) ** 2) / (2 * SIGMA**2))

    for x in (40.0, 41.3, 55.0):
        mirrored = rows(stride * width - 1 - x)[None, None, :, None].astype(np.float32)
        for shift, away in ((0, -0.75), (1, 0.25)):
            turned = np.asarray(UNFLIP(mirrored, ONE, shift), float)[0, 0, :, 0]
            np.testing.assert_allclose((turned * cells).sum() / turned.sum(), x / stride + away, atol=2e-3)


def test_what_is_moved_in_has_the_left_column_twice():
    maps = np.random.default_rng(0).random((2, 3, 5, 1)).astype(np.float32)
    np.testing.assert_array_equal(UNFLIP(maps, ONE, 1), maps[:, :, [4, 4, 3, 2, 1]])


def _other_side():
    swap = {"left": "right", "right": "left"}
    return ["_".join([swap.get(word, word) for word in joint.split("_")]) for joint in COCO_19.joints]
