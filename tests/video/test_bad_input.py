"""Whatever is wrong with a file, reading it gives frames or one named error of one line: no crash, no hang."""

import random
import time
import warnings

import clips
import damaged_files
import numpy as np
import pytest

from jaxpose import video
from jaxpose.errors import JaxposeWarning, VideoError

CASES = 240


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return damaged_files.make_files(tmp_path_factory.mktemp("files"))


def outcome(source):
    """How many frames came, each checked, or None where an error did."""
    count, last, began = 0, -1, time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JaxposeWarning)
            for frame in video.read(source):
                assert (frame.image.dtype, frame.image.ndim, frame.image.shape[2]) == (np.uint8, 3, 3)
                assert frame.image.flags.c_contiguous
                assert frame.number > last
                assert np.isfinite(frame.time)
                count, last = count + 1, frame.number
    except VideoError as error:
        message = str(error)
    else:
        message = ""
    assert time.monotonic() - began < 20
    assert (count == 0) == bool(message)
    assert message.count("\n") == 0
    assert message.count(str(source)) == bool(message)
    return count or None


def test_undamaged_all_of_them_are_read(files):
    assert [outcome(path) for path in files] == [12] * len(damaged_files.VIDEOS) + [1] * len(damaged_files.PICTURES)


@pytest.mark.parametrize("seed", range(CASES))
def test_random_damage(files, tmp_path, seed):
    original = files[seed % len(files)]
    path = tmp_path / f"damaged{original.suffix}"
    path.write_bytes(damaged_files.damage(original.read_bytes(), random.Random(seed)))
    outcome(path)


def test_both_outcomes_are_among_them(files, tmp_path):
    results = set()
    for seed in range(40):
        original = files[seed % len(files)]
        path = tmp_path / f"damaged{original.suffix}"
        path.write_bytes(damaged_files.damage(original.read_bytes(), random.Random(seed)))
        results.add(outcome(path) is None)
    assert results == {True, False}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".mp4", ".avi", ".txt", ".gif", ""])
def test_wrong_names(files, tmp_path, suffix):
    for original in files:
        path = tmp_path / f"{original.stem}-{original.suffix[1:]}{suffix}"
        path.write_bytes(original.read_bytes())
        found = outcome(path)
        assert found is not None or suffix in (".jpg", ".png")  # FFmpeg too goes by the name then


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".mp4", ".avi", ".txt", ".gif", ""])
@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"\0" * 5000, b"words\n" * 300, "wörter\n".encode("utf-16"), bytes(range(256)) * 20, b"\xff" * 3000],
    ids=["empty", "zero", "zeros", "text", "utf-16", "all bytes", "ones"],
)
def test_what_is_neither_a_video_nor_a_picture(tmp_path, suffix, content):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    assert outcome(path) is None


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 0.7, 0.99])
def test_cut_anywhere(files, tmp_path, share):
    for original in files:
        path = tmp_path / original.name
        path.write_bytes(original.read_bytes())
        outcome(clips.cut(path, share))


@pytest.mark.parametrize("name", ["h264.mp4", "mpeg4.avi", "h264.mkv"])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (33, 701), (34, 18)])
def test_odd_sizes(tmp_path, name, size):
    even = tuple(side + side % 2 for side in size)
    codec = {"mp4": "libx264", "avi": "ffv1", "mkv": "ffv1"}[name.split(".")[1]]
    width, height = even if codec == "libx264" else size
    path = clips.make_clip(tmp_path / name, 3, codec=codec, width=width, height=height)
    assert outcome(path) == 3
    assert next(iter(video.read(path))).image.shape == (height, width, 3)
