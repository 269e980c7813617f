"""A tracker whose people are looked at once more: ids stay, frames come in order, one push later."""

import numpy as np
import pytest
from dots import DOTS, boxes_around, looker, paint, walk

from jaxpose.records import Frame, People, make_people
from jaxpose.skeletons import Skeleton
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.tracker import RefinedTracker
from jaxpose.tracking import Tracker

ANY = TopDownConfig(same_oks=0)
"""Takes any new pose in the first one's place, as those here are no poses."""


class Rough(Tracker):
    """Knows everybody roughly, with ids, `chunk` frames at a time."""

    skeleton = DOTS

    def __init__(self, everybody: list[np.ndarray], chunk: int) -> None:
        self.delay, self._everybody, self._chunk = chunk - 1, everybody, chunk
        self._waiting: list[Frame] = []

    def push(self, frame: Frame) -> list[People]:
        self._waiting.append(frame)
        return self.flush() if len(self._waiting) == self._chunk else []

    def flush(self) -> list[People]:
        done = [self._people(frame) for frame in self._waiting]
        self._waiting.clear()
        return done

    def reset(self) -> None:
        self._waiting.clear()

    def _people(self, frame: Frame) -> People:
        dots = self._everybody[frame.number]
        x, y, w, h = boxes_around(dots).boxes.T
        corners = np.stack([np.stack([x, y], -1), np.stack([x + w, y + h], -1), np.stack([x, y + h], -1)], axis=1)
        rough = np.concatenate([corners, np.ones((len(dots), 3, 1))], axis=2).reshape(-1, 3, 3)
        ids = 100 + np.arange(len(dots))
        return make_people(rough, np.full(len(dots), 0.5), ids, frame=frame.number, time=frame.time)


@pytest.mark.parametrize("chunk", [1, 3])
def test_refined_people_keep_their_ids_and_come_in_time(chunk: int) -> None:
    frames, everybody = walk(14)
    tracker = RefinedTracker(Rough(everybody, chunk), looker(ANY))
    assert tracker.delay == chunk
    for _ in range(2):  # after a flush it is as new
        done: list[People] = []
        for pushed, frame in enumerate(frames):
            done += tracker.push(frame)
            assert pushed + 1 - tracker.delay <= len(done) <= pushed + 1
        done += tracker.flush()
        assert [(one.frame, one.time) for one in done] == [(frame.number, frame.time) for frame in frames]
        for one, expected in zip(done, everybody, strict=True):
            assert one.ids.tolist() == list(range(100, 100 + len(expected)))
            np.testing.assert_allclose(one.keypoints[..., :2], expected, atol=0.2)


def test_people_are_looked_at_as_far_beyond_their_joints_as_their_network_wants() -> None:
    """A box of the first dot's surroundings alone: the others lie beyond it."""
    frames, everybody = walk(3)

    class First(Rough):
        def _people(self, frame: Frame) -> People:
            corner = everybody[frame.number][:, :1] + np.array([[[-3, -3]], [[3, 3]], [[-3, 3]]]).swapaxes(0, 1)
            rough = np.concatenate([corner, np.ones((len(corner), 3, 1))], axis=2)
            return make_people(rough, np.full(len(corner), 0.5), frame=frame.number, time=frame.time)

    def joints(margin: float) -> int:
        tracker = RefinedTracker(First(everybody, 1), looker(TopDownConfig(margin=margin, same_oks=0)))
        return sum(int((people.keypoints[..., 2] > 0).sum()) for people in tracker.track(frames))

    assert joints(0.0) < joints(3.0) == 9  # of three people


def test_reset_forgets_what_is_in_work() -> None:
    frames, everybody = walk(9)
    tracker = RefinedTracker(Rough(everybody, 2), looker())
    expected = [people.frame for people in tracker.track(frames)]
    for frame in frames[:5]:
        tracker.push(frame)
    assert [people.frame for people in tracker.track(frames)] == expected == list(range(9))


def test_who_is_told_in_anothers_place_keeps_the_first_pose_and_the_id() -> None:
    """The first network knows the ears, and mixes up those of the second person."""
    shape = np.array([[0, 0], [-6, -6], [6, 6]])
    dots = np.array([[40, 30], [140, 30]])[:, None] + shape
    ears = np.array([dots[0, 1:], [[146, 24], [134, 36]]])
    sides = Skeleton("sides", ("left_ear", "right_ear"), ((0, 1),), (0.1, 0.1))

    class Known(Rough):
        skeleton = sides

        def _people(self, frame: Frame) -> People:
            first = np.concatenate([ears, np.full((2, 2, 1), 0.9)], axis=2)
            return make_people(first, np.full(2, 0.5), np.array([5, 6]), frame=frame.number)

    def poses(same_oks: float) -> People:
        tracker = RefinedTracker(Known([], 1), looker(TopDownConfig(margin=1.0, same_oks=same_oks)))
        (people,) = tracker.track([Frame(0, 0.0, paint(60, 200, dots))])
        assert people.ids.tolist() == [5, 6]
        return people

    new, kept = poses(0), poses(0.5)
    np.testing.assert_allclose(new.keypoints[..., :2], dots, atol=0.5)
    np.testing.assert_array_equal(kept.keypoints[0], new.keypoints[0])
    np.testing.assert_allclose(kept.keypoints[1], [[0, 0, 0], [146, 24, 0.9], [134, 36, 0.9]])  # nobody saw a nose
    assert kept.scores[1] == pytest.approx(0.5 * 0.9)


def test_a_first_pose_without_a_common_joint_gives_the_place_alone() -> None:
    hips = Skeleton("hips", ("left_hip", "right_hip"), ((0, 1),), (0.1, 0.1))

    class Other(Rough):
        skeleton = hips

        def _people(self, frame: Frame) -> People:
            return make_people(np.array([[[30, 20, 1], [50, 40, 1]]]), np.ones(1), frame=frame.number)

    dots = np.array([[[40, 30], [34, 24], [46, 36]]])
    (people,) = RefinedTracker(Other([], 1), looker()).track([Frame(0, 0.0, paint(60, 80, dots))])
    np.testing.assert_allclose(people.keypoints[..., :2], dots, atol=0.5)
