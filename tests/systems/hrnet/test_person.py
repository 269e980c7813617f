"""Crops to poses, with a network whose heatmaps are the light of a crop's cells."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from jaxpose.records import NO_ID, Boxes
from jaxpose.skeletons import Skeleton
from jaxpose.systems.hrnet.config import HrnetConfig, HrnetLiteConfig
from jaxpose.systems.hrnet.person import HrnetPeople, make_read

DOTS = Skeleton("dots", ("nose", "left_ear", "right_ear"), ((0, 1), (0, 2)), (0.1, 0.1, 0.1))


class Light(nn.Module):
    """Each colour's mean light in the cells, the joint's; what stands on the picture's left half counts less."""

    favour: bool = False
    config: HrnetLiteConfig | HrnetConfig = HrnetLiteConfig(crop=(64, 32))

    @nn.compact
    def __call__(self, crops):
        gain = self.param("gain", nn.initializers.ones, ())
        maps = gain * nn.avg_pool(crops, (4, 4), (4, 4)) / 255
        half = np.arange(maps.shape[2]) < maps.shape[2] / 2
        return maps * np.where(half & self.favour, 0.5, 1)[:, None]


def crops():
    """A light for each joint in the cell whose middle is (x, y); both ears are at one place, whichever is which."""
    images = np.zeros((2, 32, 24, 3), np.float32)
    middles = np.array([[[1.5, 1.5], [5.5, 13.5], [5.5, 13.5]], [[21.5, 5.5], [9.5, 9.5], [9.5, 9.5]]])
    for image, person in zip(images, middles, strict=True):
        for joint, (x, y) in enumerate(person):
            image[int(y - 1.5) : int(y + 2.5), int(x - 1.5) : int(x + 2.5), joint] = 204
    return images, middles


def read(network, images, **options):
    return jax.jit(make_read(network, DOTS, **options))({"gain": 1.0}, images)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("refinement", ["quarter", "dark"])
def test_joints_are_found_where_their_light_is(flip, refinement):
    images, middles = crops()
    keypoints, finite = read(Light(), images, flip=flip, refinement=refinement, sigma=2.0)
    np.testing.assert_allclose(keypoints[..., :2], middles, atol=1e-3)
    np.testing.assert_allclose(keypoints[..., 2], 0.8, rtol=1e-5)
    assert finite.all()


def test_the_flip_test_is_the_mean_of_both_views():
    images, _ = crops()
    network = Light(favour=True)  # 0.4 on the left, 0.8 on the right: turned, the other way round
    plain, _ = read(network, images)
    both, _ = read(network, images, flip=True)
    np.testing.assert_allclose(plain[:, 0, 2], [0.4, 0.8], rtol=1e-5)
    np.testing.assert_allclose(both[:, 0, 2], [0.6, 0.6], rtol=1e-5)
    np.testing.assert_array_equal(both[:, 0, :2], plain[:, 0, :2])


class Corners(nn.Module):
    """Each colour's light at the first pixel of each cell."""

    @nn.compact
    def __call__(self, crops):
        return self.param("gain", nn.initializers.ones, ()) * crops[:, ::4, ::4] / 255


@pytest.mark.parametrize("flip", [False, True])
def test_a_network_whose_cells_tell_of_their_first_pixel(flip):
    places = np.array([[9.0, 13.0], [12.0, 20.0], [12.0, 20.0]])  # a quarter of a cell from a first pixel, and on one
    x, y = np.arange(24)[:, None], np.arange(32)[:, None, None]
    images = 204 * np.exp(-((x - places[:, 0]) ** 2 + (y - places[:, 1]) ** 2) / (2 * 8.0**2))
    keypoints, _ = read(Corners(), images[None].astype(np.float32), flip=flip, first_cell=0.0)
    # Mirrored, the cells lie elsewhere: what is seen is moved by a whole cell, which is a quarter too far.
    np.testing.assert_allclose(keypoints[0, :1, :2], places[:1], atol=1e-3)
    np.testing.assert_allclose(keypoints[0, 1:, :2], places[1:], atol=1.001 if flip else 1e-3)


def test_a_crop_of_which_the_network_says_nan_is_told():
    images, _ = crops()
    images[1, 3, 3, 0] = np.nan
    np.testing.assert_array_equal(read(Light(), images)[1], [True, False])
    np.testing.assert_array_equal(read(Light(), images, flip=True)[1], [True, False])


@pytest.mark.parametrize("flip", [False, True])
def test_people_are_cut_a_quarter_larger_than_their_boxes(flip):
    """The crop shows 80 pixels for 64 of the box, in 64 of its own; a joint beside the box is still found."""
    image = np.zeros((120, 110, 3), np.uint8)
    spots = np.array([[40.0, 55], [35, 80], [35, 80]])  # the ears at one place, whichever is which
    for joint, (x, y) in enumerate(spots.astype(int)):
        image[y - 4 : y + 5, x - 4 : x + 5, joint] = 255
    boxes = Boxes(0, 0.0, np.array([[30, 20, 20, 64]], np.float32), np.ones(1, np.float32), np.array([NO_ID]))
    people = HrnetPeople(Light(), {"gain": 1.0}, DOTS, flip=flip)
    assert people.size == (64, 32)
    (found,) = people.collect(people.dispatch([image], [boxes], 1))
    assert found.total == 1
    np.testing.assert_allclose(found.keypoints[0, :, :2], spots, atol=2.6)  # half a cell of 5 pixels


@pytest.mark.parametrize("config", [HrnetLiteConfig(crop=(64, 32)), HrnetConfig(crop=(64, 32), fill=60)])
def test_the_picture_is_surrounded_by_what_was_so_in_training(config):
    plain = np.full((60, 60, 3), config.fill, np.uint8)
    boxes = Boxes(0, 0.0, np.array([[-20, -10, 30, 60]], np.float32), np.ones(1, np.float32), np.array([NO_ID]))
    people = HrnetPeople(Light(config=config), {"gain": 1.0}, DOTS)
    (found,) = people.collect(people.dispatch([plain], [boxes], 1))
    np.testing.assert_allclose(found.keypoints[..., 2], config.fill / 255, rtol=1e-3)
