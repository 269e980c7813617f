"""PCK and PCKh against plain loops."""

import math

import numpy as np
import pytest
from pose_files import pose_file

from jaxpose.errors import EvaluationError
from jaxpose.evaluation.pairing import head_sizes
from jaxpose.evaluation.pck import Pck, box_sides, lone_people, pck, torsos
from jaxpose.formats.poses import PoseFile
from jaxpose.skeletons import BODY_25, COCO_17, HAND_21, POSETRACK_15


def scene(seed: int, people: int = 40, share_there: float = 0.8) -> tuple[PoseFile, PoseFile, np.ndarray]:
    """Truth, what was found (another order, some missing) and each one's partner."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 300, (people, 15, 2))
    heads = rng.uniform(10, 40, (people, 4))
    truth = pose_file(POSETRACK_15, [people], xy, there=rng.random((people, 15)) < share_there, heads=heads)
    order = rng.permutation(people)[: people * 3 // 4]
    moved = xy[order] + rng.normal(0, 12, (len(order), 15, 2))
    found = pose_file(POSETRACK_15, [len(order)], moved, there=rng.random((len(order), 15)) < share_there)
    partner = np.full(people, -1)
    partner[order] = np.arange(len(order))
    return truth, found, partner


def by_loop(truth: PoseFile, found: PoseFile, partner: np.ndarray, length: np.ndarray, share: float) -> list[float]:
    labelled, correct = [0] * 15, [0] * 15
    for person in range(len(partner)):
        if math.isnan(length[person]):
            continue
        for joint in range(15):
            if not truth.there[person, joint]:
                continue
            labelled[joint] += 1
            other = partner[person]
            if other < 0 or not found.there[other, joint]:
                continue
            (x, y), (u, v) = truth.xy[person, joint], found.xy[other, joint]
            correct[joint] += math.hypot(x - u, y - v) <= share * length[person]
    return [100 * c / n for c, n in zip([*correct, sum(correct)], [*labelled, sum(labelled)], strict=True)]


def torso_by_loop(file: PoseFile) -> np.ndarray:
    a, b = file.skeleton.index("left_shoulder"), file.skeleton.index("right_hip")
    return np.array(
        [
            math.dist(xy[a], xy[b]) if there[a] and there[b] else math.nan
            for xy, there in zip(file.xy, file.there, strict=True)
        ]
    )


@pytest.mark.parametrize("seed", range(3))
def test_pck_at_a_share_of_the_torso_equals_a_plain_loop(seed: int) -> None:
    truth, found, partner = scene(seed)
    length = torsos(truth)
    np.testing.assert_allclose(length, torso_by_loop(truth), rtol=1e-12)
    counts = pck(truth, found, partner, length, 0.2)
    assert counts.unmeasured == np.isnan(length).sum() > 0
    np.testing.assert_allclose(counts.compute(), by_loop(truth, found, partner, torso_by_loop(truth), 0.2), rtol=1e-12)


def test_pckh_is_half_a_head_size() -> None:
    truth, found, partner = scene(3)
    head = np.array([0.6 * math.hypot(w, h) for _, _, w, h in truth.heads])
    scores = pck(truth, found, partner, head_sizes(truth.heads), 0.5).compute()
    np.testing.assert_allclose(scores, by_loop(truth, found, partner, head, 0.5), rtol=1e-12)
    assert 10 < scores[-1] < 90


def test_a_distance_of_just_the_share_is_near_enough() -> None:
    truth = pose_file(POSETRACK_15, [2], np.zeros((2, 15, 2)))
    found = pose_file(POSETRACK_15, [2], np.stack([np.full((15, 2), [5.0, 0]), np.full((15, 2), [5.001, 0])]))
    counts = pck(truth, found, np.array([0, 1]), np.array([10.0, 10.0]), 0.5)
    assert counts.correct.tolist() == [1] * 15
    assert counts.compute().tolist() == [50.0] * 16


def test_merging_parts_gives_the_whole() -> None:
    truth, found, partner = scene(5)
    length = box_sides(truth._replace(boxes=truth.heads * 4))
    first = np.arange(len(partner)) < 13
    parts = Pck.empty(15)
    for part in (first, ~first):
        parts = parts.merge(pck(truth.keep(part), found, partner[part], length[part], 0.2))
    whole = pck(truth, found, partner, length, 0.2)
    assert all(np.array_equal(a, b) for a, b in zip(parts, whole, strict=True))
    assert np.isnan(Pck.empty(15).compute()).all()


def test_only_the_truth_s_joints_count_and_foreign_ones_are_wrong() -> None:
    truth = pose_file(BODY_25, [1], np.ones((1, 25, 2)))
    found = pose_file(COCO_17, [1], np.ones((1, 17, 2)))
    scores = pck(truth, found, np.array([0]), np.array([1.0]), 0.2).compute()
    shared = [joint in COCO_17.joints for joint in BODY_25.joints]
    assert scores[:-1].tolist() == [100.0 * there for there in shared]
    assert scores[-1] == 100 * sum(shared) / 25


def test_the_best_scored_person_of_a_picture_is_its_lone_one() -> None:
    truth = pose_file(COCO_17, [1, 0, 1, 1, 1], np.zeros((4, 17, 2)))
    found = pose_file(COCO_17, [2, 1, 0, 1, 3], np.zeros((7, 17, 2)), scores=[0.2, 0.9, 0.5, np.nan, 0.1, 0.4, 0.4])
    assert lone_people(truth, found).tolist() == [1, -1, 3, 5]
    nobody = found.keep(np.zeros(7, bool))
    assert lone_people(truth, nobody).tolist() == [-1] * 4


def test_what_cannot_be_told_is_refused_by_name() -> None:
    one, two = (pose_file(COCO_17, [people], np.zeros((people, 17, 2))) for people in (1, 2))
    with pytest.raises(EvaluationError, match=r"frame 0: several people, one at most is allowed"):
        lone_people(two, one)
    with pytest.raises(EvaluationError, match=r"frame 0: several people, one without score"):
        lone_people(one, two)
    with pytest.raises(EvaluationError, match=r"hand_21 has no left_shoulder, no right_hip"):
        torsos(pose_file(HAND_21, [1], np.zeros((1, 21, 2))))
