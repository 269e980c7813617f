import av
import clips
import numpy as np
import pytest

from jaxpose import video
from jaxpose.errors import OutputError
from jaxpose.records import Frame


def write(path, count, fps=25.0, stop=None, **size):
    with video.write(path, fps) as writer:
        for index in range(count):
            writer.add(Frame(index, index / fps, clips.picture(index, **size)))
        if stop is not None:
            raise stop


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_what_is_written_reads_back(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    write(path, 30)
    frames = list(video.read(path))
    assert [clips.index_of(frame.image) for frame in frames] == list(range(30))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(30) / 25, atol=1e-3)


def test_browsers_can_play_it(tmp_path):
    path = tmp_path / "out.mp4"
    write(path, 5, fps=30000 / 1001)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate) == pytest.approx(30000 / 1001, rel=1e-3)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it starts before all of it is there


def test_colours_survive(tmp_path):
    colors = [(200, 50, 50), (50, 200, 50), (50, 50, 200), (255, 255, 255), (0, 0, 0), (240, 200, 20)]
    with video.write(tmp_path / "out.mp4", 5) as writer:
        for index, color in enumerate(colors):
            writer.add(Frame(index, index / 5, np.full((48, 64, 3), color, np.uint8)))
    for color, frame in zip(colors, video.read(tmp_path / "out.mp4"), strict=True):
        np.testing.assert_allclose(frame.image[24, 32].astype(int), color, atol=3)


@pytest.mark.parametrize(("width", "height"), [(129, 96), (128, 97), (131, 99)])
def test_odd_sides_grow_by_one(tmp_path, width, height):
    write(tmp_path / "out.mp4", 3, width=width, height=height)
    clip = video.read(tmp_path / "out.mp4")
    assert (clip.width, clip.height) == (width + width % 2, height + height % 2)
    first = next(iter(clip)).image.astype(int)
    assert np.abs(first[:height, :width] - clips.picture(0, width, height)).mean() < 6


def test_times_that_repeat_do_not_stop_it(tmp_path):
    with video.write(tmp_path / "out.mp4", 25) as writer:
        for index, time in enumerate([0.0, 0.04, 0.04, 0.02, 0.08]):
            writer.add(Frame(index, time, clips.picture(index)))
    assert [clips.index_of(frame.image) for frame in video.read(tmp_path / "out.mp4")] == [0, 1, 2, 3, 4]


def test_stopped_by_an_exception_it_is_still_a_video(tmp_path):
    path = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        write(path, 10, stop=KeyboardInterrupt())
    assert [clips.index_of(frame.image) for frame in video.read(path)] == list(range(10))


def test_without_frames_there_is_no_file(tmp_path):
    write(tmp_path / "out.mp4", 0)
    assert not (tmp_path / "out.mp4").exists()


def test_a_picture_of_another_size_is_refused(tmp_path):
    with video.write(tmp_path / "out.mp4", 25) as writer:
        writer.add(Frame(0, 0.0, clips.picture(0)))
        with pytest.raises(OutputError, match="frame 1 is 64x96 after 128x96"):
            writer.add(Frame(1, 0.04, clips.picture(1)[:, :64]))
    assert len(list(video.read(tmp_path / "out.mp4"))) == 1


def test_unknown_suffix(tmp_path):
    with pytest.raises(OutputError, match=r"must end in one of \.mp4"):
        video.write(tmp_path / "out.txt", 25)


def test_no_such_folder(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        video.write(tmp_path / "absent" / "out.mp4", 25)


@pytest.mark.parametrize("count", [1, 3, 200])  # of few frames, nothing is written before the end
def test_a_full_disk_is_told_and_never_hangs(tmp_path, count):
    path = tmp_path / "out.mp4"
    path.symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"out\.mp4: cannot be written \(No space left on device\)$"):
        write(path, count)
