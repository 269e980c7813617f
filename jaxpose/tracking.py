"""The contract of every tracker: frames in, people with ids out, in constant memory whatever the video's length.

It stands below the systems (each brings a `Tracker` of its own, or an `Estimator` for the one here) and above
`association`: `FrameTracker` joins any network that finds people in single frames to the baseline tracker of ids, and
lets the host's work on one chunk of frames overlap the device's work on the next.
"""

import abc
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8

from jaxpose.association.identities import IdentityTracker
from jaxpose.records import Frame, People
from jaxpose.skeletons import Skeleton


class Tracker(abc.ABC):
    """People with ids from the frames of one video after another.

    `push` takes a frame and returns the people of the frames that are finished, each frame exactly once and in order:
    a frame's people come at most `delay` pushes later, or with `flush`, which ends the video. After `reset` (or
    `flush`) the tracker behaves as a new one. `track` is a loop over the three.
    """

    skeleton: Skeleton
    delay: int

    @abc.abstractmethod
    def push(self, frame: Frame) -> list[People]:
        """Take the next frame; return the people of the frames finished by now."""

    @abc.abstractmethod
    def flush(self) -> list[People]:
        """Return the people of all frames still in work, and be as new."""

    @abc.abstractmethod
    def reset(self) -> None:
        """Forget the video so far; the next frame starts a new one, and ids start anew."""

    def track(self, frames: Iterable[Frame | UInt8[np.ndarray, "h w 3"]]) -> Iterator[People]:
        """People of every frame of one video, in order.

        Frames are `Frame`s, or bare RGB arrays, which are numbered from 0 and whose times are those numbers.
        """
        self.reset()
        for index, frame in enumerate(frames):
            yield from self.push(frame if isinstance(frame, Frame) else Frame(index, float(index), frame))
        yield from self.flush()


class Estimator(Protocol):
    """Finds people in single frames in two halves, so that the device and the host can work at the same time."""

    skeleton: Skeleton

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], pad_to: int) -> Any:
        """Start the device's work on pictures of one size, without waiting; the batch is padded to `pad_to`."""

    def collect(self, work: Any) -> list[People]:
        """Wait for that work and finish it on the host: the people of each picture, without ids."""


class FrameTracker(Tracker):
    """Any per-frame estimator with the baseline tracker of ids behind it.

    Frames go to the device in chunks of `chunk`; while it works on one chunk, the host finishes the chunk before. With
    `max_people` everybody is tracked, and of each frame the N most prominent are told: those with the highest score
    times the square root of their box (the rule of OpenPose's released program).
    """

    def __init__(
        self,
        estimator: Estimator,
        identities: IdentityTracker,
        *,
        chunk: int = 1,
        max_people: int | None = None,
    ) -> None:
        for name, value in (("chunk", chunk), ("max_people", max_people)):
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}")
        self.skeleton = estimator.skeleton
        self.delay = 2 * chunk - 1 + identities.delay
        self.estimator, self.identities = estimator, identities
        self._chunk, self._max_people = chunk, max_people
        self._waiting: list[Frame] = []
        self._in_work: deque[tuple[list[Frame], Any]] = deque()

    def push(self, frame: Frame) -> list[People]:
        """See `Tracker.push`. The size of frames may change within a video."""
        _check_picture(frame)
        done: list[People] = []
        if self._waiting and frame.image.shape != self._waiting[0].image.shape:
            done += self._advance()
        self._waiting.append(frame)
        if len(self._waiting) == self._chunk:
            done += self._advance()
        return done

    def flush(self) -> list[People]:
        """See `Tracker.flush`."""
        done = self._advance() if self._waiting else []
        while self._in_work:
            done += self._finish()
        return done + self._cut(self.identities.flush())

    def reset(self) -> None:
        """See `Tracker.reset`."""
        self._waiting.clear()
        self._in_work.clear()
        self.identities.reset()

    def _advance(self) -> list[People]:
        """Send the waiting frames to the device, then finish what was sent before them."""
        work = self.estimator.dispatch([frame.image for frame in self._waiting], self._chunk)
        self._in_work.append((self._waiting, work))
        self._waiting = []
        return self._finish() if len(self._in_work) > 1 else []

    def _finish(self) -> list[People]:
        frames, work = self._in_work.popleft()
        done: list[People] = []
        for frame, people in zip(frames, self.estimator.collect(work), strict=True):
            done += self.identities.push(people._replace(frame=frame.number, time=frame.time))
        return self._cut(done)

    def _cut(self, done: list[People]) -> list[People]:
        """The most prominent people of each frame, if there is a limit."""
        if self._max_people is None:
            return done
        prominence = (people.scores * np.sqrt(people.boxes[:, 2] * people.boxes[:, 3]) for people in done)
        return [
            people.select(np.sort(np.argsort(-rank, kind="stable")[: self._max_people]))
            for people, rank in zip(done, prominence, strict=True)
        ]


def _check_picture(frame: Frame) -> None:
    """A floating-point or grey picture would be misread in silence."""
    image = getattr(frame, "image", frame)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        given = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"a frame's picture must be RGB uint8 [h, w, 3], got {given}")
    if not isinstance(frame, Frame):
        raise ValueError("`push` takes a `Frame`; `track` takes bare pictures too")
