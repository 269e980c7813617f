"""The bodies of the procedural people: anatomy, poses on the ground, movement."""

import numpy as np
import pytest

from jaxpose.data.procedural.acts import IN_PLACE, running, walking
from jaxpose.data.procedural.figure import AT, JOINTS, Pose, draw_bodies, stand
from jaxpose.data.procedural.scene import scene
from jaxpose.skeletons import BODY_25, SKELETONS

BONES = [  # whatever somebody does, these keep their length
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("ankle", "heel"),
        ("heel", "big_toe"), ("wrist", "index_1"), ("index_1", "index_2"), ("index_2", "index_3"),
        ("thumb_3", "thumb_4"), ("pinky_3", "pinky_4"),
    )
] + [("mid_hip", "left_hip"), ("mid_hip", "chest"), ("chest", "neck"), ("left_shoulder", "right_shoulder"),
     ("head_bottom", "head_top"), ("left_ear", "right_ear")]  # fmt: skip


def upright(count: int) -> Pose:
    return Pose(
        np.zeros((count, 15, 3)), np.zeros((count, 2, 5)), np.ones((count, 2)), np.full((count, 4), 0.5),
        np.zeros(count),
    )  # fmt: skip


def at(joints: np.ndarray, name: str) -> np.ndarray:
    return joints[:, AT[name]]


def test_every_skeleton_s_joints_are_among_theirs():
    for skeleton in SKELETONS.values():
        if skeleton.name.startswith("car"):
            continue
        assert all(joint in AT or f"left_{joint}" in AT for joint in skeleton.joints), skeleton.name


def test_somebody_upright_is_built_like_a_person():
    bodies = draw_bodies(np.random.default_rng(0), 50)
    joints = stand(bodies, upright(50), np.zeros((50, 2)), np.zeros(50)).joints
    order = ["big_toe", "ankle", "knee", "hip", "shoulder", "eye"]
    heights = np.stack([at(joints, f"left_{name}")[:, 1] for name in order])
    assert (np.diff(heights, axis=0) > 0).all()
    top = at(joints, "head_top")[:, 1]
    assert (np.abs(top / bodies.height - 1) < 0.15).all()
    assert (heights[0] >= 0).all()
    for name in ("eye", "shoulder", "hip", "wrist", "ankle", "big_toe", "ear"):  # looking along +z, the left is at +x
        assert (at(joints, f"left_{name}")[:, 0] > 0.01).all(), name
        np.testing.assert_allclose(at(joints, f"left_{name}")[:, 0], -at(joints, f"right_{name}")[:, 0], atol=0.02)
    assert (at(joints, "nose")[:, 2] > at(joints, "left_ear")[:, 2]).all()
    assert (at(joints, "left_big_toe")[:, 2] > at(joints, "left_heel")[:, 2]).all()
    assert (at(joints, "left_big_toe")[:, 0] < at(joints, "left_small_toe")[:, 0]).all()
    # hanging hands: thumbs ahead, fingers down; a fist brings the tips towards the thigh
    assert (at(joints, "left_thumb_4")[:, 2] > at(joints, "left_pinky_4")[:, 2]).all()
    assert (at(joints, "left_middle_4")[:, 1] < at(joints, "left_wrist")[:, 1]).all()
    fists = stand(bodies, upright(50)._replace(curls=np.ones((50, 2, 5))), np.zeros((50, 2)), np.zeros(50)).joints
    for side, sign in (("left", 1), ("right", -1)):
        moved = at(fists, f"{side}_middle_3")[:, 0] - at(joints, f"{side}_middle_3")[:, 0]
        assert (moved * sign < -0.01).all()


@pytest.mark.parametrize(
    ("joint", "bend", "row", "angle", "expected"),
    [
        ("left_wrist", "shoulder forward", (3, 0), np.pi / 2, (0, 0, 1)),
        ("left_wrist", "arm aside", (3, 2), np.pi / 2, (1, 0, 0)),
        ("right_wrist", "arm aside", (4, 2), np.pi / 2, (-1, 0, 0)),
        ("left_ankle", "knee", (11, 0), np.pi / 2, (0, 0, -1)),
        ("left_knee", "hip forward", (9, 0), np.pi / 2, (0, 0, 1)),
        ("right_knee", "leg aside", (10, 2), np.pi / 4, (-1, -1, 0)),
    ],
)
def test_joints_bend_in_their_natural_sense(joint, bend, row, angle, expected):
    bodies = draw_bodies(np.random.default_rng(1), 1)
    pose = upright(1)
    pose.angles[0, row[0], row[1]] = angle
    joints = stand(bodies, pose, np.zeros((1, 2)), np.zeros(1)).joints
    start = {"wrist": "elbow", "knee": "hip", "ankle": "knee"}[joint.split("_")[1]]
    limb = at(joints, joint)[0] - at(joints, f"{joint.split('_')[0]}_{start}")[0]
    np.testing.assert_allclose(limb / np.linalg.norm(limb), np.array(expected) / np.linalg.norm(expected), atol=1e-9)


def test_headings_turn_people():
    bodies = draw_bodies(np.random.default_rng(2), 3)
    joints = stand(bodies, upright(3), np.array([[0, 0], [5, 2], [0, 0.0]]), np.array([0, np.pi / 2, np.pi])).joints
    ahead = (at(joints, "nose") - (at(joints, "left_ear") + at(joints, "right_ear")) / 2)[:, [0, 2]]
    np.testing.assert_allclose(ahead / np.linalg.norm(ahead, axis=1)[:, None], [[0, 1], [1, 0], [0, -1]], atol=1e-9)
    np.testing.assert_allclose(at(joints, "mid_hip")[:, [0, 2]], [[0, 0], [5, 2], [0, 0]], atol=1e-9)


def test_acts_keep_bones_and_the_ground():
    rng = np.random.default_rng(3)
    acts = [act(rng) for acts in (*IN_PLACE.values(), (walking, running)) for act in acts for _ in range(25)]
    count = len(acts)
    bodies = draw_bodies(rng, count)
    angles = np.stack([act.base + act.swing * np.sin(act.phase) for act in acts])
    pose = upright(count)._replace(angles=angles, curls=np.stack([act.curls for act in acts]))
    still = stand(bodies, upright(count)._replace(curls=pose.curls), np.zeros((count, 2)), np.zeros(count)).joints
    joints = stand(bodies, pose, np.zeros((count, 2)), rng.uniform(-3, 3, count)).joints
    for a, b in BONES:
        lengths = [np.linalg.norm(at(posed, a) - at(posed, b), axis=1) for posed in (still, joints)]
        np.testing.assert_allclose(*lengths, rtol=1e-9, err_msg=f"{a} {b}")
    low = joints[..., 1].min(1)
    assert (low > -1e-9).all()
    assert (low < 0.15).all()
    knees = np.concatenate([angles[:, 11:13, 0], angles[:, 5:7, 0]])
    assert (knees > -0.35).all(), "knees and elbows do not bend the wrong way"


def test_the_middles_are_the_middles():
    joints = scene(4, people=(5, 5)).crowd(0).placed.joints
    for middle, side in (("neck", "shoulder"), ("mid_hip", "hip")):
        np.testing.assert_allclose(at(joints, middle), (at(joints, f"left_{side}") + at(joints, f"right_{side}")) / 2)
    for side in ("left", "right"):
        np.testing.assert_array_equal(at(joints, f"{side}_eye"), at(joints, f"{side}_pupil"))
    np.testing.assert_array_equal(at(joints, "nose"), at(joints, "nose_bridge_4"))


def test_people_move_smoothly_and_some_walk():
    farthest = []
    for seed in range(12):
        filmed = scene(seed, frames=150, people=(4, 4))
        joints = np.stack([filmed.crowd(t).placed.joints[:, : len(BODY_25.joints)] for t in range(150)])
        steps = np.linalg.norm(np.diff(joints, axis=0), axis=-1)
        assert steps.max() < 0.65, "metres a frame: a runner's foot at 25 frames a second"
        assert steps.mean() > 1e-4, "nobody is a statue"
        farthest.append(np.linalg.norm(np.ptp(joints[:, :, AT["mid_hip"]], axis=0), axis=-1).max())
    assert np.mean(np.array(farthest) > 1) > 0.4


def test_walkers_look_where_they_go():
    seen = 0
    for seed in range(30):
        filmed = scene(seed, frames=50, people=(4, 4))
        first, second = (filmed.crowd(t).placed.joints for t in (20, 21))
        moving = filmed.actors.speed > 0
        way = (at(second, "mid_hip") - at(first, "mid_hip"))[:, [0, 2]]
        ahead = (at(first, "left_shoulder") - at(first, "right_shoulder"))[:, [2, 0]] * [-1, 1]  # left is +90 degrees
        along = (way * ahead).sum(1) / np.linalg.norm(ahead, axis=1)
        assert (along[moving] > 0.8 * np.linalg.norm(way, axis=1)[moving]).all()
        speed = np.linalg.norm(way, axis=1) * filmed.rate
        np.testing.assert_allclose(speed[moving], filmed.actors.speed[moving], rtol=0.02)
        seen += int(moving.sum())
    assert seen > 10


def test_joints_have_names_of_their_own():
    assert len(set(JOINTS)) == len(JOINTS) == 138
