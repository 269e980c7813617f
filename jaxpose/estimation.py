"""Single frames through a network that finds people in them: the device works on some while the host ends others.

An `Estimator` is such a network with its decoding, in two halves; each system of single pictures brings one. `Pipeline`
runs a video's frames through it in chunks. Behind it stand `tracking.FrameTracker`, which gives the people ids, and
`detection.PeopleDetector`, which keeps their boxes.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8

from jaxpose.records import Frame, People
from jaxpose.skeletons import Skeleton

LARGEST_CHUNK = 1024
"""Frames that are held in memory at a time, with room to spare for any device."""


class Estimator(Protocol):
    """Finds people in single frames in two halves, so that the device and the host can work at the same time."""

    skeleton: Skeleton

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], pad_to: int) -> Any:
        """Start the device's work on pictures of one size, without waiting; the batch is padded to `pad_to`."""

    def collect(self, work: Any) -> list[People]:
        """Wait for that work and finish it on the host: the people of each picture, without ids."""


class Pipeline:
    """A video's frames through an estimator, in order and in constant memory.

    Frames go to the device in chunks of `chunk`; while it works on one chunk, the host finishes the chunk before. So a
    frame's people come at most `delay` pushes later, or with `flush`, and never with the push of the frame itself.
    """

    def __init__(self, estimator: Estimator, chunk: int = 1) -> None:
        """`ValueError` for a chunk below 1 or above `LARGEST_CHUNK`."""
        if chunk < 1:
            raise ValueError(f"`chunk` must be at least 1, got {chunk}")
        if chunk > LARGEST_CHUNK:
            raise ValueError(f"`chunk` must be at most {LARGEST_CHUNK}, got {chunk}")
        self.delay = 2 * chunk - 1
        self._estimator, self._chunk = estimator, chunk
        self._waiting: list[Frame] = []
        self._in_work: deque[tuple[list[Frame], Any]] = deque()

    def push(self, frame: Frame) -> list[People]:
        """Take the next frame, whose size may differ from the last one's; return the people of the frames finished.

        They have their frames' numbers and times, and no ids. `ValueError` if the picture is not RGB uint8.
        """
        check_picture(frame)
        done: list[People] = []
        if self._waiting and frame.image.shape != self._waiting[0].image.shape:
            done += self._advance()
        self._waiting.append(frame)
        if len(self._waiting) == self._chunk:
            done += self._advance()
        return done

    def flush(self) -> list[People]:
        """Return the people of all frames still in work, and be as new."""
        done = self._advance() if self._waiting else []
        while self._in_work:
            done += self._finish()
        return done

    def reset(self) -> None:
        """Forget the frames still in work."""
        self._waiting.clear()
        self._in_work.clear()

    def _advance(self) -> list[People]:
        """Send the waiting frames to the device, then finish what was sent before them."""
        work = self._estimator.dispatch([frame.image for frame in self._waiting], self._chunk)
        self._in_work.append((self._waiting, work))
        self._waiting = []
        return self._finish() if len(self._in_work) > 1 else []

    def _finish(self) -> list[People]:
        frames, work = self._in_work.popleft()
        return [
            people._replace(frame=frame.number, time=frame.time)
            for frame, people in zip(frames, self._estimator.collect(work), strict=True)
        ]


def numbered(frames: Iterable[Frame | UInt8[np.ndarray, "h w 3"]]) -> Iterator[Frame]:
    """`Frame`s as they are; bare RGB arrays are numbered from 0, and their times are those numbers."""
    for index, frame in enumerate(frames):
        yield frame if isinstance(frame, Frame) else Frame(index, float(index), frame)


def check_picture(frame: Frame) -> None:
    """`ValueError` for what is no frame: a floating-point or grey picture would be misread in silence."""
    image = getattr(frame, "image", frame)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        given = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"a frame's picture must be RGB uint8 [h, w, 3], got {given}")
    if not isinstance(frame, Frame):
        raise ValueError("`push` takes a `Frame`; `track` takes bare pictures too")
