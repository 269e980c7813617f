"""`jaxpose pose` with a model that needs no network: pictures in, every format out, resumed where it stopped."""

import json
from pathlib import Path

import clips
import cv2
import numpy as np
import pytest

from jaxpose import cli
from jaxpose.formats import jsonl
from jaxpose.formats.conversion import read
from jaxpose.records import NO_ID, People, make_people
from jaxpose.skeletons import COCO_17


class FakeEstimator:
    """Two people in each picture, at places that tell the picture's index; may end with an exception at a call."""

    skeleton = COCO_17

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.error: BaseException | None = None

    def dispatch(self, images: list[np.ndarray], pad_to: int) -> list[int]:
        if self.error is not None and len(self.seen) >= 2:
            raise self.error
        found = [clips.index_of(image) for image in images]
        self.seen += found
        return found

    def collect(self, work: list[int]) -> list[People]:
        pose = np.random.default_rng(0).uniform(20, 90, (2, 17, 3))
        pose[..., 2] = 0.8
        return [make_people(pose + np.array([index, 0, 0]), np.array([0.9, 0.3])) for index in work]


@pytest.fixture
def estimator(monkeypatch: pytest.MonkeyPatch) -> FakeEstimator:
    fake = FakeEstimator()
    monkeypatch.setattr("jaxpose.models.estimator", lambda name, **options: fake)
    return fake


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "Bilder à"
    folder.mkdir()
    for index, name in enumerate(("a_7.png", "a_000000000139.png", "a_20.png")):
        data = cv2.imencode(".png", clips.picture(index, 160, 160)[..., ::-1])[1]
        (folder / name).write_bytes(data.tobytes())
    return folder


def pose(*arguments: object) -> int:
    return cli.main(["pose", *map(str, arguments)])


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.startswith("jaxpose: ")
    assert error.count("\n") == 1
    return error


def test_pictures_in_natural_order(tmp_path, pictures, estimator, capsys) -> None:
    out = tmp_path / "people.jsonl"
    assert pose(pictures, "--out", out) == 0
    assert capsys.readouterr().out == f"3 pictures, 6 people: {out}\n"
    assert estimator.seen == [0, 2, 1]
    poses = read(out).poses
    assert poses.names == ("a_7.png", "a_20.png", "a_000000000139.png")
    assert poses.sizes is not None
    assert poses.sizes.tolist() == [[160, 160]] * 3
    assert (poses.ids == NO_ID).all()


def test_coco_results_carry_the_ids_of_the_names(tmp_path, pictures, estimator) -> None:
    assert pose(pictures / "a_7.png", pictures / "*139.png", "--out", tmp_path / "r.json", "--min-score", 0.5) == 0
    results = json.loads((tmp_path / "r.json").read_text())
    assert [entry["image_id"] for entry in results] == [7, 139]
    assert all("track_id" not in entry for entry in results)


def test_openpose_and_drawings_are_named_after_the_pictures(tmp_path, pictures, estimator) -> None:
    drawn, sheet = tmp_path / "drawn", tmp_path / "sheet.png"
    options = ("--out", tmp_path / "op", "--render", drawn, "--sheet", sheet, "--black", "--scores", "--alpha", 0.9)
    assert pose(pictures, *options) == 0
    names = {"a_7", "a_20", "a_000000000139"}
    assert {path.name.removesuffix("_keypoints.json") for path in (tmp_path / "op").iterdir()} == names
    assert {path.stem for path in drawn.iterdir()} == names
    assert sheet.stat().st_size > 1000
    assert pose(pictures, *options) == 2


def test_normalized_points(tmp_path, pictures, estimator) -> None:
    assert pose(pictures / "a_7.png", "--out", tmp_path / "n.csv", "--normalized") == 0
    first, row, _ = (tmp_path / "n.csv").read_text().splitlines()
    assert first.startswith("frame,time,image,id,score,nose_x_share,nose_y_share,nose_score")
    x, y = map(float, row.split(",")[5:7])
    pixels = np.random.default_rng(0).uniform(20, 90, (2, 17, 3))[0, 0, :2]
    np.testing.assert_allclose([x, y], (pixels + 0.5) / 160, atol=1e-6)


@pytest.mark.parametrize("name", ["people.jsonl", "people.csv", "op"])
def test_a_stopped_run_is_gone_on_with(tmp_path, pictures, estimator, capsys, name) -> None:
    out = tmp_path / name
    estimator.error = KeyboardInterrupt()
    assert pose(pictures, "--out", out) == 130
    assert one_line(capsys) == f"jaxpose: stopped; {out} holds 1 pictures\n"
    estimator.error = None
    seen = len(estimator.seen)
    assert pose(pictures, "--out", out) == 2
    assert "--overwrite" in one_line(capsys)
    assert pose(pictures, "--out", out, "--resume") == 0
    again = len(estimator.seen) - seen
    assert again == (3 if name.endswith("csv") else 2)  # a table's last picture may lack people
    whole = tmp_path / f"whole_{name}"
    assert pose(pictures, "--out", whole) == 0
    both = [read(path).poses for path in (out, whole)]
    np.testing.assert_array_equal(both[0].xy, both[1].xy)
    assert both[0].names == both[1].names


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.jpg", "--out", "a.jsonl"], "none.jpg: no such file"),
        (["none*.jpg", "--out", "a.jsonl"], "none*.jpg: no file matches"),
        (["{}", "--out", "a.xyz"], "a.xyz: the name must end in .jsonl"),
        (["{}", "--out", "a.csv", "--format", "coco"], "a.csv: the name of a coco file must end in .json"),
        (["{}", "--out", "a.json", "--resume"], "--resume is for the formats jsonl openpose csv, got coco"),
        (["{}", "--out", "a.json", "--normalized"], "--normalized is for the formats jsonl openpose csv, got coco"),
        (["{}", "--out", "a.jsonl", "--resume", "--overwrite"], "--resume keeps what --overwrite replaces"),
        (["{}", "--out", "a.jsonl", "--render", "a.mp4"], "--render takes a folder for pictures, got a.mp4"),
        (["{}", "--out", "a.jsonl", "--alpha", "0", "--render", "b"], "--alpha must be above 0 and at most 1, got 0.0"),
        (["{}", "--out", "a.jsonl", "--alpha", "0.5"], "--alpha is for drawings; ask for one with --render or --sheet"),
        (["{}", "--out", "a.jsonl", "--black"], "--black is for drawings; ask for one with --render or --sheet"),
        (["{}", "--out", "a.jsonl", "--min-score", "2"], "--min-score must be in 0..1, got 2"),
        (["{}", "--out", "a.jsonl", "--size", "0"], "--size must be at least 1, got 0"),
        (["{}", "{}/a_7.png", "--out", "a.jsonl"], "give pictures of different names"),
    ],
)
def test_refused(tmp_path, pictures, estimator, capsys, monkeypatch, arguments, told) -> None:
    monkeypatch.chdir(tmp_path)
    assert pose(*(one.replace("{}", str(pictures)) for one in arguments)) == 2
    assert told in one_line(capsys)
    assert estimator.seen == []
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == []


def test_a_broken_picture_is_left_out_with_a_warning(tmp_path, pictures, estimator, capsys) -> None:
    (pictures / "a_20.png").write_bytes(b"no picture")
    out = tmp_path / "people.jsonl"
    assert pose(pictures, "--out", out) == 2
    assert "jaxpose: warning: " in capsys.readouterr().err
    assert [people.frame for people in jsonl.read(out)[1]] == [0, 2]
