"""`jaxpose convert` through the command line: what it says, what it refuses, and that bad files end in one line."""

import json
from pathlib import Path

import pytest
from limits import run_limited
from result_files import FORMAT_NAMES, POSES, place, write_told

from jaxpose import cli
from jaxpose.formats.conversion import read
from jaxpose.skeletons import BODY_25, COCO_17


def convert(*arguments: object) -> int:
    return cli.main(["convert", *map(str, arguments)])


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.startswith("jaxpose: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("form", FORMAT_NAMES)
def test_from_jsonl_to_every_format_and_back(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_told(tmp_path, "jsonl", COCO_17)
    out = place(tmp_path, form, "Straße à b")
    assert convert(source, out, "--format", form) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"4 frames, 6 people: {out}")
    assert said.count("\n") == 1
    if form in POSES:
        assert convert(out, tmp_path / "back.jsonl", "--fps", "25") == 0
        assert read(tmp_path / "back.jsonl").poses.there.any()


def test_lines_come_back_exactly_through_posetrack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from jaxpose.skeletons import POSETRACK_17

    source = write_told(tmp_path, "jsonl", POSETRACK_17)
    assert convert(source, tmp_path / "a.json", "--format", "posetrack18") == 0
    assert "posetrack18 does not hold times" in capsys.readouterr().out
    assert convert(tmp_path / "a.json", tmp_path / "b.jsonl", "--fps", "25") == 0
    lines = [path.read_text().splitlines()[1:] for path in (source, tmp_path / "b.jsonl")]
    assert lines[0] == lines[1]


def test_another_skeleton(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_told(tmp_path, "jsonl", BODY_25)
    assert convert(source, tmp_path / "a.csv", "--skeleton", "coco_17") == 0
    assert "csv does not hold empty frames, the joints neck, mid_hip" in capsys.readouterr().out
    assert read(tmp_path / "a.csv").poses.skeleton == COCO_17
    assert convert(source, tmp_path / "b.csv", "--skeleton", "coco_7") == 2
    assert one_line(capsys) == "jaxpose: no skeleton named 'coco_7': did you mean coco_17?\n"
    assert convert(source, tmp_path / "b.json", "--skeleton", "body_25") == 2
    assert one_line(capsys) == "jaxpose: coco has the joints of coco_17, got --skeleton body_25\n"
    assert not (tmp_path / "b.csv").exists()


def test_a_folder_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        write_told(tmp_path, "jsonl").rename(tmp_path / f"{name}.jsonl")
    out = tmp_path / "out"
    assert convert(tmp_path, out, "--format", "posetrack17") == 0
    assert capsys.readouterr().out.count("\n") == 2
    assert sorted(path.name for path in out.iterdir()) == ["one.json", "two.json"]


def test_existing_files_are_replaced_only_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_told(tmp_path, "jsonl")
    assert convert(source, tmp_path / "a.csv") == 0
    before = (tmp_path / "a.csv").read_bytes()
    capsys.readouterr()
    assert convert(source, tmp_path / "a.csv") == 2
    assert "exists already; choose another name, or --overwrite" in one_line(capsys)
    assert (tmp_path / "a.csv").read_bytes() == before
    assert convert(source, tmp_path / "a.csv", "--overwrite") == 0
    capsys.readouterr()
    assert convert(source, source, "--overwrite") == 2
    assert "must be different files" in one_line(capsys)


BAD = {
    "latin.csv": "frame,time,id,score,nose_x,nose_y,nose_score\nstraße".encode("latin-1"),
    "utf16.jsonl": '{"jaxpose": "1"}\n'.encode("utf-16"),
    "cut.json": b'[{"image_id": 1',
    "number.json": b"3",
    "nan.json": b'[{"image_id": NaN, "category_id": 1, "score": 1, "keypoints": []}]',
    "huge.json": json.dumps([{"image_id": 10**400, "category_id": 1, "score": 1, "keypoints": []}]).encode(),
    "deep.json": b"[" * 100_000,
    "other.json": json.dumps([{"image_id": 1, "category_id": 1, "score": 1, "keypoints": [0] * 54}]).encode(),
    "boxes.txt": b"1,1,1,1,1,1,1\n",
    "no.mat": b"no",
    "empty.jsonl": b"",
    "gzip.json": b"\x1f\x8b\x08 no gzip",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_in_one_line(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_bytes(BAD[name])
    assert convert(tmp_path / name, tmp_path / "out.jsonl") == 2
    assert name in one_line(capsys)
    assert not (tmp_path / "out.jsonl").exists()


RUN = "import sys; from jaxpose.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize(("form", "room"), [("csv", 500), ("openpose", 500), ("posetrack18", 700), ("mpii", 2000)])
def test_a_full_disk(tmp_path: Path, form: str, room: int) -> None:
    source = write_told(tmp_path, "jsonl")
    out = place(tmp_path, form, "out")
    done = run_limited(RUN, "convert", source, out, "--format", form, largest_file=room)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr


def test_a_read_only_folder(tmp_path: Path) -> None:
    source = write_told(tmp_path, "jsonl")
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    for out in (folder / "a.csv", folder / "openpose"):
        done = run_limited(RUN, "convert", source, out)
        assert (done.returncode, done.stderr) == (2, f"jaxpose: {out}: no permission to write it\n")
