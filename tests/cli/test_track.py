import itertools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import clips
import numpy as np
import pytest

from jaxpose import cli, video
from jaxpose.cli.outputs import CONTAINERS
from jaxpose.formats import jsonl
from jaxpose.video import writer
from jaxpose.video.overlay import id_color


def track(*arguments):
    return cli.main(["track", "--model", "some-model", *map(str, arguments)])


@pytest.fixture
def out(tmp_path):
    return tmp_path / "people.jsonl"


def frames_of(path):
    """The frame numbers in a result file, each checked to be what the fake tracker says."""
    header, frames = jsonl.read(path)
    numbers = []
    for people in frames:
        assert people.total == (people.frame % 4 != 3)
        assert people.time == pytest.approx(people.frame / clips.RATE, abs=1e-5)
        numbers.append(people.frame)
    assert header.skeleton == "coco_18"
    return numbers


# -- a run -------------------------------------------------------------------------------------------------------------


def test_a_line_for_every_frame(clip, out, model, capsys):
    assert track(clip, "--out", out) == 0
    assert frames_of(out) == list(range(40))
    shown = capsys.readouterr().out
    assert re.match(r"40 frames in [0-9.]+ s, 1 ids, at most 1 people in a frame: ", shown)
    assert shown.endswith(f": {out}\n")


def test_the_options_reach_the_model_and_the_header(clip, out, model):
    options = "--size 320 --max-people 4 --chunk 2 --identities.max-missed 9"
    assert track(clip, "--out", out, *options.split()) == 0
    ((name, given),) = model.calls
    assert (name, given["size"], given["max_people"], given["chunk"]) == ("some-model", 320, 4, 2)
    assert given["identities"].max_missed == 9
    header, _ = jsonl.read(out)
    assert header.source == str(clip)
    assert header.config["identities"]["max_missed"] == 9
    assert {key: header.config[key] for key in ("model", "size", "max_people", "chunk")} == {
        "model": "some-model", "size": 320, "max_people": 4, "chunk": 2
    }  # fmt: skip


@pytest.mark.parametrize("delay", [0, 1, 7, 100])
def test_the_overlay_shows_each_frame_with_its_own_people(clip, out, model, tmp_path, delay):
    model(delay)
    assert track(clip, "--out", out, "--render", tmp_path / "overlay.mp4") == 0
    assert frames_of(out) == list(range(40))
    drawn = list(video.read(tmp_path / "overlay.mp4"))
    assert [clips.index_of(frame.image) for frame in drawn] == list(range(40))
    np.testing.assert_allclose([frame.time for frame in drawn], np.arange(40) / clips.RATE, atol=1e-3)
    for frame, source in zip(drawn, video.read(clip), strict=True):
        near = np.abs(frame.image.astype(int) - id_color(5)).max(-1) < 60
        near &= np.abs(source.image.astype(int) - id_color(5)).max(-1) >= 60
        joints = near[70:].sum()  # the trail alone stays where nobody is
        assert joints > 100 if frame.number % 4 != 3 else joints < 100


def test_existing_outputs_are_refused_before_any_work(clip, out, model, tmp_path, capsys):
    rendered = tmp_path / "overlay.mp4"
    rendered.write_text("precious")
    assert track(clip, "--out", out, "--render", rendered) == 2
    assert capsys.readouterr().err == f"jaxpose: {rendered}: exists already; choose another name, or --overwrite\n"
    assert not out.exists()
    assert rendered.read_text() == "precious"
    out.write_text("precious")
    assert track(clip, "--out", out) == 2
    assert out.read_text() == "precious"
    assert model.calls == []
    assert track(clip, "--out", out, "--render", rendered, "--overwrite") == 0
    assert frames_of(out) == list(range(40))
    assert len(list(video.read(rendered))) == 40


# -- bad input: one line, exit code 2 ----------------------------------------------------------------------------------


def one_line(capsys):
    error = capsys.readouterr().err
    assert error.startswith("jaxpose: ")
    assert error.endswith("\n")
    assert error.count("\n") == 1
    return error


def test_missing_file(tmp_path, out, model, capsys):
    assert track(tmp_path / "absent.mp4", "--out", out) == 2
    assert one_line(capsys) == f"jaxpose: {tmp_path / 'absent.mp4'}: no such file\n"
    assert not out.exists()
    assert model.calls == []


def test_not_a_video(tmp_path, out, model, capsys):
    (tmp_path / "notes.txt").write_text("some words\n" * 100)
    assert track(tmp_path / "notes.txt", "--out", out) == 2
    assert "notes.txt: not a video that can be read" in one_line(capsys)
    assert not out.exists()


def test_empty_video(tmp_path, out, model, capsys):
    assert track(clips.make_clip(tmp_path / "empty.avi", 0), "--out", out) == 2
    assert "empty.avi: the video holds no frame that can be read" in one_line(capsys)
    assert not out.exists()


def test_truncated_video_keeps_the_frames_so_far_with_one_warning(clip, out, model, tmp_path, capsys):
    clips.cut(clip, 0.6)
    assert track(clip, "--out", out, "--render", tmp_path / "overlay.mp4") == 0
    error = one_line(capsys)
    assert error.startswith(f"jaxpose: warning: {clip}: ")
    assert "the file ends early" in error
    numbers = frames_of(out)
    assert numbers[:10] == list(range(10))
    assert len(numbers) < 40
    assert len(list(video.read(tmp_path / "overlay.mp4"))) == len(numbers)


def test_unreadable_frame_in_the_middle_is_left_out_with_one_warning(tmp_path, out, model, capsys):
    clip = clips.damage_frame(clips.make_clip(tmp_path / "clip.mp4", 40, options={"bf": "0"}), 17)
    assert track(clip, "--out", out, "--render", tmp_path / "overlay.mp4") == 2
    assert f"jaxpose: warning: {clip}: 1 frame was left out, impossible to decode (17)" in one_line(capsys)
    assert frames_of(out) == [number for number in range(40) if number != 17]
    assert len(list(video.read(tmp_path / "overlay.mp4"))) == 39


@pytest.mark.parametrize("option", ["--out", "--render"])
@pytest.mark.parametrize("folder", ["file", "absent"])
def test_unwritable_output(clip, out, model, tmp_path, capsys, option, folder):
    (tmp_path / "file").touch()
    outputs = {"--out": out, "--render": tmp_path / "overlay.mp4"}
    outputs[option] = tmp_path / folder / outputs[option].name
    assert track(clip, *itertools.chain(*outputs.items())) == 2
    assert str(outputs[option]) in one_line(capsys)
    assert model.calls == []
    assert not out.exists()


def test_the_disk_is_full(clip, out, model, tmp_path, capsys):
    out.symlink_to("/dev/full")
    assert track(clip, "--out", out, "--overwrite") == 2
    assert one_line(capsys) == f"jaxpose: {out}: cannot be written (No space left on device)\n"


def test_the_disk_is_full_for_the_overlay(clip, out, model, tmp_path, capsys):
    overlay = tmp_path / "overlay.mp4"
    overlay.symlink_to("/dev/full")
    assert track(clip, "--out", out, "--render", overlay, "--overwrite") == 2
    assert f"jaxpose: {overlay}: cannot be written" in one_line(capsys)
    numbers = frames_of(out)
    assert numbers == list(range(len(numbers)))


def test_the_input_is_never_an_output(clip, model, tmp_path, capsys):
    before = clip.read_bytes()
    assert track(clip, "--out", tmp_path / "o.jsonl", "--render", clip, "--overwrite") == 2
    assert "inputs and outputs must be different files" in one_line(capsys)
    assert clip.read_bytes() == before


@pytest.mark.parametrize("name", ["people.xml", "people.jsonl.zip"])
def test_other_formats_are_refused(clip, model, tmp_path, capsys, name):
    assert track(clip, "--out", tmp_path / name) == 2
    assert f"{name}: the name must end in .jsonl, .jsonl.gz, .json, .txt, .csv, .mat, or be a folder's" in one_line(
        capsys
    )


def test_unknown_model_name_suggests_the_nearest(clip, out, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "home"))
    assert track(clip, "--out", out) == 2
    assert "no model named 'some-model': there are hrnet-lite, movenet-multipose" in one_line(capsys)
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    for name in ("some-modle", "another"):
        (models / f"{name}.safetensors").touch()
    assert track(clip, "--out", out) == 2
    assert one_line(capsys) == "jaxpose: no model named 'some-model': did you mean 'some-modle'?\n"
    assert not out.exists()


@pytest.mark.parametrize("option", ["--size", "--max-people", "--chunk"])
@pytest.mark.parametrize("value", [0, -3])
def test_options_out_of_range(clip, out, model, capsys, option, value):
    assert track(clip, "--out", out, option, value) == 2
    assert one_line(capsys) == f"jaxpose: {option} must be at least 1, got {value}\n"
    assert model.calls == []


def test_an_option_that_only_the_model_can_judge(clip, out, monkeypatch, capsys):
    def load(name, **options):
        raise ValueError(f"`size` must be at least the network's stride 8, got {options['size']}")

    monkeypatch.setattr("jaxpose.models.load", load)
    assert track(clip, "--out", out, "--size", 3) == 2
    assert one_line(capsys) == "jaxpose: `size` must be at least the network's stride 8, got 3\n"


def test_nan_in_a_map_keeps_the_lines_so_far(clip, out, nan, tmp_path, capsys):
    overlay = tmp_path / "overlay.mp4"
    assert track(clip, "--out", out, "--render", overlay) == 2
    assert "a map of the network holds NaN or infinity" in one_line(capsys)
    assert frames_of(out) == list(range(17))  # 20 less the tracker's delay
    assert len(list(video.read(overlay))) == 17


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


def test_ctrl_c_leaves_valid_files_and_says_how_far_it_came(clip, out, model, tmp_path, capsys):
    model(fails_at=30, error=KeyboardInterrupt())
    overlay = tmp_path / "overlay.mp4"
    assert track(clip, "--out", out, "--render", overlay) == 130
    assert one_line(capsys) == f"jaxpose: stopped; {out} holds 27 frames\n"
    assert frames_of(out) == list(range(27))
    assert [clips.index_of(frame.image) for frame in video.read(overlay)] == list(range(27))


SLOW = """
import sys, time
import conftest, jaxpose.models
class Slow(conftest.FakeTracker):
    def push(self, frame):
        time.sleep(0.02)
        return super().push(frame)
jaxpose.models.load = lambda name, **options: Slow(delay=2)
from jaxpose.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_real_signal(tmp_path, out):
    clip = clips.make_clip(tmp_path / "long.mp4", 250)
    overlay = tmp_path / "overlay.mp4"
    command = [sys.executable, "-c", SLOW, "track", clip, "--model", "m", "--out", out, "--render", overlay]
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 60
        while not (out.exists() and out.read_bytes().count(b"\n") > 10) and time.monotonic() < deadline:
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        _, error = run.communicate(timeout=30)
    assert run.returncode == 130, error
    numbers = frames_of(out)
    assert 10 <= len(numbers) < 250
    assert numbers == list(range(len(numbers)))
    assert error == f"jaxpose: stopped; {out} holds {len(numbers)} frames\n"
    assert abs(len(list(video.read(overlay))) - len(numbers)) <= 1


def test_the_containers_are_the_writers():
    assert writer.SUFFIXES == CONTAINERS
