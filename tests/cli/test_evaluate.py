"""`jaxpose evaluate` as a person uses it: what it prints and writes, and that every option does what it says."""

import csv
import json

import clips
import cv2
import numpy as np
import pytest
import tracked_files
from tracked_files import write

from jaxpose import cli
from jaxpose.evaluation.analysis import KINDS, events
from jaxpose.evaluation.comparison import compare
from jaxpose.evaluation.inputs import Options
from jaxpose.evaluation.listing import describe

COLUMNS = ["Head", "Sho", "Elb", "Wri", "Hip", "Knee", "Ank", "Total"]
MEASURES = ["AP", "MOTA", "MOTP", "Prec", "Rec", "HOTA", "DetA", "AssA", "LocA"]


@pytest.fixture
def files(tmp_path):
    """What was found, and the truth."""
    found = write(tmp_path / "found.json", tracked_files.found())
    return found, write(tmp_path / "truth.json", tracked_files.truth())


@pytest.fixture
def folders(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / "gt" / f"{name}.json", tracked_files.truth())
        write(tmp_path / "pred" / f"{name}.json", tracked_files.found())
    return tmp_path / "pred", tmp_path / "gt"


@pytest.fixture
def evaluate(capsys):
    """What is printed, of a run that must succeed without a word on stderr."""

    def run(found, truth, *options):
        code = cli.main(["evaluate", str(found), "--against", str(truth), *map(str, options)])
        told = capsys.readouterr()
        assert (code, told.err) == (0, "")
        return told.out

    return run


@pytest.fixture
def numbers(evaluate, files):
    """The JSON of a comparison of the two files."""
    return lambda *options: json.loads(evaluate(*files, "--output", "json", *options))


def picture(path):
    image = cv2.imread(str(path))
    assert image is not None
    assert image.std() > 1
    return image


# -- what is printed ---------------------------------------------------------------------------------------------------


def test_a_table_of_one_file(evaluate, numbers, files):
    lines = evaluate(*files).splitlines()
    assert lines[0] == "protocol poseval"
    assert lines[1].split() == COLUMNS
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:11]}
    assert list(rows) == MEASURES
    assert len({len(line) for line in lines[1:11]}) == 1  # the columns stand in line
    tree = numbers()
    head = np.mean([tree["mota"][joint] for joint in ("head_top", "neck", "nose")])
    assert rows["MOTA"][0] == f"{head:.1f}"
    assert rows["MOTA"][-1] == f"{tree['mota']['total']:.1f}"
    assert lines[12] == f"whole people: IDF1 {tree['idf1']:.1f}, Switches 2, Fragm 1"
    assert len(lines) == 13


def test_a_table_of_two_files(evaluate, folders):
    lines = evaluate(*folders).splitlines()
    assert lines[14].split() == ["sequence", *MEASURES, "IDF1", "Switches", "Fragm"]
    assert [line.split()[0] for line in lines[15:]] == ["one", "two", "all"]
    assert [line.split()[-2] for line in lines[15:]] == ["2", "2", "4"]


def test_json(numbers):
    tree = numbers()
    assert list(tree) == [
        "protocol", "ap", "ap_precision", "ap_recall", "mota", "motp", "precision", "recall", "hota", "deta", "assa",
        "loca", "idf1", "switches", "fragmentations", "counts", "per_sequence",
    ]  # fmt: skip
    assert list(tree["per_sequence"]) == ["found"]
    assert tree["per_sequence"]["found"]["mota"] == tree["mota"]
    assert 1 < tree["ap"]["total"] < 100
    assert tree["counts"]["labelled"]["neck"] == 24


def test_csv(evaluate, numbers, folders):
    rows = list(csv.reader(evaluate(*folders, "--output", "csv").splitlines()))
    assert rows[0] == ["sequence", "measure", *COLUMNS]
    measures = [*MEASURES, "IDF1", "Switches", "Fragm"]
    assert [row[:2] for row in rows[1:]] == [[name, one] for name in ("one", "two", "all") for one in measures]
    mota = next(row for row in rows if row[:2] == ["one", "MOTA"])
    assert float(mota[-1]) == pytest.approx(numbers()["mota"]["total"], abs=1e-9)
    assert next(row for row in rows if row[:2] == ["all", "Switches"])[-1] == "4"


def test_files_may_be_compared_with_folders(evaluate, folders, numbers):
    found, truth = folders
    tree = json.loads(evaluate(found / "one.json", truth, "--output", "json"))
    assert list(tree["per_sequence"]) == ["one"]
    assert tree["mota"] == numbers()["mota"]


def test_joints_that_the_predictions_lack_are_told(files, capsys, tmp_path):
    found, truth = files
    tree = tracked_files.found()
    names = ["nose", "head_bottom", "head_top", "left_ear", "right_ear"]
    parts = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    sides = [f"{side}_{part}" for part in parts for side in ("left", "right")]
    tree["categories"] = [{"id": 1, "name": "person", "keypoints": [*names, *sides]}]
    assert cli.main(["evaluate", str(write(found, tree)), "--against", str(truth)]) == 0
    assert capsys.readouterr().err == ""
    coco = ["nose", "left_eye", "right_eye", "left_ear", "right_ear", *sides]
    tree["categories"][0]["keypoints"] = coco
    assert cli.main(["evaluate", str(write(found, tree)), "--against", str(truth)]) == 0
    told = capsys.readouterr()
    assert told.err.startswith(f"jaxpose: warning: {found}: coco_17 has no ")
    assert "head_bottom, " in told.err
    assert told.err.count("\n") == 1
    assert told.out.startswith("protocol poseval\n")


# -- what the options do -----------------------------------------------------------------------------------------------


def test_the_protocol(numbers):
    strict = numbers("--protocol", "strict")
    assert strict["protocol"] == "strict"
    frames = tracked_files.FRAMES
    assert strict["counts"]["objects"]["nose"] == 3 * frames
    assert numbers()["counts"]["objects"]["nose"] == 3 * (frames - 1)


@pytest.mark.parametrize("by", ["iou", "pckh"])
def test_the_similarity(numbers, by):
    tree = numbers("--similarity", by)
    assert tree["protocol"] == f"people by {by}"
    assert list(tree["mota"]) == ["total"]


def test_oks_with_the_people_s_boxes(evaluate, files):
    found, truth = files
    tree = tracked_files.truth()
    for person in tree["annotations"]:
        person["bbox"] = [0, 0, 80, 200]
    tree = json.loads(evaluate(found, write(truth, tree), "--output", "json", "--similarity", "oks"))
    assert tree["protocol"] == "people by oks"
    assert tree["switches"] == 2


def test_how_alike_people_have_to_be(numbers):
    easy, hard = (numbers("--similarity", "pckh", "--iou", value) for value in (0.5, 0.95))
    assert hard["misses"] > easy["misses"]
    assert numbers("--iou", 0.95)["idf1"] < numbers()["idf1"]


def test_short_tracks_and_small_people_go(numbers):
    false = numbers()["counts"]["false_positives"]["total"]
    joints = 15
    fewer = numbers("--min-track", 3)["counts"]["false_positives"]["total"]
    assert fewer == false - 2 * joints  # 90 is seen twice
    fewer = numbers("--min-size", 40)["counts"]["false_positives"]["total"]
    assert fewer == false - (tracked_files.FRAMES - 1) * joints  # 91 is small; the last frame does not count


def test_weak_joints_go(numbers, tmp_path):
    path = write(tmp_path / "t.json", {"thresholds": {"left_knee": tracked_files.WEAK}})
    before, after = numbers(), numbers("--thresholds", path)
    assert after["mota"]["left_knee"] > before["mota"]["left_knee"]
    assert {joint for joint in before["mota"] if before["mota"][joint] != after["mota"][joint]} == {
        "left_knee",
        "total",
    }


def test_a_bar_shows_how_far_it_is(folders, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    found, truth = folders
    assert cli.main(["evaluate", str(found), "--against", str(truth)]) == 0
    told = capsys.readouterr()
    assert "2/2" in told.err or "1/2" in told.err or "0/2" in told.err
    assert told.out.startswith("protocol poseval\n")


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_plots(evaluate, folders, tmp_path):
    plain = evaluate(*folders)
    assert evaluate(*folders, "--plot", tmp_path / "new" / "plots") == plain
    written = sorted(path.name for path in (tmp_path / "new" / "plots").iterdir())
    assert written == ["ids-one.png", "ids-two.png", "precision.png"]
    for path in (tmp_path / "new" / "plots").iterdir():
        picture(path)


def test_plots_in_one_picture(evaluate, folders, tmp_path):
    evaluate(*folders, "--plot", tmp_path / "plots")
    evaluate(*folders, "--plot", tmp_path / "all.PNG")
    parts = [picture(tmp_path / "plots" / f"{name}.png") for name in ("precision", "ids-one", "ids-two")]
    whole = picture(tmp_path / "all.PNG")
    assert whole.shape[0] == sum(part.shape[0] for part in parts)
    top = 0
    for part in parts:
        np.testing.assert_array_equal(whole[top : top + part.shape[0], : part.shape[1]], part)
        top += part.shape[0]


def test_a_video_without_anybody_has_no_timeline(evaluate, folders, tmp_path):
    for folder, tree in zip(folders, (tracked_files.found(), tracked_files.truth()), strict=True):
        write(folder / "two.json", tree | {"annotations": []})
    evaluate(*folders, "--plot", tmp_path / "plots")
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["ids-one.png", "precision.png"]


def test_plots_of_people_without_ids(evaluate, files, tmp_path):
    found, truth = files
    tree = tracked_files.found()
    for person in tree["annotations"]:
        person.pop("track_id")
    evaluate(write(found, tree), truth, "--plot", tmp_path / "plots")
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["precision.png"]


def test_errors_are_those_of_the_analysis(evaluate, folders, tmp_path):
    found, truth = folders
    out = evaluate(found, truth, "--errors", tmp_path / "errors")
    rows = list(csv.DictReader((tmp_path / "errors" / "errors.csv").read_text().splitlines()))
    videos = compare(found, truth, Options(videos=True)).videos
    expected = [
        (name, event)
        for name, video in videos.items()
        for event in events(video.judged.pairing, video.judged.matches, video.judged.numbers, video.judged.similarity)
    ]
    assert len(rows) == len(expected) == 18
    for row, (name, event) in zip(rows, expected, strict=True):
        assert (row["sequence"], row["kind"]) == (name, event.kind)
        assert (int(row["first"]), int(row["last"]), int(row["frames"])) == event[1:4]
        assert tuple(map(int, row["truth"].split())) == event.truth
        assert tuple(map(int, row["found"].split())) == event.found
        assert float(row["similarity"]) == pytest.approx(event.similarity, abs=1e-6)
    text = (tmp_path / "errors" / "errors.txt").read_text()
    assert all(describe(event) in text for _, event in expected)
    people = list(csv.DictReader((tmp_path / "errors" / "people.csv").read_text().splitlines()))
    assert [(row["sequence"], row["id"]) for row in people] == [(name, i) for name in ("one", "two") for i in "012"]
    assert [row["switches"] for row in people] == ["1", "1", "0"] * 2
    kinds = [event.kind for _, event in expected]
    told = ", ".join(f"{kind} {kinds.count(kind)}" for kind in KINDS if kind in kinds)
    assert f"errors: {told} (" in out.splitlines()[-1]
    assert str(tmp_path / "errors") in out.splitlines()[-1]
    assert sorted(path.name for path in (tmp_path / "errors").glob("*.png")) == ["worst-one.png", "worst-two.png"]


def test_nothing_wrong_is_said_too(evaluate, files, tmp_path):
    _, truth = files
    out = evaluate(truth, truth, "--errors", tmp_path / "errors")
    assert "errors: none" in out.splitlines()[-1]
    assert len((tmp_path / "errors" / "errors.csv").read_text().splitlines()) == 1
    assert list((tmp_path / "errors").glob("*.png")) == []


def test_strips_are_cut_from_the_video(evaluate, folders, tmp_path):
    """From one of a folder's videos, or from the only one."""
    (tmp_path / "videos").mkdir()
    for name in ("one", "two"):
        clips.make_clip(tmp_path / "videos" / f"{name}.mp4", tracked_files.FRAMES, width=1024, height=512)
    for name, video in (("plain", None), ("folder", tmp_path / "videos"), ("file", tmp_path / "videos" / "one.mp4")):
        evaluate(*folders, "--errors", tmp_path / name, *(() if video is None else ("--video", video)))
    plain, cut, same = (picture(tmp_path / name / "worst-one.png") for name in ("plain", "folder", "file"))
    np.testing.assert_array_equal(cut, same)
    assert plain.shape == cut.shape
    assert (plain != cut).any(axis=-1).mean() > 0.5
