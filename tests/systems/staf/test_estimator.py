"""The tracker and its lanes around a network that knows the truth: chunks, lanes and devices change nothing."""

import subprocess
import sys
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import staf_scenes
from staf_scenes import KnowingNetwork, Scene, frames_of, line, scene

from jaxpose.errors import JaxposeWarning, NonFiniteError, VideoError
from jaxpose.fields.config import DecodeConfig
from jaxpose.records import Frame, People
from jaxpose.skeletons import COCO_18
from jaxpose.systems.staf.estimator import Lanes, StafTracker
from jaxpose.systems.staf.fields import StafFields
from jaxpose.systems.staf.tracker_config import TrackerConfig

NETWORK = KnowingNetwork()
OPTIONS: dict[str, Any] = {"size": 256, "decode": DecodeConfig(candidates=8)}


def tracker(chunk: int = 1, network: Any = None, **tracking: Any) -> StafTracker:
    return StafTracker(network or NETWORK, {}, COCO_18, chunk=chunk, tracking=TrackerConfig(**tracking), **OPTIONS)


def lanes(videos: int, chunk: int) -> Lanes:
    return Lanes(NETWORK, {}, COCO_18, videos=videos, chunk=chunk, **OPTIONS)


def walking(frames: int, shift: float = 0) -> Scene:
    """Two walk, a third comes from frame 4 on, one of the two is hidden for a while."""
    return scene(
        frames,
        {
            1: (line(30 + shift, 110, 5), 90),
            2: (line(220 - shift, 112, -3, gone=range(6, 9)), 80),
            3: (line(125, 115, gone=range(4)), 70),
        },
    )


def assert_same(a: list[People], b: list[People]) -> None:
    assert [(one.frame, one.time) for one in a] == [(one.frame, one.time) for one in b]
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-3)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """A cut to other people in the same places comes with frame 13, in other colours."""
    return frames_of(walking(13) + walking(8, 2), lambda t: 0 if t < 13 else 180)


@pytest.fixture(scope="module")
def one_by_one(frames: list[Frame]) -> list[People]:
    return list(tracker().track(frames))


def test_everybody_is_found_with_one_id_until_the_cut(frames: list[Frame], one_by_one: list[People]) -> None:
    assert [each.frame for each in one_by_one] == list(range(21))
    ids = staf_scenes.ids_of(one_by_one, walking(13) + walking(8, 2), near=2)
    assert {person: len(own) for person, own in ids.items()} == {1: 21, 2: 10 + 6, 3: 9 + 4}
    for person, before in ((1, 13), (2, 10), (3, 9)):  # frames before the cut
        own = ids[person]
        assert len(set(own[:before])) == 1
        assert len(set(own[before:])) == 1
    assert len({i for own in ids.values() for i in own}) == 6


def test_without_the_search_for_cuts_they_would_be_taken_for_the_same(frames: list[Frame]) -> None:
    people = list(tracker(cuts=None).track(frames))
    assert max(int(each.ids.max()) for each in people) < 6


@pytest.mark.parametrize("chunk", [15, 21])
def test_the_chunk_changes_nothing(frames: list[Frame], one_by_one: list[People], chunk: int) -> None:
    assert_same(one_by_one, list(tracker(chunk).track(frames)))


def test_pushes_within_the_delay_reset_and_flush(frames: list[Frame], one_by_one: list[People]) -> None:
    for chunk, hits in ((1, 1), (4, 3)):
        made = tracker(chunk, birth_hits=hits)
        assert made.delay == 2 * chunk - 1 + hits - 1
        done: list[People] = []
        for pushed, frame in enumerate(frames[:13]):
            done += made.push(frame)
            assert pushed + 1 - made.delay <= len(done) <= pushed + 1
        done += made.flush()
        assert [one.frame for one in done] == list(range(13))
        assert made.flush() == []
        made.push(frames[3])
        made.reset()
        again = [people for frame in frames[:13] for people in made.push(frame)] + made.flush()
        assert_same(done, again)
    assert list(tracker(4).track([])) == []


def test_another_size_in_mid_video_starts_the_network_anew_and_keeps_ids(frames: list[Frame]) -> None:
    taller = [
        frame._replace(image=np.pad(frame.image, ((0, 8 * (frame.number >= 3)), (0, 0), (0, 0))))
        for frame in frames[:6]
    ]
    for chunk in (1, 4):  # the size changes within a chunk
        people = list(tracker(chunk).track(taller))
        assert [sorted(each.ids.tolist()) for each in people] == [[1, 2]] * 4 + [[1, 2, 3]] * 2


def test_videos_side_by_side_are_as_alone(frames: list[Frame], one_by_one: list[People]) -> None:
    """Videos of different lengths, more than there are lanes."""
    videos = [frames, frames_of(walking(5, 3)), [], frames_of(walking(9, 6)), frames[:1], frames_of(walking(12, 1))]
    alone = [one_by_one, *(list(tracker().track(video)) for video in videos[1:])]
    for number, chunk in ((4, 1), (3, 15)):
        found: list[list[People]] = [[] for _ in videos]
        for video, people in lanes(number, chunk).track(videos):
            found[video].append(people)
        for one, other in zip(alone, found, strict=True):
            assert_same(one, other)


def test_lanes_are_spread_over_devices() -> None:
    """Four made-up devices: the same people as on one. In a process of its own, as devices are counted at the start."""
    code = """
import jax, numpy as np, staf_scenes, sys
sys.path.insert(0, "tests/systems/staf")
from test_estimator import lanes, walking
from staf_scenes import frames_of
assert jax.local_device_count() == 4
made = lanes(4, 4)
videos = [frames_of(walking(5, shift)) for shift in range(4)]
found = [(video, people.ids.tolist(), people.keypoints.sum()) for video, people in made.track(videos)]
print(sorted((v, i, round(float(k), 1)) for v, i, k in found))
"""
    printed = [
        subprocess.run(
            [sys.executable, "-c", code.replace("== 4", f"== {n}")],
            env={"PATH": "", "XLA_FLAGS": f"--xla_force_host_platform_device_count={n}", "PYTHONPATH": "tests:."},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for n in (1, 4)
    ]
    assert printed[0] == printed[1]
    assert printed[0].count("(") == 20


def test_what_does_not_fit_is_told(frames: list[Frame]) -> None:
    small = Frame(0, 0.0, np.zeros((64, 256, 3), np.uint8))
    with pytest.raises(VideoError, match="256x64 and 256x128"):
        lanes(2, 1).push([frames[0], small])
    with pytest.raises(ValueError, match="2 videos side by side, got 1"):
        lanes(2, 1).push([frames[0]])
    with pytest.raises(ValueError, match="must be RGB uint8"):
        tracker().push(Frame(0, 0.0, np.zeros((64, 64), np.uint8)))
    for name, value in (("chunk", 0), ("size", 4), ("videos", 0)):
        with pytest.raises(ValueError, match=f"`{name}`"):
            Lanes(NETWORK, {}, COCO_18, **(OPTIONS | {name: value}))


class Broken(KnowingNetwork):
    """Its temporal fields are NaN from the second frame on."""

    def predict(self, features: Any, previous: Any, last: StafFields) -> tuple[StafFields, ...]:
        (fields,) = super().predict(features, previous, last)
        return (fields._replace(tafs=jnp.where((features != previous).any(), jnp.nan, fields.tafs)),)


def test_maps_that_hold_nan_are_told_with_the_frame(frames: list[Frame]) -> None:
    made = tracker(1, Broken())
    with pytest.raises(NonFiniteError, match="frame 1: a map of the network holds NaN"):
        list(made.track(frames[:3]))


def test_too_many_candidates_are_told_once(frames: list[Frame]) -> None:
    few = StafTracker(NETWORK, {}, COCO_18, size=256, decode=DecodeConfig(candidates=1))
    with pytest.warns(JaxposeWarning, match="only the best 1 of a joint") as told:
        assert len(list(few.track(frames[:5]))) == 5
    assert len(told) == 1
