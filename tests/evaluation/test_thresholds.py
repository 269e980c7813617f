"""Joint score thresholds: chosen as a plain search chooses them, written and read again, and never for the worse."""

import dataclasses
import json

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracked_scenes import video

from jaxpose.errors import EvaluationError, FormatError, OutputError
from jaxpose.evaluation.clear import clear
from jaxpose.evaluation.filters import without_weak_joints
from jaxpose.evaluation.judged import for_joints
from jaxpose.evaluation.pairing import head_distances, near, pair_people
from jaxpose.evaluation.protocol import PROTOCOLS
from jaxpose.evaluation.thresholds import STEPS, fit_thresholds, read_thresholds, write_thresholds
from jaxpose.formats.posetrack import read_poses
from jaxpose.skeletons import POSETRACK_15

JOINTS = POSETRACK_15.joints
STRICT, POSEVAL = PROTOCOLS["strict"], PROTOCOLS["poseval"]
INDEPENDENT = dataclasses.replace(POSEVAL, count_people=True)


def scored(seed):
    """A video whose joints all have scores, the higher the nearer they are to somebody's."""
    truth, found = video(seed, frames=5, people=3)
    rng = np.random.default_rng(seed)
    return truth, found._replace(joint_scores=rng.random(found.there.shape) ** 2)


def mota(sequences, thresholds, protocol):
    """By the rules: wrong ones over objects, all videos together."""
    wrong, objects = np.zeros(15), np.zeros(15)
    for truth, found in sequences:
        left, right = for_joints(truth, without_weak_joints(found, thresholds), protocol)
        pairing = pair_people(left, right)
        counts, _ = clear(pairing, left.there, right.there, near(head_distances(left, right, pairing)), protocol)
        wrong += counts.misses + counts.switches + counts.false_positives
        objects += counts.objects
    return np.where(objects > 0, 100 * (1 - wrong / np.maximum(objects, 1)), np.nan)


@pytest.mark.parametrize(("protocol", "rules"), [(STRICT, STRICT), (POSEVAL, INDEPENDENT)], ids=["strict", "poseval"])
@pytest.mark.parametrize("seed", [3, 8])
def test_each_joint_s_threshold_is_that_of_a_search_of_its_own(seed, protocol, rules):
    sequences = [scored(seed), scored(seed + 100)]
    learnt = fit_thresholds(sequences, protocol)
    assert learnt.joints == JOINTS
    scores = np.concatenate([found.joint_scores[found.there] for _, found in sequences])
    tried = [0.0, *(np.quantile(scores, step / STEPS) for step in range(STEPS))]
    assert len(set(learnt.thresholds.tolist())) > 3
    for place in (0, 4, 9, 14):
        best = [mota(sequences, {JOINTS[place]: limit}, rules)[place] for limit in tried]
        assert learnt.thresholds[place] == pytest.approx(tried[int(np.argmax(best))], abs=1e-12)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_no_joint_is_worse_off(seed):
    sequences = [scored(seed)]
    learnt = fit_thresholds(sequences, STRICT)
    known = ~np.isnan(learnt.mota_before)
    assert (learnt.mota_after[known] >= learnt.mota_before[known] - 1e-9).all()
    thresholds = dict(zip(JOINTS, learnt.thresholds.tolist(), strict=True))
    for values, limits in ((learnt.mota_before, {}), (learnt.mota_after, thresholds)):
        np.testing.assert_allclose(values[:-1], mota(sequences, limits, STRICT), rtol=0, atol=1e-9)


@pytest.mark.parametrize("protocol", [POSEVAL, STRICT], ids=["poseval", "strict"])
def test_a_poor_tracker_gains(protocol, request):
    folder = oracles.folder("11_crowd30", request)
    sequences = [
        tuple(read_poses(path).as_skeleton(POSETRACK_15) for path in files)
        for files in oracles.sequences(folder).values()
    ]
    learnt = fit_thresholds(sequences, protocol)
    assert learnt.mota_after[-1] > learnt.mota_before[-1] + 1
    if protocol is POSEVAL:
        theirs = oracles.expected(folder)["poseval"]["mot"]["mota"]
        assert learnt.mota_before[-1] == pytest.approx(theirs["total"], abs=1e-6)


def test_a_joint_that_no_truth_has_keeps_everything():
    truth, found = scored(3)
    truth = truth._replace(there=truth.there & (np.arange(15) != 2))
    learnt = fit_thresholds([(truth, found)], STRICT)
    assert learnt.thresholds[2] == 0
    assert np.isnan(learnt.mota_before[2])


def test_without_scores_there_is_nothing_to_choose_by():
    truth, found = scored(3)
    unscored = found._replace(joint_scores=np.full(found.there.shape, np.nan))
    for sequences in ([], [(truth, unscored)]):
        with pytest.raises(EvaluationError, match="there are no joint scores to choose thresholds by; write them"):
            fit_thresholds(sequences, STRICT)
    found.joint_scores[3, 4] = np.nan
    found.there[3, 4] = True
    with pytest.raises(EvaluationError, match=rf"^memory, frame \d+, person {found.ids[3]}: {JOINTS[4]} has no score"):
        fit_thresholds([(truth, found)], STRICT)


# -- the file ----------------------------------------------------------------------------------------------------------


def test_a_file_is_read_as_it_was_written(tmp_path):
    learnt = fit_thresholds([scored(3)], STRICT)
    write_thresholds(tmp_path / "t.json", learnt)
    assert read_thresholds(tmp_path / "t.json") == dict(zip(JOINTS, learnt.thresholds.tolist(), strict=True))
    tree = json.loads((tmp_path / "t.json").read_text())
    assert tree["mota_before"] == learnt.mota_before[-1]
    assert tree["mota_after"] == learnt.mota_after[-1]
    with pytest.raises(OutputError, match=r"none/t\.json: cannot be written \(No such file"):
        write_thresholds(tmp_path / "none" / "t.json", learnt)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "`thresholds` by joint are missing; write the file with `jaxpose fit-thresholds`"),
        ('{"thresholds": [0.5]}', "`thresholds` by joint are missing"),
        ('{"images": [], "annotations": []}', "`thresholds` by joint are missing"),
        ('{"thresholds": {"chin": 0.5}}', "'chin' must be one of right_ankle, "),
        ('{"thresholds": {"nose": "0.5"}}', "the threshold of nose must be a number, got '0.5'"),
        ('{"thresholds": {"nose": true}}', "the threshold of nose must be a number, got True"),
        ('{"thresholds": {"nose": NaN}}', "the threshold of nose must be a number, got nan"),
        ('{"thresholds": {"nose": null}}', "the threshold of nose must be a number, got None"),
        ('{"thresholds": {"nose": 0.5}', "not JSON "),
        ("", "not JSON "),
    ],
)
def test_another_file_is_refused(tmp_path, content, told):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(FormatError) as refused:
        read_thresholds(path)
    assert str(refused.value).startswith(f"{path}: {told}")


def test_some_joints_are_enough(tmp_path):
    (tmp_path / "t.json").write_text('{"thresholds": {"nose": 1, "left_hip": -0.5}}')
    assert read_thresholds(tmp_path / "t.json") == {"nose": 1.0, "left_hip": -0.5}
