import dataclasses

import cv2
import dotted
import numpy as np
import pytest

from jaxpose.data import placement
from jaxpose.data.config import PlaceConfig
from jaxpose.data.crops import Scene, cut
from jaxpose.data.pictures import decode
from jaxpose.data.placement import Placement

PLACE = PlaceConfig()


def drawn(rng, example, flip, config=PLACE):
    """A crop of a dotted picture, and where it was cut."""
    person = placement.anchor(rng, example.keypoints, example.boxes, config)
    at = placement.place(rng, tuple(example.boxes[person].tolist()), config.crop, config.crop, flip, config)
    scene = Scene(example.keypoints, np.arange(len(example.keypoints)), example.regions)
    crop = cut(decode(example.image, at.scale), scene, at, dotted.SKELETON, config.crop, config.crop, config.stride)
    return crop._replace(image=crop.image[..., ::-1]), at, person


@pytest.mark.parametrize("suffix", [".png", ".webp"])
@pytest.mark.parametrize("flip", [False, True])
def test_joints_go_where_their_pixels_go(flip, suffix):
    found = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        example = dotted.make_example(rng, people=1 + seed % 3, width=420, height=300, radius=14, suffix=suffix)
        crop, _, _ = drawn(rng, example, flip)
        for person, joint in np.ndindex(crop.keypoints.shape[:2]):
            x, y, there = crop.keypoints[person, joint]
            assert there == 1
            drawn_as = dotted.SKELETON.flip[joint] if flip else joint  # the left wrist's pixels are a right one's now
            if min(x, y) > 20 and max(x, y) < 348:
                found += 1
                assert np.hypot(*(dotted.find(crop.image, person, drawn_as) - (x, y))) < 0.6
    assert found > 60


def test_a_mirrored_person_has_its_left_where_its_right_was():
    rng = np.random.default_rng(0)
    example = dotted.make_example(rng, people=1)
    upright = dataclasses.replace(PLACE, rotation=0.0)
    left, right = (dotted.SKELETON.index(side) for side in ("left_wrist", "right_wrist"))
    for flip in (False, True):
        keypoints = drawn(rng, example, flip, upright)[0].keypoints[0]
        assert keypoints[left, 0] < keypoints[right, 0]  # the dotted person's left is on the left, as seen from behind


def test_the_person_s_middle_and_height_come_out_as_drawn():
    example = dotted.make_example(np.random.default_rng(1), people=2, width=400, height=400)
    heights, misses, angles = [], [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        person = placement.anchor(rng, example.keypoints, example.boxes, PLACE)
        x, y, w, h = (float(value) for value in example.boxes[person])
        at = placement.place(rng, (x, y, w, h), 368, 368, False, PLACE)
        by = placement.matrix(at)
        heights.append(np.sqrt(np.linalg.det(by[:, :2])) * h)
        misses.append(placement.move(np.array([x + w / 2, y + h / 2]), by) - 183.5)
        angles.append(np.degrees(np.arctan2(by[1, 0], by[0, 0])))
        assert at.angle == pytest.approx(angles[-1])
    for values, low, high in (
        (heights, 0.6 * 368 / 3, 0.6 * 368 * 1.1),
        (misses, -40, 40),
        (angles, -45, 45),
    ):
        assert low <= np.min(values) < low + 0.05 * (high - low)
        assert high >= np.max(values) > high - 0.05 * (high - low)


def test_matrix_as_composed_of_its_parts():
    at = Placement(x=30, y=50, to_x=100, to_y=90, scale=1.7, angle=25, flip=True)
    turn = cv2.getRotationMatrix2D((0, 0), -25, 1.7)  # OpenCV counts against the clock
    mirrored = np.array([[-1, 0, 30], [0, 1, -50]])
    expected = turn[:, :2] @ mirrored + np.array([[0, 0, 100], [0, 0, 90]])
    np.testing.assert_allclose(placement.matrix(at), expected, atol=1e-9)


def test_between_moves_evenly():
    start = Placement(0, 10, 180, 180, 0.5, -20, True)
    end = Placement(40, 20, 200, 160, 1.5, 40, True)
    assert placement.between(start, end, 0) == start
    assert placement.between(start, end, 0.25) == Placement(10, 12.5, 185, 175, 0.75, -5, True)


def test_the_anchor_has_joints_and_size_enough_where_anybody_has():
    keypoints = np.full((4, 6, 3), 2, np.float32)
    keypoints[1, :2, 2] = 0  # four joints
    keypoints[3, :, 2] = 0
    boxes = np.array([[0, 0, 40, 40], [0, 0, 90, 90], [0, 0, 20, 50], [0, 0, 90, 90]], np.float32)
    rng = np.random.default_rng(0)
    assert {placement.anchor(rng, keypoints, boxes, PLACE) for _ in range(50)} == {0}
    assert {placement.anchor(rng, keypoints[1:], boxes[1:], PLACE) for _ in range(50)} == {0, 1}
    assert placement.anchor(rng, keypoints[3:], boxes[3:], PLACE) is None
    assert placement.anchor(rng, keypoints[:0], boxes[:0], PLACE) is None


def test_a_picture_without_people_fills_the_crop_at_scale_one():
    rng = np.random.default_rng(0)
    once = dataclasses.replace(PLACE, scale=(1.0, 1.0))
    for _ in range(20):
        box = placement.box_in_empty(rng, 640, 480, once)
        at = placement.place(rng, box, 368, 368, False, once)
        assert at.scale * 480 == pytest.approx(368)
        assert 160 <= at.x <= 480
        assert 120 <= at.y <= 360
