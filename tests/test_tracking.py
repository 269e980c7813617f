"""The contract of `Tracker`, one test for every tracker there is."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dots
import numpy as np
import pytest
import staf_scenes

import jaxpose.video
from jaxpose import models
from jaxpose.association.identities import IdentityTracker
from jaxpose.errors import VideoError
from jaxpose.estimation import Pipeline
from jaxpose.fields.config import DecodeConfig
from jaxpose.records import Frame, People, make_people
from jaxpose.skeletons import COCO_17, COCO_18
from jaxpose.systems.staf.estimator import StafTracker
from jaxpose.topdown.estimator import TopDown
from jaxpose.topdown.tracker import RefinedTracker
from jaxpose.tracking import FrameTracker, ProminentTracker, RegionTracker, Tracker

Make = Callable[[int], Tracker]


class Spots:
    """An estimator that needs no network: a person stands wherever a picture has a red pixel."""

    skeleton = COCO_17

    def dispatch(self, images: Sequence[np.ndarray], pad_to: int) -> list[np.ndarray]:
        assert len(images) <= pad_to
        assert len({image.shape for image in images}) == 1
        return list(images)

    def collect(self, work: list[np.ndarray]) -> list[People]:
        return [self.find(image) for image in work]

    def find(self, image: np.ndarray) -> People:
        y, x = np.nonzero(image[..., 0] == 255)
        rng = np.random.default_rng(5)
        offsets = np.concatenate([rng.uniform(0, 40, (17, 2)), np.full((17, 1), 0.9)], axis=1)
        keypoints = offsets + np.stack([x, y, 0 * x], axis=1)[:, None]
        return make_people(keypoints.astype(np.float32), np.full(len(x), 0.9))


def spotting(chunk: int = 1) -> FrameTracker:
    return FrameTracker(Pipeline(Spots(), chunk), IdentityTracker(COCO_17))


def walk(frames: int, first_size: int = 64) -> list[Frame]:
    """Two people walking apart, a third from frame 4 on; the pictures' height changes in the middle."""
    result = []
    for i in range(frames):
        image = np.zeros((first_size if i < frames // 2 else first_size + 8, 400, 3), np.uint8)
        image[5, 100 - i, 0] = image[5, 200 + 2 * i, 0] = 255
        if i >= 4:
            image[9, 340, 0] = 255
        result.append(Frame(i, i / 25, image))
    return result


@pytest.fixture(
    scope="module",
    params=[
        "frame-tracker",
        "region-tracker",
        "top-down",
        "refined",
        "lightweight-openpose",
        "movenet-multipose",
        "staf",
    ],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Make, list[Frame]]:
    """How to make the tracker for a chunk size, and frames in which it finds people."""
    if request.param == "frame-tracker":
        return lambda chunk: spotting(chunk), walk(20)
    if request.param == "region-tracker":
        return lambda chunk: RegionTracker(spotting(chunk), (40, 3, 1000, 60)), walk(20)
    if request.param in ("top-down", "refined"):
        look = TopDown(dots.Finder(), dots.looker())

        def top_down(chunk: int) -> Tracker:
            tracker = FrameTracker(Pipeline(look, chunk), IdentityTracker(dots.DOTS))
            return tracker if request.param == "top-down" else RefinedTracker(tracker, look.people)

        return top_down, dots.strollers(20)
    if request.param == "staf":
        people = staf_scenes.scene(20, {1: (staf_scenes.line(30, 110, 5), 90), 2: (staf_scenes.line(220, 112, -3), 80)})
        options: dict[str, Any] = {"size": 256, "decode": DecodeConfig(candidates=8)}
        network: Any = staf_scenes.KnowingNetwork()
        made = {chunk: StafTracker(network, {}, COCO_18, chunk=chunk, **options) for chunk in (1, 15, 20)}
        return made.__getitem__, staf_scenes.frames_of(people)
    data: Path = request.getfixturevalue("shared_data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXPOSE_HOME", str(tmp_path_factory.mktemp("home")))
        name = request.param
        if name not in models.names():
            models.import_file(data / "teachers" / "human-pose-estimation-0001.xml", name)
        trackers = {chunk: models.load(name, size=256, chunk=chunk) for chunk in (1, 15, 20)}
    frames = list(itertools.islice(jaxpose.video.read(data / "videos" / "exercise.avi"), 20))
    return trackers.__getitem__, frames


def assert_same(a: list[People], b: list[People]) -> None:
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert (one.frame, one.time) == (other.frame, other.time)
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=0.02)
        np.testing.assert_allclose(one.boxes, other.boxes, atol=0.02)


def test_every_frame_once_and_in_order_within_the_delay(case: tuple[Make, list[Frame]]) -> None:
    make, frames = case
    for chunk in (1, 15):
        tracker = make(chunk)
        done: list[People] = []
        for pushed, frame in enumerate(frames):
            done += tracker.push(frame)
            assert len(done) >= pushed + 1 - tracker.delay
            assert len(done) <= pushed + 1
        done += tracker.flush()
        assert [(p.frame, p.time) for p in done] == [(f.number, f.time) for f in frames]
        assert sum(p.keypoints.shape[0] for p in done) >= len(frames)
        for people in done:
            assert people.keypoints.shape[1:] == (len(tracker.skeleton.joints), 3)
            assert (people.ids > 0).all()
            assert len(set(people.ids.tolist())) == len(people.ids)


def test_the_chunk_changes_nothing(case: tuple[Make, list[Frame]]) -> None:
    make, frames = case
    one = list(make(1).track(frames))
    assert_same(one, list(make(15).track(frames)))
    assert_same(one, list(make(len(frames)).track(frames)))


def test_an_empty_video_and_one_frame(case: tuple[Make, list[Frame]]) -> None:
    make, frames = case
    tracker = make(15)
    assert list(tracker.track([])) == []
    assert tracker.flush() == []
    (only,) = tracker.track(frames[:1])
    assert only.frame == frames[0].number


def test_after_reset_and_flush_it_is_as_new(case: tuple[Make, list[Frame]]) -> None:
    make, frames = case
    tracker = make(1)
    fresh = list(tracker.track(frames))
    for frame in frames[:7]:
        tracker.push(frame)
    tracker.reset()
    again = [people for frame in frames for people in tracker.push(frame)]
    again += tracker.flush()
    assert_same(fresh, again)
    assert_same(fresh, list(tracker.track(frames)))


def test_bare_arrays_are_numbered(case: tuple[Make, list[Frame]]) -> None:
    make, frames = case
    found = list(make(1).track([frame.image for frame in frames[:3]]))
    assert [people.frame for people in found] == [0, 1, 2]


def test_a_chunk_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="`chunk` must be at least 1, got 0"):
        spotting(0)


def test_a_prominent_tracker_tells_of_the_most_prominent_and_keeps_the_ids() -> None:
    everyone = list(spotting().track(walk(20)))
    two = list(ProminentTracker(spotting(), 2).track(walk(20)))
    assert max(p.total for p in everyone) == 3
    assert [p.total for p in two] == [min(2, p.total) for p in everyone]
    for few, all_ in zip(two, everyone, strict=True):
        assert set(few.ids.tolist()) <= set(all_.ids.tolist())


def test_a_region_s_people_are_where_they_are_in_the_whole_picture() -> None:
    def tracker() -> FrameTracker:
        return spotting()

    everyone = list(tracker().track(walk(20)))
    assert_same(everyone, list(RegionTracker(tracker(), (40, 3, 1000, 60)).track(walk(20))))
    left = list(RegionTracker(tracker(), (40, 3, 280, 60)).track(walk(20)))
    assert [p.total for p in left] == [min(2, p.total) for p in everyone]
    for some, all_ in zip(left, everyone, strict=True):
        np.testing.assert_allclose(some.keypoints, all_.keypoints[:2], atol=1e-4)


def test_what_is_missing_stays_so_in_a_region() -> None:
    class Fixed(FrameTracker):
        def push(self, frame: Frame) -> list[People]:
            keypoints = np.zeros((2, 17, 3), np.float32)
            keypoints[0, 3] = 5, 6, 0.5
            return [make_people(keypoints, np.zeros(2))]

    (people,) = RegionTracker(Fixed(Pipeline(Spots(), 1), IdentityTracker(COCO_17)), (40, 3, 50, 50)).push(walk(1)[0])
    assert people.keypoints[0, 3].tolist() == [45, 9, 0.5]
    assert np.count_nonzero(people.keypoints) == 3
    assert people.boxes.tolist() == [[45, 9, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("region", [(0, 0, 0, 5), (-1, 0, 5, 5), (0, 0, 5, -5)])
def test_impossible_regions_are_refused(region: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="`region` must be x, y, width, height"):
        RegionTracker(spotting(), region)


def test_a_region_outside_of_the_picture() -> None:
    tracker = RegionTracker(spotting(), (400, 0, 5, 5))
    with pytest.raises(VideoError, match="frame 0 is 400x72: the region 400,0,5,5 lies outside of it"):
        tracker.push(walk(1)[0])


@pytest.mark.parametrize(
    "picture",
    [np.zeros((64, 64, 3)), np.zeros((64, 64), np.uint8), np.zeros((64, 64, 4), np.uint8), "a.png"],
    ids=["float", "grey", "rgba", "path"],
)
def test_other_pictures_are_refused(picture: object) -> None:
    tracker = spotting()
    with pytest.raises(ValueError, match="must be RGB uint8"):
        list(tracker.track([picture]))
    with pytest.raises(ValueError, match="must be RGB uint8"):
        tracker.push(picture)
