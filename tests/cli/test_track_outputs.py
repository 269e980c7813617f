"""`jaxpose track` writes every format, draws as asked, smooths, fills skipped frames, and goes on where it stopped."""

import json
from pathlib import Path

import clips
import cv2
import numpy as np
import pytest
from limits import FAKE, run_limited
from result_files import FORMAT_NAMES, place

from jaxpose import cli, video
from jaxpose.formats import jsonl, mot
from jaxpose.formats.conversion import read
from jaxpose.video.overlay import id_color


def track(*arguments: object) -> int:
    return cli.main(["track", "--model", "some-model", *map(str, arguments)])


def one_line(capsys) -> str:
    error = capsys.readouterr().err
    assert error.startswith("jaxpose: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("form", FORMAT_NAMES)
def test_every_format(clip, model, tmp_path, form) -> None:
    folder = tmp_path / "Ausgabe à 李"
    folder.mkdir()
    out = place(folder, form)
    assert track(clip, "--out", out, "--format", form) == 0
    if form == "mot":
        found = mot.read_tracks(out)
        assert (found.ids == 5).all()
        numbers = found.frames
    else:
        poses = read(out).poses
        assert len(poses.ids) == 30
        numbers = poses.numbers[np.diff(poses.offsets) > 0]
    assert numbers.tolist() == [number for number in range(40) if number % 4 != 3]


def test_drawings(clip, model, tmp_path) -> None:
    sheet, folder = tmp_path / "sheet.png", tmp_path / "drawn"
    options = ("--trails", 0, "--no-labels", "--black", "--sheet", sheet)
    assert track(clip, "--out", tmp_path / "a.csv", "--render", folder, *options) == 0
    assert len(list(folder.iterdir())) == 40
    image = cv2.imread(str(folder / "000000000004.jpg"))[..., ::-1].astype(int)
    assert (np.abs(image - id_color(5)).max(-1) < 60).sum() > 50
    assert (image.max(-1) < 40).mean() > 0.5
    assert cv2.imread(str(folder / "000000000003.jpg")).max() < 8  # nobody, on black, and no trail
    assert cv2.imread(str(sheet)).shape[1] > 1000


def test_skipped_frames_are_filled(clip, model, tmp_path) -> None:
    out = tmp_path / "a.jsonl"
    assert track(clip, "--out", out, "--every", 2, "--interpolate") == 0
    frames = list(jsonl.read(out)[1])
    assert [people.frame for people in frames] == list(range(39))
    seen = {people.frame: people for people in frames}
    assert [seen[number].total for number in (0, 1, 2, 3, 4)] == [1, 1, 1, 1, 1]
    np.testing.assert_allclose(seen[3].keypoints[..., 2], seen[2].keypoints[..., 2] / 2, atol=1e-4)
    np.testing.assert_allclose(seen[3].keypoints[..., 0], seen[2].keypoints[..., 0] + 1, atol=0.02)
    assert seen[3].time == pytest.approx(0.12, abs=1e-5)


def test_smoothing_changes_places_and_nothing_else(clip, model, tmp_path) -> None:
    for name, options in (("plain", []), ("smooth", ["--smooth"])):
        assert track(clip, "--out", tmp_path / f"{name}.jsonl", *options) == 0
    plain, smooth = (read(tmp_path / f"{name}.jsonl").poses for name in ("plain", "smooth"))
    np.testing.assert_array_equal(plain.ids, smooth.ids)
    np.testing.assert_array_equal(plain.joint_scores, smooth.joint_scores)
    lag = plain.xy[..., 0] - smooth.xy[..., 0]
    assert 0 < lag[5:].max() < 10
    np.testing.assert_allclose(plain.xy[..., 1], smooth.xy[..., 1], atol=0.01)  # who walks right does not move down


@pytest.mark.parametrize("form", ["jsonl", "csv", "openpose"])
def test_a_stopped_run_is_gone_on_with(clip, model, tmp_path, capsys, form) -> None:
    out, whole = place(tmp_path, form), place(tmp_path, form, "whole")
    model(fails_at=20, error=KeyboardInterrupt())
    assert track(clip, "--out", out, "--format", form) == 130
    capsys.readouterr()
    assert track(clip, "--out", out, "--format", form) == 2
    assert "--overwrite" in one_line(capsys)
    model()
    assert track(clip, "--out", out, "--format", form, "--resume") == 0
    assert track(clip, "--out", whole, "--format", form) == 0
    pairs = [sorted(path.rglob("*")) if path.is_dir() else [path] for path in (out, whole)]
    assert [path.read_bytes() for path in pairs[0]] == [path.read_bytes() for path in pairs[1]]


def test_a_run_with_other_settings_is_not_gone_on_with(clip, model, tmp_path, capsys) -> None:
    out = tmp_path / "a.jsonl"
    assert track(clip, "--out", out) == 0
    before = out.read_bytes()
    assert track(clip, "--out", out, "--resume", "--size", 320) == 2
    assert "results of another video or other settings" in one_line(capsys)
    assert out.read_bytes() == before


def test_several_inputs_with_all_outputs(model, tmp_path) -> None:
    inputs = [clips.make_clip(tmp_path / f"{name}.mp4", 6, width=160, height=160) for name in ("one", "two")]
    outputs = ("--out", tmp_path / "out", "--render", tmp_path / "drawn", "--sheet", tmp_path / "sheets")
    assert track(*inputs, *outputs, "--format", "posetrack18") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.json", "two.json"]
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["one.png", "two.png"]
    assert len(list(video.read(tmp_path / "drawn" / "two.mp4"))) == 6


@pytest.mark.parametrize(("form", "room"), [("csv", 3000), ("openpose", 400), ("coco", 3000), ("posetrack17", 3000)])
def test_a_full_disk_leaves_what_can_be_read(tmp_path: Path, form: str, room: int) -> None:
    clip = clips.make_clip(tmp_path / "clip.mp4", 40, width=160, height=160)
    out = place(tmp_path, form)
    done = run_limited(FAKE, "track", clip, "--model", "m", "--out", out, "--format", form, largest_file=room)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("jaxpose: ")
    assert "cannot be written" in done.stderr.splitlines()[-1]
    if form != "openpose":
        assert len(read(out).poses.numbers) > 1
    else:
        assert all(json.loads(path.read_text()) for path in out.iterdir())


@pytest.mark.parametrize("option", ["out", "render", "sheet"])
def test_a_read_only_folder(tmp_path: Path, option: str) -> None:
    clip = clips.make_clip(tmp_path / "clip.mp4", 4, width=160, height=160)
    (tmp_path / "locked").mkdir(mode=0o500)
    paths = {"out": tmp_path / "a.jsonl", "render": tmp_path / "a.mp4", "sheet": tmp_path / "a.png"}
    paths[option] = tmp_path / "locked" / paths[option].name
    options = [part for name, path in paths.items() for part in (f"--{name}", path)]
    done = run_limited(FAKE, "track", clip, "--model", "m", *options)
    assert (done.returncode, done.stderr) == (2, f"jaxpose: {paths[option]}: no permission to write it\n")
    assert not (tmp_path / "a.jsonl").exists()
