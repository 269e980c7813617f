"""What can be taken out of predictions before they are judged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pose_files import pose_file
from tracked_scenes import video

from jaxpose.errors import EvaluationError
from jaxpose.evaluation.filters import large_people, long_tracks, without_weak_joints
from jaxpose.records import NO_ID
from jaxpose.skeletons import POSETRACK_15, Skeleton

PAIR = Skeleton("pair", ("left", "right"), (), (0.1, 0.1))
SEEDS = st.integers(0, 10_000)


def people(scores):
    return pose_file(PAIR, [1, 2], np.arange(12.0).reshape(3, 2, 2), joint_scores=scores, ids=[5, 6, 7])


def test_a_joint_stays_from_its_threshold_on():
    found = people([[0.2, 0.5], [0.1, 0.9], [0.1, 0.4]])
    left = without_weak_joints(found, {"left": 0.2, "right": 0.5})
    assert left.there.tolist() == [[True, True], [False, True]]
    assert left.ids.tolist() == [5, 6]  # 7 has no joint left
    assert left.offsets.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(left.numbers, found.numbers)
    np.testing.assert_array_equal(left.xy, found.xy[:2])


def test_joints_without_a_threshold_stay():
    found = people([[0.2, 0.5], [0.1, np.nan], [0.1, 0.4]])
    left = without_weak_joints(found, {"left": 0.3, "nose": 0.9})
    assert left.there.tolist() == [[False, True]] * 3


def test_a_joint_that_a_threshold_needs_must_have_a_score():
    found = people([[0.2, 0.5], [0.1, 0.9], [0.1, np.nan]])
    with pytest.raises(EvaluationError, match=r"^memory, frame 1, person 7: right has no score, which thr"):
        without_weak_joints(found, {"right": 0.0})
    unseen = found._replace(there=np.array([[True, True], [True, True], [True, False]]))
    assert without_weak_joints(unseen, {"right": 0.0}).ids.tolist() == [5, 6, 7]


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0, 1))
def test_each_joint_is_judged_alone(seed, limit):
    _, found = video(seed)
    found = found._replace(joint_scores=np.nan_to_num(found.joint_scores, nan=0.5))
    limits = {joint: limit * place / 14 for place, joint in enumerate(POSETRACK_15.joints)}
    left = without_weak_joints(found, limits)
    expected = {
        (frame, person): [
            bool(there and score >= limits[joint])
            for joint, there, score in zip(POSETRACK_15.joints, found.there[row], found.joint_scores[row], strict=True)
        ]
        for row, (frame, person) in enumerate(zip(found.frame.tolist(), found.ids.tolist(), strict=True))
    }
    expected = {key: joints for key, joints in expected.items() if any(joints)}
    keys = zip(left.frame.tolist(), left.ids.tolist(), strict=True)
    assert dict(zip(keys, left.there.tolist(), strict=True)) == expected


@given(hnp.arrays(np.int64, st.integers(0, 12), elements=st.integers(-1, 3)), st.integers(0, 5))
def test_long_tracks_are_counted(ids, frames):
    told = ids.tolist()
    assert long_tracks(ids, frames).tolist() == [one != NO_ID and told.count(one) >= frames for one in told]


def test_large_people():
    boxes = np.array([[0, 0, 10, 2], [0, 0, 2, 10], [50, 50, 9.9, 9.9], [0, 0, np.nan, np.nan]])
    assert large_people(boxes, 10).tolist() == [True, True, False, False]
    assert large_people(np.zeros((0, 4)), 10).tolist() == []
