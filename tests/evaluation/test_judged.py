"""What of two files counts."""

import dataclasses

import numpy as np
import oracles
import pytest
from pose_files import pose_file

from jaxpose.evaluation.judged import for_hota, for_joints
from jaxpose.evaluation.protocol import PROTOCOLS
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.posetrack import read_poses
from jaxpose.skeletons import POSETRACK_15

POSEVAL, STRICT = PROTOCOLS["poseval"], PROTOCOLS["strict"]
SQUARE = np.array([[0.0, 0.0], [100, 0], [100, 100], [0, 100]])


@pytest.mark.parametrize("case", oracles.CASES)
def test_as_many_frames_count_as_in_poseval(case: str, request: pytest.FixtureRequest) -> None:
    folder = oracles.folder(case, request)
    expected = oracles.expected(folder)["poseval"]
    tracking = (expected["mot"] or expected["mot_without_short_sequences"])["per_sequence"]
    frames = 0
    for name, files in oracles.sequences(folder).items():
        truth, found = for_joints(*(read_poses(file).as_skeleton(POSETRACK_15) for file in files), POSEVAL)
        assert len(truth.numbers) == len(found.numbers)
        assert name not in tracking or tracking[name]["frames_used"] == len(truth.numbers) - 1
        frames += len(truth.numbers)
    assert frames == expected["frames_used_ap"]


@pytest.mark.parametrize("case", oracles.CASES[:12])
def test_as_many_people_count_as_in_posetrack21(case: str, request: pytest.FixtureRequest) -> None:
    folder = oracles.folder(case, request)
    counts = dict.fromkeys(("GT_Dets", "Dets", "GT_IDs", "IDs"), 0)
    for files in oracles.sequences(folder).values():
        truth, found = for_hota(*(read_poses(file).as_skeleton(POSETRACK_15) for file in files), POSEVAL)
        for side, prefix in ((truth, "GT_"), (found, "")):
            counts[f"{prefix}Dets"] += len(side.ids)
            counts[f"{prefix}IDs"] += len(np.unique(side.ids))
    assert counts == oracles.expected(folder)["hota"]["counts"]


def three_frames(labelled: list[bool]) -> PoseFile:
    """One person in the first frame, nobody in the second, two in the third."""
    return pose_file(POSETRACK_15, [1, 0, 2], np.full((3, 15, 2), 50.0), labelled=labelled, ids=[1, 2, 3])


def test_frames_with_people_count_or_with_labelled_frames_the_labelled_ones() -> None:
    truth, found = three_frames([False, True, True]), three_frames([True] * 3)
    labelled = dataclasses.replace(POSEVAL, labelled_frames=True)
    for protocol, numbers, ids in ((POSEVAL, [0, 2], [1, 2, 3]), (labelled, [1, 2], [2, 3])):
        for file in for_joints(truth, found, protocol):
            assert file.numbers.tolist() == numbers
            assert file.ids.tolist() == ids
    for protocol in (POSEVAL, STRICT):
        assert [file.numbers.tolist() for file in for_hota(truth, found, protocol)] == [[1, 2]] * 2


def test_ignored_joints_go_and_people_without_joints_only_where_there_are_regions() -> None:
    xy = np.full((4, 15, 2), 50.0)
    xy[1, 3:] = 200
    there = np.ones((4, 15), bool)
    there[3] = False
    file = pose_file(POSETRACK_15, [3, 1], xy, there=there, ids=[1, 2, 3, 4])
    truth = file._replace(regions=((SQUARE,), ()))
    for side in for_joints(truth, file, POSEVAL):
        assert side.ids.tolist() == [2, 4]
        assert side.there.sum(1).tolist() == [12, 0]
        assert side.offsets.tolist() == [0, 1, 2]


def test_a_person_without_a_list_of_joints_makes_a_frame_count_but_is_none() -> None:
    file = three_frames([True] * 3)._replace(posed=np.array([False, True, False]))
    for side in for_joints(file, file, POSEVAL):
        assert side.numbers.tolist() == [0, 2]
        assert side.ids.tolist() == [2]


def test_crowds_do_not_count() -> None:
    file = three_frames([True] * 3)._replace(crowd=np.array([False, True, False]))
    for side in for_joints(file, file, POSEVAL):
        assert side.ids.tolist() == [1, 3]


def test_hota_has_joints_right_of_and_below_the_corner_or_with_same_joints_those_of_mota() -> None:
    xy = np.full((1, 15, 2), 50.0)
    xy[0, :4] = [[0, 50], [50, 0], [-1, 50], [50, -1]]
    there = np.ones((1, 15), bool)
    there[0, 14] = False
    file = pose_file(POSETRACK_15, [1], xy, there=there)
    for side in for_hota(file, file, POSEVAL):
        assert np.flatnonzero(~side.there[0]).tolist() == [0, 1, 2, 3]
    for side in for_hota(file, file, dataclasses.replace(POSEVAL, same_joints=True)):
        assert np.flatnonzero(~side.there[0]).tolist() == [14]


def test_hota_keeps_people_of_frames_with_regions_who_have_any_coordinate_above_0() -> None:
    """Joints at (0, 50) do not exist for HOTA, but keep their person; those in a region do not."""
    xy = np.full((3, 15, 2), 200.0)
    xy[0] = [0, 150]
    xy[1] = [-3, 0]
    xy[2] = [50, 50]
    file = pose_file(POSETRACK_15, [3], xy, ids=[1, 2, 3])
    truth = file._replace(regions=((SQUARE,),))
    for side in for_hota(truth, file, POSEVAL):
        assert side.ids.tolist() == [1]
        assert not side.there.any()
    for side in for_hota(truth, file, dataclasses.replace(POSEVAL, same_joints=True)):
        assert side.ids.tolist() == [1, 2]
