"""Writes what was drawn, frame by frame: H.264 that browsers play, encoded in a thread of its own, or pictures."""

import os
import queue
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from jaxtyping import UInt8

from jaxpose.errors import OutputError, writing
from jaxpose.records import Frame

SUFFIXES = (".mp4", ".mov", ".mkv")
"""Containers that H.264 is written to."""

OPTIONS = {"preset": "superfast", "crf": "23"}
"""x264's own: on two cores 720p at 60 frames a second (`veryfast`: 40, in files 40 % smaller)."""

TICKS = 90_000
"""Time stamps are counted in this part of a second, so that frames of uneven length keep their times."""

QUALITY = 92
"""Of JPEGs, in percent."""

QUEUE = 4
"""Frames that wait for the encoder at most; then `add` waits."""

BT709 = 1
"""The number of BT.709 among FFmpeg's primaries and transfer curves: what players expect of untold HD video."""


class VideoWriter:
    """A video file being written; a context manager. However early it is closed, the file can be played.

    The first frame fixes the size (an odd side grows by one pixel, as H.264 needs even ones). `fps` is what the file
    states as its rate; each frame is shown at its own `time`.
    """

    def __init__(self, path: str | os.PathLike[str], fps: float) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise OutputError(f"{path}: a video's name must end in one of {', '.join(SUFFIXES)}")
        try:
            self.path.open("wb").close()  # FFmpeg itself would notice only at the first frame
            options = {} if self.path.suffix.lower() == ".mkv" else {"movflags": "+faststart"}
            self._container: OutputContainer = av.open(f"file:{self.path}", "w", options=options)
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        self._fps = Fraction(fps).limit_denominator(1001)
        self._queue: queue.Queue[Frame | None] = queue.Queue(QUEUE)
        self._error: Exception | None = None
        self._shape: tuple[int, ...] | None = None
        self._thread = threading.Thread(target=self._work, name="jaxpose-encode", daemon=True)
        self._thread.start()

    def add(self, frame: Frame) -> None:
        """Append a frame; `OutputError` if the file cannot be written or the picture's size is not the first's."""
        self._shape = self._shape or frame.image.shape
        if frame.image.shape != self._shape:
            (h, w, _), (new_h, new_w, _) = self._shape, frame.image.shape
            change = f"frame {frame.number} is {new_w}x{new_h} after {w}x{h}"
            raise OutputError(f"{self.path}: all pictures of a video must have one size, but {change}")
        self._queue.put(frame)
        self._check()

    def close(self) -> None:
        """Encode what still waits and finish the file; without a single frame there will be no file."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self._check()
        if self._shape is None:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            reason = getattr(error, "strerror", None) or error  # FFmpeg's text has its log in it, of many lines
            raise OutputError(f"{self.path}: cannot be written ({reason})") from error

    def _work(self) -> None:
        """The thread: encodes until None comes; after an error it only empties the queue, so that `add` never hangs."""
        frames = iter(self._queue.get, None)  # once at its end it stays there: an error may also come after the None
        try:
            self._encode(frames)
        except Exception as error:
            self._error = error
            for _ in frames:
                pass

    def _encode(self, frames: Iterator[Frame]) -> None:
        stream: VideoStream | None = None
        last = -1
        with self._container as container:
            for frame in frames:
                image = _even(frame.image)
                if stream is None:
                    stream = self._add_stream(image.shape[1], image.shape[0])
                picture = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                    format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
                last = max(last + 1, round(frame.time * TICKS))  # times of a damaged source may repeat
                picture.pts, picture.time_base = last, Fraction(1, TICKS)
                container.mux(stream.encode(picture))
            if stream is not None:
                container.mux(stream.encode(None))

    def _add_stream(self, width: int, height: int) -> VideoStream:
        stream: VideoStream = self._container.add_stream("libx264", rate=self._fps, options=dict(OPTIONS))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.time_base = stream.time_base = Fraction(1, TICKS)
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.color_range = ColorRange.MPEG
        return stream


class PictureWriter:
    """A folder of JPEGs being written, one for each frame; the folder is made if it is not there."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder)
        with writing(self.path):
            self.path.mkdir(exist_ok=True)

    def add(self, frame: Frame, name: str | None = None) -> None:
        """Write a frame as `000000000012.jpg`, or under a picture's name; `OutputError` if that cannot be done."""
        path = self.path / (f"{frame.number:012d}.jpg" if name is None else f"{Path(name).stem}.jpg")
        quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR), quality)
        with writing(path):
            path.write_bytes(data.tobytes())

    def close(self) -> None:
        """Every picture was finished when it was added."""


def write(path: str | os.PathLike[str], fps: float) -> VideoWriter:
    """Start a video file (.mp4, .mov or .mkv; an existing one is replaced); `add` frames to it, then `close`.

    Raises `OutputError` if it cannot be written.
    """
    return VideoWriter(path, fps)


def _even(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "H W 3"]:
    """The picture with its last row or column repeated where a side is odd."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), "edge") if height % 2 or width % 2 else image
