"""Detectors: boxes of the people that a network finds, and of files, frame by frame."""

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from jaxpose import detection
from jaxpose.detection import Detector, FileDetector, FrameDetector, PeopleBoxes, widen
from jaxpose.errors import FormatError, JaxposeWarning, NonFiniteError
from jaxpose.estimation import Estimator
from jaxpose.formats.jsonl import JsonlWriter
from jaxpose.records import NO_ID, Boxes, Frame, People, make_people
from jaxpose.skeletons import COCO_17


class Bars:
    """An estimator that needs no network: a person in each picture's channel, as wide and high as its lit part."""

    skeleton = COCO_17

    def dispatch(self, images: Sequence[np.ndarray], pad_to: int) -> list[np.ndarray]:
        assert 1 <= len(images) <= pad_to
        return list(images)

    def collect(self, work: list[np.ndarray]) -> list[People]:
        return [self.find(image) for image in work]

    def find(self, image: np.ndarray) -> People:
        poses, scores = [], []
        for channel in range(3):
            y, x = np.nonzero(image[..., channel])
            if len(x):
                pose = np.zeros((17, 3))
                pose[3], pose[9] = (x.min(), y.min(), 0.9), (x.max(), y.max(), 0.9)
                poses.append(pose)
                scores.append(image[..., channel].max() / 100)
        return make_people(np.array(poses, np.float32).reshape(-1, 17, 3), np.array(scores, np.float32))


def detector_of(estimator: Estimator, chunk: int = 1, **options: float) -> FrameDetector:
    return FrameDetector(PeopleBoxes(estimator, **options), chunk)


def picture(*bars: tuple[int, int, int, int, int], shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    """A picture with a lit part x0, y0, x1, y1 (both ends lit) of a brightness in each channel."""
    image = np.zeros((*shape, 3), np.uint8)
    for channel, (x0, y0, x1, y1, value) in enumerate(bars):
        image[y0 : y1 + 1, x0 : x1 + 1, channel] = value
    return image


def walk(count: int) -> list[Frame]:
    """Somebody walking to the right, a second person in every third frame; the pictures grow in the middle."""
    frames = []
    for i in range(count):
        bars = [(10 + i, 10, 20 + i, 40, 90), *([(40, 5, 60, 50, 60)] if i % 3 == 0 else [])]
        frames.append(Frame(i, i / 25, picture(*bars, shape=(60, 80) if i < count // 2 else (72, 96))))
    return frames


def mot_file(folder: Path, text: str) -> FileDetector:
    path = folder / "boxes.txt"
    path.write_text(text)
    return detection.from_file(path)


def assert_same(a: list[Boxes], b: list[Boxes]) -> None:
    assert [(boxes.frame, boxes.time) for boxes in a] == [(boxes.frame, boxes.time) for boxes in b]
    for one, other in zip(a, b, strict=True):
        for left, right in zip(one[2:], other[2:], strict=True):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)


@pytest.fixture(params=["network", "network in chunks", "file"])
def detector(request: pytest.FixtureRequest, tmp_path: Path) -> Detector:
    if request.param == "file":
        return mot_file(tmp_path, "".join(f"{i + 1},{i},{i},5,9,9,1\n" * (i % 3) for i in range(15)))
    return detector_of(Bars(), chunk=1 if request.param == "network" else 4)


def test_every_frame_once_and_in_order(detector: Detector) -> None:
    frames = walk(15)
    found = list(detector(frames))
    assert [(boxes.frame, boxes.time) for boxes in found] == [(frame.number, frame.time) for frame in frames]
    assert {boxes.total for boxes in found} >= {1, 2}
    for boxes in found:
        assert (boxes.boxes.shape, boxes.boxes.dtype) == ((boxes.total, 4), np.float32)
        assert (boxes.scores.shape, boxes.scores.dtype) == ((boxes.total,), np.float32)
        assert (boxes.ids.shape, boxes.ids.dtype) == ((boxes.total,), np.int64)
    assert_same(found, list(detector(frames)))  # each call is a video of its own
    assert_same(found, list(detector(iter(frames))))


def test_bare_pictures_are_numbered(detector: Detector) -> None:
    found = list(detector(frame.image for frame in walk(15)))
    assert [(boxes.frame, boxes.time) for boxes in found] == [(i, float(i)) for i in range(15)]


def test_an_interrupted_video_leaves_nothing_behind() -> None:
    detect = detector_of(Bars(), chunk=4)
    frames = walk(15)
    started = detect(frames)
    next(started)
    assert_same(list(detect(frames)), list(detector_of(Bars(), chunk=4)(frames)))


def test_a_video_without_frames() -> None:
    assert list(detector_of(Bars())([])) == []


@pytest.mark.parametrize("chunk", [2, 15, 40])
def test_the_chunk_changes_nothing(chunk: int) -> None:
    frames = walk(20)
    assert_same(list(detector_of(Bars())(frames)), list(detector_of(Bars(), chunk=chunk)(frames)))


def test_a_box_spans_the_joints_with_a_margin() -> None:
    (found,) = detector_of(Bars(), margin=0.25)([picture((20, 10, 40, 30, 90))])
    assert found.boxes.tolist() == [[15, 5, 30, 30]]
    assert found.scores.tolist() == [np.float32(0.9)]
    assert found.ids.tolist() == [NO_ID]
    (found,) = detector_of(Bars(), margin=0)([picture((20, 10, 40, 30, 90))])
    assert found.boxes.tolist() == [[20, 10, 20, 20]]


def test_a_box_ends_at_the_picture_s_edge() -> None:
    whole, corner = picture((0, 0, 79, 59, 90)), picture((60, 40, 79, 59, 90))
    first, second = detector_of(Bars(), margin=0.1)([whole, corner])
    assert first.boxes.tolist() == [[-0.5, -0.5, 80, 60]]
    np.testing.assert_allclose(second.boxes, [[60 - 1.9, 40 - 1.9, 21.4, 21.4]], rtol=1e-6)


def test_people_beside_the_picture_or_with_one_joint_have_no_box() -> None:
    class Beside(Bars):
        def find(self, image: np.ndarray) -> People:
            keypoints = np.zeros((4, 17, 3), np.float32)
            keypoints[0, :2] = (-30, 10, 1), (-20, 30, 1)
            keypoints[1, :1] = (20, 20, 1)
            keypoints[3, :2] = (10, 10, 1), (20, 30, 1)
            return make_people(keypoints, np.ones(4))

    (found,) = detector_of(Beside())([picture()])
    np.testing.assert_allclose(found.boxes, [[9, 8, 12, 24]])


def test_low_scores_are_left_out_and_high_ones_end_at_1() -> None:
    bars = picture((1, 1, 9, 9, 30), (20, 1, 29, 9, 120), (40, 1, 49, 9, 50))
    (found,) = detector_of(Bars(), min_score=0.5)([bars])
    assert found.scores.tolist() == [1, 0.5]
    assert found.boxes[:, 0].round().tolist() == [19, 39]
    (everyone,) = detector_of(Bars())([bars])
    assert everyone.total == 3


@pytest.mark.parametrize("field", ["boxes", "scores"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_an_error(field: str, value: float) -> None:
    class Damaged(Bars):
        def find(self, image: np.ndarray) -> People:
            people = super().find(image)
            return people._replace(**{field: np.full_like(getattr(people, field), value)})

    with pytest.raises(NonFiniteError, match="frame 0: a person's box or score is NaN or infinite"):
        list(detector_of(Damaged())(walk(3)))


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("chunk", 0, "`chunk` must be at least 1, got 0"),
        ("min_score", 1.1, "`min_score` must be in 0..1, got 1.1"),
        ("min_score", float("nan"), "`min_score` must be in 0..1, got nan"),
        ("margin", -0.1, "`margin` must be a share of the box, 0 or more, got -0.1"),
        ("margin", float("inf"), "`margin` must be a share of the box, 0 or more, got inf"),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        detector_of(Bars(), **{option: value})


def test_other_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="must be RGB uint8"):
        list(detector_of(Bars())([np.zeros((60, 80, 3))]))


def test_widen_against_plain_arithmetic() -> None:
    rng = np.random.default_rng(3)
    boxes = np.concatenate([rng.uniform(-50, 200, (300, 2)), rng.uniform(0, 90, (300, 2))], axis=1).astype(np.float32)
    for (x, y, w, h), found in zip(boxes.tolist(), widen(boxes, 0.2, 100, 150).tolist(), strict=True):
        left, right = (min(max(edge, -0.5), 149.5) for edge in (x - 0.2 * w, x + 1.2 * w))
        top, bottom = (min(max(edge, -0.5), 99.5) for edge in (y - 0.2 * h, y + 1.2 * h))
        np.testing.assert_allclose(found, [left, top, right - left, bottom - top], atol=1e-4)


def test_a_file_s_boxes_come_with_their_frames(tmp_path: Path) -> None:
    detect = mot_file(tmp_path, "3,7,10,20,30,40,0.5\n1,1,1,1,4,4,1\n5,2,5,6,7,8,1\n")
    frames = [frame._replace(number=number) for frame, number in zip(walk(4), (0, 1, 2, 4), strict=True)]
    found = list(detect(frames))
    assert [boxes.ids.tolist() for boxes in found] == [[1], [], [7], [2]]
    assert found[2].boxes.tolist() == [[9.5, 19.5, 30, 40]]
    assert [boxes.time for boxes in found] == [frame.time for frame in frames]


def warned(run: Iterator[Boxes]) -> list[tuple[int, str]]:
    """Each warning and how many frames' boxes had come before it."""
    told = []
    count = 0
    while True:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            boxes = next(run, None)
        assert all(warning.category is JaxposeWarning for warning in caught)
        told += [(count, str(warning.message)) for warning in caught]
        if boxes is None:
            return told
        count += 1


def test_a_video_longer_than_the_file_is_told_once(tmp_path: Path) -> None:
    detect = mot_file(tmp_path, "1,1,1,1,4,4,1\n3,1,1,1,4,4,1\n")
    assert warned(detect(walk(3))) == []
    ((when, told),) = warned(detect(walk(8)))
    assert when == 3
    assert told.endswith("boxes.txt ends with frame 2 and the video goes on: the frames after it have no boxes")


def test_boxes_of_frames_that_never_came_are_told_at_the_end(tmp_path: Path) -> None:
    detect = mot_file(tmp_path, "1,1,1,1,4,4,1\n5,1,1,1,4,4,1\n5,2,1,1,4,4,1\n6,1,1,1,4,4,1\n")
    ((when, told),) = warned(detect(walk(2)))
    assert when == 2
    assert "boxes.txt has boxes for 2 frames that the video does not have, the first is frame 4: is it" in told
    ((when, _),) = warned(detect([]))
    assert when == 0


def test_an_empty_file_of_a_video_without_people(tmp_path: Path) -> None:
    detect = mot_file(tmp_path, "")
    assert [boxes.total for boxes in detect(walk(4))] == [0] * 4


def test_the_kind_of_file_is_told_by_its_name(tmp_path: Path) -> None:
    entries = [{"image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.5}]
    (tmp_path / "boxes.JSON").write_text(json.dumps(entries))
    none, one = detection.from_file(tmp_path / "boxes.JSON")(walk(2))
    assert (none.total, one.boxes.tolist()) == (0, [[9.5, 19.5, 30, 40]])
    with pytest.raises(FormatError, match=r"none\.txt: cannot be read"):
        detection.from_file(tmp_path / "none.txt")
    (tmp_path / "boxes").write_text("x1,y1")
    with pytest.raises(FormatError, match="boxes: of no known format; give PoseTrack's or COCO's JSON"):
        detection.from_file(tmp_path / "boxes")


def test_boxes_are_put_around_the_poses_of_other_files(tmp_path: Path) -> None:
    points = [{"id": [joint], "x": [x], "y": [y], "score": [1]} for joint, x, y in ((0, 10, 20), (5, 30, 60))]
    rects = [{"track_id": [4], "score": [0.5], "annopoints": [{"point": points}]}, {"track_id": [5]}]
    frames = [{"image": [{"name": "a.jpg"}], "annorect": []}, {"image": [{"name": "b.jpg"}], "annorect": rects}]
    (tmp_path / "track.json").write_text(json.dumps({"annolist": frames}))
    none, one = detection.from_file(tmp_path / "track.json")(walk(2))
    assert none.total == 0
    assert (one.ids.tolist(), one.scores.tolist()) == ([4], [0.5])
    np.testing.assert_allclose(one.boxes, [[10 - 0.03 * 40, 20 - 0.1 * 40, 20 + 0.06 * 40, 40 + 0.18 * 40]], rtol=1e-6)

    with JsonlWriter(tmp_path / "people.jsonl", COCO_17, source="x", config={}) as writer:
        for number in range(3):
            keypoints = np.zeros((1, 17, 3), np.float32)
            keypoints[0, :2] = (10 + number, 20, 0.9), (30, 60, 0.8)
            writer.write(make_people(keypoints, np.array([0.7]), np.array([2]), frame=number))
    found = list(detection.from_file(tmp_path / "people.jsonl")(walk(3)))
    assert [boxes.ids.tolist() for boxes in found] == [[2]] * 3
    np.testing.assert_allclose(found[1].boxes[0, :2], [11 - 0.03 * 40, 20 - 0.1 * 40], rtol=1e-6)
    assert found[1].scores.tolist() == [np.float32(0.7)]
