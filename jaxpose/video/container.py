"""Opens what FFmpeg can read, a file, an address or a camera, and finds the pictures in it.

PyAV rather than OpenCV's capture: that one stops at the first damaged packet as if the video ended there, and cannot
tell a cut file from a whole one. (On 720p H.264 both decode at the same rate, to identical pictures.) Frame-parallel
decoding stays off: it reports an error several packets late, which would put the blame on the wrong frame.
"""

import os
import re
from collections.abc import Generator, Mapping

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from jaxpose.errors import VideoError

PATIENCE = 10.0
"""Seconds to wait for a connection, and for each piece of a stream."""

TEXT_CODECS = frozenset({"ansi", "bintext", "xbin", "idf"})
"""Decoders that draw text files as pictures: any text file would pass for a video."""

LARGEST = 2**28
"""Pixels of a picture at most, eight times those of 8K: a damaged header may ask for any amount of memory."""

FALLBACK_RATE = 25.0
"""Frames a second where a source tells none."""


def is_address(source: str | os.PathLike[str]) -> bool:
    """Whether this is the address of a stream and not a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", os.fspath(source)) is not None


def shown(source: str | os.PathLike[str]) -> str:
    """A path or an address as messages and results may show it: without a password."""
    text = os.fspath(source)
    return re.sub(r"^([^/]*://)[^/@]*@", r"\1", text) if is_address(text) else text


def open_container(
    source: str | os.PathLike[str], format: str | None = None, options: Mapping[str, str] | None = None
) -> InputContainer:
    """Open a file, an address or (of that FFmpeg format) a device; `VideoError` if it cannot be opened or is none."""
    local = format is None and not is_address(source)
    if local:
        if not os.path.exists(source):
            raise VideoError(f"{source}: no such file")
        if os.path.isdir(source):
            raise VideoError(f"{source}: a folder, not a video file")
        if not os.path.isfile(source):
            raise VideoError(f"{source}: a pipe or device, which cannot be read twice; write it to a file first")
    try:  # without `file:` a name with a colon would be taken for an address
        return av.open(
            f"file:{os.fspath(source)}" if local else os.fspath(source),
            "r",
            format=format,
            options=dict(options or {}),
            timeout=None if local else PATIENCE,
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        what = "not a video that can be read" if local else "cannot be opened"
        raise VideoError(f"{shown(source)}: {what} ({reason(error)})") from error


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The first stream of pictures, ready to be decoded; `VideoError` if there is none."""
    for stream in container.streams.video:
        codec = stream.codec_context
        if codec is not None and codec.name not in TEXT_CODECS:
            stream.thread_type = "SLICE"
            codec.options = {"max_pixels": str(LARGEST)}
            return stream
    raise VideoError(f"{name}: not a video that can be read (no video stream in it)")


def packets(container: InputContainer, stream: VideoStream) -> Generator["Packet[VideoStream]", None, None]:
    """What is to be decoded, in order; `av.FFmpegError` where reading breaks off."""
    some = container.demux(stream)
    while True:
        try:
            packet = next(some, None)
        except IndexError:  # PyAV came upon a stream that began in the middle, and gave up; what follows can be read
            some = container.demux(stream)
            continue
        if packet is None:
            return
        yield packet


def rate(stream: VideoStream) -> float:
    """Frames a second, on average."""
    return float(stream.average_rate or stream.guessed_rate or FALLBACK_RATE)


def reason(error: Exception) -> str:
    """What FFmpeg or the system says of an error, in a few words."""
    if isinstance(error, av.error.ExitError):
        return f"nothing came for {PATIENCE:g} s"
    return getattr(error, "strerror", None) or " ".join(str(error).split())
