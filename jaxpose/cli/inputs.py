"""What is looked at: the inputs of a command, and the options that choose frames and a part of their pictures."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxpose.errors import OptionError

if TYPE_CHECKING:
    from jaxpose.tracking import Tracker
    from jaxpose.video import Video
    from jaxpose.video.sources import Source

MOMENT = re.compile(r"[0-9]+|[0-9]+(\.[0-9]*)?s")
REGION = re.compile(r"([0-9]{1,9}),([0-9]{1,9}),([0-9]{1,9}),([0-9]{1,9})")


@dataclasses.dataclass(frozen=True)
class InputOptions:
    """Which frames, and which part of them."""

    start: str = "0"  # the first frame, by number (250) or time (10.5s)
    stop: str | None = None  # the frame to stop before, likewise
    every: int = 1  # look at every so many-th frame only; the others are not in the result
    region: str | None = None  # x,y,width,height in pixels: look at this part only; the result counts whole pictures
    fps: float | None = None  # pictures a second, where the input is pictures (25 if not given)

    def check(self) -> None:
        """`OptionError` for whatever can be told without the input."""
        for name, given in (("start", self.start), ("stop", self.stop)):
            if given is not None and not MOMENT.fullmatch(given):
                raise OptionError(f"--{name} must be a frame's number (250) or a time (10.5s), got {given}")
        if self.every < 1:
            raise OptionError(f"--every must be at least 1, got {self.every}")
        if self.region is not None and not (REGION.fullmatch(self.region) and min(self._region()[2:]) > 0):
            raise OptionError(f"--region must be x,y,width,height in pixels, such as 0,100,640,360, got {self.region}")

    def open(self, source: "Source") -> "Video":
        """The wanted frames of an input; `VideoError` if it cannot be read, `OptionError` if an option does not fit."""
        from jaxpose import video

        try:
            return video.read(source, start=self.start, stop=self.stop, every=self.every, fps=self.fps)
        except ValueError as error:
            raise OptionError(str(error)) from error

    def restrict(self, tracker: "Tracker") -> "Tracker":
        """The tracker, looking at the chosen region only."""
        from jaxpose.tracking import RegionTracker

        return tracker if self.region is None else RegionTracker(tracker, self._region())

    def chosen(self) -> dict[str, object]:
        """What differs from the defaults: it decides the result."""
        fields = dataclasses.fields(self)
        return {field.name: value for field in fields if (value := getattr(self, field.name)) != field.default}

    def _region(self) -> tuple[int, int, int, int]:
        x, y, width, height = (int(number) for number in str(self.region).split(","))
        return x, y, width, height


def sources(inputs: Sequence[str]) -> list["Source"]:
    """The videos that the inputs are: each is one, but pictures named one by one are one together, in natural order."""
    if not inputs:
        raise OptionError("an input is needed: a video file, a folder or pattern of pictures, a camera or an address")
    if len(inputs) > 1:
        from jaxpose.video.picture import SUFFIXES
        from jaxpose.video.pictures import natural

        paths = [Path(each) for each in inputs]
        if all(path.suffix.lower() in SUFFIXES and not path.is_dir() for path in paths):
            paths.sort(key=natural)
            return [paths]
    return list(inputs)


def names(inputs: Sequence["Source"]) -> list[str]:
    """What the results of several inputs are called; `OptionError` if two would have the same name."""
    found: dict[str, Source] = {}
    for each in inputs:
        name = Path(str(each)).stem or "result"
        if name in found:
            raise OptionError(f"{found[name]} and {each}: two inputs of one name; track them in two runs")
        found[name] = each
    return list(found)
