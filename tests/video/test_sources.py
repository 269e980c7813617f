import os

import clips
import cv2
import pytest
import web

from jaxpose import video
from jaxpose.errors import LostFramesWarning, VideoError
from jaxpose.video.pictures import Pictures
from jaxpose.video.reader import VideoFile


@pytest.fixture
def folder(tmp_path):
    """Pictures 0 to 11 by name, with other files between them."""
    place = tmp_path / "some früh pictures"
    place.mkdir()
    for index in range(12):
        name = f"frame{index}.{'png' if index % 2 else 'JPG'}"
        cv2.imwrite(str(place / name), clips.picture(index)[..., ::-1])
    (place / "notes.txt").write_text("x")
    (place / "._frame3.png").write_text("x")
    (place / "deeper").mkdir()
    return place


def told(frames):
    return [(frame.number, clips.index_of(frame.image)) for frame in frames]


def test_a_folder_in_natural_order(folder):
    with video.read(folder) as frames:
        assert (frames.frames, frames.fps, frames.live, frames.width, frames.height) == (12, 25, False, 128, 96)
        assert told(frames) == told(frames) == [(index, index) for index in range(12)]
    assert [frame.time for frame in video.read(folder, fps=10)] == [index / 10 for index in range(12)]


def test_a_pattern(folder):
    assert told(video.read(folder / "*.png")) == [(index, 2 * index + 1) for index in range(6)]
    assert told(video.read(str(folder / "**" / "frame1?.*"))) == [(0, 10), (1, 11)]


def test_a_name_with_the_signs_of_a_pattern_is_a_name_where_it_is_there(folder):
    odd = (folder / "frame3.png").rename(folder / "a[1]?.png")
    assert told(video.read(odd)) == [(0, 3)]


def test_a_list_keeps_its_order(folder):
    assert told(video.read([folder / "frame5.png", str(folder / "frame2.JPG")])) == [(0, 5), (1, 2)]


def test_a_single_picture_whatever_its_name(folder):
    odd = (folder / "frame4.JPG").rename(folder / "picture.mp4")
    source = video.read(odd)
    assert isinstance(source, Pictures)
    assert told(source) == [(0, 4)]


def test_a_video_called_a_picture(folder):
    path = clips.make_clip(folder / "clip.mp4", 5).rename(folder / "clip.jpg")
    source = video.read(path)
    assert isinstance(source, VideoFile)
    assert told(source) == [(index, index) for index in range(5)]


def test_start_stop_and_every(folder):
    frames = list(video.read(folder, start=2, stop="1s", every=4, fps=10))
    assert told(frames) == [(2, 2), (6, 6)]
    assert [frame.time for frame in frames] == [0.2, 0.6]


def test_pictures_of_several_sizes(folder):
    cv2.imwrite(str(folder / "frame5.png"), clips.picture(5, width=200, height=50)[..., ::-1])
    assert {frame.image.shape for frame in video.read(folder)} == {(96, 128, 3), (50, 200, 3)}


def test_damaged_pictures_are_left_out_and_told_once(folder):
    for name in ("frame0.JPG", "frame7.png", "frame8.JPG"):
        clips.cut(folder / name, 0.5)
    frames = []
    with pytest.warns(LostFramesWarning, match=r"3 frames were left out, impossible to decode \(0, 7-8\)$") as said:
        frames.extend(video.read(folder))
    assert len(said) == 1
    assert told(frames) == [(index, index) for index in (1, 2, 3, 4, 5, 6, 9, 10, 11)]


def test_a_folder_of_nothing_but_damaged_pictures(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(VideoError, match=r"a\.png: not a picture that can be read \(the file is empty\)"):
        video.read(tmp_path)


@pytest.mark.parametrize(
    "name", ["nothing", "some *.png", "clip.mp4", "/dev/video98", "ftp://x/y", "lavfi://x", "a\0b", ""]
)
def test_what_is_not_there(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideoError):
        video.read(name)


def test_a_folder_without_pictures(tmp_path):
    clips.make_clip(tmp_path / "clip.mp4", 2)
    with pytest.raises(VideoError, match=r"a folder without pictures .*; name videos one by one"):
        video.read(tmp_path)
    with pytest.raises(VideoError, match="0 pictures: no pictures"):
        video.read([])


def test_a_pattern_of_videos(tmp_path):
    first = clips.make_clip(tmp_path / "a.mp4", 3)
    assert told(video.read(tmp_path / "?.mp4")) == [(0, 0), (1, 1), (2, 2)]
    (tmp_path / "b.mp4").write_bytes(first.read_bytes())
    with pytest.raises(VideoError, match="matches 2 files and no picture; videos are read one by one"):
        video.read(tmp_path / "?.mp4")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match="a pipe or device, which cannot be read twice"):
        video.read(tmp_path / "pipe.mp4")


def test_a_rate_is_for_pictures(tmp_path):
    with pytest.raises(ValueError, match="`fps` is for pictures"):
        video.read(clips.make_clip(tmp_path / "clip.mp4", 3), fps=10)
    for fps in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="`fps` must be above 0"):
            video.read(tmp_path, fps=fps)


def test_a_file_at_an_address_is_a_file(tmp_path):
    with web.serving() as site:
        site.files["/clip.mp4"] = clips.make_clip(tmp_path / "clip.mp4", 30).read_bytes()
        source = video.read(f"{site.url}/clip.mp4")
        assert isinstance(source, VideoFile)
        assert (source.live, source.frames) == (False, 30)
        assert told(source) == [(index, index) for index in range(30)]
        with pytest.raises(VideoError, match=r"absent\.mp4: cannot be opened \(.*\)"):
            video.read(f"{site.url}/absent.mp4")
