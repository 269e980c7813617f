"""Keypoint HOTA equals PoseTrack21's evaluator on the reference cases, and TrackEval joint by joint under `strict`."""

import dataclasses
from pathlib import Path

import numpy as np
import oracles
import peers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_files import pose_file
from tracked_scenes import part, renamed, shuffled, video

from jaxpose.evaluation.hota import ALPHAS, Hota, HotaScores, hota, keypoint_similarity
from jaxpose.evaluation.judged import for_hota
from jaxpose.evaluation.pairing import Pairing, head_distances, pair, pair_people
from jaxpose.evaluation.protocol import PROTOCOLS, Protocol
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.posetrack import read_poses
from jaxpose.skeletons import POSETRACK_15

POSEVAL, STRICT = PROTOCOLS["poseval"], PROTOCOLS["strict"]
TRACKEVAL = {
    "hota": "HOTA", "deta": "DetA", "assa": "AssA", "loca": "LocA", "detre": "DetRe", "detpr": "DetPr",
    "assre": "AssRe", "asspr": "AssPr", "tp": "HOTA_TP", "fn": "HOTA_FN", "fp": "HOTA_FP",
}  # fmt: skip
NAMES = {**TRACKEVAL, "fraga": "FragA", "rhota": "RHOTA", "fa_hota": "FA-HOTA", "fa_rhota": "FA-RHOTA"}
COUNTS = ("tp", "fn", "fp")


def judge(truth: PoseFile, found: PoseFile, protocol: Protocol) -> tuple[Hota, Pairing]:
    truth, found = for_hota(truth, found, protocol)
    pairing = pair_people(truth, found)
    similarity = keypoint_similarity(head_distances(truth, found, pairing))
    return hota(pairing, truth.there, found.there, similarity, protocol), pairing


def read(case: Path) -> dict[str, tuple[PoseFile, PoseFile]]:
    files = oracles.sequences(case)
    return {name: tuple(read_poses(path).as_skeleton(POSETRACK_15) for path in pair) for name, pair in files.items()}


def columns(table: dict) -> np.ndarray:
    return oracles.row({"neck": table["head_bottom"], **table})


def check(scores: HotaScores, expected: dict) -> None:
    means = scores.mean()
    for field, name in NAMES.items():
        unit = 1 if field in COUNTS else 100
        np.testing.assert_allclose(means[field], unit * columns(expected[name]), rtol=0, atol=1e-9, err_msg=name)
    for field in ("hota", "loca", *COUNTS):
        unit = 1 if field in COUNTS else 100
        first = unit * columns(expected[f"{NAMES[field]}(0)"])
        np.testing.assert_allclose(getattr(scores, field)[0], first, rtol=0, atol=1e-9, err_msg=f"{field} at 0.05")
    first = 100 * columns(expected["HOTALocA(0)"])
    np.testing.assert_allclose(scores.hotaloca[0], first, rtol=0, atol=1e-9)


def check_all(case: Path, expected: dict, protocol: Protocol, *, unlabel: bool = False) -> None:
    state, counts = Hota.empty(15), dict.fromkeys(("Dets", "GT_Dets", "IDs", "GT_IDs"), 0)
    for name, (truth, found) in read(case).items():
        if unlabel:
            truth = truth._replace(labelled=truth.labelled & (np.diff(truth.offsets) > 0))
        one, pairing = judge(truth, found, protocol)
        state = state.merge(one)
        counts["Dets"] += len(pairing.found_ids)
        counts["GT_Dets"] += len(pairing.truth_ids)
        counts["IDs"] += len(np.unique(pairing.found_ids))
        counts["GT_IDs"] += len(np.unique(pairing.truth_ids))
        if "per_sequence" in expected:
            check(one.compute_sequence(protocol), expected["per_sequence"][name])
    scores = state.compute(protocol)
    check(scores, expected["combined"])
    for name, table in expected["combined"].get("per_alpha", {}).items():
        field = next(field for field, known in NAMES.items() if known == name)
        values = np.stack([table[joint] for joint in (*POSETRACK_15.joints, "total")], axis=1)
        unit = 1 if field in COUNTS else 100
        np.testing.assert_allclose(getattr(scores, field), unit * values, rtol=0, atol=1e-9, err_msg=name)
    assert expected.get("counts", counts) == counts


@pytest.mark.parametrize("name", oracles.CASES)
def test_equals_posetrack21(name: str, request: pytest.FixtureRequest) -> None:
    case = oracles.folder(name, request)
    expected = oracles.expected(case)
    kinds = {
        "hota": (POSEVAL, False),
        "hota_empty_frame_corrected": (dataclasses.replace(POSEVAL, frame_misses=True), False),
        "hota_if_gt_empty_frames_unlabelled": (POSEVAL, True),
    }
    told = {kind for kind in kinds if expected.get(kind)}
    assert bool(told) == (not name.startswith(("13_", "14_")))  # its evaluator does not read PoseTrack 2017's files
    for kind in told:
        protocol, unlabel = kinds[kind]
        check_all(case, expected[kind], protocol, unlabel=unlabel)


@pytest.mark.parametrize("name", oracles.CASES)
def test_strict_equals_trackeval_joint_by_joint(name: str, request: pytest.FixtureRequest) -> None:
    for truth, found in read(oracles.folder(name, request)).values():
        truth, found = for_hota(truth, found, STRICT)
        pairing = pair_people(truth, found)
        similarity = keypoint_similarity(head_distances(truth, found, pairing))
        scores = hota(pairing, truth.there, found.there, similarity, STRICT).compute(STRICT)
        labelled = np.flatnonzero(truth.there.any(axis=0))
        assert len(labelled)
        for joint in labelled:
            theirs = peers.trackeval(
                "HOTA", pairing, truth.there[:, joint], found.there[:, joint], similarity[:, joint]
            )
            for field, known in TRACKEVAL.items():
                unit = 1 if field in COUNTS else 100
                ours = getattr(scores, field)[:, joint]
                np.testing.assert_allclose(ours, unit * theirs[known], rtol=0, atol=1e-9, err_msg=f"{known} {joint}")


def test_where_posetrack21_fails_the_value_is_the_strict_one(request: pytest.FixtureRequest) -> None:
    truth, found = next(iter(read(oracles.folder("15_labelled_frame_without_gt", request)).values()))
    empty = np.diff(truth.offsets) == 0
    assert (truth.labelled & empty).any()
    alone = np.diff(found.offsets)[truth.labelled & empty].sum()
    assert alone > 0
    judged, _ = judge(truth, found, POSEVAL)
    unlabelled, _ = judge(truth._replace(labelled=truth.labelled & ~empty), found, POSEVAL)
    there = for_hota(truth, found, POSEVAL)[1]
    joints = there.there[np.isin(there.frame, np.flatnonzero(empty[truth.labelled]))].sum(axis=0)
    np.testing.assert_array_equal(judged.fp - unlabelled.fp, np.broadcast_to(joints, judged.fp.shape))
    np.testing.assert_array_equal(judged.fn, unlabelled.fn)


# -- what one can count by hand ---------------------------------------------------------------------------------------


def line(truth_ids: list[list[int]], found_ids: list[list[int]]) -> Pairing:
    """Frame by frame the ids of each side."""
    sides = []
    for ids in (truth_ids, found_ids):
        sides += [
            np.repeat(np.arange(len(ids)), [len(i) for i in ids]),
            np.array([i for frame in ids for i in frame], np.int64),
        ]
    return pair(len(truth_ids), *sides)


def all_there(pairing: Pairing, joints: int = 1) -> tuple[np.ndarray, np.ndarray]:
    return np.ones((len(pairing.truth_ids), joints), bool), np.ones((len(pairing.found_ids), joints), bool)


def test_one_person_under_two_ids() -> None:
    pairing = line([[7]] * 5, [[1], [1], [2], [1], [1]])
    scores = hota(pairing, *all_there(pairing), np.full((5, 1), 0.72), STRICT).compute(STRICT)
    reached = 14  # 0.05 .. 0.70
    np.testing.assert_allclose(scores.deta[:reached], 100)
    np.testing.assert_allclose(scores.assa[:reached], 100 * (4 * 4 / 5 + 1 * 1 / 5) / 5)
    np.testing.assert_allclose(scores.assre[:reached], 100 * (4 * 4 / 5 + 1 * 1 / 5) / 5)
    np.testing.assert_allclose(scores.asspr[:reached], 100)
    np.testing.assert_allclose(scores.fraga[:reached], 100 * (2 * 2 / 5 + 1 * 1 / 5 + 2 * 2 / 5) / 5)
    np.testing.assert_allclose(scores.fa_hota[:reached], 100 * np.sqrt(np.sqrt(0.68 * 0.36)))
    np.testing.assert_allclose(scores.loca[:reached], 72)
    np.testing.assert_allclose(scores.tp[reached:], 0)
    np.testing.assert_allclose(scores.hota[reached:], 0)
    np.testing.assert_allclose(scores.loca[reached:], 100)


def test_similarity_of_joints() -> None:
    distance = np.array([[0.0, 0.25005, 0.5, 0.5001, 7.0, np.nan]])
    np.testing.assert_allclose(keypoint_similarity(distance), [[1, 0.5, 1 - 0.5 / 0.5001, 0, 0, np.nan]], atol=1e-15)
    np.testing.assert_allclose(ALPHAS, np.arange(1, 20) / 20)


def test_a_distance_of_nan_or_too_far_is_no_match() -> None:
    pairing = line([[1], [1], [1]], [[1], [1], [1]])
    state = hota(pairing, *all_there(pairing), np.array([[np.nan], [0.0], [1.0]]), STRICT)
    assert state.tp[:, 0].tolist() == [1] * 19
    assert state.fn[:, 0].tolist() == state.fp[:, 0].tolist() == [2] * 19


@pytest.mark.parametrize(
    ("truth", "found", "tp", "fn", "fp"),
    [([[], []], [[], []], 0, 0, 0), ([[1], [1]], [[], []], 0, 2, 0), ([[], []], [[1], [1]], 0, 0, 2)],
)
def test_one_side_empty(truth: list, found: list, tp: int, fn: int, fp: int) -> None:
    pairing = line(truth, found)
    for protocol in (POSEVAL, STRICT):
        state = hota(pairing, *all_there(pairing), np.zeros((0, 1)), protocol)
        assert (state.tp[0, 0], state.fn[0, 0], state.fp[0, 0]) == (tp, fn, fp)
        scores = state.compute(protocol)
        absent = protocol is STRICT and not fn
        np.testing.assert_array_equal(scores.hota[0], [np.nan] * 2 if absent else [0, 0])


# -- what each switch changes -----------------------------------------------------------------------------------------


def switched(name: str) -> tuple[Protocol, Protocol]:
    return POSEVAL, dataclasses.replace(POSEVAL, **{name: True})


def test_frame_misses() -> None:
    pairing = line([[1, 2], [1, 2], [1]], [[1], [1], []])
    similarity = np.array([[0.9], [0.0], [0.9], [0.0]])
    off, on = (hota(pairing, *all_there(pairing), similarity, protocol) for protocol in switched("frame_misses"))
    assert on.fn[0, 0] == 2 + 1
    assert off.fn[0, 0] == 2 + 5  # all joints of the sequence for its last frame
    assert off.tp[0, 0] == on.tp[0, 0] == 2


def test_same_joints() -> None:
    xy = np.full((1, 15, 2), 50.0)
    xy[0, :3] = [[0, 50], [-7, 50], [50, 0]]
    truth = pose_file(POSETRACK_15, [1], xy, ids=[3], heads=[[0, 0, 10.0, 10.0]])
    off, on = (judge(truth, truth, protocol)[0] for protocol in switched("same_joints"))
    assert off.tp[0].tolist() == [0] * 3 + [1] * 12
    assert on.tp[0].tolist() == [1] * 15


def test_global_alignment() -> None:
    # in the second frame each person is a little nearer to the other's track
    pairing = line([[1, 2]] * 3, [[1, 2]] * 3)
    similarity = np.array([[0.9, 0.1, 0.1, 0.9], [0.5, 0.6, 0.6, 0.5], [0.9, 0.1, 0.1, 0.9]]).reshape(-1, 1)
    off, on = switched("global_alignment")
    swapped = hota(pairing, *all_there(pairing), similarity, off).compute(off)
    kept = hota(pairing, *all_there(pairing), similarity, on).compute(on)
    np.testing.assert_allclose(kept.assa[0], 100)
    np.testing.assert_allclose(swapped.assa[0], 100 * (2 * 2 * 2 / 4 + 2 * 1 / 5) / 6)
    np.testing.assert_allclose(swapped.deta[0], 100)


def test_absent_joints() -> None:
    pairing = line([[1]], [[1]])
    truth, found = np.array([[True, False, False]]), np.array([[True, True, False]])
    off, on = switched("absent_joints")
    state = hota(pairing, truth, found, np.array([[0.9, np.nan, np.nan]]), off)
    for mean_totals in (False, True):
        off, on = (dataclasses.replace(protocol, mean_totals=mean_totals) for protocol in (off, on))
        with_absent = state.compute(off)
        without = hota(pairing, truth, found, np.array([[0.9, np.nan, np.nan]]), on).compute(on)
        np.testing.assert_allclose(with_absent.assa[0], [100, 0, 0, 100 / 3])
        np.testing.assert_allclose(with_absent.loca[0], [90, 100, 100, 290 / 3])
        np.testing.assert_allclose(without.assa[0], [100, np.nan, np.nan, 100])
        np.testing.assert_allclose(without.loca[0], [90, np.nan, np.nan, 90])
        np.testing.assert_array_equal(without.fp[0], [0, 1, 0, 1])


def test_mean_totals() -> None:
    pairing = line([[1], [1], [1], [1]], [[1], [1], [1], [1]])
    truth, found = all_there(pairing, 2)
    similarity = np.array([[0.9, 0.9], [0.9, 0.0], [0.9, 0.0], [0.9, 0.0]])
    off, on = switched("mean_totals")
    state = hota(pairing, truth, found, similarity, off)
    np.testing.assert_allclose(state.compute(on).deta[0], [100, 100 / 7, (100 + 100 / 7) / 2])
    np.testing.assert_allclose(state.compute(off).deta[0], [100, 100 / 7, 100 * 5 / 11])
    np.testing.assert_allclose(state.compute(off).assa[0], [100, 100 / 7, (100 + 100 / 7) / 2])
    np.testing.assert_allclose(state.compute_sequence(off).hota, state.compute(on).hota)


# -- properties -------------------------------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)


def assert_equal(one: HotaScores, other: HotaScores) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from(list(PROTOCOLS)))
def test_order_and_names_of_people_do_not_matter(seed: int, name: str) -> None:
    truth, found = video(seed)
    protocol = PROTOCOLS[name]
    before = judge(truth, found, protocol)[0].compute(protocol)
    sides = (renamed(seed + i, shuffled(seed + i, side)) for i, side in enumerate((truth, found)))
    assert_equal(judge(*sides, protocol)[0].compute(protocol), before)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_videos_add_up_to_the_whole(seed: int) -> None:
    parts = [tuple(part(side, frames) for side in video(seed, 8)) for frames in (slice(0, 3), slice(3, 8))]
    # other ids in the second part: nobody goes on from the first
    parts[1] = tuple(side._replace(ids=side.ids + 10_000) for side in parts[1])
    whole = tuple(side._replace(ids=np.where(side.frame < 3, side.ids, side.ids + 10_000)) for side in video(seed, 8))
    merged = Hota.empty(15)
    for one in parts:
        merged = merged.merge(judge(*one, STRICT)[0])
    assert_equal(merged.compute(STRICT), judge(*whole, STRICT)[0].compute(STRICT))


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_the_truth_itself_is_perfect(seed: int) -> None:
    truth, _ = video(seed)
    state, _ = judge(truth, truth, STRICT)
    scores = state.compute(STRICT)
    assert state.fn.sum() == state.fp.sum() == 0
    judged = np.append(state.labelled > 0, state.labelled.any())
    for values in scores[:13]:
        np.testing.assert_allclose(values[:, judged], 100)
        assert np.isnan(values[:, ~judged]).all()
