"""`jaxpose data`: build, then look, or write shards."""

import json
from pathlib import Path

import pytest
from published import coco, coco_tree, picture, put

from jaxpose.cli import main
from jaxpose.data.sources import open_data


def test_build_then_inspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coco(tmp_path / "source")
    assert main(["data", "build", "coco", "--source", str(tmp_path / "source")]) == 0
    told, progress = capsys.readouterr()
    path = tmp_path / "home/data/coco/1.0.0"
    summary = [
        "train: 1 pictures, 2 people, 33 joints, 1 regions",
        "train_empty: 2 pictures, 0 people, 0 joints, 1 regions",
        "val: 1 pictures, 2 people, 33 joints, 1 regions",
        "val_empty: 2 pictures, 0 people, 0 joints, 1 regions",
    ]
    assert told.splitlines() == [str(path), *summary]
    assert progress == ""
    out = tmp_path / "pngs"
    assert main(["data", "inspect", "coco", "--out", str(out), "--split", "train_empty", "--count", "5"]) == 0
    told = capsys.readouterr().out
    drawn = f"2 pictures drawn: {out}"
    assert told.splitlines() == ["2 pictures in train_empty; 17 joints", *summary, drawn]
    assert len(list(out.glob("*.png"))) == 2


def test_another_name_and_folder_and_what_is_not_labelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = coco_tree()
    for entry in tree["annotations"]:
        entry["keypoints"][:3] = 0, 0, 0
    put(tmp_path / "a.json", json.dumps(tree))
    for i in range(1, 4):
        put(tmp_path / f"elsewhere/{i:012d}.jpg", picture(i))
    options = ["--as", "mine", "--out", str(tmp_path / "sets"), "--pictures", str(tmp_path / "elsewhere")]
    assert main(["data", "build", "keypoint_folder", "--source", str(tmp_path / "a.json"), *options]) == 0
    capsys.readouterr()
    assert main(["data", "inspect", str(tmp_path / "sets/mine"), "--out", str(tmp_path / "pngs")]) == 0
    assert "1 pictures in train; 17 joints, of which nose are not labelled" in capsys.readouterr().out
    assert main(["data", "shards", str(tmp_path / "sets/mine"), "--out", str(tmp_path / "shards")]) == 0
    capsys.readouterr()
    assert main(["data", "inspect", str(tmp_path / "shards"), "--out", str(tmp_path / "pngs")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "1 pictures in train; 17 joints, of which nose are not labelled"


def test_shards_of_a_split_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coco(tmp_path / "source")
    assert main(["data", "build", "coco", "--source", str(tmp_path / "source")]) == 0
    capsys.readouterr()
    out = tmp_path / "shards"
    assert main(["data", "shards", "coco", "--split", "train_empty", "--out", str(out), "--size", "0.000001"]) == 0
    told, progress = capsys.readouterr()
    megabytes = sum(file.stat().st_size for file in out.glob("*.npz")) / 1e6
    assert told == f"2 pictures in 2 files, {megabytes:.1f} MB: {out}\n"
    assert progress == ""
    written, built = open_data(out, "train"), open_data("coco", "train_empty")
    assert (len(written), written.skeleton, written.labels) == (2, built.skeleton, built.labels)
    for row in range(2):
        assert written[row].image == built[row].image
        assert written[row].sequence == built[row].sequence
    assert main(["data", "shards", "coco", "--out", str(out)]) == 2
    assert capsys.readouterr().err == f"jaxpose: {out}: is not empty; choose another folder\n"
    assert main(["data", "shards", "coco", "--split", "test", "--out", str(tmp_path / "x")]) == 2
    assert capsys.readouterr().err.endswith("has no split 'test', but train, train_empty, val, val_empty\n")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "cocoo", "--source", "."], "NAME must be one of coco, coco_foot, posetrack17, "),
        (["build", "coco", "--source", "nowhere"], "nowhere: no such folder"),
        (["inspect", "nothing", "--out", "x"], "nothing: no data set of that name"),
        (["inspect", "nothing", "--out", "x", "--count", "0"], "--count must be at least 1, got 0"),
        (["shards", "nothing", "--out", "x"], "nothing: no data set of that name"),
        (["shards", "nothing", "--out", "x", "--size", "0"], "--size must be a number of megabytes above 0, got 0.0"),
        (["shards", "nothing", "--out", "x", "--size", "nan"], "--size must be a number of megabytes above 0, got nan"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"jaxpose: {message}")
    assert told.err.count("\n") == 1
