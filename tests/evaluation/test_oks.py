"""COCO's OKS-AP: the stored cases, any skeleton, merging, and what is refused."""

import builtins
import contextlib
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import oracles
import pytest
from pose_files import pose_file
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from jaxpose.errors import EvaluationError
from jaxpose.evaluation.oks import AREAS, Oks, OksScores, Picture, oks
from jaxpose.formats import coco
from jaxpose.formats.poses import PoseFile
from jaxpose.skeletons import BODY_25, COCO_17, COCO_18, HAND_21, Skeleton

NAMES = {
    "AP": "ap", "AP50": "ap50", "AP75": "ap75", "AP_M": "apm", "AP_L": "apl",
    "AR": "ar", "AR50": "ar50", "AR75": "ar75", "AR_M": "arm", "AR_L": "arl",
}  # fmt: skip


def files(case: Path) -> tuple[PoseFile, PoseFile]:
    truth = coco.read_poses(case / "gt" / "gt.json")
    return truth, coco.read_results(case / "pred" / "pred.json", truth)


def percent(stored: Any) -> np.ndarray:
    """Stored fractions in percent, -1 as NaN."""
    values = np.array(stored, float)
    return np.where(values < 0, np.nan, 100 * values)


def same(a: OksScores, b: OksScores) -> bool:
    numbers = all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a[:-1], b[:-1], strict=True))
    return numbers and len(a.pictures) == len(b.pictures) and all(map(same_picture, a.pictures, b.pictures))


def same_picture(a: Picture, b: Picture) -> bool:
    return a[:2] == b[:2] and all(np.array_equal(x, y) for x, y in zip(a[2:], b[2:], strict=True))


@pytest.mark.parametrize("case", oracles.COCO_CASES)
def test_the_stored_cases(case: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    folder = oracles.folder(case, request)
    expected = oracles.expected(folder)["coco_keypoints"]
    truth, found = files(folder)
    scores = oks(truth, found).compute(COCO_17)
    for name, stored in expected["stats"].items():
        np.testing.assert_allclose(getattr(scores, NAMES[name]), percent(stored), atol=1e-9)
    np.testing.assert_array_equal(scores.thresholds, expected["oks_thresholds"])
    for row, area in enumerate(AREAS):
        np.testing.assert_allclose(scores.ap_at[row], percent(expected["ap_per_threshold"][area]), atol=1e-9)
        np.testing.assert_allclose(scores.ar_at[row], percent(expected["recall_per_threshold"][area]), atol=1e-9)
    for step, key in ((0, "precision_at_recall_oks50_all"), (5, "precision_at_recall_oks75_all")):
        np.testing.assert_allclose(scores.precision[0, step], percent(expected[key]), atol=1e-9)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("case", oracles.COCO_CASES)
def test_who_matched_whom_in_the_stored_cases(case: str, request: pytest.FixtureRequest) -> None:
    folder = oracles.folder(case, request)
    expected = oracles.expected(folder)["coco_keypoints"]
    pictures = {str(picture.number): picture for picture in oks(*files(folder)).compute(COCO_17).pictures}
    truth_ids, found_ids = ids_by_picture(folder)
    assert expected["matches_area_all"].keys() | expected["oks"].keys() <= pictures.keys()
    for number, stored in expected["matches_area_all"].items():
        picture, truth, found = pictures[number], truth_ids[int(number)], found_ids[int(number)]
        assert [found[place] for place in picture.found] == stored["dt_ids"]
        assert [truth[place] for place in picture.truth] == stored["gt_ids"]
        for step, share in ((0, "50"), (5, "75")):
            matched = [truth[place] if place >= 0 else 0 for place in picture.matched[step]]
            assert matched == stored[f"dt_matched_gt_oks{share}"]
        assert picture.ignored[0].tolist() == stored["dt_ignore_oks50"]
        in_file_order = picture.oks[:, np.argsort(picture.truth)]
        if number in expected["oks"]:
            np.testing.assert_allclose(in_file_order, np.reshape(expected["oks"][number], in_file_order.shape))


def ids_by_picture(folder: Path) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """The ids of the people of each picture, in the files' order; a result's id is its place from 1."""
    truth: dict[int, list[int]] = {}
    found: dict[int, list[int]] = {}
    for entry in json.loads((folder / "gt" / "gt.json").read_text())["annotations"]:
        truth.setdefault(entry["image_id"], []).append(entry["id"])
    for place, entry in enumerate(json.loads((folder / "pred" / "pred.json").read_text())):
        found.setdefault(entry["image_id"], []).append(place + 1)
    everywhere = truth.keys() | found.keys()
    return {n: truth.get(n, []) for n in everywhere}, {n: found.get(n, []) for n in everywhere}


@pytest.mark.parametrize("case", oracles.COCO_CASES)
def test_shards_in_any_order_merge_to_the_whole(case: str, request: pytest.FixtureRequest) -> None:
    truth, found = files(oracles.folder(case, request))
    whole = oks(truth, found).compute(COCO_17)
    shard = np.random.default_rng(0).integers(0, 3, len(truth.numbers))
    merged = Oks.empty(17)
    for part in (2, 0, 1):
        numbers = truth.numbers[shard == part]
        merged = merged.merge(oks(truth.keep_frames(shard == part), found.keep_frames(np.isin(found.numbers, numbers))))
    assert same(merged.compute(COCO_17), whole)


def scene(skeleton: Skeleton, pictures: int = 3, people: int = 4, seed: int = 0) -> tuple[PoseFile, PoseFile]:
    rng = np.random.default_rng(seed)
    counts, joints = [people] * pictures, len(skeleton.joints)
    xy = rng.uniform(0, 80, (pictures * people, joints, 2)) + rng.uniform(0, 900, (pictures * people, 1, 2))
    truth = pose_file(skeleton, counts, xy, areas=np.full(len(xy), 5000.0), there=rng.random((len(xy), joints)) < 0.8)
    moved = xy + rng.normal(0, 6, xy.shape)
    return truth, pose_file(skeleton, counts, moved, scores=rng.random(len(xy)))


@pytest.mark.parametrize("skeleton", [HAND_21, BODY_25, COCO_17])
def test_oks_of_any_skeleton_equals_a_plain_loop(skeleton: Skeleton) -> None:
    truth, found = scene(skeleton)
    for number, picture in enumerate(oks(truth, found).compute(skeleton).pictures):
        for row, d in enumerate(picture.found):
            for column, g in enumerate(picture.truth):
                a, b = 4 * number + g, 4 * number + d
                terms = [
                    math.exp(-(math.dist(truth.xy[a, j], found.xy[b, j]) ** 2) / (2 * 5000 * (2 * sigma) ** 2))
                    for j, sigma in enumerate(skeleton.sigmas)
                    if truth.there[a, j]
                ]
                assert picture.oks[row, column] == pytest.approx(sum(terms) / len(terms), rel=1e-9, abs=1e-300)


def test_truth_as_prediction_is_perfect_and_half_lost_is_half_recalled() -> None:
    truth, _ = scene(COCO_17)
    found = truth._replace(scores=np.linspace(0.1, 1, len(truth.ids)))
    scores = oks(truth, found).compute(COCO_17)
    assert (scores.ap, scores.apm, scores.ar, scores.ar75) == pytest.approx((100, 100, 100, 100))
    assert math.isnan(scores.apl)
    half = found.keep(np.arange(len(found.ids)) % 2 == 0)
    assert oks(truth, half).compute(COCO_17).ar50 == 50


def test_joints_of_another_skeleton_are_found_by_name_or_nowhere() -> None:
    truth, found = scene(COCO_17)
    # COCO-18 is COCO-17 with a neck: the extra joint changes nothing, wherever it lies
    there = [joint in COCO_17.joints for joint in COCO_18.joints]
    aligned = found.as_skeleton(COCO_18)
    extra = aligned._replace(xy=np.where(np.array(there)[:, None], aligned.xy, -1e4))
    assert same(oks(truth, extra).compute(COCO_17), oks(truth, found).compute(COCO_17))
    # without ears nothing is lost but the ears themselves
    earless = Skeleton("earless", COCO_17.joints[:3] + COCO_17.joints[5:], (), COCO_17.sigmas[:3] + COCO_17.sigmas[5:])
    exact = truth._replace(scores=np.ones(len(truth.ids)))
    scores = oks(truth, exact.as_skeleton(earless)).compute(COCO_17)
    kept = truth.there.sum(1) - truth.there[:, 3:5].sum(1)
    for number, picture in enumerate(scores.pictures):
        rows = 4 * number + picture.truth
        own = picture.oks[np.argsort(picture.found), np.argsort(picture.truth)]
        assert own == pytest.approx((kept / truth.there.sum(1))[np.sort(rows)])


def test_real_people_as_by_pycocotools_itself(shared_data: Path, tmp_path: Path) -> None:
    """COCO's own way through files: 300 pictures, with crowds and people without joints."""
    truth = coco.read_poses(shared_data / "coco" / "val.json")
    rng = np.random.default_rng(0)
    people = truth.keep(truth.there.any(1))
    xy = people.xy + rng.normal(0, 4, people.xy.shape)
    labels = np.concatenate([xy, np.ones((*xy.shape[:2], 1))], axis=-1).reshape(len(xy), -1)
    pictures, results = people.numbers[people.frame].tolist(), tmp_path / "results.json"
    entries = zip(pictures, labels.tolist(), rng.random(len(xy)).tolist(), strict=True)
    results.write_text(
        json.dumps([{"image_id": i, "category_id": 1, "keypoints": k, "score": s} for i, k, s in entries])
    )
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO(str(shared_data / "coco" / "val.json"))
        theirs = COCOeval(data, data.loadRes(str(results)), "keypoints")
        theirs.evaluate()
        theirs.accumulate()
        theirs.summarize()
    ours = oks(truth, coco.read_results(results, truth)).compute(COCO_17)
    np.testing.assert_allclose(ours[:10], 100 * theirs.stats, rtol=1e-12)


def test_pictures_of_several_files_do_not_mix() -> None:
    first, second = scene(COCO_17, seed=1), scene(COCO_17, seed=2)
    merged = oks(*second, "b").merge(oks(*first, "a")).compute(COCO_17)
    assert [picture[:2] for picture in merged.pictures] == [(name, number) for name in "ab" for number in range(3)]
    alone = oks(*second, "b").compute(COCO_17)
    assert all(map(same_picture, merged.pictures[3:], alone.pictures))
    with pytest.raises(EvaluationError, match=r"^b, picture 0: given twice"):
        oks(*second, "b").merge(oks(*first, "b"))


def test_no_pictures_or_nobody_is_undefined_and_nobody_found_is_nothing() -> None:
    assert np.isnan(Oks.empty(17).compute(COCO_17).ap_at).all()
    truth, found = scene(COCO_17)
    nobody = np.zeros(len(truth.ids), bool)
    lost = oks(truth, found.keep(nobody)).compute(COCO_17)
    assert (lost.ap, lost.ar) == (0, 0)
    assert math.isnan(oks(truth.keep(nobody), found).compute(COCO_17).ap)
    empty = oks(truth.keep(nobody), found.keep(nobody)).compute(COCO_17)
    assert math.isnan(empty.ap)
    assert [picture.oks.shape for picture in empty.pictures] == [(0, 0)] * 3


def test_unlabelled_pictures_are_left_out() -> None:
    truth, found = scene(COCO_17)
    labelled = np.array([True, False, True])
    some = oks(truth._replace(labelled=labelled), found)
    assert same(some.compute(COCO_17), oks(truth.keep_frames(labelled), found.keep_frames(labelled)).compute(COCO_17))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"areas": np.full(12, np.nan)}, r"^memory, frame 0, person 1 of the frame: has no area"),
        ({"there": np.zeros((12, 17), bool)}, r"^memory, frame 0, person 1 of the frame: has neither joints nor a box"),
        ({"numbers": np.array([0, 1, 7])}, r"^memory, frame 2, person 1 of the frame: the truth has no such picture"),
    ],
)
def test_truth_that_does_not_suffice_is_refused(broken: dict[str, np.ndarray], message: str) -> None:
    truth, found = scene(COCO_17)
    with pytest.raises(EvaluationError, match=message):
        oks(truth._replace(**broken), found)


def test_predictions_that_do_not_suffice_are_refused() -> None:
    truth, found = scene(COCO_17)
    unscored = np.where(np.arange(12) == 6, np.nan, found.scores)
    with pytest.raises(EvaluationError, match=r"^memory, frame 1, person 3 of the frame: has no score"):
        oks(truth, found._replace(scores=unscored))
    hands = pose_file(HAND_21, [4] * 3, np.zeros((12, 21, 2)), scores=np.ones(12))
    alien = Skeleton("alien", ("antenna",), (), (0.1,))
    with pytest.raises(EvaluationError, match=r"^memory: shares no joint with the truth"):
        oks(truth, hands.as_skeleton(alien))


def test_without_pycocotools_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(EvaluationError, match=r"pip install 'jaxpose\[eval\]'$"):
        oks(*scene(COCO_17)).compute(COCO_17)
