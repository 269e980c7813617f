import cv2
import numpy as np
import pytest

from jaxpose.data.crops import Scene, cut, erase, inside
from jaxpose.data.pictures import Picture
from jaxpose.data.placement import Placement, matrix, move
from jaxpose.skeletons import COCO_17

NOBODY = np.zeros((0, 17, 3), np.float32)
AT = Placement(x=150, y=110, to_x=170, to_y=190, scale=0.9, angle=33, flip=True)


def reached(region, x, y):
    """Whether a point lies in a region, by its signed distance in pixels (above 0: inside)."""
    return cv2.pointPolygonTest(region.astype(np.float32), (float(x), float(y)), True)


def stars(seed, count, low=-60, high=430):
    """Polygons that stick out of a crop on all sides."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        turns = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 12)))
        radius = rng.uniform(3, 200, (len(turns), 1))
        yield rng.uniform(low, high, 2) + radius * np.stack([np.cos(turns), np.sin(turns)], axis=-1)


@pytest.mark.parametrize("stride", [4, 8])
def test_regions_erase_the_cells_they_reach(stride):
    erased, step = 0, stride / 4
    for region in stars(stride, 30):
        valid = np.ones((46, 40), np.uint8)
        erase(valid, [region], stride)
        for row, column in np.ndindex(valid.shape):
            x, y = (stride - 1) / 2 + stride * np.array([column, row])
            quarters = [reached(region, x + a, y + b) for a in (-step, step) for b in (-step, step)]
            if min(np.abs(quarters)) > 1e-3:
                assert valid[row, column] == (max(quarters) < 0)
        erased += (valid == 0).sum()
    assert erased > 2000


def test_regions_add_up_and_small_ones_count():
    valid = np.ones((10, 10), np.uint8)
    square = np.array([[0, 0], [30, 0], [30, 30], [0, 30]])
    erase(valid, [square, square, square + 40, np.array([[64, 8], [70, 8], [70, 14], [64, 14]])], 8)
    expected = np.ones((10, 10), np.uint8)
    expected[:4, :4] = expected[5:9, 5:9] = expected[1, 8] = 0
    np.testing.assert_array_equal(valid, expected)
    erase(valid, [], 8)
    np.testing.assert_array_equal(valid, expected)


def test_the_picture_ends_where_its_pixels_do():
    by = matrix(AT)
    corners = np.array([[-0.5, -0.5], [299.5, -0.5], [299.5, 199.5], [-0.5, 199.5]])
    frame = move(corners, by)
    found = inside(by, 300, 200, (46, 46), 8)
    for row, column in np.ndindex(46, 46):
        assert found[row, column] == (reached(frame, 3.5 + 8 * column, 3.5 + 8 * row) >= 0)
    assert 0.1 < found.mean() < 0.9


def test_pixels_and_cells_are_cut_alike():
    region = np.array([[40, 30], [120, 50], [90, 150], [60, 100]], np.float32)
    pixels = np.zeros((200, 300, 3), np.uint8)
    cv2.fillPoly(pixels, [region.astype(np.int32)], (255, 255, 255))
    scene = Scene(NOBODY, np.zeros(0, np.int64), (region,))
    crop = cut(Picture(pixels, 1), scene, AT, COCO_17, 368, 368, 8)
    assert crop.image.shape == (368, 368, 3)
    white = cv2.blur(crop.image[..., 0], (8, 8), anchor=(3, 3))[3::8, 3::8]  # the mean of a cell's pixels
    outside = inside(matrix(AT), 300, 200, (46, 46), 8) == 0
    assert (crop.valid[white == 255] == 0).all()
    assert (crop.valid[(white == 0) & ~outside] == 1).all()
    assert (crop.valid[outside] == 0).all()
    assert (white == 255).sum() > 20
    assert (crop.image[-1, -1] == 128).all()  # what lies around the picture


def test_unlabelled_joints_are_nowhere():
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, 3] = (10, 20, 1)
    keypoints[0, 5] = (50, 60, 2)
    scene = Scene(keypoints, np.zeros(1, np.int64), ())
    crop = cut(Picture(np.zeros((200, 300, 3), np.uint8), 1), scene, AT, COCO_17, 64, 64, 8)
    there = np.zeros(17)
    there[[4, 6]] = 1  # mirrored
    np.testing.assert_array_equal(crop.keypoints[0, :, 2], there)
    assert not crop.keypoints[0, there == 0].any()
    np.testing.assert_allclose(crop.keypoints[0, 4, :2], move(np.array([10, 20]), matrix(AT)), atol=1e-4)
    assert crop.keypoints.dtype == np.float32
