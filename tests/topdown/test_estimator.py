"""People of known boxes, of a detector's boxes and of a file's, with a stand-in for the network."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from dots import DOTS, boxes_around, looker, paint, row, walk

from jaxpose.association.identities import IdentityTracker
from jaxpose.detection import from_file
from jaxpose.errors import JaxposeWarning, NonFiniteError
from jaxpose.estimation import Pipeline
from jaxpose.records import Boxes, People
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.estimator import SLOTS, BoxedPipeline, CropEstimator, TopDown
from jaxpose.tracking import FrameTracker


def look(people: CropEstimator, images: list[np.ndarray], boxes: list[Boxes]) -> list[People]:
    return people.collect(people.dispatch(images, boxes, len(images)))


def box(*values: float, score: float = 1.0) -> Boxes:
    return Boxes(0, 0.0, np.array([values], np.float32), np.array([score], np.float32), np.array([7]))


class Truth:
    """A finder that knows everybody: it is given the dots of each picture."""

    def __init__(self, everybody: list[np.ndarray]) -> None:
        self.everybody = iter(everybody)

    def dispatch(self, images: list[np.ndarray], pad_to: int) -> list[Boxes]:
        assert len(images) <= pad_to
        return [boxes_around(next(self.everybody)) for _ in images]

    def collect(self, work: list[Boxes]) -> list[Boxes]:
        return work


@pytest.mark.parametrize("chunk", [1, 4, 30])
def test_a_video_is_compiled_once_however_many_people(chunk: int) -> None:
    frames, everybody = walk(23)
    people = looker()
    pipeline = Pipeline(TopDown(Truth(everybody), people), chunk)
    found = [one for frame in frames for one in pipeline.push(frame)] + pipeline.flush()
    assert [(one.frame, one.time) for one in found] == [(frame.number, frame.time) for frame in frames]
    for one, expected in zip(found, everybody, strict=True):
        assert one.total == len(expected)
        np.testing.assert_allclose(one.keypoints[..., :2], expected, atol=0.15)
    assert people.step._cache_size() == 1


def test_pictures_of_many_sizes_are_compiled_seldom() -> None:
    people = looker(TopDownConfig(fill=40))
    expected = None
    for height, width in ((60, 80), (61, 100), (128, 128), (50, 77)):
        (found,) = look(people, [paint(height, width, row(2)) + 40], [boxes_around(row(2))])
        expected = found.keypoints if expected is None else expected
        np.testing.assert_allclose(found.keypoints, expected, atol=1e-4)  # around each all is as if it were filled
    assert people.step._cache_size() == 1


def test_two_hundred_boxes_in_a_frame() -> None:
    assert SLOTS < 200
    everybody = np.concatenate([row(20, y=20 + 40 * i) for i in range(10)])
    people = looker()
    (found,) = look(people, [paint(420, 820, everybody)], [boxes_around(everybody)])
    assert found.total == 200
    np.testing.assert_allclose(found.keypoints[..., :2], everybody, atol=0.15)
    assert people.step._cache_size() == 1


def test_scores_are_the_box_s_times_the_joints() -> None:
    image = paint(60, 80, row(1))
    image[..., 1] = image[..., 1] * 0.5
    image[..., 2] = 0
    (found,) = look(looker(), [image], [boxes_around(row(1))])
    joints = found.keypoints[0, :, 2]
    assert joints[0] > 1.8 * joints[1] > 0
    assert not found.keypoints[0, 2].any()  # too dark: missing
    np.testing.assert_allclose(found.scores, [0.8 * joints[:2].mean()], rtol=1e-6)
    (nobody,) = look(looker(), [np.zeros_like(image)], [boxes_around(row(1))])
    assert nobody.total == 0
    (weak,) = look(looker(TopDownConfig(person_threshold=0.9)), [image], [boxes_around(row(1))])
    assert weak.total == 0


def test_of_two_boxes_around_one_person_the_better_stays() -> None:
    boxes = boxes_around(np.concatenate([row(1), row(1)]))._replace(ids=np.array([3, 4]))
    boxes.boxes[1] += (-2, -1, 3, 3)
    boxes = boxes._replace(scores=np.array([0.4, 0.9], np.float32))
    (found,) = look(looker(), [paint(60, 80, row(1))], [boxes])
    assert found.ids.tolist() == [4]
    (both,) = look(looker(TopDownConfig(duplicate_oks=1)), [paint(60, 80, row(1))], [boxes])
    assert both.ids.tolist() == [3, 4]


def test_other_parameters_take_their_place_and_nothing_is_compiled_again() -> None:
    people, image = looker(), paint(60, 80, row(1))
    (before,) = look(people, [image], [boxes_around(row(1))])
    people.update({"gain": np.float32(0.5)})
    (after,) = look(people, [image], [boxes_around(row(1))])
    np.testing.assert_allclose(after.keypoints[..., 2], 0.5 * before.keypoints[..., 2], rtol=1e-5)
    assert people.step._cache_size() == 1


def test_a_larger_crop_sees_more() -> None:
    image = paint(60, 80, row(1))
    tight = boxes_around(row(1))
    tight.boxes[0] = [*(row(1)[0, 0] - 2), 5, 5]  # the first dot alone
    (one,) = look(looker(), [image], [tight])
    (three,) = look(looker(TopDownConfig(grow=8)), [image], [tight])
    assert ((one.keypoints[..., 2] > 0).sum(), (three.keypoints[..., 2] > 0).sum()) == (1, 3)


@pytest.mark.parametrize(
    "outside", [(90, 10, 20, 20), (10, -30, 20, 20), (10, 10, 0, 20), (10, 10, 20, -3), (-40, 10, 39.5, 9)]
)
def test_boxes_of_no_size_or_beside_the_picture_are_left_out_and_told_once(outside: tuple[float, ...]) -> None:
    people, image = looker(), paint(60, 80, row(1))
    good = boxes_around(row(1))
    both = Boxes(*good[:2], np.concatenate([box(*outside).boxes, good.boxes]), np.ones(2, np.float32), np.arange(2))
    with pytest.warns(JaxposeWarning, match="a box of no size or beside the picture of 80x60 is left out") as told:
        (found,) = look(people, [image], [both])
    assert found.ids.tolist() == [1]
    assert len(told) == 1
    (again,) = look(people, [image], [both])  # a second warning would be an error
    assert again.total == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_detector_that_is_not_finite_is_an_error(value: float) -> None:
    frames, everybody = walk(4)
    for field in ("boxes", "scores"):
        finder = Truth(everybody)
        finder.collect = lambda work, field=field: [
            each._replace(**{field: np.full_like(getattr(each, field), value)}) for each in work
        ]
        tracker = FrameTracker(Pipeline(TopDown(finder, looker())), IdentityTracker(DOTS))
        with pytest.raises(NonFiniteError, match="frame 1: a person's box or score is NaN or infinite: the detector"):
            list(tracker.track(frames))


def test_a_network_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(NonFiniteError, match="what the network says of a person is NaN or infinite"):
        look(looker(gain=np.nan), [paint(60, 80, row(1))], [boxes_around(row(1))])


def boxed(folder: Path, text: str, chunk: int = 2) -> BoxedPipeline:
    (folder / "boxes.txt").write_text(text)
    return BoxedPipeline(from_file(folder / "boxes.txt"), looker(), chunk)


def run(pipeline: BoxedPipeline, frames: list) -> list[People]:
    return [people for frame in frames for people in pipeline.push(frame)] + pipeline.flush()


def lines(everybody: list[np.ndarray], first: int = 1) -> str:
    """MOT's text of everybody's boxes; it counts from the picture's outer corner."""
    rows = []
    for number, people in enumerate(everybody, first):
        rows += [f"{number},-1,{x + 0.5},{y + 0.5},{w},{h},0.8" for x, y, w, h in boxes_around(people).boxes.tolist()]
    return "\n".join(rows)


@pytest.mark.parametrize("chunk", [1, 5])
def test_boxes_of_a_file_come_by_their_frames(tmp_path: Path, chunk: int) -> None:
    frames, everybody = walk(13)
    pipeline = boxed(tmp_path, lines(everybody), chunk)
    for some in (frames[::1], frames[3:13:3]):  # twice: a pipeline is as new after its flush
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if len(some) < len(frames) else "error", JaxposeWarning)
            found = run(pipeline, some)
        assert [one.frame for one in found] == [frame.number for frame in some]
        for one in found:
            np.testing.assert_allclose(one.keypoints[..., :2], everybody[one.frame], atol=0.15)


def test_a_file_of_another_video_is_told(tmp_path: Path) -> None:
    frames, everybody = walk(6)
    with pytest.warns(JaxposeWarning, match="ends with frame 3 and the video goes on"):
        assert run(boxed(tmp_path, lines(everybody[:4])), frames)[5].total == 0
    with pytest.warns(JaxposeWarning, match=r"boxes for 3 frames that the video does not have, the first is frame 3"):
        run(boxed(tmp_path, lines(everybody)), frames[:3])


def test_no_box_in_the_whole_video(tmp_path: Path) -> None:
    frames, _ = walk(5)
    found = run(boxed(tmp_path, ""), frames)
    assert [one.total for one in found] == [0] * 5
    assert found[0].keypoints.shape == (0, len(DOTS.joints), 3)


@pytest.mark.parametrize(
    ("field", "value"), [("grow", 0), ("grow", np.nan), ("fill", -1), ("joint_threshold", 2), ("duplicate_oks", -0.1)]
)
def test_options_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"`{field}` must be"):
        TopDownConfig(**{field: value})
