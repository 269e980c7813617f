"""`jaxpose track`: a video in, people with ids out, line by line, and if wanted a video that shows them.

Reading (and encoding) run in threads of their own and the tracker overlaps the device with the host, so that the whole
goes hardly slower than the network alone.
"""

import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from jaxpose.association.config import IdentityConfig
from jaxpose.cli.compilation import kept_compilations
from jaxpose.cli.interrupt import Interrupt
from jaxpose.cli.openpose import OpenPoseOptions
from jaxpose.cli.outputs import check_distinct, check_output
from jaxpose.errors import OptionError
from jaxpose.weights.default import DEFAULT

if TYPE_CHECKING:
    from jaxpose.records import Frame, People
    from jaxpose.tracking import Tracker
    from jaxpose.video import Video

TRAIL_SECONDS = 1.5

CONTAINERS = (".mp4", ".mov", ".mkv")
"""Those of `video.writer`, which is too slow to import before the options are checked."""


@dataclasses.dataclass(frozen=True)
class Track:
    """Find and track the people of a video: a line of JSON for each frame and, with --render, an overlay."""

    input: Annotated[Positional[Path], arg(metavar="INPUT")]  # the video file
    out: Path  # the result, a .jsonl file
    model: str = DEFAULT  # a name that `jaxpose models` lists; the default is the packaged one that measures best
    render: Path | None = None  # an H.264 video of the people drawn on the input (.mp4, .mov, .mkv)
    size: int = 656  # long side of the network's input in pixels; smaller is faster, larger finds smaller people
    max_people: int | None = None  # tell of the so many most prominent people of a frame at most
    chunk: int = 1  # frames given to the device at a time
    overwrite: FlagCreatePairsOff[bool] = False  # replace existing outputs
    identities: IdentityConfig = dataclasses.field(default_factory=IdentityConfig)  # how ids are kept over time
    openpose: OpenPoseOptions = dataclasses.field(default_factory=OpenPoseOptions)  # for OpenPose networks alone

    def run(self) -> None:
        """Do it, and say in one line what was seen."""
        seen = self.track()
        files = ", ".join(str(file) for file in (self.out, self.render) if file is not None)
        print(f"{seen}: {files}")

    def track(self) -> "Seen":
        """Do it; whatever stops the run, the frames written until then stay readable."""
        self._check_options()
        with Interrupt() as interrupt, kept_compilations():
            from jaxpose import video
            from jaxpose.models import load

            source = video.read(self.input)
            try:
                tracker = load(
                    self.model,
                    size=self.size,
                    max_people=self.max_people,
                    chunk=self.chunk,
                    identities=self.identities,
                    **self.openpose.chosen(),
                )
            except ValueError as error:  # an option's value that only the model can judge
                raise OptionError(str(error)) from error
            interrupt.check()
            return self._track(source, tracker, interrupt)

    def _check_options(self) -> None:
        """Whatever can be told at once, before any of the slow imports."""
        for name in ("size", "max_people", "chunk"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise OptionError(f"--{name.replace('_', '-')} must be at least 1, got {value}")
        check_output(self.out, [".jsonl"], overwrite=self.overwrite)
        if self.render is not None:
            check_output(self.render, CONTAINERS, overwrite=self.overwrite)
        check_distinct([file for file in (self.input, self.out, self.render) if file is not None])

    def _track(self, source: "Video", tracker: "Tracker", interrupt: Interrupt) -> "Seen":
        from tqdm import tqdm

        from jaxpose.formats.jsonl import JsonlWriter

        seen = Seen()
        bar = tqdm(total=source.frames, unit="frame", disable=None)
        try:
            with contextlib.ExitStack() as stack:
                results = stack.enter_context(
                    JsonlWriter(
                        self.out,
                        tracker.skeleton,
                        source=str(self.input),
                        config=self._config(),
                        overwrite=self.overwrite,
                    )
                )
                overlay = None
                if self.render is not None:
                    overlay = stack.enter_context(_Overlay(self.render, source, tracker))
                frames = _until(interrupt, source if overlay is None else overlay.remember(source))
                stack.enter_context(contextlib.closing(frames))  # ends the reading thread, whatever ends the run
                stack.enter_context(bar)
                for people in tracker.track(frames):
                    results.write(people)
                    if overlay is not None:
                        overlay.add(people)
                    seen.add(people)
                    bar.set_postfix(people=people.total, refresh=False)
                    bar.update()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped; {self.out} holds {seen.frames} frames") from None
        return seen

    def _config(self) -> dict[str, object]:
        """The settings that decide the result."""
        chosen = dataclasses.asdict(self)
        keys = ["model", "size", "max_people", "chunk", "identities", *(["openpose"] if self.openpose.chosen() else [])]
        return {key: chosen[key] for key in keys}


class Seen:
    """What a run has told so far, in numbers."""

    def __init__(self) -> None:
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
        return f"{self.frames} frames in {seconds:.1f} s, {len(self.ids)} ids, at most {self.most} people in a frame"


def _until(interrupt: Interrupt, frames: Iterable["Frame"]) -> Generator["Frame", None, None]:
    """The frames, until Ctrl-C is pressed."""
    for frame in frames:
        interrupt.check()
        yield frame


class _Overlay:
    """The rendered video; keeps the frames whose people the tracker has yet to tell, which its `delay` bounds."""

    def __init__(self, path: Path, source: "Video", tracker: "Tracker") -> None:
        from jaxpose.video import Trails, write

        self._writer = write(path, source.fps)
        self._skeleton = tracker.skeleton
        self._trails = Trails(tracker.skeleton, max(1, round(TRAIL_SECONDS * source.fps)))
        self._frames: deque[Frame] = deque()
        self._shape: tuple[int, ...] | None = None

    def remember(self, frames: Iterable["Frame"]) -> Iterator["Frame"]:
        for frame in frames:
            self._frames.append(frame)
            yield frame

    def add(self, people: "People") -> None:
        from jaxpose.video import draw

        frame = self._frames.popleft()
        self._trails.update(people)
        image = draw(frame.image, people, self._skeleton, self._trails)
        self._shape = self._shape or image.shape
        if image.shape != self._shape:  # a video may change its size; what is written cannot
            import cv2

            image = cv2.resize(image, self._shape[1::-1], interpolation=cv2.INTER_AREA)
        self._writer.add(frame._replace(image=image))

    def __enter__(self) -> "_Overlay":
        return self

    def __exit__(self, *raised: object) -> None:
        self._writer.close()
