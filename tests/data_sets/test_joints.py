"""Which joints each data set tells each network of, and what becomes of its people."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxpose.data.definitions import DATA_SETS
from jaxpose.data.joints import joint_map
from jaxpose.skeletons import BODY_21A, BODY_25, COCO_17, COCO_18, COCO_23, LSP_14, MPI_15, MPII_16, SKELETONS, convert

FEET = {"left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"}
FACE = {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}


@pytest.mark.parametrize(
    ("data_set", "target", "unknown"),
    [
        ("coco", BODY_25, FEET),
        ("coco", COCO_18, set()),
        ("coco", BODY_21A, {"head_bottom", "head_top"}),
        ("coco_foot", BODY_25, set()),
        ("mpii", BODY_25, FEET | FACE),
        ("mpii", MPI_15, set()),
        ("mpii", BODY_21A, FACE),
        ("lspet", COCO_17, FACE),
        ("lspet", MPI_15, set()),
        ("posetrack18", COCO_17, FACE - {"nose"}),
        ("posetrack17", BODY_21A, FACE - {"nose"}),
        ("posetrack21", COCO_18, FACE - {"nose"}),
        ("carfusion", BODY_25, set(BODY_25.joints)),
    ],
)
def test_what_a_data_set_cannot_tell(data_set: str, target, unknown: set[str]) -> None:  # type: ignore[no-untyped-def]
    about = DATA_SETS[data_set]
    assert about.skeleton is not None
    assert about.labels is not None
    known = joint_map(about.skeleton, about.labels, target).known
    assert {joint for joint, there in zip(target.joints, known, strict=True) if not there} == unknown


def test_middles_and_what_hides_them() -> None:
    pose = np.zeros((1, 17, 3), np.float32)
    pose[0, COCO_17.index("left_shoulder")] = 10, 20, 2
    pose[0, COCO_17.index("right_shoulder")] = 30, 40, 1
    pose[0, COCO_17.index("left_hip")] = 10, 60, 2
    to_body = joint_map(COCO_17, COCO_17.joints, BODY_25)
    body = to_body.apply(pose)[0]
    assert body[BODY_25.index("neck")].tolist() == [20, 30, 1]
    assert body[BODY_25.index("mid_hip")].tolist() == [0, 0, 0]  # one hip only
    to_mpi = joint_map(COCO_17, COCO_17.joints, MPI_15)
    assert not to_mpi.apply(pose)[0, MPI_15.index("chest")].any()
    pose[0, COCO_17.index("right_hip")] = 30, 80, 2
    assert to_mpi.apply(pose)[0, MPI_15.index("chest")].tolist() == [20, 50, 1]  # of neck and hips
    mpii = np.zeros((16, 3), np.float32)
    mpii[MPII_16.index("neck")], mpii[MPII_16.index("mid_hip")] = (4, 8, 2), (6, 18, 2)
    assert joint_map(MPII_16, MPII_16.joints, MPI_15).apply(mpii)[-1].tolist() == [5, 13, 2]


def test_joints_that_are_not_labelled_are_not_told_even_if_the_file_has_them() -> None:
    pose = np.full((17, 3), 2, np.float32)
    labels = [joint for joint in COCO_17.joints if joint != "left_hip"]
    some = joint_map(COCO_17, labels, BODY_25)
    told = some.apply(pose)
    assert not told[BODY_25.index("left_hip")].any()
    assert not some.known[BODY_25.index("mid_hip")]
    assert some.known[BODY_25.index("neck")]
    with pytest.raises(ValueError, match="`labels` must be joints of lsp_14, got nose"):
        joint_map(LSP_14, ["nose"], COCO_17)


@given(st.sampled_from(sorted(SKELETONS)), st.sampled_from(sorted(SKELETONS)), st.integers(0, 1000))
def test_it_is_the_skeletons_own_conversion(source_name: str, target_name: str, seed: int) -> None:
    source, target = SKELETONS[source_name], SKELETONS[target_name]
    rng = np.random.default_rng(seed)
    poses = rng.uniform(0, 100, (2, 3, len(source.joints), 3)).astype(np.float32)
    poses[..., 2] = rng.integers(0, 3, poses.shape[:-1])
    poses[..., :2] += rng.choice([0, 1e6], poses[..., :2].shape) * (poses[..., 2:] == 0)
    ours, theirs = joint_map(source, source.joints, target).apply(poses), convert(poses, source, target)
    places = [i for i, joint in enumerate(target.joints) if joint != "chest" or "chest" in source.joints]
    np.testing.assert_allclose(ours[..., places, :], theirs[..., places, :], rtol=1e-6)
    assert ours.dtype == np.float32


def test_nobody() -> None:
    assert joint_map(COCO_23, COCO_23.joints, BODY_25).apply(np.zeros((0, 23, 3), np.float32)).shape == (0, 25, 3)
