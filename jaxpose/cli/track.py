"""`jaxpose track`: videos in, people with ids out, line by line, and if wanted a video that shows them.

Reading (and encoding) run in threads of their own and the tracker overlaps the device with the host, so that the whole
goes hardly slower than the network alone.
"""

import dataclasses
import functools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from jaxpose.association.config import IdentityConfig
from jaxpose.cli.compilation import kept_compilations
from jaxpose.cli.inputs import InputOptions, names, sources
from jaxpose.cli.interrupt import Interrupt
from jaxpose.cli.openpose import OpenPoseOptions
from jaxpose.cli.outputs import TrackOutputOptions, check_distinct
from jaxpose.cli.running import Job, Running, Seen, one_by_one, together
from jaxpose.cli.staf import StafOptions
from jaxpose.cli.topdown import BoxOptions
from jaxpose.errors import JaxposeWarning, OptionError
from jaxpose.weights.default import DEFAULT

if TYPE_CHECKING:
    from jaxpose.video import Video
    from jaxpose.video.sources import Source


@dataclasses.dataclass(frozen=True)
class Track:
    """Find and track the people of videos: a file of them in any format and, with --render, an overlay."""

    # video files, folders or "patterns" of pictures, a camera (0), a stream's address
    inputs: Annotated[Positional[tuple[str, ...]], arg(metavar="INPUT [INPUT ...]")]
    output: TrackOutputOptions
    model: str = DEFAULT  # a name that `jaxpose models` lists; the default is the packaged one that measures best
    size: int = 656  # long side of the network's input in pixels; smaller is faster, larger finds smaller people
    max_people: int | None = None  # tell of the so many most prominent people of a frame at most
    chunk: int = 1  # frames given to the device at a time
    select: Annotated[InputOptions, arg(name="")] = dataclasses.field(default_factory=InputOptions)
    people: Annotated[BoxOptions, arg(name="")] = dataclasses.field(default_factory=BoxOptions)
    identities: IdentityConfig = dataclasses.field(default_factory=IdentityConfig)  # how ids are kept over time
    openpose: OpenPoseOptions = dataclasses.field(default_factory=OpenPoseOptions)  # for OpenPose networks alone
    staf: StafOptions = dataclasses.field(default_factory=StafOptions)  # for STAF's networks alone

    def run(self) -> None:
        """Do it, and say in one line for each input what was seen."""
        for seen in self.track():
            print(seen)

    def track(self) -> Iterator[Seen]:
        """Do it, input by input; whatever stops the run, the frames written until then stay readable."""
        for name in ("size", "max_people", "chunk"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise OptionError(f"--{name.replace('_', '-')} must be at least 1, got {value}")
        self.select.check()
        jobs = self._jobs()
        self.people.check(len(jobs), self.select.region)
        self.staf.check(
            alone=self.select.region is not None or self.max_people is not None or self.people.chosen() != {}
        )
        with Interrupt() as interrupt, kept_compilations():
            from jaxpose import models

            videos = self._open([job.source for job in jobs])
            default = functools.partial(models.default, self.model)
            try:
                tracker = models.load(
                    self.model,
                    size=self.size,
                    max_people=self.max_people,
                    chunk=self.chunk,
                    identities=self.identities,
                    **self.openpose.chosen(default),
                    **self.staf.chosen(default),
                    **self.people.chosen(),
                )
            except ValueError as error:  # an option's value that only the model can judge
                raise OptionError(str(error)) from error
            start = functools.partial(Running, skeleton=tracker.skeleton, config=self._config(), interrupt=interrupt)
            interrupt.check()
            if self.staf.together > 1:
                yield from together(jobs, videos, self.staf.side_by_side(tracker), start, self.staf.together)
            else:
                yield from one_by_one(jobs, videos, self.select.restrict(tracker), start, interrupt)

    def _jobs(self) -> list[Job]:
        """Which input goes where; whatever can be told at once is checked, before any of the slow imports."""
        inputs = sources(self.inputs)
        plans = [self.output.plan()] if len(inputs) == 1 else self.output.plans(names(inputs))
        jobs = [Job(each, plan) for each, plan in zip(inputs, plans, strict=True)]
        for job in jobs:
            check_distinct([*map(Path, self.inputs), *job.plan.files])
        return jobs

    def _open(self, inputs: list["Source"]) -> list["Video"]:
        """All inputs, so that a wrong one is told before any work."""
        videos = [self.select.open(each) for each in inputs]
        for video in videos:
            told = []
            if video.live and len(videos) > 1:
                raise OptionError(f"{video.name}: a camera or stream does not end by itself; give it a run of its own")
            if video.live and self.output.resume:
                raise OptionError(f"{video.name}: --resume goes on with a file; frames of a camera or stream are gone")
            if video.pixel_aspect != 1:
                told.append(f"pixels are {video.pixel_aspect} as wide as high, and places count stored pixels")
            if 0 < (video.frames or 0) < (hits := self.identities.birth_hits):
                told.append(f"an id takes {hits} frames in a row (--identities.birth-hits), and it has {video.frames}")
            if told:
                warnings.warn(f"{video.name}: {'; '.join(told)}", JaxposeWarning, stacklevel=2)
        return videos

    def _config(self) -> dict[str, object]:
        """The settings that decide the result."""
        chosen = dataclasses.asdict(self)
        keys = ["model", "size", "max_people", "chunk", "identities"]
        keys += ["openpose"] if self.openpose != OpenPoseOptions() else []
        keys += ["staf"] if self.staf.deciding else []
        people = {key: str(value) for key, value in self.people.chosen().items()}
        return {key: chosen[key] for key in keys} | people | self.select.chosen()
