"""The measures behind the model cards (experiments/quality), each against an independent truth."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import scenes
from pycocotools.cocoeval import COCOeval

from jaxpose.association.config import ParserConfig
from jaxpose.association.parsing import parse
from jaxpose.evaluation.pck import pck, torsos
from jaxpose.fields.config import DecodeConfig
from jaxpose.formats.poses import PoseFile, tracked_poses
from jaxpose.geometry import Fit, fit_input
from jaxpose.records import NO_ID, Candidates
from jaxpose.skeletons import BODY_21A, COCO_17, LSP_14
from jaxpose.systems.openpose.estimator import decode_fields
from jaxpose.systems.openpose.fields import Fields

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.fixture(autouse=True)
def _found_as_scripts_find_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXPERIMENTS)


def random_people(rng: np.random.Generator, count: int, joints: int = 17) -> np.ndarray:
    keypoints = rng.uniform(0, 60, (count, joints, 3))
    keypoints[..., 2] = rng.random((count, joints)) < 0.8
    return keypoints


def test_oks_is_pycocotools() -> None:
    from quality.matching import truth_oks

    rng = np.random.default_rng(0)
    truth, found, areas = random_people(rng, 5), random_people(rng, 4), rng.uniform(500, 5000, 5)
    found[..., 2] = 1  # pycocotools knows of no joint that is missing among those found
    evaluation = COCOeval(iouType="keypoints")
    evaluation.params.maxDets = [20]
    evaluation.params.catIds = [1]
    evaluation.params.useCats = 1
    evaluation._gts[1, 1] = [
        {"keypoints": pose.ravel().tolist(), "bbox": [0, 0, 60, 60], "area": area}
        for pose, area in zip(truth, areas, strict=True)
    ]
    evaluation._dts[1, 1] = [{"keypoints": pose.ravel().tolist(), "score": -i} for i, pose in enumerate(found)]
    expected = evaluation.computeOks(1, 1).T
    np.testing.assert_allclose(truth_oks(truth, found, areas, COCO_17.sigmas), expected, rtol=1e-6)


def test_a_joint_that_was_not_found_adds_nothing() -> None:
    from quality.matching import truth_oks

    person = random_people(np.random.default_rng(1), 1)
    person[..., 2] = 1
    half = person.copy()
    half[0, :8] = 0
    assert truth_oks(person, half, np.array([900.0]), COCO_17.sigmas)[0, 0] == pytest.approx(9 / 17)


def test_pairs_are_the_best_of_all_ways_to_pair() -> None:
    from quality.matching import best_pairs

    rng = np.random.default_rng(2)
    for _ in range(20):
        similarity = rng.random((4, 3))
        rows, columns = best_pairs(similarity, 0.4)
        worth = np.where(similarity >= 0.4, similarity, 0)
        best = max(sum(worth[row, i] for i, row in enumerate(some)) for some in itertools.permutations(range(4), 3))
        assert similarity[rows, columns].sum() == pytest.approx(best)
        assert (similarity[rows, columns] >= 0.4).all()
        assert len({*rows}) == len(rows) == len({*columns})


def test_people_in_uncertain_regions_are_neither_right_nor_wrong() -> None:
    from coco_pictures import Poses
    from quality.people import Subject
    from quality.street import Truth, score

    one = Subject("toy", "toy", COCO_17, Path())
    rng = np.random.default_rng(3)
    person = random_people(rng, 1)
    person[..., 2] = 1
    aside, within, missed = (person + np.array([x, y, 0]) for x, y in ((200, 0), (400, 0), (0, 300)))
    region = np.array([[400.0, 0, 60, 60]])
    frame = Truth(np.concatenate([person, missed]), np.full(2, 900.0), region)
    found = Poses(np.concatenate([person, aside, within]), np.ones(3))
    told = score([frame, frame], [found, found], one)
    assert told == {"recall": 50.0, "precision": 50.0, "agreed": 4, "found": 4}


def test_whoever_has_most_joints_near_counts_as_in_the_packages_pck() -> None:
    from quality.lspet import nearest

    rng = np.random.default_rng(4)
    truth = random_people(rng, 1, 14)
    truth[..., 2] = 2
    truth[0, 3, 2] = 0
    people = truth + rng.normal(0, (8, 8, 0), (3, 14, 3))
    people[1, :, :2] = truth[0, :, :2] + rng.normal(0, 2, (14, 2))
    people[1, 5] = 0

    def file(poses: np.ndarray) -> PoseFile:
        n = len(poses)
        blank = np.zeros((n, 4))
        return tracked_poses("toy", LSP_14, [0], [n], poses, blank, np.ones(n), np.full(n, NO_ID))

    expected = pck(file(truth), file(people), np.array([1]), torsos(file(truth)), 0.2)
    near = nearest(truth[0], people)
    np.testing.assert_array_equal(near, expected.correct)
    assert near.sum() < expected.labelled.sum()
    assert not nearest(truth[0], people[:0]).any()


@pytest.mark.parametrize("shape", [(427, 640), (640, 427), (333, 500), (100, 640), (512, 512), (288, 97)])
def test_padded_pictures_need_few_inputs(shape: tuple[int, int]) -> None:
    from quality.people import padded

    image = np.full((*shape, 3), 255, np.uint8)
    for size in (512, 656):
        wide = padded(image, size)
        assert (wide[: shape[0], : shape[1]] == 255).all()
        assert not wide[shape[0] :].any()
        assert not wide[:, shape[1] :].any()
        fit = fit_input(wide.shape[1], wide.shape[0], size, 8)
        assert max(fit.width, fit.height) == size
        assert min(fit.width, fit.height) % 64 == 0 or fit.width == fit.height
        assert fit.scale == pytest.approx(size / max(shape), rel=0.02)


def test_floors_are_those_of_the_reference() -> None:
    from quality.floors import floors, told

    def card(ap: float, recall: float, precision: float, total: float, mota: float, strays: int) -> dict[str, object]:
        return {
            "ap": {"656": {"AP": ap, "people in empty pictures": strays}},
            "street": {"656": {"recall": recall, "precision": precision}},
            "lspet": {"656": {"total": total}},
            "tracks": {"a": {"mota": mota}, "b": {"mota": mota + 10}},
        }

    reference = card(40, 80, 10, 60, 60, 8)
    good = floors(card(32, 68, 75, 51, 50.25, 8), reference)
    assert all(row.met for row in good)
    bad = floors(card(31.9, 67.9, 74.9, 50.9, 50, 9), reference)
    assert not any(row.met for row in bad)
    assert sum("missed" in line for line in told(bad)) == len(bad) == 6


def test_a_min_score_can_be_set_after_the_parser() -> None:
    import choose_decoding

    rng = np.random.default_rng(5)
    people = scenes.crowd(rng, 4, BODY_21A, 320, 320)
    maps = scenes.render(people, BODY_21A, 40, 40)
    strength = np.linspace(0.15, 1, 40)[:, None]  # so that people differ in their scores
    noisy = (strength * field[None] + rng.normal(0, 0.03, field[None].shape) for field in maps)
    fields = Fields(*(field.astype(np.float32) for field in noisy))
    thresholds = {"peak_threshold": 0.1, "sample_threshold": 0.05, "sample_share": 0.8}
    seen = choose_decoding.Seen(0, Fit(320, 320, 1.0), fields)
    found = choose_decoding.People(BODY_21A).find(seen, thresholds)
    candidates = decode_fields(fields, BODY_21A, 8, DecodeConfig(**thresholds))
    one = Candidates(*(np.asarray(field[0]) for field in candidates))
    counts = set()
    for min_score in (0.1, 0.4, 0.8, 1.0, 1.2):
        keypoints, scores = parse(one, BODY_21A, ParserConfig(min_score=min_score))
        kept = choose_decoding.kept(found, min_score)
        np.testing.assert_allclose(kept.scores, scores, rtol=1e-5)
        np.testing.assert_allclose(kept.keypoints, keypoints, atol=1e-3)
        counts.add(len(scores))
    assert len(counts) > 2
