"""`jaxpose evaluate` of bad input: one line on stderr that names file, frame and person, exit code 2, no result."""

import copy
import json

import numpy as np
import pytest
import tracked_files
from tracked_files import write

from jaxpose import cli
from jaxpose.formats.jsonl import JsonlWriter
from jaxpose.records import make_people
from jaxpose.skeletons import HAND_21, POSETRACK_17

TRUTH, FOUND = tracked_files.truth(), tracked_files.found()
RESULTS = [{"image_id": 10, "category_id": 1, "keypoints": [1.0] * 51, "score": 0.5}]


def changed(tree, change):
    tree = copy.deepcopy(tree)
    change(tree)
    return tree


def nobody(frame, joints):
    return make_people(np.zeros((0, joints, 3)), np.zeros(0), frame=frame)


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "pred" / "a.json", FOUND), write(tmp_path / "gt" / "a.json", TRUTH)


@pytest.fixture
def refused(capsys):
    """The line that a run ends with, without `jaxpose: `."""

    def run(found, truth, *options):
        assert cli.main(["evaluate", str(found), "--against", str(truth), *map(str, options)]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("jaxpose: ")
        assert (told.err[-1], told.err.count("\n")) == ("\n", 1)
        return told.err.removeprefix("jaxpose: ").removesuffix("\n")

    return run


def same_id(tree):
    tree["annotations"][1]["track_id"] = tree["annotations"][0]["track_id"]


def lose_frame(tree):
    del tree["images"][3]
    tree["annotations"] = [person for person in tree["annotations"] if person["image_id"] != 13]


def more_frames(tree):
    tree["images"].append(tree["images"][0] | {"id": 99, "file_name": "other.jpg"})


def lose_id(tree):
    del tree["annotations"][4]["track_id"]


def lose_head(tree):
    del tree["annotations"][4]["bbox_head"]


def flat_head(tree):
    tree["annotations"][4]["bbox_head"] = [5, 5, 0, 0]


def set_score(value):
    def change(tree):
        tree["annotations"][4]["scores"][3] = value

    return change


def set_point(value):
    def change(tree):
        tree["annotations"][4]["keypoints"][3] = value

    return change


FAULTS = [
    ("found", same_id, "{found}, frame 000000.jpg, person 0: is twice in the frame"),
    ("truth", same_id, "{truth}, frame 000000.jpg, person 0: is twice in the frame"),
    ("found", lose_frame, "{truth}, frame 000003.jpg: is not in {found}, which lacks 1 of 8 frames"),
    ("truth", lose_frame, "{found}, frame 000003.jpg: is not in {truth}; give files of the same frames"),
    ("found", more_frames, "{found}, frame other.jpg: is not in {truth}; give files of the same frames"),
    ("found", lose_id, "{found}, frame 000001.jpg, person 2 of the frame: has no id"),
    ("truth", lose_id, "{truth}, frame 000001.jpg, person 2 of the frame: has no id"),
    ("truth", lose_head, "{truth}, frame 000001.jpg, person 1: has no head box"),
    ("truth", flat_head, "{truth}, frame 000001.jpg, person 1: has a head box without size"),
    ("found", set_score(float("nan")), "{found}, annotations[4], frame 000001.jpg, person 1: `scores[3]` must be"),
    ("found", set_score("high"), "{found}, annotations[4], frame 000001.jpg, person 1: `scores[3]` must be"),
    ("found", set_point(float("nan")), "{found}, annotations[4], frame 000001.jpg, person 1: `keypoints[3]` must"),
    ("truth", set_point(float("inf")), "{truth}, annotations[4], frame 000001.jpg, person 1: `keypoints[3]` must"),
]


@pytest.mark.parametrize(("side", "change", "told"), FAULTS)
def test_what_is_wrong_is_named(refused, files, side, change, told):
    found, truth = files
    write({"found": found, "truth": truth}[side], changed({"found": FOUND, "truth": TRUTH}[side], change))
    assert refused(found, truth).startswith(told.format(found=found, truth=truth))


@pytest.mark.parametrize("output", ["table", "json", "csv"])
@pytest.mark.parametrize(("side", "change", "told"), FAULTS[:1] + FAULTS[7:8])
def test_a_bad_second_file_leaves_no_half_of_a_result(refused, files, tmp_path, output, side, change, told):
    """Neither printed nor drawn."""
    found, truth = files
    second = write(tmp_path / "pred" / "b.json", FOUND), write(tmp_path / "gt" / "b.json", TRUTH)
    write(second[side == "truth"], changed(TRUTH if side == "truth" else FOUND, change))
    wanted = told.format(found=second[0], truth=second[1])
    plots = tmp_path / "plots"
    options = ("--output", output, "--plot", plots, "--errors", plots)
    assert refused(found.parent, truth.parent, *options).startswith(wanted)
    assert list(plots.iterdir()) == []


@pytest.mark.parametrize("side", [0, 1])
def test_truncated_json(refused, files, side):
    text = files[side].read_text()
    for length in (len(text) - 1, len(text) // 2, 100):
        files[side].write_text(text[:length])
        assert refused(*files).startswith(f"{files[side]}: not JSON (")
    files[side].write_text("")
    assert refused(*files).startswith(f"{files[side]}: of no known format; give ")


def test_missing_files_and_partners(refused, files, tmp_path):
    found, truth = files
    missing = tmp_path / "none.json"
    assert refused(missing, truth) == f"{missing}: cannot be read (No such file or directory)"
    assert refused(found, missing) == f"{missing}: cannot be read (No such file or directory)"
    alone = write(tmp_path / "gt" / "b.json", TRUTH)
    told = f"{alone}: has no partner named b in {found.parent}; add it, or take this file out"
    assert refused(found.parent, truth.parent) == told
    alone.rename(found.parent / "b.json")
    assert refused(found.parent, truth.parent).startswith(f"{found.parent / 'b.json'}: has no partner named b in ")
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty", truth.parent).startswith(f"{tmp_path / 'empty'}: has no files named .json, ")


def test_formats_that_do_not_go_together(refused, files, tmp_path):
    found, truth = files
    boxes = write(tmp_path / "boxes.txt", "1,1,10,10,20,20,1,-1,-1,-1\n")
    assert refused(boxes, truth).startswith(f"{boxes}: MOTChallenge text holds boxes; give one of PoseTrack 2017, ")
    results = write(tmp_path / "results.json", RESULTS)
    assert refused(found, results) == (
        f"{results}: a list of results has no truth to compare with; give the annotations"
    )
    assert refused(results, truth).startswith(f"{results}, result [0]: `image_id` must be ")
    boxes.rename(truth.parent / "b.txt")
    write(found.parent / "b.json", FOUND)
    told = f"{truth.parent}: a.json is PoseTrack 2018 and b.txt is MOTChallenge text; compare files of one format"
    assert refused(found.parent, truth.parent).startswith(told)
    other = write(tmp_path / "notes.json", "some words")
    assert refused(other, truth).startswith(f"{other}: of no known format; give PoseTrack's or COCO's JSON")


def test_skeletons_that_share_nothing(refused, files, tmp_path):
    _, truth = files
    hands = tmp_path / "hands.jsonl"
    with JsonlWriter(hands, HAND_21, source="video", config={}) as writer:
        for frame in range(tracked_files.FRAMES):
            writer.write(nobody(frame, 21))
    assert refused(hands, truth).startswith(f"{hands}: its joints (hand_21) and those of {truth} (posetrack_17) share")


def test_lines_with_other_frames(refused, files, tmp_path):
    _, truth = files
    short = tmp_path / "short.jsonl"
    with JsonlWriter(short, POSETRACK_17, source="video", config={}) as writer:
        for frame in range(5):
            writer.write(nobody(frame, 17))
    assert refused(short, truth).startswith(f"{truth}, frame 000005.jpg: is not in {short}, which lacks 3 of 8 frames")


def test_boxes(refused, tmp_path):
    good = write(tmp_path / "good.txt", "1,1,10,10,20,20,1,-1,-1,-1\n2,1,10,10,20,20,1,-1,-1,-1\n")
    for row, told in (
        ("2,1,9,9,9,9,1,-1,-1,-1", ", frame 1 counted from 0, person 1: is twice in the frame"),
        ("2,-1,9,9,9,9,1,-1,-1,-1", ", frame 1 counted from 0, person -1: has no id; give each box one"),
        ("2,3,9,nan,9,9,1,-1,-1,-1", ", line 3: "),
        ("2,3,9,9", ", line 3: must have 7 to 10 values"),
    ):
        bad = write(tmp_path / "bad.txt", good.read_text() + row + "\n")
        assert refused(bad, good).startswith(f"{bad}{told}")
        assert refused(good, bad).startswith(f"{bad}{told}")


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--iou 0", "--iou must be above 0 and at most 1, got 0"),
        ("--iou 1.5", "--iou must be above 0 and at most 1, got 1.5"),
        ("--iou nan", "--iou must be above 0 and at most 1, got nan"),
        ("--min-track -1", "--min-track must be 0 or more, got -1"),
        ("--min-size -0.5", "--min-size must be 0 or more, got -0.5"),
        ("--min-size nan", "--min-size must be 0 or more, got nan"),
        ("--video some.mp4", "--video is for the strips of --errors; give --errors FOLDER too"),
    ],
)
def test_options_out_of_range(refused, files, options, told):
    assert refused(*files, *options.split()) == told


@pytest.mark.parametrize("options", [["--output", "xml"], ["--similarity", "pck"], ["--protocol", "coco"]])
def test_other_choices_are_refused(files, capsys, options):
    found, truth = files
    assert cli.main(["evaluate", str(found), "--against", str(truth), *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert options[1] in told.err


def test_the_truth_must_be_named(files, capsys):
    assert cli.main(["evaluate", str(files[0])]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "--against" in told.err


def test_thresholds_of_another_kind(refused, files, tmp_path):
    found, truth = files
    assert refused(found, truth, "--thresholds", truth).startswith(f"{truth}: `thresholds` by joint are missing; ")
    other = write(tmp_path / "t.json", {"thresholds": {"chin": 0.5}})
    assert refused(found, truth, "--thresholds", other).startswith(f"{other}: 'chin' must be one of right_ankle, ")
    missing = tmp_path / "none.json"
    assert refused(found, truth, "--thresholds", missing).startswith(f"{missing}: cannot be read (No such file")
    good = write(tmp_path / "t.json", {"thresholds": {"nose": 0.5}})
    write(found, changed(FOUND, lambda tree: tree["annotations"][1].pop("scores")))
    told = f"{found}, frame 000000.jpg, person 1: nose has no score, which thresholds need; write the scores"
    assert refused(found, truth, "--thresholds", good) == told


@pytest.mark.parametrize("option", ["--plot", "--errors"])
def test_folders_that_cannot_be(refused, files, option):
    found, truth = files
    assert refused(found, truth, option, truth).startswith(f"{truth}: cannot be written (File exists)")
    assert refused(found, truth, option, truth / "x").startswith(f"{truth / 'x'}: cannot be written (Not a directory)")
    assert json.loads(truth.read_text()) == TRUTH


OUTPUTS = ("precision.png", "ids-a.png", "errors.csv", "errors.txt", "people.csv", "worst-a.png")


@pytest.mark.parametrize("taken", OUTPUTS)
def test_files_that_cannot_be_written(refused, files, tmp_path, taken):
    (tmp_path / "out" / taken).mkdir(parents=True)
    told = refused(*files, "--plot", tmp_path / "out", "--errors", tmp_path / "out")
    assert told == f"{tmp_path / 'out' / taken}: cannot be written (Is a directory)"


def test_videos_that_do_not_serve(refused, files, tmp_path):
    errors = ("--errors", tmp_path / "errors", "--video")
    missing = tmp_path / "none.mp4"
    assert refused(*files, *errors, missing) == f"{missing}: no such file"
    (tmp_path / "videos").mkdir()
    told = f"{tmp_path / 'videos'}: must hold one video named a, got 0"
    assert refused(*files, *errors, tmp_path / "videos") == told
    assert refused(*files, *errors, files[0]).startswith(f"{files[0]}: not a video that can be read")


@pytest.mark.parametrize("option", ["--plot", "--errors"])
def test_what_has_neither_joints_nor_ids_cannot_be_drawn(refused, tmp_path, option):
    images = [{"id": 10, "file_name": "a.jpg", "width": 100, "height": 100}]
    person = {"id": 1, "image_id": 10, "category_id": 1, "keypoints": [5, 5, 2] * 17, "num_keypoints": 17}
    person |= {"bbox": [0, 0, 20, 20], "area": 400, "iscrowd": 0}
    truth = write(tmp_path / "gt.json", {"images": images, "annotations": [person]})
    found = write(tmp_path / "results.json", RESULTS)
    assert refused(found, truth, option, tmp_path / "out").startswith(f"{option} ")
