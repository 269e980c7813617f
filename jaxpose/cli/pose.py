"""`jaxpose pose`: the people of single pictures, without ids, in any format that `jaxpose track` writes."""

import contextlib
import dataclasses
import functools
import glob
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from jaxpose.cli.compilation import kept_compilations
from jaxpose.cli.interrupt import Interrupt
from jaxpose.cli.openpose import OpenPoseOptions
from jaxpose.cli.outputs import OutputOptions, check_distinct
from jaxpose.cli.topdown import PersonOptions
from jaxpose.errors import OptionError, VideoError
from jaxpose.weights.default import DEFAULT

if TYPE_CHECKING:
    from jaxpose.cli.sink import Sink
    from jaxpose.estimation import Estimator
    from jaxpose.records import Frame, People
    from jaxpose.video.pictures import Pictures


@dataclasses.dataclass(frozen=True)
class Pose:
    """Find the people of pictures: files, folders of them, or "patterns" of their names."""

    inputs: Annotated[Positional[tuple[str, ...]], arg(metavar="PICTURE [PICTURE ...]")]  # also folders and "patterns"
    output: Annotated[OutputOptions, arg(name="")]
    model: str = DEFAULT  # a name that `jaxpose models` lists; the default is the packaged one that measures best
    size: int = 656  # long side of the network's input in pixels; smaller is faster, larger finds smaller people
    min_score: float = 0.0  # leave out people with a lower score
    chunk: int = 1  # pictures given to the device at a time
    people: Annotated[PersonOptions, arg(name="")] = dataclasses.field(default_factory=PersonOptions)
    openpose: OpenPoseOptions = dataclasses.field(default_factory=OpenPoseOptions)  # for OpenPose networks alone

    def run(self) -> None:
        """Do it, and say in one line what was found."""
        for name in ("size", "chunk"):
            if (value := getattr(self, name)) < 1:
                raise OptionError(f"--{name} must be at least 1, got {value}")
        if not 0 <= self.min_score <= 1:
            raise OptionError(f"--min-score must be in 0..1, got {self.min_score:g}")
        plan = self.output.plan()
        if plan.render is not None and not plan.render_to_folder:
            raise OptionError(f"--render takes a folder for pictures, got {plan.render}")
        paths = gather(self.inputs)
        check_distinct([*paths, *plan.files])
        with Interrupt() as interrupt, kept_compilations():
            from jaxpose import models
            from jaxpose.cli.sink import Sink
            from jaxpose.video.pictures import Pictures

            name = self.inputs[0] if len(self.inputs) == 1 else f"{len(paths)} pictures"
            pictures = Pictures(paths, name)
            try:
                options = self.openpose.chosen(functools.partial(models.default, self.model))
                estimator = models.estimator(self.model, size=self.size, **options, **self.people.chosen())
            except ValueError as error:  # an option's value that only the model can judge
                raise OptionError(str(error)) from error
            interrupt.check()
            with Sink(
                plan,
                estimator.skeleton,
                source=name,
                config=self._config(),
                fps=pictures.fps,
                name_of=lambda number: paths[number].name,
            ) as sink:
                self._run(pictures, estimator, sink, interrupt)

    def _run(self, pictures: "Pictures", estimator: "Estimator", sink: "Sink", interrupt: Interrupt) -> None:
        from tqdm import tqdm

        done = people = kept = 0
        bar = tqdm(total=pictures.frames, unit="picture", disable=None)

        def wanted() -> Generator["Frame", None, None]:
            nonlocal kept
            with pictures:
                for frame in pictures:
                    interrupt.check()
                    if sink.has(frame):
                        kept += 1
                        bar.update()
                    else:
                        yield frame

        try:
            with contextlib.closing(wanted()) as frames, bar:
                for found in _pass(sink.remember(frames), estimator, self.chunk):
                    some = found.select(found.scores >= self.min_score)
                    sink.add(some)
                    done, people = done + 1, people + some.total
                    bar.update()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped; {sink.plan.out} holds {done + kept} pictures") from None
        before = f", {kept} were there before" if kept else ""
        print(f"{done} pictures, {people} people{before}: {', '.join(map(str, sink.plan.files))}")

    def _config(self) -> dict[str, object]:
        """The settings that decide the result."""
        chosen = dataclasses.asdict(self)
        keys = ["model", "size", "min_score", *(["openpose"] if self.openpose != OpenPoseOptions() else [])]
        return {key: chosen[key] for key in keys} | self.people.chosen()


def _pass(frames: Iterator["Frame"], estimator: "Estimator", chunk: int) -> Iterator["People"]:
    """The people of each picture, in order."""
    from jaxpose.estimation import Pipeline

    try:
        pipeline = Pipeline(estimator, chunk)
    except ValueError as error:
        raise OptionError(str(error)) from error
    for frame in frames:
        yield from pipeline.push(frame)
    yield from pipeline.flush()


def gather(inputs: tuple[str, ...]) -> list[Path]:
    """The pictures that the inputs name: files as they are, those of folders and patterns in natural order.

    Raises `VideoError` for an input without pictures, and for two pictures of one name, which no format tells apart.
    """
    from jaxpose.video.pictures import in_folder, matching

    if not inputs:
        raise OptionError("a picture is needed: a file, a folder of pictures, or a pattern of their names")
    paths: list[Path] = []
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            paths += in_folder(path)
        elif glob.has_magic(given) and not path.exists():
            paths += matching(given)
        elif not path.exists():
            raise VideoError(f"{given}: no such file")
        else:
            paths.append(path)
    names: dict[str, Path] = {}
    for path in paths:
        if (other := names.setdefault(path.stem, path)) is not path:
            raise VideoError(f"{path}: has the name of {other}; give pictures of different names")
    return paths
