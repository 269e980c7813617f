"""Reads video files: frames in order with their presentation times, and an honest account of what is damaged.

PyAV rather than OpenCV's capture: that one stops at the first damaged packet as if the video ended there, and cannot
tell a cut file from a whole one. (On 720p H.264 both decode at the same rate, to identical pictures.) Frame-parallel
decoding stays off: it reports an error several packets late, which would put the blame on the wrong frame.
"""

import os
import warnings
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from jaxpose.errors import JaxposeWarning, LostFramesWarning, VideoError
from jaxpose.records import Frame
from jaxpose.video.ahead import ahead
from jaxpose.video.damage import Account, Damage

READ_AHEAD = 4
"""Decoded frames that wait for the consumer at most."""

TEXT_CODECS = frozenset({"ansi", "bintext", "xbin", "idf"})
"""Decoders that draw text files as pictures: any text file would pass for a video."""


class Video:
    """A video file; iterating over it reads its frames from the first, as often as one likes.

    `width` and `height` are those of the pictures as shown (a phone's rotation applied), `fps` the average rate.
    `frames` is how many the file claims to hold, None where it does not tell; only reading shows how many there are.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open and check the file; `VideoError` if it is missing, is no video or holds no readable frame."""
        self.path = Path(path)
        with closing(_open(self.path)) as container:
            stream = _video_stream(self.path, container)
            self.fps = _rate(stream)
            self.frames = _claimed_frames(container, stream)
        with closing(_decode(self.path, Damage())) as frames:
            first = next(frames, None)
        if first is None:
            raise VideoError(f"{self.path}: the video holds no frame that can be read")
        self.height, self.width = first.image.shape[:2]

    def __iter__(self) -> Iterator[Frame]:
        """The frames in order, read ahead by a thread.

        A frame that cannot be decoded is left out and the indices count on; a file that ends early gives the frames up
        to there. Either is told in one `JaxposeWarning` after the last frame (`LostFramesWarning` for the first).
        """
        damage = Damage()
        yield from ahead(_decode(self.path, damage), READ_AHEAD)
        if told := damage.describe():
            category = LostFramesWarning if damage.lost.count and not damage.cut else JaxposeWarning
            warnings.warn(f"{self.path}: {told}", category, stacklevel=2)


def read(path: str | os.PathLike[str]) -> Video:
    """A video file's frames as an iterable of `Frame` (RGB, index from 0, time in seconds).

    Raises `VideoError` if the file is missing, is no video or holds no readable frame.
    """
    return Video(path)


def _open(path: Path) -> InputContainer:
    if not path.exists():
        raise VideoError(f"{path}: no such file")
    if path.is_dir():
        raise VideoError(f"{path}: a folder, not a video file")
    try:  # without `file:` a name with a colon would be taken for a network address
        return av.open(f"file:{path}", "r")
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(f"{path}: not a video that can be read ({reason})") from error


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        codec = stream.codec_context
        if codec is not None and codec.name not in TEXT_CODECS:
            stream.thread_type = "SLICE"
            return stream
    raise VideoError(f"{path}: not a video that can be read (no video stream in it)")


def _rate(stream: VideoStream) -> float:
    return float(stream.average_rate or stream.guessed_rate or 25)


def _claimed_frames(container: InputContainer, stream: VideoStream) -> int | None:
    """The count that the header gives, else one from the duration."""
    if stream.frames:
        return stream.frames
    return round(container.duration / av.time_base * _rate(stream)) if container.duration else None


def _decode(path: Path, damage: Damage) -> Generator[Frame, None, None]:
    """All frames that can be decoded; what is wrong goes to `damage`."""
    with closing(_open(path)) as container:
        stream = _video_stream(path, container)
        start = (container.start_time or 0) / av.time_base
        packets, account = container.demux(stream), Account(damage)
        packets_read, time = 0, -1 / _rate(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                damage.cut = f"reading stopped after {packets_read} frames ({error.strerror})"
                break
            if packet is None:
                break
            if packet.size > 0:
                packets_read += 1
                account.read(packet)
            try:
                pictures = packet.decode()
            except av.FFmpegError:
                account.failed(packet)
                continue
            for picture in pictures:
                if (index := account.index(picture)) is not None:
                    time = time + 1 / _rate(stream) if picture.time is None else picture.time - start
                    yield Frame(index, time, _rgb(picture))
        account.end()
        damage.cut = damage.cut or _cut_short(container, stream, packets_read, time)


def _cut_short(container: InputContainer, stream: VideoStream, packets_read: int, last: float) -> str:
    """In words, if the file claims more frames or, where it is the only stream, half a second more than there are."""
    if packets_read < stream.frames:
        return f"the file ends early, after {packets_read} of {stream.frames} frames"
    duration = (container.duration or 0) / av.time_base
    if not stream.frames and len(container.streams) == 1 and last + 0.5 < duration:
        return f"the file ends early, after {last:.1f} of {duration:.1f} seconds"
    return ""


def _rgb(picture: VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
    """The picture upright in RGB."""
    image = picture.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, picture.rotation // 90)) if picture.rotation else image
