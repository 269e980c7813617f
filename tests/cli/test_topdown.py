"""`jaxpose track` and `pose` with a network that looks at one person at a time: its options, its boxes, a real run."""

import re
from pathlib import Path

import clips
import numpy as np
import pytest
from dots import looker

from jaxpose import cli, models
from jaxpose.cli.demo import CLIP
from jaxpose.formats import jsonl
from jaxpose.topdown.estimator import SLOTS


def track(*arguments: object) -> int:
    return cli.main(["track", *map(str, arguments)])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line of a run that is refused."""
    assert track(*arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("jaxpose: ")
    return error.removeprefix("jaxpose: ")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "people.jsonl"


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """One person's box in each of 40 frames, but none in frames 20 to 29."""
    path = tmp_path / "boxes.txt"
    rows = [f"{i + 1},-1,{20 + i},30,50,100,0.9" for i in range(40) if not 20 <= i < 30]
    path.write_text("\n".join(rows))
    return path


def test_the_options_reach_the_model_and_the_header(clip, boxes: Path, out: Path, model) -> None:
    given = ["--refine", "movenet-thunder", "--detector", "openpose-lite", "--boxes", boxes]
    assert track(clip, "--model", "some-model", "--out", out, *given) == 0
    ((_, options),) = model.calls
    assert (options["refine"], options["detector"], options["boxes"]) == ("movenet-thunder", "openpose-lite", boxes)
    header, _ = jsonl.read(out)
    assert header.config["boxes"] == str(boxes)
    assert header.config["refine"] == "movenet-thunder"
    assert track(clip, "--model", "some-model", "--out", out, "--overwrite") == 0
    assert not {"refine", "detector", "boxes"} & set(model.calls[1][1])
    assert "boxes" not in jsonl.read(out)[0].config


def test_boxes_are_of_one_whole_video(clip, boxes: Path, tmp_path: Path, capsys, model) -> None:
    other = clips.make_clip(tmp_path / "other.mp4", 5, width=160, height=160)
    (tmp_path / "out").mkdir()
    told = refused(capsys, clip, other, "--out", tmp_path / "out", "--boxes", boxes)
    assert told == "--boxes is the file of one video, got 2 inputs; track them in runs of their own"
    told = refused(capsys, clip, "--out", tmp_path / "a.jsonl", "--boxes", boxes, "--region", "0,0,80,80")
    assert told == "--boxes are places in whole pictures; leave out --region"
    assert model.calls == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,1,10,10,0,20,1", "line 1: a box's width must be above 0, got 0; take the row out or mend it"),
        ("1,1,10,10,20,nan,1", "line 1: `h` must be"),
        ("one,1,10,10,20,20,1", "line 1: `frame` must be a number, got 'one'"),
    ],
)
def test_malformed_boxes_are_one_line(clip, tmp_path: Path, out: Path, capsys, text: str, told: str) -> None:
    (tmp_path / "boxes.txt").write_text(text)
    error = refused(capsys, clip, "--model", "movenet-thunder", "--boxes", tmp_path / "boxes.txt", "--out", out)
    assert told in error


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--boxes", "BOXES"], "movenet-multipose finds people itself: `boxes` is for models that look at one person"),
        (["--detector", "x"], "movenet-multipose finds people itself: `detector` is for models that look at one"),
        (["--refine", "openpose-lite"], "openpose-lite does not look at one person at a time: of the installed models"),
        (["--refine", "thunder"], "no model named 'thunder': did you mean 'movenet-thunder'?"),
        (["--model", "movenet-thunder", "--refine", "movenet-thunder"], "looks at one person at a time itself"),
        (["--model", "movenet-thunder", "--boxes", "BOXES", "--detector", "x"], "boxes come from one place"),
        (["--model", "movenet-thunder", "--detector", "d.onnx"], "it must contain yolox or rtmdet"),
        (["--model", "movenet-thunder", "--boxes", "boxes.csv"], "boxes.csv: cannot be read"),
    ],
)
def test_options_that_do_not_fit_are_one_line(clip, boxes, out, capsys, options: list[str], told: str) -> None:
    pytest.importorskip("onnxruntime")
    given = [str(boxes) if option == "BOXES" else option for option in options]
    assert told in refused(capsys, clip, "--out", out, *given)


def test_people_of_a_file_s_boxes(clip, boxes: Path, out: Path, capsys) -> None:
    """Nobody is in these pictures: what matters is that a real run goes to its end, with gaps and strange boxes."""
    boxes.write_text(boxes.read_text() + "\n3,-1,900,900,20,20,1\n45,-1,10,10,20,20,1\n")
    assert track(clip, "--model", "movenet-thunder", "--boxes", boxes, "--out", out) == 0
    told = capsys.readouterr().err
    assert "a box of no size or beside the picture of 160x160 is left out" in told
    assert "has boxes for 1 frames that the video does not have, the first is frame 44" in told
    header, frames = jsonl.read(out)
    assert header.skeleton == "coco_17"
    assert [people.frame for people in frames] == list(range(40))


def test_no_box_in_the_whole_video(clip, tmp_path: Path, out: Path, capsys) -> None:
    (tmp_path / "boxes.txt").write_text("")
    assert track(clip, "--model", "movenet-thunder", "--boxes", tmp_path / "boxes.txt", "--out", out) == 0
    assert "0 ids, at most 0 people in a frame" in capsys.readouterr().out
    assert [people.total for people in jsonl.read(out)[1]] == [0] * 40


def test_two_hundred_boxes_in_a_frame_of_a_file_that_ends_early(
    clip, tmp_path: Path, out: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "person", lambda name: looker())
    corners = [(x, y) for x in range(0, 160, 8) for y in range(0, 160, 16)]
    rows = [f"{frame},-1,{x},{y},8,16,1" for frame in range(1, 5) for x, y in corners]
    (tmp_path / "boxes.txt").write_text("\n".join(rows))
    assert track(clip, "--model", "movenet-thunder", "--boxes", tmp_path / "boxes.txt", "--out", out) == 0
    told = capsys.readouterr()
    (most,) = re.findall(r"at most (\d+) people in a frame", told.out)
    assert SLOTS < int(most) <= 200  # the pictures are noise: some of these people are too weak to be told of
    assert "boxes.txt ends with frame 3 and the video goes on: the frames after it have no boxes" in told.err


def test_a_detector_that_gives_nan_is_one_line(clip, tmp_path: Path, out: Path, capsys) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx_detectors import suppressed

    detector = suppressed(tmp_path / "yolox.onnx", [(1, 1, np.nan, 5, 0.5)], [0])
    error = refused(capsys, clip, "--model", "movenet-thunder", "--detector", detector, "--out", out)
    assert "frame 0: yolox.onnx gives NaN or infinity: its weights are damaged" in error


def test_real_people_are_refined_and_keep_where_they_are(tmp_path: Path) -> None:
    found = {}
    for name, options in {"alone": [], "refined": ["--refine", "movenet-thunder"]}.items():
        path = tmp_path / f"{name}.jsonl"
        assert track(CLIP, "--stop", 6, "--size", 416, "--out", path, *options) == 0
        found[name] = list(jsonl.read(path)[1])[-1]
    alone, refined = found["alone"], found["refined"]
    assert refined.total >= 4
    middle = [np.array([[x + w / 2, y + h / 2] for x, y, w, h in people.boxes]) for people in (alone, refined)]
    apart = np.linalg.norm(middle[0][:, None] - middle[1], axis=2).min(axis=0)
    assert np.median(apart) < 8
    assert not np.array_equal(alone.keypoints[:1], refined.keypoints[:1])
