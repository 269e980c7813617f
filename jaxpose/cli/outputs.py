"""Where results go: the options that `track` and `pose` share, and the checks before any work.

Output files are checked first, so that an hour's run does not end on a wrong path. `cli.sink` writes what is planned
here.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, arg

from jaxpose.errors import OptionError, OutputError
from jaxpose.formats.names import FORMATS, FormatName, format_of

CONTAINERS = (".mp4", ".mov", ".mkv")
"""Those of `video.writer`, which is too slow to import before the options are checked."""

DRAWING = frozenset({"scores", "alpha", "black", "trails", "labels"})
"""Options of drawings alone."""


@dataclasses.dataclass(frozen=True)
class OutputOptions:
    """Where people go, in which format, and how they are drawn."""

    # the result: .jsonl .jsonl.gz .csv .json .txt .mat, or a folder (OpenPose's files; for several inputs, of results)
    out: Path
    format: FormatName | None = None  # default: by the name of --out, where .json means COCO's results
    render: Path | None = None  # draw the people: an H.264 video (.mp4 .mov .mkv), or a folder of JPEGs
    sheet: Path | None = None  # some drawn frames of the whole side by side, a .png file
    scores: FlagCreatePairsOff[bool] = False  # draw each person's score
    alpha: float = 1.0  # how much of the picture the drawing covers, above 0 up to 1
    black: FlagCreatePairsOff[bool] = False  # draw on black instead of the picture
    normalized: FlagCreatePairsOff[bool] = False  # points as shares (0..1) of width and height (jsonl, openpose, csv)
    overwrite: FlagCreatePairsOff[bool] = False  # replace existing outputs
    resume: FlagCreatePairsOff[bool] = False  # go on with what a stopped run left (jsonl, openpose, csv)

    def plan(self) -> "Plan":
        """What is written of a single input; checked, see `Plan.check`."""
        plan = Plan(self.out, format_of(self.out, self.format), self.render, self.sheet, self)
        plan.check()
        return plan

    def plans(self, names: Sequence[str]) -> list["Plan"]:
        """What is written of several inputs, by their names: a file of each in the folders given, jsonl by default."""
        for folder in (self.out, self.render, self.sheet):
            if folder is not None:
                make_folder(folder)
        form = self.format or "jsonl"
        suffix = "" if FORMATS[form].folder else FORMATS[form].suffixes[0]
        plans = [
            Plan(
                out=self.out / f"{name}{suffix}",
                format=form,
                render=None if self.render is None else self.render / f"{name}.mp4",
                sheet=None if self.sheet is None else self.sheet / f"{name}.png",
                options=self,
            )
            for name in names
        ]
        for plan in plans:
            plan.check()
        return plans


@dataclasses.dataclass(frozen=True)
class TrackOutput(OutputOptions):
    """Where people with ids go: what can be done besides once they are known over time."""

    trails: int | None = None  # frames of each id's path that are drawn; the default is 1.5 seconds, 0 draws none
    labels: bool = True  # draw the ids
    # steadier joints: a One-Euro filter for each id and joint (Casiez et al., CHI 2012)
    smooth: FlagCreatePairsOff[bool] = False
    # tell of the frames that --every leaves out too, on straight lines between those looked at, at half the score
    interpolate: FlagCreatePairsOff[bool] = False


TrackOutputOptions = Annotated[TrackOutput, arg(name="")]
"""As a field of a command: the options without a prefix of their own."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is written of one input."""

    out: Path
    format: str
    render: Path | None
    sheet: Path | None
    options: OutputOptions

    def check(self) -> None:
        """`OptionError` or `OutputError` for what cannot be, before any of the slow imports."""
        options, form = self.options, FORMATS[self.format]
        replace = options.overwrite or options.resume
        able = {"resume": form.resumes, "normalized": form.normalizes}
        for name, can in able.items():
            if getattr(options, name) and not can:
                fitting = " ".join(key for key, one in FORMATS.items() if getattr(one, f"{name.rstrip('d')}s"))
                raise OptionError(f"--{name} is for the formats {fitting}, got {self.format}")
        if options.resume and options.overwrite:
            raise OptionError("--resume keeps what --overwrite replaces; give one of the two")
        chosen = {field.name for field in dataclasses.fields(options) if getattr(options, field.name) != field.default}
        if self.render is None and self.sheet is None and (unused := chosen & DRAWING):
            raise OptionError(f"--{min(unused)} is for drawings; ask for one with --render or --sheet")
        if not 0 < options.alpha <= 1:
            raise OptionError(f"--alpha must be above 0 and at most 1, got {options.alpha}")
        trails = getattr(options, "trails", None)
        if trails is not None and trails < 0:
            raise OptionError(f"--trails must be at least 0, got {trails}")
        if form.folder:
            check_folder(self.out, "_keypoints.json", overwrite=replace)
        else:
            check_output(self.out, form.suffixes, overwrite=replace)
        if self.render is not None and self.render_to_folder:
            check_folder(self.render, ".jpg", overwrite=replace)
        elif self.render is not None:
            check_output(self.render, CONTAINERS, overwrite=replace)
        if self.sheet is not None:
            check_output(self.sheet, [".png"], overwrite=replace)
        check_distinct(self.files)

    @property
    def render_to_folder(self) -> bool:
        """Whether pictures rather than a video are drawn."""
        return self.render is not None and (self.render.is_dir() or not self.render.suffix)

    @property
    def files(self) -> list[Path]:
        """All that is written."""
        return [path for path in (self.out, self.render, self.sheet) if path is not None]


def check_output(path: Path, suffixes: Sequence[str], *, overwrite: bool) -> None:
    """`OutputError` if `path` has none of the suffixes, exists (unless `overwrite`), or is where nothing can be put."""
    if not path.name.lower().endswith(tuple(suffixes)):
        raise OutputError(f"{path}: the name must end in {' or '.join(suffixes)}")
    if path.is_dir():
        raise OutputError(f"{path}: a folder; name a file in it")
    _check_parent(path)
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; choose another name, or --overwrite")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OutputError(f"{path}: no permission to write it")


def check_folder(path: Path, ending: str, *, overwrite: bool) -> None:
    """`OutputError` if `path` is a file, has such files already (unless `overwrite`), or is where none can be put."""
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path}: a file, where a folder is needed; choose another name")
    if path.is_dir() and not overwrite and any(name.endswith(ending) for name in os.listdir(path)):
        raise OutputError(f"{path}: holds files named ..{ending} already; choose another folder, or --overwrite")
    if not path.is_dir():
        _check_parent(path)
    if not os.access(path if path.is_dir() else path.parent, os.W_OK):
        raise OutputError(f"{path}: no permission to write it")


def _check_parent(path: Path) -> None:
    if not path.parent.is_dir():
        state = "is not a folder" if path.parent.exists() else "does not exist; create it first"
        raise OutputError(f"{path}: {path.parent} {state}")


def make_folder(path: Path) -> bool:
    """Make a folder for outputs, if it is not there, and tell whether; `OutputError` if it cannot be made."""
    if path.is_dir():
        return False
    try:
        path.mkdir()
    except FileExistsError:
        raise OutputError(f"{path}: a file, where a folder is needed; choose another name") from None
    except FileNotFoundError:
        raise OutputError(f"{path}: {path.parent} does not exist; create it first") from None
    except OSError as error:
        raise OutputError(f"{path}: the folder cannot be made ({error.strerror})") from error
    return True


def check_distinct(files: Sequence[Path]) -> None:
    """`OutputError` if two of the files, inputs and outputs, are the same."""
    seen: dict[Path, Path] = {}
    for file in files:
        other = seen.setdefault(file.resolve(), file)
        if other is not file:
            raise OutputError(f"{file}: is {other} itself; inputs and outputs must be different files")
