"""Skeletons against the published tables, and the maps between them."""

import numpy as np
import pytest

from jaxpose.skeletons import (
    BODY_21A,
    BODY_25,
    CAR_14,
    COCO_17,
    COCO_18,
    COCO_19,
    COCO_23,
    FACE_70,
    HAND_21,
    LSP_14,
    MPI_15,
    MPII_16,
    POSETRACK_15,
    POSETRACK_17,
    SKELETONS,
    WHOLE_135,
    Skeleton,
    by_joints,
    convert,
    mirrored,
)


@pytest.mark.parametrize(
    ("skeleton", "joints", "limbs"),
    [
        (BODY_25, 25, 26),
        (COCO_18, 18, 19),
        (COCO_17, 17, 19),
        (COCO_19, 19, 23),
        (COCO_23, 23, 25),
        (BODY_21A, 21, 24),
        (MPI_15, 15, 14),
        (MPII_16, 16, 15),
        (LSP_14, 14, 14),
        (CAR_14, 14, 18),
        (POSETRACK_15, 15, 15),
        (POSETRACK_17, 17, 17),
        (HAND_21, 21, 20),
        (FACE_70, 70, 63),
        (WHOLE_135, 135, 26 + 40 + 63),
    ],
)
def test_sizes(skeleton: Skeleton, joints: int, limbs: int) -> None:
    assert len(skeleton.joints) == len(skeleton.sigmas) == len(skeleton.colors) == joints
    assert len(skeleton.limbs) == limbs
    assert SKELETONS[skeleton.name] is skeleton


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_flip_is_an_involution_that_maps_limbs_to_limbs(skeleton: Skeleton) -> None:
    flip = skeleton.flip
    assert [flip[flip[i]] for i in range(len(flip))] == list(range(len(flip)))
    edges = {frozenset(limb) for limb in skeleton.limbs}
    swapped = {frozenset((flip[a], flip[b])) for a, b in skeleton.limbs}
    lost = {tuple(skeleton.joints[i] for i in edge) for edge in edges - swapped}
    assert lost == set()
    for i, name in enumerate(skeleton.joints):
        assert skeleton.joints[flip[i]] == mirrored(name)
        assert (flip[i] == i) == (not name.startswith(("left_", "right_")))


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_limbs_join_each_connected_part_without_the_redundant_ones(skeleton: Skeleton) -> None:
    parent = list(range(len(skeleton.joints)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for a, b in skeleton.limbs:
        parent[root(a)] = root(b)
    whole = len({root(i) for i in parent})
    parent[:] = range(len(parent))
    for a, b in skeleton.drawn_limbs:
        parent[root(a)] = root(b)
    assert len({root(i) for i in parent}) == whole
    assert len(skeleton.drawn_limbs) == len(skeleton.limbs) - len(skeleton.redundant)


def test_published_channels_of_coco_18() -> None:
    # (a, b): x channel of the affinity field, as OpenPose's tables give it.
    published = {
        (1, 2): 12, (1, 5): 20, (2, 3): 14, (3, 4): 16, (5, 6): 22, (6, 7): 24, (1, 8): 0, (8, 9): 2, (9, 10): 4,
        (1, 11): 6, (11, 12): 8, (12, 13): 10, (1, 0): 28, (0, 14): 30, (14, 16): 34, (0, 15): 32, (15, 17): 36,
        (2, 16): 18, (5, 17): 26,
    }  # fmt: skip
    assert {limb: 2 * i for i, limb in enumerate(COCO_18.limbs)} == published


def test_published_channels_of_body_25() -> None:
    published = {
        (1, 8): 0, (1, 2): 14, (1, 5): 22, (2, 3): 16, (3, 4): 18, (5, 6): 24, (6, 7): 26, (8, 9): 6, (9, 10): 2,
        (10, 11): 4, (8, 12): 8, (12, 13): 10, (13, 14): 12, (1, 0): 30, (0, 15): 32, (15, 17): 36, (0, 16): 34,
        (16, 18): 38, (2, 17): 20, (5, 18): 28, (14, 19): 40, (19, 20): 42, (14, 21): 44, (11, 22): 46, (22, 23): 48,
        (11, 24): 50,
    }  # fmt: skip
    assert {limb: 2 * i for i, limb in enumerate(BODY_25.limbs)} == published


def test_published_channels_of_mpi_15() -> None:
    published = (
        (0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 14), (14, 8), (8, 9), (9, 10), (14, 11), (11, 12),
        (12, 13),
    )  # fmt: skip
    assert MPI_15.limbs == published  # limb i has the channels 2i and 2i + 1


def test_published_heatmap_channels() -> None:
    arms = ["right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist"]
    legs = ["right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"]
    face = ["right_eye", "left_eye", "right_ear", "left_ear"]
    feet = ["left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"]
    assert list(BODY_25.joints) == ["nose", "neck", *arms, "mid_hip", *legs, *face, *feet]
    assert list(COCO_18.joints) == ["nose", "neck", *arms, *legs, *face]
    assert list(MPI_15.joints) == ["head_top", "head_bottom", *arms, *legs, "chest"]
    fingers = [f"{finger}_{i}" for finger in ("thumb", "index", "middle", "ring", "pinky") for i in (1, 2, 3, 4)]
    assert list(HAND_21.joints) == ["wrist", *fingers]
    starts = {0: "right_contour", 8: "chin", 17: "right_brow", 22: "left_brow", 27: "nose", 36: "right_eye",
              42: "left_eye", 48: "right_mouth", 60: "right_lip", 68: "right_pupil", 69: "left_pupil"}  # fmt: skip
    for place, name in starts.items():
        assert FACE_70.joints[place].startswith(name)


def test_posetrack_2017_ids() -> None:
    assert POSETRACK_15.joints == (
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
        "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "head_bottom", "nose", "head_top",
    )  # fmt: skip


def test_joint_orders_of_data_sets() -> None:
    legs = ["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"]
    arms = ["right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"]
    feet = ["left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"]
    assert list(MPII_16.joints) == [*legs, "mid_hip", "neck", "head_bottom", "head_top", *arms]
    assert list(LSP_14.joints) == [*legs, *arms, "head_bottom", "head_top"]
    assert list(COCO_23.joints) == [*COCO_17.joints, *feet]
    assert COCO_23.sigmas[:17] == COCO_17.sigmas


def test_body_21a_to_posetrack_15_is_the_published_map() -> None:
    keypoints = np.ones((21, 3), np.float32)
    keypoints[:, 0] = np.arange(21)
    published = [11, 10, 9, 12, 13, 14, 4, 3, 2, 5, 6, 7, 19, 0, 20]
    assert convert(keypoints, BODY_21A, POSETRACK_15)[:, 0].tolist() == published


def test_neck_and_mid_hip_are_synthesized() -> None:
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, 5], keypoints[0, 6] = (10, 20, 0.8), (30, 40, 0.5)  # shoulders
    keypoints[0, 11] = 12, 80, 0.9  # one hip only
    body = convert(keypoints, COCO_17, BODY_25)[0]
    np.testing.assert_allclose(body[BODY_25.index("neck")], (20, 30, 0.5))
    assert body[BODY_25.index("mid_hip")].tolist() == [0, 0, 0]
    assert body[BODY_25.index("left_big_toe")].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(body[BODY_25.index("left_hip")], keypoints[0, 11])


def test_a_missing_joint_is_missing_wherever_it_lies() -> None:
    keypoints = np.full((18, 3), 5, np.float32)
    keypoints[:, 2] = 0
    assert not convert(keypoints, COCO_18, COCO_17).any()


def test_round_trip_and_shapes() -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0.1, 100, (4, 2, 17, 3))
    back = convert(convert(keypoints, COCO_17, BODY_25), BODY_25, COCO_17)
    np.testing.assert_array_equal(back, keypoints)
    assert convert(np.zeros((0, 17, 3)), COCO_17, WHOLE_135).shape == (0, 135, 3)
    with pytest.raises(ValueError, match=r"17, 3\] for coco_17"):
        convert(np.zeros((18, 3)), COCO_17, COCO_18)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": ("a", "a")}, "must differ"),
        ({"sigmas": (0.1,)}, "1 sigmas for 2 joints"),
        ({"limbs": ((0, 2),)}, "does not join"),
    ],
)
def test_a_wrong_skeleton_is_refused(changes: dict[str, tuple], message: str) -> None:
    fields = {"name": "x", "joints": ("a", "b"), "limbs": ((0, 1),), "sigmas": (0.1, 0.1)} | changes
    with pytest.raises(ValueError, match=message):
        Skeleton(**fields)


def test_feet_are_toes_and_heels() -> None:
    assert BODY_25.feet == (19, 20, 21, 22, 23, 24)  # what the released program leaves out of a person's joints
    assert WHOLE_135.feet == BODY_25.feet
    assert COCO_18.feet == MPI_15.feet == ()


def test_coco_19_has_the_joints_of_coco_and_of_posetrack() -> None:
    assert COCO_19.joints == (*COCO_17.joints, "head_bottom", "head_top")
    assert set(POSETRACK_15.joints) <= set(COCO_19.joints)
    sigmas = dict(zip(COCO_19.joints, COCO_19.sigmas, strict=True))
    for skeleton in (COCO_17, POSETRACK_15):
        assert skeleton.sigmas == tuple(sigmas[joint] for joint in skeleton.joints)


def test_a_skeleton_by_its_joints() -> None:
    for skeleton in SKELETONS.values():
        assert by_joints(skeleton.joints) is skeleton
        found = by_joints(skeleton.joints[::-1])  # each joint has the same sigma in all skeletons
        assert (found.joints, found.limbs, found.sigmas) == (skeleton.joints[::-1], (), skeleton.sigmas[::-1])
    with pytest.raises(ValueError, match=r"'tail' is none of the \d+ joints of jaxpose.skeletons; rename it"):
        by_joints(("nose", "tail"))
    with pytest.raises(ValueError, match="a skeleton must have a joint"):
        by_joints(())


def test_temporal_links_are_joint_now_and_joint_before() -> None:
    own = tuple((i, i) for i in range(21))
    assert BODY_21A.temporal_links("A") == own
    crossed = BODY_21A.temporal_links("B")
    assert (len(crossed), crossed[0], crossed[23], crossed[24], crossed[47]) == (48, (1, 8), (2, 9), (8, 1), (9, 2))
    assert crossed[24:] == tuple((b, a) for a, b in crossed[:24])
    assert crossed[:24] == BODY_21A.limbs
    assert BODY_21A.temporal_links("C") == own + BODY_21A.limbs
    with pytest.raises(ValueError, match='`topology` must be "A", "B" or "C", got \'D\''):
        BODY_21A.temporal_links("D")  # type: ignore[arg-type]
