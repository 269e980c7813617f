"""What `jaxpose track` takes as inputs, through the command line."""

import signal

import clips
import cv2
import numpy as np
import pytest
import streams

from jaxpose import cli, video
from jaxpose.formats import jsonl
from jaxpose.video import live
from jaxpose.video.live import LiveVideo


def track(*arguments):
    return cli.main(["track", "--model", "some-model", *map(str, arguments)])


@pytest.fixture
def out(tmp_path):
    return tmp_path / "people.jsonl"


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures of today"
    folder.mkdir()
    for index in range(12):
        cv2.imwrite(str(folder / f"{index}.png"), clips.picture(index, width=160, height=160)[..., ::-1])
    return folder


def frames_of(path):
    return [(people.frame, round(people.time, 4)) for people in jsonl.read(path)[1]]


def header_of(path):
    return jsonl.read(path)[0]


def one_line(capsys):
    error = capsys.readouterr().err
    assert error.startswith("jaxpose: ")
    assert error.count("\n") == 1
    return error.removeprefix("jaxpose: ").rstrip()


# -- kinds of input ----------------------------------------------------------------------------------------------------


def test_a_folder_of_pictures(pictures, out, model):
    assert track(pictures, "--out", out, "--fps", 10) == 0
    assert frames_of(out) == [(index, index / 10) for index in range(12)]
    assert header_of(out).source == str(pictures)
    assert header_of(out).config["fps"] == 10


def test_a_pattern_and_pictures_named_one_by_one_are_one_video_in_natural_order(pictures, out, model, tmp_path):
    assert track(pictures / "1*.png", "--out", out, "--render", tmp_path / "a.mp4") == 0
    assert [clips.index_of(frame.image) for frame in video.read(tmp_path / "a.mp4")] == [1, 10, 11]
    named = sorted(pictures.iterdir(), key=str)  # as a shell names them: 0, 1, 10, 11, 2, ...
    assert track(*named, "--out", out, "--render", tmp_path / "b.mp4", "--overwrite") == 0
    assert [clips.index_of(frame.image) for frame in video.read(tmp_path / "b.mp4")] == list(range(12))


def test_several_videos_each_with_its_own_results(clip, pictures, model, tmp_path, capsys):
    other = clips.make_clip(tmp_path / "öther clip.avi", 20, codec="mpeg4", width=160, height=160)
    out, overlays = tmp_path / "results", tmp_path / "overlays"
    assert track(clip, other, pictures, "--out", out, "--render", overlays) == 0
    names = {"clip": 40, "öther clip": 20, "pictures of today": 12}
    assert {path.name for path in out.iterdir()} == {f"{name}.jsonl" for name in names}
    for name, count in names.items():
        assert len(frames_of(out / f"{name}.jsonl")) == count
        assert len(list(video.read(overlays / f"{name}.mp4"))) == count
    assert len(model.calls) == 1
    assert capsys.readouterr().out.count(" frames in ") == 3
    assert track(clip, other, "--out", out) == 2
    assert "exists already" in one_line(capsys)


def test_several_inputs_are_checked_before_any_work(clip, model, tmp_path, capsys):
    out = tmp_path / "results"
    assert track(clip, tmp_path / "absent.mp4", "--out", out) == 2
    assert one_line(capsys) == f"{tmp_path / 'absent.mp4'}: no such file"
    (tmp_path / "again").mkdir()
    assert track(clip, clips.make_clip(tmp_path / "again" / "clip.avi", 3), "--out", out) == 2
    assert "two inputs of one name" in one_line(capsys)
    assert model.calls == []
    assert list(out.iterdir()) == []


@pytest.fixture(params=[streams.Http, streams.Rtsp], ids=["http", "rtsp"])
def camera(request, monkeypatch):
    monkeypatch.setattr(live, "WAITS", (0.01, 0.02))
    with streams.serve(request.param) as camera:
        yield camera


def test_a_stream_until_stop(camera, out, model):
    address = camera.url.replace("://", "://me:secret@")
    assert track(address, "--out", out, "--stop", 30) == 0
    numbers = [number for number, _ in frames_of(out)]
    assert numbers[-1] == 29
    assert "secret" not in out.read_text()
    assert header_of(out).source == camera.url


def test_a_stream_that_is_lost_keeps_what_was_seen(camera, out, model, tmp_path, capsys):
    camera.breaks, camera.last_break_is_final = [25], True
    assert track(camera.url, "--out", out, "--render", tmp_path / "overlay.mp4") == 0
    assert "the connection was lost after 25 frames" in one_line(capsys)
    numbers = [number for number, _ in frames_of(out)]
    assert numbers[-1] == 24
    assert len(list(video.read(tmp_path / "overlay.mp4"))) == len(numbers)


def test_ctrl_c_is_a_stream_s_end(camera, out, model, monkeypatch, capsys):
    interrupts = []
    read = LiveVideo._read

    def pressed(self):
        for frame in read(self):
            if frame.number >= 20 and not interrupts:
                interrupts.append(frame.number)
                signal.raise_signal(signal.SIGINT)
            yield frame

    monkeypatch.setattr(LiveVideo, "_read", pressed)
    assert track(camera.url, "--out", out) == 0
    assert frames_of(out)[-1][0] == interrupts[0]
    assert f"{len(frames_of(out))} frames in " in capsys.readouterr().out


def test_a_stream_and_a_file_together_are_refused(camera, clip, model, tmp_path, capsys):
    assert track(clip, camera.url, "--out", tmp_path / "results") == 2
    assert "a camera or stream does not end by itself; give it a run of its own" in one_line(capsys)


def test_a_stream_is_not_resumed(camera, out, model, capsys):
    assert track(camera.url, "--out", out, "--resume") == 2
    assert "--resume goes on with a file; frames of a camera or stream are gone" in one_line(capsys)


# -- which frames, and which part of them ------------------------------------------------------------------------------


def test_start_stop_and_every(clip, out, model, tmp_path):
    options = ["--start", "0.4s", "--stop", 31, "--every", 5]
    assert track(clip, "--out", out, "--render", tmp_path / "overlay.mp4", *options) == 0
    assert frames_of(out) == [(index, index / clips.RATE) for index in (10, 15, 20, 25, 30)]
    assert [clips.index_of(frame.image) for frame in video.read(tmp_path / "overlay.mp4")] == [10, 15, 20, 25, 30]
    assert {key: header_of(out).config[key] for key in ("start", "stop", "every")} == {
        "start": "0.4s", "stop": "31", "every": 5
    }  # fmt: skip


def test_a_region_is_all_that_the_model_sees_and_places_count_the_whole_picture(clip, out, model, tmp_path):
    assert track(clip, "--out", tmp_path / "whole.jsonl", "--stop", 4) == 0
    assert track(clip, "--out", out, "--region", "30,20,100,400", "--stop", 4, "--render", tmp_path / "a.mp4") == 0
    assert model.shapes[-4:] == [(140, 100, 3)] * 4
    whole, part = (list(jsonl.read(path)[1]) for path in (tmp_path / "whole.jsonl", out))
    for one, other in zip(whole, part, strict=True):
        assert one.total == other.total
        np.testing.assert_allclose(other.keypoints[..., :2] - (30, 20), one.keypoints[..., :2], atol=0.02)
        np.testing.assert_allclose(other.boxes - (30, 20, 0, 0), one.boxes, atol=0.02)
    assert next(iter(video.read(tmp_path / "a.mp4"))).image.shape == (160, 160, 3)


# -- bad input: one line, exit code 2 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start", "x"], "--start must be a frame's number (250) or a time (10.5s), got x"),
        (["--stop", "-3"], "--stop must be a frame's number (250) or a time (10.5s), got -3"),
        (["--stop", "1e3s"], "--stop must be a frame's number (250) or a time (10.5s), got 1e3s"),
        (["--every", "0"], "--every must be at least 1, got 0"),
        (["--region", "1,2,3"], "--region must be x,y,width,height in pixels, such as 0,100,640,360, got 1,2,3"),
        (["--region", "0,0,0,5"], "--region must be x,y,width,height in pixels, such as 0,100,640,360, got 0,0,0,5"),
        (["--start", "9", "--stop", "9"], "`stop` must be later than `start` (9), got 9"),
        (["--fps", "10"], "`fps` is for pictures; {clip} tells its own times"),
        (["--start", "900"], "{clip}: no frame from 900 on: 40 were seen, the last at 1.56s"),
        (["--region", "900,0,10,10"], "frame 0 is 160x160: the region 900,0,10,10 lies outside of it"),
    ],
)
def test_options_that_do_not_fit(clip, out, model, capsys, options, message):
    assert track(clip, "--out", out, *options) == 2
    assert one_line(capsys) == message.format(clip=clip)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "not a video that can be read"),
        ("empty.png", b"", "not a video that can be read"),
        ("half.png", cv2.imencode(".png", clips.picture(0))[1].tobytes()[:900], "damaged: it ends early"),
        ("text.jpg", b"words\n" * 100, "the video holds no frame that can be read"),
        ("tiny.jpg", b"\xff\xd8\xff\xe0", "not a picture that can be read"),
        ("ones.avi", b"\xff" * 999, "not a video that can be read"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC pictures cannot be read"),
    ],
)
def test_bad_files(tmp_path, out, model, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert track(tmp_path / name, "--out", out) == 2
    assert message in one_line(capsys)
    assert not out.exists()
    assert model.calls == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("absent/*.png", "absent/*.png: no file matches"),
        (".", ".: a folder without pictures"),
        ("77", "/dev/video77: no such camera"),
        ("rtsp://127.0.0.1:9/x", "rtsp://127.0.0.1:9/x: cannot be opened (Connection refused)"),
        ("gopher://x", "gopher://x: an address begins with one of rtsp://"),
        ("", "an empty name"),
    ],
)
def test_inputs_that_are_not_there(tmp_path, out, model, capsys, monkeypatch, source, message):
    monkeypatch.chdir(tmp_path)
    assert track(source, "--out", out) == 2
    assert message in one_line(capsys)
    assert not out.exists()


def test_no_input(out, model, capsys):
    assert track("--out", out) == 2
    assert one_line(capsys).startswith("an input is needed: ")


def test_too_short_for_an_id_is_told(pictures, out, model, capsys):
    assert track(pictures / "3.png", "--out", out) == 0
    assert "an id takes 3 frames in a row (--identities.birth-hits), and it has 1" in one_line(capsys)
