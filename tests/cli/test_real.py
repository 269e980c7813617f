"""The README's first command on a real video: import a network file, track, render; and files of other networks."""

import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import jaxpose
from jaxpose import cli
from jaxpose.formats import jsonl

NETWORK = "teachers/human-pose-estimation-0001.xml"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "home"))


def test_one_person_keeps_one_id(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out, overlay = shared_data / "videos" / "squats.mp4", tmp_path / "people.jsonl", tmp_path / "overlay.mp4"
    assert cli.main(["import", str(shared_data / NETWORK), "--as", "lightweight"]) == 0
    assert cli.main(["models"]) == 0
    assert "lightweight: lightweight-openpose (skeleton coco_18" in capsys.readouterr().out
    command = ["track", str(source), "--model", "lightweight", "--size", "256"]
    assert cli.main([*command, "--out", str(out), "--render", str(overlay)]) == 0
    header, frames = jsonl.read(out)
    people = list(frames)
    assert header.skeleton == "coco_18"
    assert [p.frame for p in people] == list(range(65))
    assert {i for p in people for i in p.ids.tolist()} == {1}
    assert sum(p.total for p in people) >= 60
    video = jaxpose.video.read(overlay)
    assert (video.width, video.height) == (720, 1280)
    # Python gives the same, to the digits of the file.
    tracker = jaxpose.load("lightweight", size=256)
    for one, other in zip(people, itertools.islice(tracker.track(jaxpose.video.read(source)), 65), strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=0.011)
        np.testing.assert_array_equal(one.ids, other.ids)
        assert one.time == pytest.approx(other.time, abs=1e-3)


def test_ctrl_c_while_the_network_compiles(shared_data: Path, tmp_path: Path) -> None:
    assert cli.main(["import", str(shared_data / NETWORK), "--as", "lightweight"]) == 0
    out = tmp_path / "people.jsonl"
    command = ["track", str(shared_data / "videos" / "exercise.avi"), "--model", "lightweight", "--size", "128"]
    command = [sys.executable, "-m", "jaxpose", *command, "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 120
        while not out.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.5)  # the first frame is on its way to the compiler, which takes seconds
        run.send_signal(signal.SIGINT)
        _, error = run.communicate(timeout=120)
    assert run.returncode == 130, error
    frames = list(jsonl.read(out)[1])
    assert error.strip().endswith(f"jaxpose: stopped; {out} holds {len(frames)} frames")
    assert len(frames) < 393


def test_one_damaged_model_hides_no_other(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["import", str(shared_data / NETWORK), "--as", "good"]) == 0
    (tmp_path / "home" / "models" / "bad.safetensors").write_bytes(b"nothing")
    capsys.readouterr()
    assert cli.main(["models"]) == 0
    told = capsys.readouterr().out.splitlines()
    default = "movenet-multipose, the default: movenet-multipose (skeleton coco_17); network MoveNet"
    assert any(line.startswith(default) for line in told)
    (bad,) = (line for line in told if "damaged" in line)
    assert "bad.safetensors" in bad
    assert any(line.startswith("good: lightweight-openpose") for line in told)


def test_a_weight_file_of_another_network(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (shared_data / NETWORK).read_text()
    foreign = tmp_path / "foreign.xml"
    foreign.write_text(text.replace("Mconv7_stage2_L2", "logits").replace("conv4_3_CPM/al", "fc"))
    foreign.with_suffix(".bin").write_bytes((shared_data / NETWORK).with_suffix(".bin").read_bytes())
    told = {
        "none of the known networks": [str(foreign)],
        "has no layer conv4_3_CPM/al": [str(foreign), "--arch", "lightweight-openpose"],
        "are read from a .xml or .json or .caffemodel or .pth or .pt or .safetensors file": [
            str(shared_data / "teachers" / "movenet-multipose.onnx")
        ],
        "no such weight file": [str(tmp_path / "absent.xml")],
    }
    for message, arguments in told.items():
        assert cli.main(["import", *arguments, "--as", "x"]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert cli.main(["models"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert not any(line.startswith("x: ") for line in told)  # none of these was taken


def test_the_options_of_openpose(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["import", str(shared_data / NETWORK), "--as", "hpe"]) == 0
    clip = str(shared_data / "videos" / "ntu.avi")
    common = ["--size", "128", "--overwrite", "--out", str(tmp_path / "people.jsonl")]
    wrong = {
        "movenet-multipose has no option `parser`: its own are decode": ["--openpose.parser", "hungarian-tree"],
        "`turns` must be one or more of 0, 90, 180 and 270": ["--model", "hpe", "--openpose.turns", "45"],
        "MoveNet's `decode` is a `PoseConfig`": ["--openpose.decoding", "exact"],
        "`scales` must be one or more numbers above 0": ["--model", "hpe", "--openpose.scales", "0"],
        "up to 8, each once, got (1.0, 1.0)": ["--model", "hpe", "--openpose.scales", "1", "1"],
        "up to 8, each once, got (inf,)": ["--model", "hpe", "--openpose.scales", "inf"],
        "`chunk` must be at most 1024": ["--chunk", "1000000"],
        "`size` must be at most 16384": ["--size", "200000"],
    }
    for message, arguments in wrong.items():
        assert cli.main(["track", clip, *common, *arguments]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
