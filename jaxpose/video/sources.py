"""`read`: from whatever a person names, a file, a folder, a pattern, a camera or an address, to its frames."""

import glob
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from jaxpose.errors import VideoError
from jaxpose.video.container import FALLBACK_RATE, is_address
from jaxpose.video.live import Address, Connection, LiveVideo
from jaxpose.video.picture import is_picture
from jaxpose.video.pictures import Pictures, in_folder, matching
from jaxpose.video.reader import VideoFile
from jaxpose.video.selection import Selection, moment
from jaxpose.video.source import Video

Source = str | int | os.PathLike[str] | Sequence[str | os.PathLike[str]]

SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "udp", "srt")
"""How a stream's address may begin."""

CAMERA = re.compile(r"/dev/video[0-9]+|[0-9]{1,3}")


def read(
    source: Source,
    *,
    start: int | str = 0,
    stop: int | str | None = None,
    every: int = 1,
    fps: float | None = None,
) -> Video:
    """The frames (RGB, number, time in seconds) of a source, as an iterable and context manager.

    A source is a video file; a folder of pictures, or a pattern of their names such as `"frames/*.jpg"` (in natural
    order: 9 before 10); a picture; a list of pictures; a camera (`0`, `"/dev/video0"`; Linux); or the address of a
    stream (`rtsp://`, `http://`, ...). Frames of files are never dropped. Cameras and streams are read by a thread of
    their own, and drop the oldest frames where the consumer is slow (`Video.live`); a file at an address counts as a
    file.

    `start`, `stop` (without it) and `every` choose frames, by number (250) or time (`"10.5s"`); numbers and times
    remain those of the source. `fps` is for pictures, which tell no times (25 without it).

    Raises `VideoError` if there is no such source or it holds no frame that can be read; `ValueError` for options out
    of range.
    """
    selection = Selection(moment(start), None if stop is None else moment(stop), every)
    if fps is not None and not 0 < fps < 1e6:
        raise ValueError(f"`fps` must be above 0 and below a million, got {fps}")
    video = _open(source, selection, fps)
    if fps is not None and not isinstance(video, Pictures):
        video.close()
        raise ValueError(f"`fps` is for pictures; {video.name} tells its own times")
    return video


def _open(source: Source, selection: Selection, fps: float | None) -> Video:
    rate = fps or FALLBACK_RATE
    if not isinstance(source, str | int | os.PathLike):
        paths = [Path(path) for path in source]
        return Pictures(paths, f"{len(paths)} pictures" if len(paths) != 1 else str(paths[0]), selection, rate)
    name = str(source)
    if not name:
        raise VideoError("an empty name; a file, a folder, a camera or an address is needed")
    if "\0" in name:
        raise VideoError(f"{name!r}: no such file")
    if CAMERA.fullmatch(name):
        return _camera(name, selection)
    if is_address(name):
        return _stream(name, selection)
    path = Path(name)
    if path.is_dir():
        return Pictures(in_folder(path), name, selection, rate)
    if glob.has_magic(name) and not path.exists():
        return _matching(name, selection, rate)
    if path.is_file() and is_picture(path):
        return Pictures([path], name, selection, rate)
    return VideoFile(path, selection)


def _camera(name: str, selection: Selection) -> Video:
    if sys.platform != "linux":
        raise VideoError(f"{name}: cameras are read on Linux only; give its stream's address, or a file")
    device = name if name.startswith("/") else f"/dev/video{name}"
    if not os.path.exists(device):
        hint = "" if name == device else f" (a file of that name is written ./{name})"
        raise VideoError(f"{device}: no such camera{hint}")
    address = Address(device, "v4l2")
    return LiveVideo(address, Connection(address), selection)


def _stream(url: str, selection: Selection) -> Video:
    scheme = url.split(":")[0].lower()
    if scheme not in SCHEMES:
        raise VideoError(f"{url}: an address begins with one of {', '.join(f'{known}://' for known in SCHEMES)}")
    options = {"fpsprobesize": "2"}  # else many frames are held back at the start, to measure their rate
    if scheme.startswith("rtsp"):
        options["rtsp_flags"] = "prefer_tcp"  # over UDP packets get lost
    address = Address(url, None, options)
    connection = Connection(address)
    if scheme.startswith("http") and connection.finite:
        connection.close()
        return VideoFile(url, selection)
    return LiveVideo(address, connection, selection)


def _matching(pattern: str, selection: Selection, rate: float) -> Video:
    paths = matching(pattern)
    pictures = [path for path in paths if is_picture(path)]
    if pictures:
        return Pictures(pictures, pattern, selection, rate)
    if len(paths) > 1:
        raise VideoError(f"{pattern}: matches {len(paths)} files and no picture; videos are read one by one")
    return VideoFile(paths[0], selection)
