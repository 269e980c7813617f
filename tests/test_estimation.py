"""The pipeline: frames in order, the device ahead of the host, and nothing left behind."""

from collections.abc import Sequence

import numpy as np
import pytest

from jaxpose.estimation import Pipeline, numbered
from jaxpose.records import NO_ID, Frame, People, make_people
from jaxpose.skeletons import COCO_17


class Counted:
    """An estimator that finds as many people as the first pixel says, and notes what the device and the host do."""

    skeleton = COCO_17

    def __init__(self) -> None:
        self.steps: list[str] = []

    def dispatch(self, images: Sequence[np.ndarray], pad_to: int) -> list[np.ndarray]:
        assert len({image.shape for image in images}) == 1
        self.steps.append(f"dispatch {len(images)} of {pad_to}")
        return list(images)

    def collect(self, work: list[np.ndarray]) -> list[People]:
        self.steps.append(f"collect {len(work)}")
        return [make_people(np.ones((n, 17, 3), np.float32), np.ones(n)) for n in (int(i[0, 0, 0]) for i in work)]


def video(*widths: int) -> list[Frame]:
    return [Frame(10 + i, i / 5, np.full((4, width, 3), i % 3, np.uint8)) for i, width in enumerate(widths)]


def run(pipeline: Pipeline, frames: list[Frame]) -> list[People]:
    return [people for frame in frames for people in pipeline.push(frame)] + pipeline.flush()


@pytest.mark.parametrize("chunk", [1, 2, 5, 30])
def test_every_frame_once_and_in_order_within_the_delay(chunk: int) -> None:
    frames = video(*[6] * 4, *[8] * 3, *[6] * 8)
    pipeline = Pipeline(Counted(), chunk)
    done: list[People] = []
    for pushed, frame in enumerate(frames):
        done += pipeline.push(frame)
        assert pushed + 1 - pipeline.delay <= len(done) <= pushed
    done += pipeline.flush()
    assert [(people.frame, people.time) for people in done] == [(frame.number, frame.time) for frame in frames]
    assert [people.total for people in done] == [i % 3 for i in range(15)]
    assert all((people.ids == NO_ID).all() for people in done)
    assert pipeline.flush() == []


def test_the_device_works_ahead_of_the_host() -> None:
    estimator = Counted()
    run(Pipeline(estimator, 2), video(*[6] * 7))
    ahead, after = "dispatch 2 of 2", "collect 2"
    assert estimator.steps == [ahead, ahead, after, ahead, after, "dispatch 1 of 2", after, "collect 1"]


def test_pictures_of_another_size_start_another_batch() -> None:
    estimator = Counted()
    run(Pipeline(estimator, 3), video(6, 6, 8, 6))
    assert [step for step in estimator.steps if "dispatch" in step] == [f"dispatch {n} of 3" for n in (2, 1, 1)]


def test_after_reset_and_flush_it_is_as_new() -> None:
    pipeline, frames = Pipeline(Counted(), 2), video(*[6] * 5)
    expected = [people.frame for people in run(pipeline, frames)]
    for frame in frames[:3]:
        pipeline.push(frame)
    pipeline.reset()
    assert [people.frame for people in run(pipeline, frames)] == expected


def test_frames_stay_and_bare_pictures_are_numbered() -> None:
    frame, image = video(6)[0], np.zeros((4, 4, 3), np.uint8)
    assert next(numbered([frame])) is frame
    assert [(frame.number, frame.time) for frame in numbered([image, image])] == [(0, 0.0), (1, 1.0)]


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="`chunk` must be at least 1, got 0"):
        Pipeline(Counted(), 0)
    with pytest.raises(ValueError, match=r"must be RGB uint8 \[h, w, 3\], got float64"):
        Pipeline(Counted()).push(Frame(0, 0.0, np.zeros((4, 4, 3))))
    with pytest.raises(ValueError, match="`push` takes a `Frame`"):
        Pipeline(Counted()).push(np.zeros((4, 4, 3), np.uint8))
