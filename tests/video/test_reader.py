import gc
import re
import threading
from fractions import Fraction

import av
import clips
import cv2
import numpy as np
import pytest

from jaxpose import video
from jaxpose.errors import JaxposeWarning, VideoError
from jaxpose.video import convert, reader


def encode_threads():
    return [thread for thread in threading.enumerate() if thread.name == "jaxpose-ahead"]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", {"bf": "2"}),
        ("clip.mp4", "libx264", {"bf": "0"}),
        ("clip.mp4", "mpeg4", {}),
        ("clip.avi", "mpeg4", {}),
        ("clip.mkv", "libx264", {}),
        ("clip.ts", "libx264", {}),
    ],
)
def test_reads_every_frame_in_order_with_its_time(tmp_path, name, codec, options):
    clip = video.read(clips.make_clip(tmp_path / name, codec=codec, options=options))
    frames = list(clip)
    assert [frame.number for frame in frames] == list(range(60))
    assert [clips.index_of(frame.image) for frame in frames] == list(range(60))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(60) / clips.RATE, atol=1e-4)
    assert (clip.width, clip.height, clip.fps, clip.frames) == (128, 96, clips.RATE, 60)
    assert all(frame.image.flags.c_contiguous and frame.image.dtype == np.uint8 for frame in frames)


def test_pictures_are_rgb_and_the_same_as_opencvs(shared_data):
    path = shared_data / "videos" / "athletes.mp4"
    capture = cv2.VideoCapture(str(path))
    for frame, _ in zip(video.read(path), range(20), strict=False):
        read, bgr = capture.read()
        assert read
        np.testing.assert_array_equal(frame.image, bgr[..., ::-1])


def test_a_video_can_be_read_twice(tmp_path):
    clip = video.read(clips.make_clip(tmp_path / "clip.mp4", 5))
    assert [frame.number for frame in clip] == [frame.number for frame in clip] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_turned_phone_s_video_is_upright(tmp_path, rotation):
    path = clips.make_clip(tmp_path / "clip.mp4", 2, rotation=rotation)
    clip = video.read(path)
    shown = next(iter(clip)).image
    read, bgr = cv2.VideoCapture(str(path)).read()
    assert read
    assert shown.shape == bgr.shape == (clip.height, clip.width, 3)
    np.testing.assert_array_equal(shown, bgr[..., ::-1])


def test_time_starts_with_the_file_and_follows_uneven_frames(tmp_path):
    path = tmp_path / "uneven.mp4"
    times = [0.0, 0.04, 0.2, 0.21, 1.5]
    with video.write(path, 25) as writer:
        for index, time in enumerate(times):
            writer.add(reader.Frame(index, time, clips.picture(index)))
    np.testing.assert_allclose([frame.time for frame in video.read(path)], times, atol=1e-4)


def test_start_stop_and_every_keep_numbers_and_times(tmp_path):
    path = clips.make_clip(tmp_path / "clip.mp4")
    for options, expected in [
        ({"start": 50}, range(50, 60)),
        ({"start": "2s"}, range(50, 60)),
        ({"stop": 7}, range(7)),
        ({"start": "0.4s", "stop": "1.2s", "every": 7}, range(10, 30, 7)),
        ({"start": 3, "stop": 40, "every": 9}, range(3, 40, 9)),
        ({"start": 55, "stop": 1000}, range(55, 60)),
    ]:
        clip = video.read(path, **options)
        frames = list(clip)
        assert [frame.number for frame in frames] == [clips.index_of(frame.image) for frame in frames] == [*expected]
        np.testing.assert_allclose([frame.time for frame in frames], np.array(expected) / clips.RATE, atol=1e-4)
        assert clip.frames == len(expected)


def test_nothing_between_start_and_stop(tmp_path):
    path = clips.make_clip(tmp_path / "clip.mp4", 20)
    with pytest.raises(VideoError, match=r"clip\.mp4: no frame from 50 on: 20 were seen, the last at 0\.76s"):
        list(video.read(path, start=50))
    with pytest.raises(VideoError, match=r"no frame from 2s to 3s"):
        list(video.read(path, start="2s", stop="3s"))


@pytest.mark.parametrize("start", [30, "1.2s"])
def test_damage_before_the_start_or_after_the_stop_is_not_told(tmp_path, start):
    path = clips.make_clip(tmp_path / "clip.mp4", codec="mpeg4", options={"bf": "0"})
    for index in (5, 55):
        clips.damage_frame(path, index)
    assert [frame.number for frame in video.read(path, start=start, stop=50)] == list(range(30, 50))
    with pytest.warns(JaxposeWarning, match=r"decode \(55\)"):
        list(video.read(path, start=start))


def test_pixels_that_are_not_square_are_stated_and_left_alone(tmp_path):
    path = tmp_path / "wide.mp4"
    for rotation, aspect in ((0, Fraction(16, 15)), (90, Fraction(15, 16))):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
            if rotation:
                stream.set_display_rotation(rotation)
            for index in range(3):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(clips.picture(index), format="rgb24")))
            container.mux(stream.encode(None))
        clip = video.read(path)
        assert clip.pixel_aspect == aspect
        assert {clip.width, clip.height} == {96, 128}


def test_leaving_the_context_ends_the_reading(tmp_path):
    with video.read(clips.make_clip(tmp_path / "clip.mp4")) as clip:
        frames = iter(clip)
        next(frames)
        assert len(encode_threads()) == 1
    assert encode_threads() == []
    assert list(frames) == []


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_missing_file(tmp_path):
    with pytest.raises(VideoError, match=r"absent\.mp4: no such file"):
        video.read(tmp_path / "absent.mp4")


def test_folder(tmp_path):
    with pytest.raises(VideoError, match="a folder, not a video file"):
        reader.VideoFile(tmp_path)


@pytest.mark.parametrize("name", ["notes.txt", "notes.mp4", "notes.bin"])
@pytest.mark.parametrize("content", [b"", b"not a picture in here\n" * 500, bytes(range(256)) * 40])
def test_not_a_video(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VideoError, match="not a video that can be read"):
        video.read(path)


def test_sound_without_pictures(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(VideoError, match="no video stream"):
        video.read(path)


@pytest.mark.parametrize("name", ["empty.mp4", "empty.avi", "empty.mkv"])
def test_empty_video(tmp_path, name):
    with pytest.raises(VideoError, match=r"holds no frame|not a video that can be read"):
        video.read(clips.make_clip(tmp_path / name, 0))


@pytest.mark.parametrize(
    ("name", "codec"), [("clip.mp4", "libx264"), ("clip.avi", "mpeg4"), ("clip.mkv", "libx264"), ("clip.mp4", "mpeg4")]
)
def test_truncated_video_gives_the_frames_so_far_and_one_warning(tmp_path, name, codec):
    path = clips.cut(clips.make_clip(tmp_path / name, codec=codec), 0.6)
    frames = []
    with pytest.warns(JaxposeWarning, match="the file ends early") as warned:
        frames.extend(video.read(path))
    assert len(warned) == 1
    assert 5 < len(frames) < 50
    for frame in frames[:-1]:  # of the last there may be a part only
        assert clips.index_of(frame.image) == frame.number == round(frame.time * clips.RATE)


@pytest.mark.parametrize("options", [{"bf": "0"}, {"bf": "3"}])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize("damaged", [[1], [25], [30], [58], [59], [12, 13, 14, 20, 31, 45, 55]])
def test_unreadable_frames_are_left_out_and_the_indices_count_on(tmp_path, codec, options, damaged):
    path = clips.make_clip(tmp_path / "clip.mp4", codec=codec, options=options)
    for index in damaged:
        clips.damage_frame(path, index)
    frames = []
    with pytest.warns(JaxposeWarning, match=r"clip\.mp4: .* left out, impossible to decode") as warned:
        frames.extend(video.read(path))
    assert len(warned) == 1
    lost, doubtful = told_numbers(str(warned[0].message))
    assert lost >= set(damaged)
    assert [frame.number for frame in frames] == sorted(set(range(60)) - lost)
    np.testing.assert_allclose([frame.time for frame in frames], [f.number / clips.RATE for f in frames], atol=1e-4)
    sound = [frame for frame in frames if frame.number not in doubtful]
    assert len(sound) >= 60 - 15 * len(damaged)
    assert all(clips.index_of(frame.image) == frame.number for frame in sound)


def told_numbers(message):
    """The numbers of the frames left out, and of those that may look damaged."""
    groups = [re.search(rf"{words} \(([-0-9, ]*)\)", message) for words in ("decode", "damaged")]
    runs = [[run.split("-") for run in group[1].split(", ")] if group else [] for group in groups]
    return tuple({n for run in some for n in range(int(run[0]), int(run[-1]) + 1)} for some in runs)


def test_a_long_list_of_frames_is_cut(tmp_path):
    path = clips.make_clip(tmp_path / "clip.mp4", codec="mpeg4", options={"bf": "0"})
    for index in range(1, 60, 6):
        clips.damage_frame(path, index)
    with pytest.warns(
        JaxposeWarning, match=r"10 frames were left out, [a-z ]* \(1, 7, 13, 19, 25, 31, 37, 43, \.\.\.\)"
    ):
        assert len(list(video.read(path))) == 50


def test_a_video_without_one_readable_frame(tmp_path):
    path = clips.make_clip(tmp_path / "clip.mp4", 3, options={"bf": "0"})
    for index in range(3):
        clips.damage_frame(path, index)
    with pytest.raises(VideoError, match="holds no frame"):
        video.read(path)


# -- the thread --------------------------------------------------------------------------------------------------------


def test_stopping_early_ends_the_thread_and_closes_the_file(tmp_path):
    clip = video.read(clips.make_clip(tmp_path / "clip.mp4"))
    frames = iter(clip)
    assert next(frames).number == 0
    assert len(encode_threads()) == 1
    del frames
    gc.collect()
    assert encode_threads() == []


def test_an_unlikely_error_while_reading_surfaces_where_frames_are_consumed(tmp_path, monkeypatch):
    clip = video.read(clips.make_clip(tmp_path / "clip.mp4", 5))
    monkeypatch.setattr(convert.ToRgb, "__call__", lambda self, picture: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(clip)
    assert encode_threads() == []
