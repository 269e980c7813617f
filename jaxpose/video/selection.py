"""Which frames of a source are wanted: from `start` on, up to `stop`, and every so many of them."""

import dataclasses
import re
from typing import NamedTuple

from jaxpose.errors import VideoError

SLACK = 1e-6
"""Seconds by which a time stamp may miss the time that it stands for: containers count in fractions."""


class Moment(NamedTuple):
    """A place in a video: the number of a frame, or a presentation time in seconds."""

    value: float
    seconds: bool

    def reached(self, number: int, time: float) -> bool:
        """Whether a frame lies there or later."""
        return time > self.value - SLACK if self.seconds else number >= self.value

    def __str__(self) -> str:
        return f"{self.value:g}s" if self.seconds else f"{self.value:g}"


def moment(given: int | str) -> Moment:
    """What a person writes: `250` for a frame's number, `"10s"` or `"10.5s"` for a time. `ValueError` for all else."""
    if match := re.fullmatch(r"([0-9]{1,12})|([0-9]{1,12}(?:\.[0-9]{0,12})?)s", str(given)):
        return Moment(float(match[1] or match[2]), match[2] is not None)
    raise ValueError(f"a frame's number such as 250, or seconds such as 10.5s, is needed, got {given}")


BEGINNING = Moment(0, False)


@dataclasses.dataclass(frozen=True)
class Selection:
    """The frames from `start` on, up to but without `stop`, and every `every`-th of them."""

    start: Moment = BEGINNING
    stop: Moment | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"`every` must be at least 1, got {self.every}")
        if self.stop is not None and self.stop.seconds == self.start.seconds and self.stop.value <= self.start.value:
            raise ValueError(f"`stop` must be later than `start` ({self.start}), got {self.stop}")

    def claimed(self, frames: int | None, fps: float) -> int | None:
        """How many are wanted of `frames` at an even rate."""
        if self.stop is not None:
            end = _frame_at(self.stop, fps)
            frames = end if frames is None else min(frames, end)
        if frames is None:
            return None
        return max(0, -(-(frames - _frame_at(self.start, fps)) // self.every))


ALL = Selection()
"""Every frame."""


def _frame_at(place: Moment, fps: float) -> int:
    return round(place.value * fps) if place.seconds else int(place.value)


class Picker:
    """Goes through one reading of the frames, in order, and tells which are wanted."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        start = selection.start
        self.first = None if start.seconds else int(start.value)
        """The number of the first wanted frame (of all, lost or not); None until that is known."""
        self._wanted, self._seen, self._last = 0, 0, 0.0

    def over(self, number: int, time: float) -> bool:
        """Whether neither this frame nor a later one is wanted."""
        stop = self._selection.stop
        return stop is not None and stop.reached(number, time)

    def wants(self, number: int, time: float) -> bool:
        """Whether this frame is."""
        self._seen, self._last = self._seen + 1, time
        if not self._selection.start.reached(number, time):
            return False
        if self.first is None:
            self.first = number
        wanted = (number - self.first) % self._selection.every == 0
        self._wanted += wanted
        return wanted

    def check(self, name: str) -> None:
        """At the end: `VideoError` if no frame was wanted."""
        if self._seen and not self._wanted:
            start, stop = self._selection.start, self._selection.stop
            asked = f"from {start} on" if stop is None else f"from {start} to {stop}"
            raise VideoError(f"{name}: no frame {asked}: {self._seen} were seen, the last at {self._last:.2f}s")
