"""What is printed: tables as the papers lay them out, JSON and CSV."""

import csv
import io
import json
import warnings

import numpy as np
import pytest

from jaxpose.evaluation.report import GROUPS, Report, Scores, as_csv, as_json, as_table
from jaxpose.skeletons import POSETRACK_15

JOINTS = POSETRACK_15.joints
PLACES = {joint: float(10 + place) for place, joint in enumerate(JOINTS)}  # each joint's value


def by_joint(shift: float = 0.0, **numbers: float) -> Scores:
    values = np.array([PLACES[joint] for joint in JOINTS] + [50.25]) + shift
    mota = np.append(np.full(15, np.nan), np.nan)
    mota[JOINTS.index("nose")] = 40.0
    counts = {"misses": np.arange(15)}
    return Scores({"mota": mota, "ap": values}, numbers or {"idf1": 12.34, "switches": 3}, counts)


def report(sequences: int = 2, **fields: object) -> Report:
    parts = {f"video{k}": by_joint(k) for k in range(sequences)}
    return Report("poseval", JOINTS, by_joint(), parts, ())._replace(**fields)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_the_columns_are_those_of_the_papers():
    assert list(GROUPS) == ["Head", "Sho", "Elb", "Wri", "Hip", "Knee", "Ank"]
    assert sorted(joint for joints in GROUPS.values() for joint in joints) == sorted(JOINTS)


def test_a_table():
    told = rows(as_table(report()))
    assert told[0] == ["protocol", "poseval"]
    assert told[1] == [*GROUPS, "Total"]
    means = [np.mean([PLACES[joint] for joint in joints]) for joints in GROUPS.values()]
    assert told[2] == ["AP", *(f"{mean:.1f}" for mean in means), "50.2"]
    assert told[3] == ["MOTA", "-", *["-"] * 6, "-"]
    assert told[5] == ["whole", "people:", "IDF1", "12.3,", "Switches", "3"]
    assert told[7:] == [
        ["sequence", "AP", "MOTA", "IDF1", "Switches"],
        ["video0", "50.2", "-", "12.3", "3"],
        ["video1", "51.2", "-", "12.3", "3"],
        ["all", "50.2", "-", "12.3", "3"],
    ]


def test_the_columns_of_a_table_stand_in_line():
    for block in as_table(report(notes=["a", "b"])).split("\n\n"):
        lines = block.splitlines()
        wide = [line for line in lines if line.startswith(("AP", "MOTA", " ", "video", "sequence", "all"))]
        assert len({len(line) for line in wide}) <= 1
        assert not any(line.endswith(" ") for line in lines)


def test_one_video_needs_no_second_table():
    assert "sequence" not in as_table(report(1))
    assert "sequence" not in as_table(report(0))


def test_notes_stand_last():
    assert as_table(report(notes=["be careful", "be brief"])).splitlines()[-2:] == [
        "note: be careful",
        "note: be brief",
    ]


@pytest.mark.parametrize(("skip", "told"), [(False, "-"), (True, "40.0")])
def test_a_group_without_one_of_its_joints(skip, told):
    assert rows(as_table(report(skip_nan=skip)))[3][:3] == ["MOTA", told, "-"]


def test_nothing_but_nan_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "-" in as_table(report(skip_nan=True))


def people(mota: float = 90.0) -> Scores:
    return Scores({"mota": np.array([mota])}, {"idf1": float("nan"), "switches": 2}, {"objects": np.array([7])})


def test_a_table_of_whole_people():
    several = Report("people by iou", (), people(), {"a": people(80), "b": people(70)}, ())
    assert rows(as_table(several)) == [
        ["protocol", "people", "by", "iou"],
        [],
        ["sequence", "MOTA", "IDF1", "Switches"],
        ["a", "80.0", "-", "2"],
        ["b", "70.0", "-", "2"],
        ["all", "90.0", "-", "2"],
    ]
    one = Report("people by iou", (), people(80), {"a": people(80)}, ())
    assert rows(as_table(one))[3:] == [["a", "80.0", "-", "2"]]
    coco = Report("coco", (), Scores({}, {"ap": 63.86, "apl": float("nan")}, {}), {}, ())
    assert rows(as_table(coco))[2:] == [["sequence", "AP", "APL"], ["all", "63.9", "-"]]


def test_json():
    tree = as_json(report(notes=["be careful"]))
    assert json.loads(json.dumps(tree, allow_nan=False)) == tree
    assert list(tree) == ["protocol", "mota", "ap", "idf1", "switches", "counts", "per_sequence", "notes"]
    assert list(tree["ap"]) == [*("neck" if joint == "head_bottom" else joint for joint in JOINTS), "total"]
    assert tree["ap"]["neck"] == PLACES["head_bottom"]
    assert tree["ap"]["total"] == 50.25
    assert (tree["mota"]["nose"], tree["mota"]["neck"], tree["mota"]["total"]) == (40, None, None)
    assert (tree["idf1"], tree["switches"]) == (12.34, 3)
    assert tree["counts"]["misses"]["total"] == sum(range(15))
    assert tree["per_sequence"]["video1"]["ap"]["nose"] == PLACES["nose"] + 1
    assert list(tree["per_sequence"]["video1"]) == list(tree)[1:-2]
    coco = as_json(Report("coco", (), Scores({}, {"ap": 63.86, "apl": float("nan")}, {}), {}, ()))
    assert coco == {"protocol": "coco", "ap": 63.86, "apl": None}


def test_csv():
    told = list(csv.reader(io.StringIO(as_csv(report()))))
    assert told[0] == ["sequence", "measure", *GROUPS, "Total"]
    assert {len(row) for row in told} == {10}
    assert [row[:2] for row in told[1:]] == [
        [name, measure] for name in ("video0", "video1", "all") for measure in ("AP", "MOTA", "IDF1", "Switches")
    ]
    hip = np.mean([PLACES["left_hip"], PLACES["right_hip"]])
    assert (float(told[5][6]), told[5][9]) == (hip + 1, "51.25")
    assert told[2][2:] == [""] * 8  # NaN
    assert [row[9] for row in told[3:5]] == ["12.34", "3"]  # a count is a whole number


def test_csv_of_whole_people():
    told = list(csv.reader(io.StringIO(as_csv(Report("people by iou", (), people(), {"a": people(80)}, ())))))
    assert told == [
        ["sequence", "measure", "Total"],
        *(["a", *row] for row in (["MOTA", "80.0"], ["IDF1", ""], ["Switches", "2"])),
        *(["all", *row] for row in (["MOTA", "90.0"], ["IDF1", ""], ["Switches", "2"])),
    ]
