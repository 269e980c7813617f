import itertools

import numpy as np
import pytest

from jaxpose import video
from jaxpose.records import NO_ID, make_people
from jaxpose.skeletons import COCO_18, HAND_21
from jaxpose.video.overlay import Style, id_color

GREY = np.full((288, 384, 3), 90, np.uint8)


def person(x, y, height=150.0, skeleton=COCO_18):
    """A pose that fills a box of that height around (x, y)."""
    rng = np.random.default_rng(0)
    pose = rng.uniform(-0.5, 0.5, (len(skeleton.joints), 3)) * height + (x, y, 0)
    pose[:, 2] = 0.9
    return pose


def people(*poses, ids=None, frame=0):
    keypoints = np.array(poses, np.float32).reshape(len(poses), -1, 3)
    return make_people(keypoints, np.ones(len(poses), np.float32), None if ids is None else np.array(ids), frame=frame)


def nobody():
    return make_people(np.zeros((0, 18, 3), np.float32), np.zeros(0, np.float32))


def has(image, color):
    return (image == np.array(color)).all(-1)


def test_the_given_picture_stays_as_it_is():
    image = GREY.copy()
    drawn = video.draw(image, people(person(190, 150), ids=[3]), COCO_18)
    assert (image == GREY).all()
    assert drawn.shape == image.shape
    assert (drawn != image).any()


def test_without_people_nothing_is_drawn():
    trails = video.Trails(COCO_18)
    trails.update(nobody())
    np.testing.assert_array_equal(video.draw(GREY, nobody(), COCO_18, trails), GREY)


def test_every_person_has_the_colour_of_the_id_at_their_place():
    drawn = video.draw(GREY, people(person(100, 150), person(280, 150), ids=[4, 9]), COCO_18)
    for number, left in ((4, 0), (9, 190)):
        found = has(drawn, id_color(number))
        assert found[:, left : left + 190].sum() > 50
        assert found.sum() == found[:, left : left + 190].sum()


def test_people_without_id_are_grey_and_carry_no_label():
    pose = person(190, 150)
    drawn = video.draw(GREY, people(pose, ids=[NO_ID]), COCO_18)
    assert has(drawn, id_color(NO_ID)).sum() > 50
    top = int(pose[:, 1].min()) - 5
    assert (drawn[:top] == GREY[:top]).all()


def test_missing_joints_and_their_limbs_are_not_drawn():
    pose = person(190, 150)
    alone = pose.copy()
    alone[2:] = 0
    drawn = video.draw(GREY, people(alone, ids=[NO_ID]), COCO_18)
    low, high = np.sort(pose[:2, :2], axis=0)
    rows, columns = np.nonzero((drawn != GREY).any(-1))
    assert rows.min() >= low[1] - 4
    assert rows.max() <= high[1] + 4
    assert columns.min() >= low[0] - 4
    assert columns.max() <= high[0] + 4


def test_a_person_without_joints_is_no_trouble():
    trails = video.Trails(COCO_18)
    ghost = people(np.zeros((18, 3)), ids=[1])
    trails.update(ghost)
    assert trails.points == {}
    video.draw(GREY, ghost, COCO_18, trails)


@pytest.mark.parametrize("place", [(0, 0), (383, 287), (-500, 100), (5000, 5000), (190, -3)])
@pytest.mark.parametrize("size", [(288, 384), (1, 1), (7, 500)])
def test_people_at_and_beyond_the_border(place, size):
    image = np.zeros((*size, 3), np.uint8)
    assert video.draw(image, people(person(*place), ids=[123456]), COCO_18).shape == image.shape


def test_other_skeletons():
    drawn = video.draw(GREY, people(person(190, 150, skeleton=HAND_21), ids=[1]), HAND_21, video.Trails(HAND_21))
    assert has(drawn, id_color(1)).sum() > 50


def test_consecutive_ids_have_distinct_colours():
    for first in (1, 50, 1000):
        colors = [np.array(id_color(number)) for number in range(first, first + 10)]
        assert min(np.abs(a - b).max() for a, b in itertools.combinations(colors, 2)) > 30


# -- trails ------------------------------------------------------------------------------------------------------------


def test_a_trail_follows_the_torso_and_is_drawn():
    trails = video.Trails(COCO_18, length=10)
    for step in range(6):
        trails.update(people(person(100 + 20 * step, 150), ids=[2]))
    points = np.array(trails.points[2])
    assert len(points) == 6
    assert (np.diff(points[:, 0]) > 5).all()
    np.testing.assert_allclose(points[:, 1], points[0, 1])
    drawn = video.draw(GREY, nobody(), COCO_18, trails)
    assert (drawn != GREY).any(-1).sum() > 20


def test_trails_are_bounded_and_fade_out_when_the_person_has_gone():
    trails = video.Trails(COCO_18, length=4)
    for step in range(100):
        trails.update(people(person(100 + step, 150), ids=[2]))
    assert [len(points) for points in trails.points.values()] == [4]
    for left in (3, 2, 1):
        trails.update(nobody())
        assert len(trails.points[2]) == left
    trails.update(nobody())
    assert trails.points == {}


def test_many_ids_one_after_another_do_not_pile_up():
    trails = video.Trails(COCO_18, length=5)
    for number in range(300):
        trails.update(people(person(100, 150), ids=[number]))
    assert len(trails.points) <= 6


def test_people_without_id_leave_no_trail():
    trails = video.Trails(COCO_18)
    trails.update(people(person(100, 150), ids=[NO_ID]))
    assert trails.points == {}


def test_a_trail_needs_a_length():
    with pytest.raises(ValueError, match="at least 1 frame, got 0"):
        video.Trails(COCO_18, length=0)


# -- styles ------------------------------------------------------------------------------------------------------------


def test_labels_can_be_left_out_and_scores_added():
    given = people(person(190, 150), ids=[3])
    usual = video.draw(GREY, given, COCO_18)
    bare = video.draw(GREY, given, COCO_18, style=Style(labels=False))
    scored = video.draw(GREY, given, COCO_18, style=Style(labels=False, scores=True))
    nameless = video.draw(GREY, people(person(190, 150), ids=[NO_ID]), COCO_18, style=Style(scores=True))
    assert (bare != GREY).any(-1).sum() < min((one != GREY).any(-1).sum() for one in (usual, scored, nameless))


def test_alpha_blends_and_black_hides_the_picture():
    given = people(person(190, 150), ids=[3])
    full = video.draw(GREY, given, COCO_18).astype(float)
    half = video.draw(GREY, given, COCO_18, style=Style(alpha=0.5))
    assert np.abs(half - (full + GREY) / 2).max() <= 1
    black = video.draw(GREY, given, COCO_18, style=Style(black=True))
    nobody_there = (full == GREY).all(-1)
    assert black[nobody_there].any(-1).sum() < 20  # an edge may happen to have the ground's grey
    assert has(black, id_color(3)).sum() > 50
    for alpha in (0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="`alpha` must be above 0"):
            video.draw(GREY, given, COCO_18, style=Style(alpha=alpha))
