"""`jaxpose evaluate` on the reference cases and the real tracks: every number it prints is the evaluators' own."""

import importlib.util
import json
import math
import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import oracles
import pytest
import tracked_files
from scenes import figure

from jaxpose import cli
from jaxpose.formats.jsonl import JsonlWriter
from jaxpose.records import make_people
from jaxpose.skeletons import COCO_17

Tree = dict[str, Any]
WITHIN = 1e-6
COUNTS = {"num_gt": "labelled", "num_pred": "predictions", "num_tp": "correct"} | {
    f"num_{name}": name for name in ("misses", "switches", "false_positives", "objects", "detections")
}
GROUPS = ("Head", "Shou", "Elb", "Wri", "Hip", "Knee", "Ankl", "Total")
HOTA = ("HOTA", "DetA", "AssA", "LocA")


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str]):
    """The JSON of a comparison, or with `output="csv"` its rows by sequence and measure."""

    def run(found: Path, truth: Path, *options: object, output: str = "json") -> Any:
        code = cli.main(["evaluate", str(found), "--against", str(truth), "--output", output, *map(str, options)])
        told = capsys.readouterr()
        assert (code, told.err) == (0, "")
        if output == "json":
            return json.loads(told.out)
        rows = [line.split(",") for line in told.out.splitlines()]
        return {(row[0], row[1]): [float(cell) if cell else math.nan for cell in row[2:]] for row in rows[1:]}

    return run


def same(ours: dict[str, float | None], theirs: dict[str, float | None], unit: float = 1) -> None:
    theirs = {"neck" if joint == "head_bottom" else joint: value for joint, value in theirs.items()}
    assert ours.keys() == theirs.keys()
    np.testing.assert_allclose(oracles.row(ours), unit * oracles.row(theirs), rtol=0, atol=WITHIN)


def same_counts(ours: Tree, theirs: Tree) -> None:
    for name, known in COUNTS.items():
        if name in theirs:
            assert ours[known] == theirs[name] | {"total": sum(theirs[name].values())}


def same_ap(ours: Tree, theirs: Tree, tied: bool) -> None:
    for name, known in (("precision", "ap_precision"), ("recall", "ap_recall")):
        same(ours[known], theirs[name])
    if not tied:
        same(ours["ap"], theirs["ap"])


def same_mot(ours: Tree, theirs: Tree) -> None:
    for name in ("mota", "motp", "precision", "recall"):
        same(ours[name], theirs[name])
    same_counts(ours["counts"], theirs.get("counts", theirs))


def same_hota(ours: Tree, theirs: Tree) -> None:
    same_total = theirs["combined"]
    for name in HOTA:
        same(ours[name.lower()], same_total[name], 100)
        for sequence, scores in theirs["per_sequence"].items():
            same(ours["per_sequence"][sequence][name.lower()], scores[name], 100)


@pytest.mark.parametrize("case", oracles.CASES)
def test_every_number_of_posetrack(case, request, evaluate, tmp_path):
    folder = oracles.folder(case, request)
    expected = oracles.expected(folder)
    ap, mot, hota = expected["poseval"]["ap"], expected["poseval"]["mot"], expected["hota"]
    ours = evaluate(folder / "pred", folder / "gt")
    assert ours["protocol"] == "poseval"
    assert list(ours["per_sequence"]) == list(oracles.sequences(folder))

    same_ap(ours, ap, ap["tie_sensitive"])
    same_counts(ours["counts"], ap)
    for name, scores in ap["per_sequence"].items():
        if scores is not None:
            same_ap(ours["per_sequence"][name], scores, ap["tie_sensitive"])
    if ap["tie_sensitive"]:
        orders = {order: oracles.row(values) for order, values in ap["ap_tie_order"].items()}
        values = oracles.row(ours["ap"])
        assert (orders["worst"] - WITHIN <= values).all()
        assert (values <= orders["best"] + WITHIN).all()
        same(ours["ap"], ap["ap_tie_order"]["reversed_stable"])

    notes = " ".join(ours.get("notes", ()))
    if mot is None:
        mot = expected["poseval"]["mot_without_short_sequences"]
        for name in mot["left_out"]:
            assert f"poseval's MOT fails for a single frame ({name})" in notes
        for side in ("gt", "pred"):
            shutil.copytree(folder / side, tmp_path / side, ignore=shutil.ignore_patterns(*mot["left_out"], *(
                f"{name}.json" for name in mot["left_out"]
            )))  # fmt: skip
        same_mot(evaluate(tmp_path / "pred", tmp_path / "gt"), mot)
    else:
        assert "poseval's MOT" not in notes
        same_mot(ours, mot)
    for name, scores in mot["per_sequence"].items():
        same_mot(ours["per_sequence"][name], scores)

    if hota is not None:
        assert "HOTA" not in notes
        same_hota(ours, hota)


def test_where_the_evaluator_of_hota_fails_a_note_says_so(request, evaluate, tmp_path):
    folder = oracles.folder("15_labelled_frame_without_gt", request)
    ((name, (truth, found)),) = oracles.sequences(folder).items()
    ours = evaluate(folder / "pred", folder / "gt")
    told = f"PoseTrack21's HOTA fails for a labelled frame in which the truth has nobody to judge ({name}): "
    assert ours["notes"] == [told + "it is counted as in strict"]
    tree = json.loads(truth.read_text())
    peopled = {person["image_id"] for person in tree["annotations"]}
    for image in tree["images"]:
        image["is_labeled"] = image["id"] in peopled
    unlabelled = tracked_files.write(tmp_path / found.name, tree)
    ours = evaluate(found, unlabelled)
    assert "notes" not in ours
    theirs = oracles.expected(folder)["hota_if_gt_empty_frames_unlabelled"]["combined"]
    for measure in HOTA:
        same(ours[measure.lower()], theirs[measure], 100)


def test_a_frame_whose_people_are_all_ignored_is_told(request, evaluate):
    folder = oracles.folder("14_posetrack17_ignore", request)
    (note,) = evaluate(folder / "pred", folder / "gt")["notes"]
    assert "000136_bonn" in note


@pytest.mark.parametrize("case", oracles.CASES)
def test_the_printed_rows(case, request, evaluate):
    """Means over the joints of each group, before rounding."""
    folder = oracles.folder(case, request)
    poseval = oracles.expected(folder)["poseval"]
    rows = evaluate(folder / "pred", folder / "gt", output="csv")

    def same_row(measure: str, table: dict[str, float | None]) -> None:
        wanted = [np.nan if table[group] is None else table[group] for group in GROUPS]
        np.testing.assert_allclose(rows["all", measure], wanted, rtol=0, atol=WITHIN)

    if not poseval["ap"]["tie_sensitive"]:
        same_row("AP", poseval["ap"]["ap_table"])
    if mot := poseval["mot"]:
        same_row("MOTA", mot["table"])
        for measure in ("MOTP", "Prec", "Rec"):
            assert rows["all", measure][-1] == pytest.approx(mot["table"][measure], abs=WITHIN)


@pytest.mark.parametrize("case", oracles.CASES)
def test_the_truth_as_prediction_is_perfect_in_strict(case, request, evaluate):
    folder = oracles.folder(case, request)
    ours = evaluate(folder / "gt", folder / "gt", "--protocol", "strict")
    assert "notes" not in ours
    values = []
    for scores in (ours, *ours["per_sequence"].values()):
        for name in ("ap", "mota", "motp", "precision", "recall", *map(str.lower, HOTA)):
            values += [value for value in scores[name].values() if value is not None]
        assert (scores["idf1"], scores["switches"], scores["fragmentations"]) == (pytest.approx(100), 0, 0)
    assert values == pytest.approx([100] * len(values))
    assert ours["mota"]["total"] is not None


@pytest.mark.parametrize("case", oracles.COCO_CASES)
def test_every_number_of_coco(case, request, evaluate):
    folder = oracles.folder(case, request)
    stats = oracles.expected(folder)["coco_keypoints"]["stats"]
    ours = evaluate(folder / "pred" / "pred.json", folder / "gt" / "gt.json")
    assert ours.pop("protocol") == "coco"
    theirs = {name.replace("_", "").lower(): None if value == -1 else 100 * value for name, value in stats.items()}
    assert ours == pytest.approx(theirs, abs=WITHIN)


# -- boxes -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def score(shared_data: Path) -> ModuleType:
    """The program that scores tracks against the real videos' boxes, written on py-motmetrics."""
    spec = importlib.util.spec_from_file_location("score", shared_data / "tracks" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def perturbed(truth: Path) -> list[tuple[int, int, np.ndarray]]:
    """Frame from 0, id and box of what a tracker would find: moved boxes, lost and false people, ids that change."""
    rng = np.random.default_rng(0)
    people = []
    for line in truth.read_text().splitlines():
        frame, person, *box = (float(value) for value in line.split(",")[:6])
        moved = np.array(box) + rng.normal(0, 0.06, 4) * np.array(box[2:] * 2)
        name = int(person) + 100 * int(frame // 60 * rng.integers(1, 3) % 3)
        if rng.random() < 0.9:
            people.append((int(frame) - 1, name, np.maximum(moved, [-np.inf, -np.inf, 5, 5])))
        if rng.random() < 0.05:
            people.append((int(frame) - 1, 1000 + len(people), moved + np.array([150, 0, 0, 0])))
    unique = {(frame, name): (frame, name, box) for frame, name, box in people}
    return sorted(unique.values(), key=lambda person: person[0])


def write_mot(path: Path, people: list[tuple[int, int, np.ndarray]]) -> None:
    rows = [f"{frame + 1},{name},{','.join(map(repr, box.tolist()))},1,-1,-1,-1\n" for frame, name, box in people]
    path.write_text("".join(rows))


def write_jsonl(path: Path, people: list[tuple[int, int, np.ndarray]]) -> None:
    """The same people as poses that fill the boxes; some have only one joint."""
    rng = np.random.default_rng(1)
    pose = figure(COCO_17)
    pose = (pose - pose.min(0)) / np.ptp(pose, axis=0)
    with JsonlWriter(path, COCO_17, source="video", config={}) as writer:
        for frame in range(people[-1][0] + 1):
            some = [(name, box) for number, name, box in people if number == frame]
            keypoints = np.zeros((len(some), 17, 3))
            for row, (_, (x, y, w, h)) in enumerate(some):
                keypoints[row, :, :2] = pose * (0.95 * w, 0.85 * h) + (x, y + 0.08 * h)
                keypoints[row, :, 2] = 0.5
                if rng.random() < 0.1:
                    keypoints[row, 1:] = 0
            names = np.array([name for name, _ in some], int)
            writer.write(make_people(keypoints, np.full(len(some), 0.5), names, frame=frame))


@pytest.mark.parametrize("kind", ["txt", "jsonl"])
@pytest.mark.parametrize("video", ["vtest", "stadtmitte", "shopfront"])
def test_boxes_score_as_the_reference(kind, video, shared_data, score, evaluate, tmp_path):
    truth, found = shared_data / "tracks" / video / "gt.txt", tmp_path / f"found.{kind}"
    (write_mot if kind == "txt" else write_jsonl)(found, perturbed(truth))
    for threshold in (0.5, 0.7):
        ours = evaluate(found, truth, *(("--iou", threshold) if threshold != 0.5 else ()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = score.read_mot if kind == "txt" else score.read_jsonl
            theirs = score.score(score.read_mot(truth), read(found), threshold)
        assert ours["protocol"] == "people by iou"
        assert 0 < ours["idf1"] < 100
        assert ours["mota"]["total"] == pytest.approx(theirs["mota"], abs=WITHIN)
        assert ours["idf1"] == pytest.approx(theirs["idf1"], abs=WITHIN)
        assert ours["precision"]["total"] == pytest.approx(theirs["precision"], abs=WITHIN)
        assert ours["recall"]["total"] == pytest.approx(theirs["recall"], abs=WITHIN)
        counts = tuple(ours[name] for name in ("switches", "misses", "false_positives"))
        assert counts == (theirs["switches"], theirs["misses"], theirs["false"])
        assert ours["per_sequence"]["found"]["mota"] == ours["mota"]
