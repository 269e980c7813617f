import dotted
import numpy as np

from jaxpose.data.config import OccluderConfig
from jaxpose.data.crops import Scene
from jaxpose.data.occluders import Occluder, cover, draw_occluders, empty_piece
from jaxpose.data.pictures import Picture

BLUE = np.full((1, 1, 3), (255, 0, 0), np.uint8)


def nobody():
    raise AssertionError("no other picture is needed")


def person_at(x, y):
    keypoints = np.zeros((1, 2, 3), np.float32)
    keypoints[0, 0] = (x, y, 1)
    return keypoints


def test_rectangles_and_ellipses_cover_what_they_say():
    y, x = np.mgrid[:120, :160]
    for angle in (0.0, 30.0, 117.0):
        for ellipse in (False, True):
            image = np.full((120, 160, 3), 7, np.uint8)
            cover(image, person_at(70.3, 60.8), [Occluder(0, 0, 50, 24, angle, ellipse, BLUE)])
            turn = np.radians(angle)
            along = (x - 70.3) * np.cos(turn) + (y - 60.8) * np.sin(turn)
            across = -(x - 70.3) * np.sin(turn) + (y - 60.8) * np.cos(turn)
            covered = (image == (255, 0, 0)).all(axis=-1)
            assert ((image == 7).all(axis=-1) | covered).all()
            for size, expected in ((-3, True), (3, False)):
                a, b = 25 + size, 12 + size
                if ellipse:
                    within = np.square(along / a) + np.square(across / b) < 1
                else:
                    within = (abs(along) < a) & (abs(across) < b)
                assert covered[within].all() if expected else not covered[~within].any()


def test_an_occluder_at_the_edge_or_over_no_joint_changes_what_is_there():
    image = np.zeros((50, 50, 3), np.uint8)
    things = [Occluder(0, 0, 20, 20, 45.0, False, BLUE)]
    cover(image, person_at(-4, 25), things)
    assert image[25, 0, 0] == 255
    clean = np.zeros((50, 50, 3), np.uint8)
    cover(clean, person_at(-500, 25), things)
    cover(clean, person_at(25, 25) * (1, 1, 0), things)
    assert not clean.any()


def test_they_lie_over_joints_in_the_crop_and_have_the_person_s_size():
    keypoints = np.zeros((3, 4, 3), np.float32)
    keypoints[0] = (100, 50, 1), (100, 250, 1), (60, 100, 0), (500, 100, 1)  # 400 wide with the joint outside
    keypoints[1] = (300, 50, 1), (300, 90, 1), (310, 70, 1), (300, 80, 1)
    config = OccluderConfig(patches=0.0)
    counts, seen = [], set()
    for seed in range(300):
        things = draw_occluders(np.random.default_rng(seed), keypoints, (368, 368), nobody, config)
        counts.append(len(things))
        for each in things:
            seen.add((each.person, each.joint))
            tall = 400 if each.person == 0 else 40
            assert all(max(4, 0.1 * tall) <= side <= min(184, 0.35 * tall) for side in (each.width, each.height))
            assert each.filling.shape == (1, 1, 3)
    assert np.bincount(counts, minlength=3).min() > 70
    assert len(np.bincount(counts)) == 3
    assert seen == {(0, 0), (0, 1), *((1, joint) for joint in range(4))}
    assert draw_occluders(np.random.default_rng(2), keypoints[2:], (368, 368), nobody, config) == []
    none = OccluderConfig(most=0)
    assert not any(
        draw_occluders(np.random.default_rng(seed), keypoints, (368, 368), nobody, none) for seed in range(9)
    )


def test_patches_show_another_picture_where_nobody_is():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (100, 200, 3), np.uint8)
    keypoints = np.array([[[20, 20, 1], [180, 180, 1]]], np.float32)  # in stored pixels, twice as many
    region = np.array([[300, 0], [400, 0], [400, 200], [300, 200]], np.float32)
    scene = Scene(keypoints, np.zeros(1, np.int64), (region,))
    found = 0
    for _ in range(100):
        piece = empty_piece(rng, Picture(pixels, 2), scene, 30.4)
        if piece is not None:
            found += 1
            assert piece.shape == (30, 30, 3)
            places = [(y, x) for y in range(71) for x in range(171) if np.array_equal(piece[0, 0], pixels[y, x])]
            ((y, x),) = [at for at in places if np.array_equal(piece, pixels[at[0] : at[0] + 30, at[1] : at[1] + 30])]
            assert x + 30 <= 10 or x >= 90 or y + 30 <= 10 or y >= 90
            assert x + 30 <= 150
    assert found > 40
    whole = Scene(np.array([[[0, 0, 1], [400, 200, 1]]], np.float32), np.zeros(1, np.int64), ())
    assert empty_piece(rng, Picture(pixels, 2), whole, 30) is None
    nobody_there = Scene(keypoints[:0], np.zeros(0, np.int64), ())
    assert empty_piece(rng, Picture(pixels, 2), nobody_there, 999).shape == (100, 100, 3)


def test_where_others_are_full_of_people_there_is_a_colour():
    picture = Picture(np.zeros((10, 10, 3), np.uint8), 1)
    full = Scene(np.array([[[0, 0, 1], [10, 10, 1]]], np.float32), np.zeros(1, np.int64), ())
    keypoints = dotted.make_example(np.random.default_rng(0)).keypoints
    always = OccluderConfig(patches=1.0)
    for seed in range(10):
        for each in draw_occluders(np.random.default_rng(seed), keypoints, (368, 368), lambda: (picture, full), always):
            assert each.filling.shape == (1, 1, 3)
