"""`jaxpose track`: videos in, people with ids out, line by line, and if wanted a video that shows them.

Reading (and encoding) run in threads of their own and the tracker overlaps the device with the host, so that the whole
goes hardly slower than the network alone.
"""

import contextlib
import dataclasses
import functools
import time
import warnings
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from tyro.conf import Positional, arg

from jaxpose.association.config import IdentityConfig
from jaxpose.cli.compilation import kept_compilations
from jaxpose.cli.inputs import InputOptions, names, sources
from jaxpose.cli.interrupt import Interrupt
from jaxpose.cli.openpose import OpenPoseOptions
from jaxpose.cli.outputs import Plan, TrackOutputOptions, check_distinct
from jaxpose.cli.staf import StafOptions
from jaxpose.errors import JaxposeWarning, OptionError
from jaxpose.weights.default import DEFAULT

if TYPE_CHECKING:
    from jaxpose.records import Frame, People
    from jaxpose.tracking import Tracker
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
    identities: IdentityConfig = dataclasses.field(default_factory=IdentityConfig)  # how ids are kept over time
    openpose: OpenPoseOptions = dataclasses.field(default_factory=OpenPoseOptions)  # for OpenPose networks alone
    staf: StafOptions = dataclasses.field(default_factory=StafOptions)  # for STAF's networks alone

    def run(self) -> None:
        """Do it, and say in one line for each input what was seen."""
        for seen in self.track():
            print(seen)

    def track(self) -> Iterator["Seen"]:
        """Do it, input by input; whatever stops the run, the frames written until then stay readable."""
        for name in ("size", "max_people", "chunk"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise OptionError(f"--{name.replace('_', '-')} must be at least 1, got {value}")
        self.select.check()
        jobs = self._jobs()
        with Interrupt() as interrupt, kept_compilations():
            from jaxpose import models
            from jaxpose.video.live import LiveVideo

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
                )
            except ValueError as error:  # an option's value that only the model can judge
                raise OptionError(str(error)) from error
            tracker = self.select.restrict(tracker)
            interrupt.check()
            for job, video in zip(jobs, videos, strict=True):
                with video:
                    if isinstance(video, LiveVideo):
                        interrupt.instead = video.end  # Ctrl-C is how such an input ends
                    yield self._track(job, video, tracker, interrupt)

    def _jobs(self) -> list["_Job"]:
        """Which input goes where; whatever can be told at once is checked, before any of the slow imports."""
        inputs = sources(self.inputs)
        plans = [self.output.plan()] if len(inputs) == 1 else self.output.plans(names(inputs))
        jobs = [_Job(each, plan) for each, plan in zip(inputs, plans, strict=True)]
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

    def _track(self, job: "_Job", source: "Video", tracker: "Tracker", interrupt: Interrupt) -> "Seen":
        from tqdm import tqdm

        from jaxpose.cli.sink import Sink, picture_names

        seen = Seen(job.plan.files)
        bar = tqdm(total=source.frames, unit="frame", disable=None)
        try:
            with contextlib.ExitStack() as stack:
                sink = stack.enter_context(
                    Sink(
                        job.plan,
                        tracker.skeleton,
                        source=source.name,
                        config=self._config(),
                        fps=source.fps / source.every,
                        name_of=picture_names(source),
                    )
                )
                frames = sink.remember(_until(interrupt, source))
                stack.enter_context(contextlib.closing(frames))  # ends the reading thread, whatever ends the run
                stack.enter_context(bar)
                for people in tracker.track(frames):
                    sink.add(people)
                    seen.add(people)
                    bar.set_postfix(people=people.total, refresh=False)
                    bar.update()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped; {job.plan.out} holds {seen.frames} frames") from None
        return seen

    def _config(self) -> dict[str, object]:
        """The settings that decide the result."""
        chosen = dataclasses.asdict(self)
        keys = ["model", "size", "max_people", "chunk", "identities"]
        keys += [name for name in ("openpose", "staf") if getattr(self, name) != type(getattr(self, name))()]
        return {key: chosen[key] for key in keys} | self.select.chosen()


class _Job(NamedTuple):
    """One input and where its results go."""

    source: "Source"
    plan: Plan


class Seen:
    """What of an input has been told so far, in numbers."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.frames = 0
        self.most = 0  # people in a frame
        self.ids: set[int] = set()
        self._start = time.perf_counter()
        self._first = self._last = self._start  # when the first and the last frame's people were told

    def add(self, people: "People") -> None:
        """Count a frame."""
        self._last = time.perf_counter()
        self._first = self._last if self.frames == 0 else self._first
        self.frames += 1
        self.most = max(self.most, people.total)
        self.ids.update(people.ids.tolist())

    @property
    def wait(self) -> float:
        """Seconds until the first frame's people: mostly the network's compilation."""
        return self._first - self._start

    @property
    def rate(self) -> float:
        """Frames a second after the first."""
        return (self.frames - 1) / max(self._last - self._first, 1e-9)

    def __str__(self) -> str:
        seconds = time.perf_counter() - self._start
        numbers = f"{self.frames} frames in {seconds:.1f} s, {len(self.ids)} ids, at most {self.most} people in a frame"
        return f"{numbers}: {', '.join(map(str, self.files))}"


def _until(interrupt: Interrupt, frames: Iterable["Frame"]) -> Generator["Frame", None, None]:
    """The frames, until Ctrl-C is pressed."""
    for frame in frames:
        interrupt.check()
        yield frame
