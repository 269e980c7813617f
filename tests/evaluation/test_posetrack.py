"""PoseTrack's measures together: one state of a video, which adds up in any grouping."""

import functools

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_files import pose_file
from tracked_scenes import renamed, shuffled, video

from jaxpose.evaluation.posetrack import JOINTS, PoseTrack, measure
from jaxpose.evaluation.protocol import PROTOCOLS, Protocol
from jaxpose.evaluation.report import Scores
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.posetrack import read_poses
from jaxpose.skeletons import POSETRACK_15

SEEDS = st.integers(0, 10_000)
BOTH = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
AP = ["ap", "ap_precision", "ap_recall"]


def same(one: Scores, other: Scores) -> None:
    assert one.tables.keys() == other.tables.keys()
    for name, values in one.tables.items():
        np.testing.assert_allclose(values, other.tables[name], rtol=0, atol=1e-9, err_msg=name)
    assert one.counts.keys() == other.counts.keys()
    for name, counts in one.counts.items():
        np.testing.assert_array_equal(counts, other.counts[name], err_msg=name)


def videos(seed: int, protocol: Protocol) -> list[PoseTrack]:
    return [measure(*video(seed + k, frames=4, people=1 + k), protocol, tracked=True) for k in range(4)]


@BOTH
@settings(max_examples=12, deadline=None)
@given(SEEDS, st.data())
def test_merging_in_any_grouping_gives_the_same(protocol, seed, data):
    parts = videos(seed, protocol)
    whole = functools.reduce(PoseTrack.merge, parts, PoseTrack.empty()).compute(protocol, tracked=True)
    parts.insert(data.draw(st.integers(0, 4)), PoseTrack.empty())
    while len(parts) > 1:
        place = data.draw(st.integers(0, len(parts) - 2))
        parts[place : place + 2] = [parts[place].merge(parts[place + 1])]
    same(parts[0].compute(protocol, tracked=True), whole)


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_in_strict_the_order_of_videos_does_not_matter(seed):
    parts = videos(seed, PROTOCOLS["strict"])
    one, other = (
        functools.reduce(PoseTrack.merge, some).compute(PROTOCOLS["strict"], tracked=True)
        for some in (parts, parts[::-1])
    )
    same(one, other)


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_in_strict_names_and_order_of_people_do_not_matter(seed):
    truth, found = video(seed)
    strict = PROTOCOLS["strict"]
    one = measure(truth, found, strict, tracked=True)
    other = measure(renamed(1, shuffled(2, truth)), renamed(3, shuffled(4, found)), strict, tracked=True)
    for name in AP:
        np.testing.assert_allclose(
            one.compute(strict, tracked=True).tables[name], other.compute(strict, tracked=True).tables[name]
        )
    np.testing.assert_array_equal(one.clear.objects, other.clear.objects)


@BOTH
def test_nothing_is_measured_of_no_video(protocol):
    scores = PoseTrack.empty().compute(protocol, tracked=True)
    assert np.isnan(scores.tables["mota"]).all()
    assert all(not counts.any() and len(counts) == 15 for counts in scores.counts.values())
    assert all(len(values) == 16 for values in scores.tables.values())


def test_without_ids_there_is_ap_alone():
    truth, found = video(1)
    state = measure(truth, found._replace(ids=np.full(len(found.ids), -1)), PROTOCOLS["poseval"], tracked=False)
    assert not state.clear.objects.any()
    assert not state.hota.labelled.any()
    scores = state.compute(PROTOCOLS["poseval"], tracked=False)
    assert list(scores.tables) == AP
    assert list(scores.counts) == ["labelled", "predictions", "correct"]
    whole = measure(truth, found, PROTOCOLS["poseval"], tracked=True).compute(PROTOCOLS["poseval"], tracked=True)
    for name in AP:
        np.testing.assert_array_equal(scores.tables[name], whole.tables[name])


def read(case: str, request: pytest.FixtureRequest) -> tuple[PoseFile, PoseFile]:
    ((truth, found),) = oracles.sequences(oracles.folder(case, request)).values()
    return read_poses(truth).as_skeleton(POSETRACK_15), read_poses(found).as_skeleton(POSETRACK_15)


def test_the_totals_of_hota_of_one_video_are_means_over_joints(request):
    """PoseTrack21 has both in its table: those of a sequence, and those of all, if it be only one."""
    poseval = PROTOCOLS["poseval"]
    state = measure(*read("11_crowd30", request), poseval, tracked=True)
    one, all_videos = (state.compute(poseval, tracked=True, one=one).tables["hota"] for one in (True, False))
    np.testing.assert_array_equal(one[:-1], all_videos[:-1])
    assert one[-1] == pytest.approx(one[:-1].mean())
    assert abs(one[-1] - all_videos[-1]) > 1e-3
    theirs = oracles.expected(oracles.folder("11_crowd30", request))["hota"]
    (sequence,) = theirs["per_sequence"].values()
    assert one[-1] == pytest.approx(100 * sequence["HOTA"]["total"], abs=1e-6)
    assert all_videos[-1] == pytest.approx(100 * theirs["combined"]["HOTA"]["total"], abs=1e-6)


def test_hota_has_its_own_choice_of_joints():
    """A point with a negative coordinate is there for AP and MOT, and not for PoseTrack21's HOTA."""
    xy = np.zeros((2, 15, 2)) + 50
    xy[:, 3] = -5, 20
    heads = np.full((2, 4), 30.0)
    file = pose_file(POSETRACK_15, [1, 1], xy, ids=[0, 0], heads=heads)
    poseval, strict = (
        measure(file, file, protocol, tracked=True).compute(protocol, tracked=True).tables
        for protocol in PROTOCOLS.values()
    )
    assert (poseval["ap"][3], poseval["mota"][3], poseval["hota"][3]) == (100, 100, 0)
    assert (strict["ap"][3], strict["mota"][3], strict["hota"][3]) == (100, 100, 100)
    assert len(JOINTS) == 15
