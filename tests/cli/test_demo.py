"""The README's first command: with a made-up model what it writes and refuses, with the packaged one that it works."""

import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from limits import FAKE, run_limited

from jaxpose import cli, video
from jaxpose.cli.demo import CLIP, fullest
from jaxpose.formats import jsonl
from jaxpose.records import make_people
from jaxpose.skeletons import COCO_17

FILES = "people.jsonl", "overlay.mp4", "still.png"

linux = pytest.mark.skipif(sys.platform != "linux", reason="its limits are Linux's")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


def demo(out, *arguments):
    return cli.main(["demo", "--out", str(out), *arguments])


def one_line(error):
    assert error.startswith("jaxpose: ")
    assert error.endswith("\n")
    assert error.count("\n") == 1
    return error


def test_the_clip_is_small_and_tells_where_it_is_from():
    assert CLIP.stat().st_size <= 2_000_000
    clip = video.read(CLIP)
    assert (clip.width, clip.height, clip.fps, clip.frames) == (768, 576, 10, 90)
    origin = (CLIP.parent / "ORIGIN.txt").read_text()
    assert all(word in origin for word in ("vtest.avi", "OpenCV", "PETS 2009", "Apache License 2.0", "Trimmed"))


def test_three_files_and_what_to_do_with_them(out, model, capsys):
    assert demo(out, "--model", "m") == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    people, overlay, still = (out / name for name in FILES)
    header, frames = jsonl.read(people)
    assert header.source == str(CLIP)
    assert [p.frame for p in frames] == list(range(90))
    assert model.calls[0][0] == "m"
    shown = capsys.readouterr().out
    assert "m on 90 frames" in shown
    assert "1 people were told apart (ids), at most 1 of them in a frame" in shown
    assert all(str(path) in shown for path in (people, overlay, still))
    assert "jaxpose track YOUR_VIDEO --out people.jsonl --render overlay.mp4" in shown


def test_the_still_is_a_frame_of_the_overlay(out, model):
    assert demo(out) == 0
    number = fullest(out / "people.jsonl").frame
    frame = next(frame.image for frame in video.read(out / "overlay.mp4") if frame.number == number)
    (still,) = video.read(out / "still.png")
    np.testing.assert_array_equal(still.image, frame)
    source = next(frame.image for frame in video.read(CLIP) if frame.number == number)
    assert (np.abs(still.image.astype(int) - source).max(-1) > 100).sum() > 200  # somebody is drawn on it


def test_the_fullest_frame_is_the_first_with_most_people_then_most_joints(tmp_path):
    path = tmp_path / "people.jsonl"
    with jsonl.JsonlWriter(path, COCO_17, source="", config={}) as results:
        for number, (people, joints) in enumerate([(1, 17), (3, 5), (0, 0), (3, 9), (3, 9), (2, 17)]):
            poses = np.full((people, 17, 3), 10.0)
            poses[:, joints:] = 0
            poses[..., 2] = poses[..., 2] > 0
            results.write(make_people(poses, np.ones(people), np.arange(people), frame=number, time=0.0))
    assert fullest(path).frame == 3


@pytest.mark.parametrize("existing", FILES)
def test_results_of_an_earlier_run_are_refused_before_any_work(out, model, capsys, existing):
    out.mkdir()
    (out / existing).write_text("precious")
    assert demo(out) == 2
    assert one_line(capsys.readouterr().err) == (
        f"jaxpose: {out / existing}: exists already; choose another name, or --overwrite\n"
    )
    assert [path.name for path in out.iterdir()] == [existing]
    assert (out / existing).read_text() == "precious"
    assert model.calls == []
    assert demo(out, "--overwrite") == 0
    assert len(list(jsonl.read(out / "people.jsonl")[1])) == 90
    assert len(list(video.read(out / "still.png"))) == 1


def test_other_files_in_the_folder_stay(out, model):
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert demo(out) == 0
    assert (out / "notes.txt").read_text() == "mine"


def test_a_file_where_the_folder_should_be(out, model, capsys):
    out.write_text("precious")
    assert demo(out) == 2
    assert "a file, where a folder is needed" in one_line(capsys.readouterr().err)
    assert demo(out / "inside") == 2
    assert "cannot be made (Not a directory)" in one_line(capsys.readouterr().err)
    assert out.read_text() == "precious"


def test_a_folder_in_no_folder(out, model, capsys):
    assert demo(out / "inside") == 2
    assert f"{out} does not exist; create it first" in one_line(capsys.readouterr().err)
    assert not out.exists()


def test_an_unknown_model_leaves_no_empty_folder(out, capsys):
    assert demo(out, "--model", "nobody") == 2
    assert "no model named 'nobody'" in one_line(capsys.readouterr().err)
    assert not out.exists()


# -- for `track` as well: a folder without permission, a full disk -----------------------------------------------------


@linux
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["demo"], "jaxpose-demo: the folder cannot be made (Permission denied)"),
        (["track", CLIP, "--out", "people.jsonl"], "people.jsonl: no permission to write it"),
    ],
)
def test_no_permission_in_the_current_folder(tmp_path, arguments, told):
    here = tmp_path / "here"
    here.mkdir(mode=0o555)
    done = run_limited(FAKE, *arguments, cwd=here)
    assert done.returncode == 2, done.stderr
    assert told in one_line(done.stderr)
    assert not list(here.iterdir())


@linux
def test_no_permission_in_the_folder_of_an_earlier_run(tmp_path):
    (tmp_path / "jaxpose-demo").mkdir(mode=0o555)
    done = run_limited(FAKE, "demo", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "still.png: no permission to write it" in one_line(done.stderr)


@linux
def test_a_full_disk(tmp_path):
    """Whatever is the first not to fit: the first line, a later one, the overlay from its start to its last byte."""
    people, overlay = tmp_path / "people.jsonl", tmp_path / "overlay.mp4"
    arguments = "track", CLIP, "--out", people, "--render", overlay
    assert run_limited(FAKE, *arguments).returncode == 0
    lines, size = people.stat().st_size, overlay.stat().st_size
    assert lines < size // 4
    for limit, culprit, frames in [
        (100, people, 0),
        (lines // 2, tmp_path, 20),  # the overlay fails too, and either may be told
        (lines + 4096, overlay, 0),
        (size * 3 // 4, overlay, 60),
        (size - 1, overlay, 90),
    ]:
        done = run_limited(FAKE, *arguments, "--overwrite", largest_file=limit)
        assert done.returncode == 2, (limit, done.stdout, done.stderr)
        error = one_line(done.stderr)
        assert error.startswith(f"jaxpose: {culprit}")
        assert error.endswith(": cannot be written (File too large)\n")
        assert people.read_bytes().count(b"\n") >= frames


WRITE_STILL = """
import sys
from pathlib import Path
from jaxpose.cli.demo import write_still
from jaxpose.errors import OutputError
try:
    write_still(Path(sys.argv[1]), 3, Path(sys.argv[2]))
except OutputError as error:
    print(error)
"""


@linux
def test_a_full_disk_in_the_demo(out, tmp_path):
    assert run_limited(FAKE, "demo", "--out", out).returncode == 0
    done = run_limited(FAKE, "demo", "--out", out, "--overwrite", largest_file=200_000)
    assert done.returncode == 2, done.stdout
    assert one_line(done.stderr) == f"jaxpose: {out / 'overlay.mp4'}: cannot be written (File too large)\n"
    assert run_limited(FAKE, "demo", "--out", out, "--overwrite").returncode == 0
    still = tmp_path / "still.png"
    done = run_limited(WRITE_STILL, out / "overlay.mp4", still, largest_file=10_000)
    assert done.stdout == f"{still}: cannot be written (File too large)\n"
    assert not still.exists()


# -- the packaged model ------------------------------------------------------------------------------------------------


def test_the_default_model_offline(out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def no_network(*arguments: object) -> None:
        raise AssertionError("the demo looks for a network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, no_network)
    assert demo(out) == 0
    captured = capsys.readouterr()
    assert "jaxpose: " not in captured.err
    frames = list(jsonl.read(out / "people.jsonl")[1])
    assert [people.frame for people in frames] == list(range(90))
    # Eight people are in the clip, four at its start, later five to seven at once.
    assert 7 <= len({number for people in frames for number in people.ids.tolist()}) <= 10
    assert np.mean([people.total for people in frames]) > 4.5
    shown = fullest(out / "people.jsonl")
    assert 6 <= shown.total <= 8
    assert f"still.png: frame {shown.frame}, with {shown.total} people" in captured.out


def test_an_empty_folder_of_the_users_stays_when_it_fails(out, capsys):
    out.mkdir()
    assert demo(out, "--model", "nobodys") == 2
    one_line(capsys.readouterr().err)
    assert out.is_dir()
    out.rmdir()
    assert demo(out, "--model", "nobodys") == 2
    assert not out.exists()
