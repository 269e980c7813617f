import itertools
import threading
import time
import warnings

import clips
import numpy as np
import pytest
import streams

from jaxpose import video
from jaxpose.errors import JaxposeWarning, VideoError
from jaxpose.video import container, live
from jaxpose.video.live import Address, Connection, LiveVideo
from jaxpose.video.selection import Selection, moment


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(live, "WAITS", (0.01, 0.02, 0.04, 0.08))


@pytest.fixture(params=[streams.Http, streams.Rtsp], ids=["http", "rtsp"])
def camera(request):
    with streams.serve(request.param) as camera:
        yield camera


def told(frames):
    """All frames and what is said after the last."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = list(frames)
    return found, [str(warning.message) for warning in caught if issubclass(warning.category, JaxposeWarning)]


def live_threads():
    return [thread for thread in threading.enumerate() if thread.name == "jaxpose-live"]


def check(found, last):
    """Frames of a camera: each with its own number and a later time, up to the last one.

    The first few may be missing over RTSP, as FFmpeg looks at them before it hands them out all at once.
    """
    numbers = [frame.number for frame in found]
    assert [clips.index_of(frame.image) for frame in found] == numbers
    assert (np.diff([(frame.number, frame.time) for frame in found], axis=0) > 0).all()
    assert numbers[-1] == last
    assert numbers[0] <= 25


def test_every_frame_in_order_where_the_consumer_keeps_up(camera):
    with video.read(camera.url, stop=30) as frames:
        assert (frames.live, frames.width, frames.height, frames.name) == (True, 128, 96, camera.url)
        found, _ = told(frames)
    check(found, 29)
    assert found[0].time == 0 or found[0].number > 0
    assert found[-1].time > 0.2
    assert camera.connections == 1
    assert np.abs(found[0].image.astype(int) - clips.picture(found[0].number)).mean() < 6


def test_the_oldest_are_dropped_where_the_consumer_is_slow_and_counted(camera):
    frames = iter(video.read(camera.url, stop=60))
    first = next(frames)
    while live_threads():  # until all have come
        time.sleep(0.02)
    rest, said = told(frames)
    assert [frame.number for frame in rest] == list(range(60 - live.QUEUE, 60))
    check([first, *rest], 59)
    assert said == [f"{camera.url}: {60 - 1 - live.QUEUE} of 60 frames were dropped, to keep up with it"]


def test_a_broken_connection_is_made_again_and_numbers_and_times_go_on(camera):
    camera.breaks = [10, 12]
    found, said = told(video.read(camera.url, stop=40))
    assert said[0].endswith("the connection broke and was made again 2 times")
    check(found, 39)
    assert camera.connections == 3


def test_a_connection_lost_for_good_ends_with_one_line(camera):
    camera.breaks, camera.last_break_is_final = [10], True
    found, said = told(video.read(camera.url))
    check(found, 9)
    assert len(said) == 1
    assert "the connection was lost after 10 frames (" in said[0]
    assert "4 tries to make it again failed" in said[0]


def test_a_camera_that_falls_silent_is_given_up_in_time(camera, monkeypatch):
    monkeypatch.setattr(container, "PATIENCE", 1.0)
    monkeypatch.setattr(live, "WAITS", (0.01, 0.02))
    camera.silent_after = 8
    start = time.monotonic()
    found, said = told(video.read(camera.url))
    check(found, 7)
    assert "the connection was lost after 8 frames" in said[0]
    assert time.monotonic() - start < 30


def test_a_programme_s_end_is_its_end(tmp_path):
    with streams.serve(streams.Http) as camera:
        camera.body = clips.make_clip(tmp_path / "clip.ts", 30).read_bytes()
        source = video.read(camera.url)
        found, said = told(source)
    assert source.live
    assert [clips.index_of(frame.image) for frame in found] == [frame.number for frame in found]
    assert found[-1].number == 29
    assert [line for line in said if "dropped" not in line] == []  # all of it comes at once
    assert camera.connections == 1


def test_every_and_start_count_from_the_first_frame(camera):
    found, _ = told(video.read(camera.url, start=5, stop=30, every=4))
    assert (
        [frame.number for frame in found]
        == [clips.index_of(frame.image) for frame in found]
        == [5, 9, 13, 17, 21, 25, 29]
    )


def test_stopping_early_hangs_up(camera):
    with video.read(camera.url) as source:
        frames = iter(source)
        assert len(list(itertools.islice(frames, 3))) == 3
        assert len(live_threads()) == 1
    assert live_threads() == []


def test_it_can_be_ended_from_outside(camera):
    source = video.read(camera.url)

    def five():
        for count, frame in enumerate(source, 1):
            yield frame
            if count == 5:
                source.end()

    found, _ = told(five())
    assert len(found) == 5
    assert live_threads() == []


def test_read_again_it_connects_anew(camera):
    source = video.read(camera.url, stop=3)
    assert [(frame.number, clips.index_of(frame.image)) for frame in source] == [(0, 0), (1, 1), (2, 2)]
    assert [frame.number for frame in source] == [0, 1, 2]
    assert camera.connections == 2


def test_a_source_that_is_never_iterated_can_be_closed(camera):
    video.read(camera.url).close()
    assert live_threads() == []


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_nobody_answers(scheme):
    with pytest.raises(VideoError, match=rf"^{scheme}://127\.0\.0\.1:9/x: cannot be opened \(Connection refused\)$"):
        video.read(f"{scheme}://127.0.0.1:9/x")


def test_an_answer_that_is_no_video_and_a_password_that_is_not_shown():
    with streams.serve(streams.Http) as camera:
        camera.refuses = True
        with pytest.raises(VideoError, match=r"^http://127[^@]*/camera: cannot be opened \([^\n]*\)$"):
            video.read(camera.url.replace("://", "://me:secret@"))


def test_a_device_read_through_ffmpeg_s_own_formats(monkeypatch):
    """No camera is at hand: FFmpeg's virtual input takes the way that one of V4L2 takes, but for the driver."""
    address = Address("testsrc2=size=64x48:rate=50:duration=0.4", "lavfi")
    with LiveVideo(address, Connection(address), Selection(stop=moment(30))) as frames:
        found, said = told(frames)
    assert [frame.number for frame in found][-1] == 29  # FFmpeg's input ends after 20 and is opened again
    assert "made again once" in said[0]
    assert found[0].image.shape == (48, 64, 3)


def test_a_camera_that_is_not_there():
    with pytest.raises(VideoError, match=r"^/dev/video97: no such camera \(a file of that name is written \./97\)$"):
        video.read(97)


def test_cameras_on_other_systems(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(VideoError, match="cameras are read on Linux only"):
        video.read("0")
