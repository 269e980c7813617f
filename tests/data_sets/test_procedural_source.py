"""The procedural data set as a source of examples: bodies, hands and faces."""

import itertools
import pickle

import cv2
import numpy as np
import pytest

from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.skeletons import BODY_25, COCO_17, FACE_70, HAND_21, SKELETONS, by_joints

PEOPLE = [skeleton for skeleton in SKELETONS.values() if not skeleton.name.startswith("car")]


@pytest.mark.parametrize("skeleton", PEOPLE, ids=lambda skeleton: skeleton.name)
def test_every_skeleton_has_examples(skeleton):
    source = ProceduralSource(skeleton, 12, 3)
    people = 0
    assert len(source) == 12
    assert source.skeleton is skeleton
    assert source.labels == set(skeleton.joints)
    for index in range(12):
        example = source[index]
        image = cv2.imdecode(np.frombuffer(example.image, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (368, 368, 3)
        count = len(example.ids)
        assert example.keypoints.shape == (count, len(skeleton.joints), 3)
        assert example.boxes.shape == (count, 4)
        assert [array.dtype for array in example[1:4]] == [np.float32, np.float32, np.int64]
        assert (example.boxes[:, 2:] > 0).all()
        assert (example.boxes[:, :2] >= -0.5).all()
        assert (example.boxes[:, :2] + example.boxes[:, 2:] <= 367.6).all()
        assert (example.keypoints[..., 2] == 2).any(1).all()
        assert (example.keypoints[example.keypoints[..., 2] == 0] == 0).all()
        assert len(set(example.ids)) == count
        assert example.frame == 0
        assert all(region.shape == (4, 2) for region in example.regions)
        people += count
    assert people >= 8


def test_the_same_index_gives_the_same_example():
    source, again = (ProceduralSource(BODY_25, 50, 5) for _ in range(2))
    third = pickle.loads(pickle.dumps(source))
    for index in (7, 3, 7, 49):
        one, two, three = source[index], again[index], third[index]
        assert one.image == two.image == three.image
        np.testing.assert_array_equal(one.keypoints, two.keypoints)
        np.testing.assert_array_equal(one.keypoints, three.keypoints)
    assert ProceduralSource(BODY_25, 50, 6)[7].image != source[7].image
    assert len({source[index].image for index in range(20)}) == 20


def test_clips_are_consecutive_frames_of_one_scene():
    source = ProceduralSource(COCO_17, 12, 1, frames=4, people=(3, 3))
    examples = [source[index] for index in range(12)]
    assert [example.frame for example in examples] == [0, 1, 2, 3] * 3
    assert [example.sequence for example in examples] == [
        f"procedural_1_{n:06d}" for n in (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2)
    ]
    moved = []
    for first, second in itertools.pairwise(examples):
        if first.sequence != second.sequence:
            continue
        _, one, two = np.intersect1d(first.ids, second.ids, return_indices=True)
        there = (first.keypoints[one, :, 2] > 0) & (second.keypoints[two, :, 2] > 0)
        moved.append(np.abs(first.keypoints[one] - second.keypoints[two])[there][:, :2])
    moved = np.concatenate(moved)
    assert 0 < np.median(moved) < 5
    assert moved.max() < 120


def test_hands_are_people_of_their_own():
    source = ProceduralSource(HAND_21, 30, 2)
    sizes, sides = [], set()
    for index in range(30):
        example = source[index]
        joints = source.scene(index).frame(0)[1].keypoints
        for hand, keypoints, box in zip(example.ids, example.keypoints, example.boxes, strict=True):
            start = 25 + 20 * (hand % 2)
            np.testing.assert_allclose(keypoints[1:], joints[hand // 2, start : start + 20], rtol=1e-6)
            sizes.append(max(box[2:]))
            sides.add(int(hand % 2))
            assert max(box[2:]) >= 12
    assert sides == {0, 1}
    assert len(sizes) > 20
    assert np.median(sizes) > 50


def test_faces_are_large_and_look_at_the_camera():
    source = ProceduralSource(FACE_70, 30, 2)
    faces = [(keypoints, box) for index in range(30) for keypoints, box in zip(*source[index][1:3], strict=True)]
    assert len(faces) > 12
    assert np.median([max(box[2:]) for _, box in faces]) > 60
    assert all((keypoints[:, 2] == 2).mean() > 0.3 for keypoints, _ in faces)


def test_who_is_wholly_hidden_is_a_region():
    source = ProceduralSource(BODY_25, 50, 9, people=(6, 6))
    examples = [source[index] for index in range(50)]
    regions = [region for example in examples for region in example.regions]
    assert regions
    for region in regions:
        assert ((region >= -0.5) & (region <= 367.5)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people": (3, 2)}, "`people` must be two counts"),
        ({"people": (0, 2)}, "`people` must be two counts"),
        ({"size": (368, 8)}, "`size` must be at least 16 x 16, got 368 x 8"),
        ({"frames": 0}, "must be positive"),
    ],
)
def test_options_have_limits(options, message):
    with pytest.raises(ValueError, match=message):
        ProceduralSource(BODY_25, 10, **options)


def test_foreign_joints_and_examples_are_refused():
    with pytest.raises(IndexError, match="0 to 9, got 10"):
        ProceduralSource(BODY_25, 10)[10]
    with pytest.raises(ValueError, match="'thumb_1' of"):
        ProceduralSource(by_joints(("nose", "thumb_1")), 10)
