"""Single frames through a network that finds people in them: the device works on some while the host ends others.

An `Estimator` is such a network with its decoding, in two halves; each system of single pictures brings one. `Pipeline`
runs a video's frames through it in chunks; what needs more than the pictures is `Chunked` in its own way. Behind these
stand `tracking.FrameTracker`, which gives the people ids, and `detection.FrameDetector`, which keeps their boxes.
"""

import abc
import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from jaxtyping import UInt8

from jaxpose.errors import NonFiniteError
from jaxpose.records import Boxes, Frame, People
from jaxpose.skeletons import Skeleton

LARGEST_CHUNK = 1024
"""Frames that are held in memory at a time, with room to spare for any device."""


T = TypeVar("T", People, Boxes)


class Halves(Protocol[T]):
    """Finds something in single frames in two halves, so that the device and the host can work at the same time."""

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], pad_to: int) -> Any:
        """Start the device's work on pictures of one size, without waiting; the batch is padded to `pad_to`."""

    def collect(self, work: Any) -> list[T]:
        """Wait for that work and finish it on the host: what was found in each picture, without ids."""


class Estimator(Halves[People], Protocol):
    """Finds people in single frames."""

    skeleton: Skeleton


class Chunked(abc.ABC, Generic[T]):
    """A video's frames through what works on some of them at a time, in order and in constant memory.

    Frames go to the device in chunks of `chunk`; while it works on one chunk, the host finishes the chunk before. So
    what is found in a frame comes at most `delay` pushes later, or with `flush`, and never with the push of the frame
    itself.
    """

    def __init__(self, chunk: int = 1) -> None:
        """`ValueError` for a chunk that is out of its range."""
        check_chunk(chunk)
        self.delay = 2 * chunk - 1
        self._chunk = chunk
        self._waiting: list[Frame] = []
        self._in_work: deque[tuple[list[Frame], Any]] = deque()

    @abc.abstractmethod
    def send(self, frames: Sequence[Frame], pad_to: int) -> Any:
        """Start the device's work on frames of one size, without waiting; the batch is padded to `pad_to`."""

    @abc.abstractmethod
    def receive(self, work: Any) -> list[T]:
        """Wait for that work and finish it on the host: what was found in each frame."""

    def push(self, frame: Frame) -> list[T]:
        """Take the next frame, whose size may differ from the last one's; return what was found in those finished.

        It has the frames' numbers and times. `ValueError` if the picture is not RGB uint8.
        """
        check_picture(frame)
        done: list[T] = []
        if self._waiting and frame.image.shape != self._waiting[0].image.shape:
            done += self._advance()
        self._waiting.append(frame)
        if len(self._waiting) == self._chunk:
            done += self._advance()
        return done

    def flush(self) -> list[T]:
        """Return what was found in all frames still in work, and be as new."""
        done = self._advance() if self._waiting else []
        while self._in_work:
            done += self._finish()
        return done

    def reset(self) -> None:
        """Forget the frames still in work."""
        self._waiting.clear()
        self._in_work.clear()

    def _advance(self) -> list[T]:
        """Send the waiting frames to the device, then finish what was sent before them."""
        with _about(self._waiting):
            self._in_work.append((self._waiting, self.send(self._waiting, self._chunk)))
        self._waiting = []
        return self._finish() if len(self._in_work) > 1 else []

    def _finish(self) -> list[T]:
        frames, work = self._in_work.popleft()
        with _about(frames):
            received = self.receive(work)
        return [
            found._replace(frame=frame.number, time=frame.time) for frame, found in zip(frames, received, strict=True)
        ]


class Pipeline(Chunked[T]):
    """A video's frames through an estimator: the people of each, without ids; or what else two such halves find."""

    def __init__(self, estimator: Halves[T], chunk: int = 1) -> None:
        """`ValueError` for a chunk that is out of its range."""
        super().__init__(chunk)
        self._estimator: Halves[T] = estimator

    def send(self, frames: Sequence[Frame], pad_to: int) -> Any:
        """See `Chunked.send`."""
        return self._estimator.dispatch([frame.image for frame in frames], pad_to)

    def receive(self, work: Any) -> list[T]:
        """See `Chunked.receive`."""
        return self._estimator.collect(work)


@contextlib.contextmanager
def _about(frames: Sequence[Frame]) -> Iterator[None]:
    """Tells with an error in which frames a number was not finite."""
    try:
        yield
    except NonFiniteError as error:
        first, last = frames[0].number, frames[-1].number
        where = f"frame {first}" if first == last else f"frames {first} to {last}"
        raise NonFiniteError(f"{where}: {error}") from error


def check_chunk(chunk: int) -> None:
    """`ValueError` for a chunk below 1 or above `LARGEST_CHUNK`."""
    if chunk < 1:
        raise ValueError(f"`chunk` must be at least 1, got {chunk}")
    if chunk > LARGEST_CHUNK:
        raise ValueError(f"`chunk` must be at most {LARGEST_CHUNK}, got {chunk}")


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
