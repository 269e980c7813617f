"""IDF1 equals TrackEval's and py-motmetrics'."""

import numpy as np
import peers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracked_scenes import renamed, shuffled, video

from jaxpose.evaluation.identity import Identity, identity
from jaxpose.evaluation.pairing import Pairing, head_distances, pair, pair_people
from jaxpose.formats.poses import PoseFile


def scene(seed: int) -> tuple[Pairing, np.ndarray, np.ndarray, np.ndarray]:
    """Joints of people who are near each other, and a similarity of 0.5 or more where they may match."""
    return joints_of(*video(seed, 8, 5))


def joints_of(truth: PoseFile, found: PoseFile) -> tuple[Pairing, np.ndarray, np.ndarray, np.ndarray]:
    pairing = pair_people(truth, found)
    similarity = np.nan_to_num(np.clip(1 - head_distances(truth, found, pairing), 0, 1))
    return pairing, truth.there, found.there, similarity


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_equals_trackeval_joint_by_joint(seed: int) -> None:
    pairing, truth, found, similarity = scene(seed)
    ours = identity(pairing, truth, found, similarity >= 0.5)
    for joint in range(0, 15, 4):
        theirs = peers.trackeval("Identity", pairing, truth[:, joint], found[:, joint], similarity[:, joint])
        assert ours.idtp[joint] == theirs["IDTP"]
        assert ours.idfp[joint] == theirs["IDFP"]
        assert ours.idfn[joint] == theirs["IDFN"]
        if theirs["IDTP"]:
            assert ours.compute().idf1[joint] == pytest.approx(100 * theirs["IDF1"], abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_equals_motmetrics(seed: int) -> None:
    pairing, _, _, similarity = scene(seed)
    whole = similarity.mean(axis=1)
    if not len(pairing.truth_ids) or not len(pairing.found_ids):
        return
    people = np.ones((len(pairing.truth_ids), 1), bool), np.ones((len(pairing.found_ids), 1), bool)
    ours = identity(pairing, *people, (whole >= 0.5)[:, None]).compute()
    theirs = peers.motmetrics(pairing, whole)
    for score in ("idf1", "idp", "idr"):
        np.testing.assert_allclose(getattr(ours, score)[-1], 100 * theirs[score], rtol=0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_and_names_of_people_do_not_matter(seed: int) -> None:
    sides = video(seed)
    others = [renamed(seed + i, shuffled(seed + i, side)) for i, side in enumerate(sides)]
    for a, b in zip(
        *(identity(p, t, f, s >= 0.5) for p, t, f, s in (joints_of(*sides), joints_of(*others))), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_each_id_has_one_partner_for_the_whole_video() -> None:
    frame = np.arange(6)
    pairing = pair(6, frame, np.zeros(6, np.int64), frame, np.array([1, 1, 2, 2, 2, 1]))
    there = np.ones((6, 1), bool)
    state = identity(pairing, there, there, np.array([[True], [True], [True], [True], [True], [False]]))
    assert (state.idtp[0], state.idfp[0], state.idfn[0]) == (3, 3, 3)
    both = Identity.empty(1).merge(state).merge(state).compute()
    np.testing.assert_allclose([both.idf1, both.idp, both.idr], 50)


def test_nothing_is_undefined() -> None:
    nobody = np.zeros(0, np.int64)
    state = identity(
        pair(3, nobody, nobody, nobody, nobody), np.zeros((0, 2), bool), np.zeros((0, 2), bool), np.zeros((0, 2), bool)
    )
    assert np.isnan(state.compute().idf1).all()
    np.testing.assert_array_equal(np.stack(state), 0)


def test_the_total_leaves_out_joints_that_nobody_has() -> None:
    pairing = pair(1, *(np.zeros(1, np.int64),) * 4)
    there = np.array([[True, False]])
    np.testing.assert_allclose(identity(pairing, there, there, there).compute().idf1, [100, np.nan, 100])
