"""Procedural scenes: what is drawn, what is hidden, what several cameras see, and that all of it is repeatable."""

import itertools

import cv2
import numpy as np
import pytest

from jaxpose.data.procedural import stage
from jaxpose.data.procedural.camera import project
from jaxpose.data.procedural.figure import AT, JOINTS
from jaxpose.data.procedural.flesh import patches
from jaxpose.data.procedural.paint import Painted, paint, visibility
from jaxpose.data.procedural.scene import Scene, of_skeleton, scene
from jaxpose.data.procedural.solids import NOBODY, surface
from jaxpose.formats.poses import collect_people
from jaxpose.skeletons import BODY_25, COCO_17, HAND_21, convert

PARTS = {  # on which pieces a visible joint can lie
    "elbow": ("upper_arm", "forearm", "sleeve", "cuff"),
    "wrist": ("forearm", "cuff", "mitt", "mitt_thumb", "palm", "thumb_0", "index_0", "middle_0", "ring_0", "pinky_0"),
    "knee": ("thigh", "shank", "trouser", "hem", "skirt"),
    "ankle": ("shank", "hem", "instep", "sole_in", "sole_out"),
    "big_toe": ("instep", "sole_in", "sole_out"),
    "heel": ("instep", "sole_in", "sole_out", "shank", "hem"),
}


def drawn(filmed: Scene, number: int = 0, view: int = 0) -> Painted:
    """The pieces in the order in which they are painted, and which is seen where."""
    camera, light = filmed.camera(number, view), np.array([0.3, -0.5])
    everything = patches(filmed.crowd(number), camera, light) + stage.things(filmed.stage, camera, light)
    return paint(np.zeros((*filmed.size[::-1], 3), np.uint8), everything, 0.3, 1.0)


def test_the_same_seed_gives_the_same_frames_in_any_order():
    filmed, again = (scene(11, frames=4, people=(3, 3)) for _ in range(2))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = [filmed.frame(t) for t in range(4)]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    for number in (2, 0, 3, 1):
        image, seen = again.frame(number)
        np.testing.assert_array_equal(image, first[number][0])
        for ours, theirs in zip(seen, first[number][1], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    other = scene(12, frames=4, people=(3, 3)).frame(0)[0]
    assert np.mean(other != first[0][0]) > 0.5
    assert np.mean(first[1][0] != first[0][0]) > 0.1


def test_frames_have_bounds():
    with pytest.raises(IndexError, match="frames 0 to 1, got 2"):
        scene(0, frames=2).frame(2)


def test_visible_joints_lie_on_their_own_part():
    right: dict[str, list[bool]] = {name: [] for name in PARTS}
    for seed in range(40):
        filmed = scene(seed, people=(1, 4))
        painted, seen = drawn(filmed), filmed.frame(0)[1]
        for owner, keypoints in enumerate(seen.keypoints):
            for name, parts in PARTS.items():
                for side in ("left", "right"):
                    x, y, state = keypoints[AT[f"{side}_{name}"]]
                    label = painted.seen[round(y), round(x)] if state == 2 else 0
                    if label:
                        piece = painted.pieces[label - 1]
                        assert piece.owner == owner
                        named = piece.name.removeprefix(f"{side}_")
                        right[name].append((piece.name != named and named in parts) or piece.name == "skirt")
    for name, results in right.items():
        assert len(results) > 40
        assert np.mean(results) > 0.93, (name, np.mean(results))  # a joint can lie just behind one's own other part


def test_faces_and_hands_are_drawn_where_their_joints_are():
    colours = {"eye": [], "skin": []}
    for seed in range(60):
        filmed = scene(seed, people=(1, 1), aim="nose", near=(3, 5))
        camera, light = filmed.camera(0), np.zeros(2)
        canvas = np.full((*filmed.size[::-1], 3), (0, 255, 0), np.uint8)
        crowd = filmed.crowd(0)
        image = paint(canvas, patches(crowd, camera, light), 0.0, 0.4).image.astype(int)
        keypoints = filmed.frame(0)[1].keypoints[0]
        for name, kind in (("left_pupil", "eye"), ("right_pupil", "eye"), ("nose_bridge_3", "skin")):
            x, y, state = keypoints[AT[name]]
            if state == 2:
                near = image[max(round(y) - 1, 0) : round(y) + 2, max(round(x) - 1, 0) : round(x) + 2]  # edges are soft
                shades = {"eye": (40, 28, 22), "skin": 0.9 * crowd.looks.colours[0, 0]}
                colours[kind].append(np.abs(near - shades[kind]).max(-1).min() < 20)
    assert len(colours["eye"]) > 20
    assert np.mean(colours["eye"]) > 0.9
    assert np.mean(colours["skin"]) > 0.9


def test_visibility_is_that_of_the_pieces_drawn_one_by_one():
    checked = hidden = 0
    for seed in range(25):
        filmed = scene(seed, people=(3, 6))
        painted, seen = drawn(filmed), filmed.frame(0)[1]
        depths = project(seen.world, filmed.camera(0))[1]
        for person, keypoints in enumerate(seen.keypoints):
            for joint in range(0, len(JOINTS), 5):
                x, y, state = keypoints[joint]
                if state == 0:
                    continue
                away = [
                    cv2.pointPolygonTest(piece.levels[0].astype(np.float32) / 16, (float(x), float(y)), True)
                    for piece in painted.pieces
                ]
                if min(np.abs(away), default=9) < 1.2:
                    continue  # at an edge the next pixel decides
                inside = [piece for piece, far in zip(painted.pieces, away, strict=True) if far > 0]
                if not inside:
                    assert state == 2
                    continue
                last = inside[-1]  # over all others
                checked += 1
                if last.owner != person:
                    assert state == 1
                    hidden += 1
                    nearest = surface(np.array([last.shape]), np.array([[x, y]]))[0]
                    assert last.owner == NOBODY or nearest < depths[person, joint] + 0.6
    assert checked > 500
    assert hidden > 50


def test_what_is_painted_over_a_person_is_nearer():
    fronts = []
    for seed in range(30):
        filmed = scene(seed, people=(4, 6))
        painted, seen = drawn(filmed), filmed.frame(0)[1]
        depths = project(seen.world, filmed.camera(0))[1]
        for person, keypoints in enumerate(seen.keypoints):
            for joint in range(25):
                x, y, state = keypoints[joint]
                label = painted.seen[round(y), round(x)] if state == 1 else 0
                if label and painted.pieces[label - 1].owner not in (person, NOBODY):
                    near = surface(np.array([painted.pieces[label - 1].shape]), np.array([[x, y]]))[0]
                    fronts.append(near < depths[person, joint])
    assert len(fronts) > 100
    assert np.mean(fronts) > 0.97


def test_faces_that_look_away_are_hidden():
    checked = 0
    for seed in range(60):
        filmed = scene(seed, people=(1, 1))
        seen, camera = filmed.frame(0)[1], filmed.camera(0)
        middle = (seen.world[0, AT["left_ear"]] + seen.world[0, AT["right_ear"]]) / 2
        ahead, sight = seen.world[0, AT["nose"]] - middle, middle - camera.position
        cosine = ahead @ sight / np.linalg.norm(ahead) / np.linalg.norm(sight)
        state = seen.keypoints[0, AT["nose"], 2]
        if cosine > 0.75 and state:
            assert state == 1
            checked += 1
    assert checked > 3


def test_nothing_outside_the_picture_is_labelled():
    for seed in range(20):
        filmed = scene(seed, size=(320, 200))
        image, seen = filmed.frame(0)
        assert image.shape == (200, 320, 3)
        x, y, state = np.moveaxis(seen.keypoints, -1, 0)
        assert set(np.unique(state)) <= {0, 1, 2}
        assert (x[state == 0] == 0).all()
        assert (y[state == 0] == 0).all()
        assert ((x >= -0.5) & (x <= 319.5) & (y >= -0.5) & (y <= 199.5)).all()
        flat, depth = project(seen.world, filmed.camera(0))
        inside = (flat > 0).all(-1) & (flat < (319, 199)).all(-1) & (depth > 0.3)
        assert (state[inside] > 0).all()
        low, high = seen.boxes[:, None, :2], seen.boxes[:, None, :2] + seen.boxes[:, None, 2:]
        within = ((seen.keypoints[..., :2] >= low - 2) & (seen.keypoints[..., :2] <= high + 2)).all(-1)
        assert (within | (state == 0)).all()


def test_views_agree_with_their_projections():
    filmed = scene(21, views=3, frames=5, people=(3, 3))
    for number in (0, 4):
        views = [(filmed.camera(number, view).projection, filmed.frame(number, view)[1]) for view in range(3)]
        for matrix, seen in views:
            np.testing.assert_array_equal(seen.world, views[0][1].world)
            points = np.concatenate([seen.world, np.ones((*seen.world.shape[:2], 1))], axis=-1) @ matrix.T
            flat = points[..., :2] / points[..., 2:]
            there = seen.keypoints[..., 2] > 0
            assert np.abs(flat - seen.keypoints[..., :2])[there].max() < 0.01
        for one, two in ((0, 1), (1, 2)):
            both = (views[one][1].keypoints[..., 2] > 0) & (views[two][1].keypoints[..., 2] > 0)
            assert both.sum() > 50
            for person, joint in np.argwhere(both)[::7]:
                rows = [  # direct linear transform
                    matrix[2] * seen.keypoints[person, joint, axis] - matrix[axis]
                    for matrix, seen in (views[one], views[two])
                    for axis in (0, 1)
                ]
                found = np.linalg.svd(np.array(rows))[2][-1]
                np.testing.assert_allclose(found[:3] / found[3], views[0][1].world[person, joint], atol=1e-5)


def test_the_cameras_stand_on_different_sides():
    filmed = scene(22, views=4)
    sights = np.array([filmed.camera(0, view).turn[2, [0, 2]] for view in range(4)])
    sights /= np.linalg.norm(sights, axis=1)[:, None]
    assert (sights @ sights.T)[~np.eye(4, dtype=bool)].max() < 0.7


def test_left_is_right_in_a_picture_from_the_front():
    sides = {"front": [], "back": []}
    for seed in range(80):
        filmed = scene(seed, people=(1, 2))
        seen, camera = filmed.frame(0)[1], filmed.camera(0)
        for keypoints, world in zip(seen.keypoints, seen.world, strict=True):
            left, right = AT["left_shoulder"], AT["right_shoulder"]
            up = world[AT["neck"]] - world[AT["mid_hip"]]
            ahead = np.cross(world[left] - world[right], up)
            cosine = ahead @ (camera.position - world[AT["neck"]]) / np.linalg.norm(ahead)
            cosine /= np.linalg.norm(camera.position - world[AT["neck"]])
            tall = up[1] / np.linalg.norm(up) > 0.9
            if tall and abs(cosine) > 0.6 and keypoints[[left, right], 2].all():
                sides["front" if cosine > 0 else "back"].append(keypoints[left, 0] > keypoints[right, 0])
    assert len(sides["front"]) > 10
    assert len(sides["back"]) > 5
    assert all(sides["front"])
    assert not any(sides["back"])


@pytest.mark.parametrize("pan", [0.02, -0.03])
def test_a_panning_camera_moves_the_background(pan):
    filmed = scene(5)
    camera = filmed.camera(0)
    cos, sin = np.cos(pan), np.sin(pan)
    moved = camera._replace(turn=np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]) @ camera.turn)
    grey = [
        cv2.cvtColor(stage.background(filmed.stage, one)[0], cv2.COLOR_RGB2GRAY).astype(np.float32)
        for one in (camera, moved)
    ]
    (x, y), sure = cv2.phaseCorrelate(*grey, cv2.createHanningWindow(filmed.size, cv2.CV_32F))
    assert sure > 0.3
    assert x == pytest.approx(-camera.focal * np.tan(pan), rel=0.1, abs=1)
    assert y == pytest.approx(0, abs=1)


def test_the_floor_is_where_the_projection_says():
    filmed = scene(5)
    camera = filmed.camera(0)
    floor = stage.background(filmed.stage, camera)[1]
    ground = np.random.default_rng(0).uniform(-3, 3, (400, 3)) * [1, 0, 1]
    flat, depth = project(ground, camera)
    inside = (depth > 0.3) & (flat > 1).all(1) & (flat < np.array(filmed.size) - 2).all(1)
    assert inside.sum() > 10
    x, y = np.rint(flat[inside]).astype(int).T
    assert (floor[y, x] == 255).all()
    above = project(ground + np.array([0, 30, 0]), camera)
    inside = (above[1] > 0.3) & (above[0] > 1).all(1) & (above[0] < np.array(filmed.size) - 2).all(1)
    x, y = np.rint(above[0][inside]).astype(int).T
    assert (floor[y, x] == 0).all()


def test_a_still_camera_keeps_the_background():
    filmed = next(
        one
        for one in (scene(seed, frames=40, people=(1, 2)) for seed in range(100))
        if not any(np.abs(part).sum() > 0 for part in (one.rigs[0].pan[0], one.rigs[0].zoom[0], one.rigs[0].shake))
        and not one.rigs[0].dolly[:, 0].any()
    )
    first, last = (stage.background(filmed.stage, filmed.camera(t))[0] for t in (0, 39))
    np.testing.assert_array_equal(first, last)


def test_ids_stay_and_the_video_can_be_evaluated():
    filmed = scene(31, frames=30, people=(4, 4))
    pairs = list(filmed.play(BODY_25))
    assert [frame.number for frame, _ in pairs] == list(range(30))
    assert pairs[10][0].time == pytest.approx(0.4)
    tracks: dict[int, list[np.ndarray]] = {}
    for frame, people in pairs:
        assert frame.image.shape == (368, 368, 3)
        assert people.frame == frame.number
        seen = filmed.frame(frame.number)[1]
        for person, keypoints in zip(people.ids, people.keypoints, strict=True):
            there = keypoints[:, 2] > 0
            own = of_skeleton(seen.keypoints, BODY_25)[person]
            np.testing.assert_allclose(keypoints[there, :2], own[there, :2], atol=1e-3)
            tracks.setdefault(int(person), []).append(keypoints)
    assert set(tracks) <= {0, 1, 2, 3}
    assert tracks
    for track in tracks.values():
        for before, after in itertools.pairwise(track):
            both = (before[:, 2] > 0) & (after[:, 2] > 0)
            assert np.abs(after[both, :2] - before[both, :2]).max(initial=0) < 150
    truth = collect_people((people for _, people in pairs), BODY_25)
    assert len(truth.numbers) == 30
    assert len(truth.ids) == sum(people.total for _, people in pairs)


def test_skeletons_are_names_of_the_same_joints():
    seen = scene(41, people=(3, 3)).frame(0)[1]
    ours, coco = of_skeleton(seen.keypoints, BODY_25), of_skeleton(seen.keypoints, COCO_17)
    np.testing.assert_array_equal(convert(ours, BODY_25, COCO_17), coco)
    with pytest.raises(ValueError, match="'wrist' of hand_21"):
        of_skeleton(seen.keypoints, HAND_21)


def test_a_body_far_behind_the_camera_is_not_seen():
    filmed = scene(51, people=(2, 2))
    camera = filmed.camera(0)
    back = camera._replace(turn=camera.turn * [[-1], [1], [-1]])
    painted = paint(np.zeros((368, 368, 3), np.uint8), patches(filmed.crowd(0), back, np.zeros(2)), 0.3, 1.0)
    behind = project(filmed.crowd(0).placed.joints, back)[1] < 0
    assert behind.any()
    assert (visibility(painted, filmed.crowd(0), back)[behind] == 0).all()
