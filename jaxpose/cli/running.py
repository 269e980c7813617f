"""An input being tracked: its frames on their way to a tracker, its people on theirs to the files, and what was seen.

`one_by_one` and `together` are the two ways to go through several inputs.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxpose.cli.interrupt import Interrupt
from jaxpose.cli.outputs import Plan

if TYPE_CHECKING:
    from jaxpose.records import Frame, People
    from jaxpose.skeletons import Skeleton
    from jaxpose.systems.staf.estimator import StafTracker
    from jaxpose.tracking import Tracker
    from jaxpose.video import Video
    from jaxpose.video.sources import Source


class Job(NamedTuple):
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


class Running:
    """An input in work; a context manager, which finishes its files and ends its reading, whatever ends the run.

    `frames` are for the tracker, and what it tells of them comes to `add` in the same order. `config` are the settings
    that are written into the result.
    """

    def __init__(
        self, job: Job, video: "Video", skeleton: "Skeleton", config: Mapping[str, Any], interrupt: Interrupt
    ) -> None:
        from jaxpose.cli.sink import Sink, picture_names

        self.seen = Seen(job.plan.files)
        self._out, self._given, self._read = job.plan.out, 0, False
        with contextlib.ExitStack() as stack:
            stack.enter_context(video)
            self._sink = stack.enter_context(
                Sink(
                    job.plan,
                    skeleton,
                    source=video.name,
                    config=config,
                    fps=video.fps / video.every,
                    name_of=picture_names(video),
                )
            )
            self.frames = self._sink.remember(self._frames(video, interrupt))
            stack.enter_context(contextlib.closing(self.frames))  # ends the reading thread
            self._stack = stack.pop_all()

    def add(self, people: "People") -> None:
        """Write and draw what was found in the next frame."""
        self._sink.add(people)
        self.seen.add(people)

    @property
    def finished(self) -> bool:
        """Whether the last frame's people are written."""
        return self._read and self.seen.frames == self._given

    @property
    def told(self) -> str:
        """What a stopped run leaves."""
        return f"{self._out} holds {self.seen.frames} frames"

    def _frames(self, video: Iterable["Frame"], interrupt: Interrupt) -> Generator["Frame", None, None]:
        """The frames, until Ctrl-C is pressed."""
        for frame in video:
            interrupt.check()
            self._given += 1
            yield frame
        self._read = True

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()


Start = Callable[[Job, "Video"], Running]
"""Begins with an input."""


def one_by_one(
    jobs: Sequence[Job], videos: Sequence["Video"], tracker: "Tracker", start: Start, interrupt: Interrupt
) -> Iterator[Seen]:
    """Track one input after the other; what was seen of each, when it is done."""
    from tqdm import tqdm

    from jaxpose.video.live import LiveVideo

    for job, video in zip(jobs, videos, strict=True):
        if isinstance(video, LiveVideo):
            interrupt.instead = video.end  # Ctrl-C is how such an input ends
        bar = tqdm(total=video.frames, unit="frame", disable=None)
        with start(job, video) as running, bar:
            try:
                for people in tracker.track(running.frames):
                    running.add(people)
                    bar.set_postfix(people=people.total, refresh=False)
                    bar.update()
            except KeyboardInterrupt:
                raise KeyboardInterrupt(f"stopped; {running.told}") from None
        yield running.seen


def together(
    jobs: Sequence[Job], videos: Sequence["Video"], tracker: "StafTracker", start: Start, most: int
) -> Iterator[Seen]:
    """Track up to `most` inputs side by side; what was seen of each, when it is done.

    Side by side are those that fit the same input of the network; the next such group follows when one is done.
    """
    from tqdm import tqdm

    groups: dict[tuple[int, int], list[int]] = {}
    for number, video in enumerate(videos):
        groups.setdefault(tracker.input_size(video.width, video.height), []).append(number)
    frames = [video.frames for video in videos]
    bar = tqdm(total=None if None in frames else sum(filter(None, frames)), unit="frame", disable=None)
    with bar:
        for group in groups.values():
            yield from _side_by_side([(jobs[number], videos[number]) for number in group], tracker, start, most, bar)


def _side_by_side(
    inputs: Sequence[tuple[Job, "Video"]], tracker: "StafTracker", start: Start, most: int, bar: Any
) -> Iterator[Seen]:
    running: dict[int, Running] = {}
    with contextlib.ExitStack() as stack:

        def begun() -> Iterator[Iterable["Frame"]]:
            for place, each in enumerate(inputs):
                running[place] = stack.enter_context(start(*each))
                yield running[place].frames

        try:
            for place, people in tracker.lanes(min(most, len(inputs))).track(begun()):
                running[place].add(people)
                bar.update()
                if running[place].finished:
                    with running.pop(place) as done:
                        pass
                    yield done.seen
        except KeyboardInterrupt:
            told = "; ".join(one.told for one in running.values())
            raise KeyboardInterrupt(f"stopped; {told}") from None
    for one in running.values():  # without any frame
        yield one.seen
