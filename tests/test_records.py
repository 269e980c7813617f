"""People, empty or not, and the boxes around their joints."""

import numpy as np

from jaxpose.records import NO_ID, Boxes, joint_boxes, make_people


def test_box_spans_the_joints_that_are_there() -> None:
    keypoints = np.zeros((2, 3, 3), np.float32)
    keypoints[0, 0] = 10, 20, 0.5
    keypoints[0, 2] = 4, 50, 0.1
    assert joint_boxes(keypoints).tolist() == [[4, 20, 6, 30], [0, 0, 0, 0]]


def test_empty_frame_is_ordinary() -> None:
    people = make_people(np.zeros((0, 18, 3), np.float32), np.zeros(0, np.float32), frame=7, time=0.28)
    assert people.total == 0
    assert people.keypoints.shape == (0, 18, 3)
    assert people.boxes.shape == (0, 4)
    assert people.ids.shape == (0,)
    assert (people.frame, people.time) == (7, 0.28)


def test_select_keeps_fields_together() -> None:
    keypoints = np.arange(3 * 2 * 3, dtype=np.float32).reshape(3, 2, 3) + 1
    people = make_people(keypoints, np.array([0.1, 0.2, 0.3], np.float32))
    assert (people.ids == NO_ID).all()
    chosen = people.select(np.array([2, 0]))
    assert chosen.keypoints[:, 0, 0].tolist() == [13, 1]
    np.testing.assert_array_equal(chosen.boxes, people.boxes[[2, 0]])
    assert people.select(np.zeros(3, bool)).total == 0


def test_boxes_select_keeps_fields_together_and_the_frame() -> None:
    boxes = Boxes(
        frame=4,
        time=0.16,
        boxes=np.arange(12, dtype=np.float32).reshape(3, 4),
        scores=np.array([0.1, 0.2, 0.3], np.float32),
        ids=np.array([7, NO_ID, 9]),
    )
    assert boxes.total == 3
    chosen = boxes.select(np.array([2, 0]))
    assert chosen.boxes.tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
    assert chosen.scores.tolist() == boxes.scores[[2, 0]].tolist()
    assert chosen.ids.tolist() == [9, 7]
    assert (chosen.frame, chosen.time) == (4, 0.16)
    none = boxes.select(np.zeros(3, bool))
    assert (none.total, none.boxes.shape, none.scores.shape, none.ids.shape) == (0, (0, 4), (0,), (0,))
