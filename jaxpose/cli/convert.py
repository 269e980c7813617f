"""`jaxpose convert`: poses of any format into any other, exactly, with a word on what the other cannot hold."""

import dataclasses
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from jaxpose.cli.outputs import check_distinct, check_folder, check_output, make_folder
from jaxpose.errors import FormatError, OptionError
from jaxpose.formats.names import FORMATS, FormatName, format_of

if TYPE_CHECKING:
    from jaxpose.formats.conversion import Told
    from jaxpose.skeletons import Skeleton

SCORED = ("jsonl", "openpose", "coco", "csv")
"""Formats in which every person and joint has a score."""

TIMED = ("jsonl", "csv")
"""Formats in which every frame has a time."""


@dataclasses.dataclass(frozen=True)
class Convert:
    """Write poses of one format in another: jsonl, OpenPose, COCO, PoseTrack 2017 and 2018/21, CSV, MPII; MOT's boxes.

    Values are written as they are. What the other format cannot hold is said in one line.
    """

    input: Annotated[Positional[Path], arg(metavar="IN")]  # a file, OpenPose's folder, or a folder of files
    out: Annotated[Positional[Path], arg(metavar="OUT")]  # likewise
    format: FormatName | None = None  # default: by the name of OUT, where .json means COCO's results
    skeleton: str | None = None  # the joints to write, such as coco_17; by default the input's as far as OUT knows them
    fps: float | None = None  # frames a second, for times that the input does not tell
    overwrite: FlagCreatePairsOff[bool] = False  # replace existing outputs

    def run(self) -> None:
        """Do it, and say in one line for each file what was written, and what not."""
        if self.fps is not None and not 0 < self.fps < 1e6:
            raise OptionError(f"--fps must be above 0 and below a million, got {self.fps:g}")
        if not self.input.exists():
            raise FormatError(f"{self.input}: no such file or folder")
        for source, out, form in self._jobs():
            self._check(source, out, form)
            print(self._convert(source, out, form))

    def _jobs(self) -> list[tuple[Path, Path, str]]:
        """Each file, where it goes and in which format."""
        if self.input.is_dir():
            from jaxpose.formats import openpose, recognise

            if not openpose.is_folder(self.input):
                form = self.format or "jsonl"
                suffix = "" if FORMATS[form].folder else FORMATS[form].suffixes[0]
                files = recognise.files(self.input)
                make_folder(self.out)
                return [(path, self.out / f"{name}{suffix}", form) for name, path in files.items()]
        return [(self.input, self.out, format_of(self.out, self.format))]

    def _check(self, source: Path, out: Path, form: str) -> None:
        check_distinct([source, out])
        if FORMATS[form].folder:
            check_folder(out, "_keypoints.json", overwrite=self.overwrite)
        else:
            check_output(out, FORMATS[form].suffixes, overwrite=self.overwrite)

    def _convert(self, source: Path, out: Path, form: str) -> str:
        """Convert one file; returns what was done in words."""
        from jaxpose.formats import conversion

        told = conversion.read(source)
        poses, writer = told.poses, conversion.WRITERS[form]
        given = self._skeleton(writer.target(poses.skeleton), form)
        lost = conversion.lost(poses, writer, given)
        if form in conversion.PICTURES and not told.numbered:
            poses = conversion.by_pictures(poses)
        if poses.times is None and self.fps is not None:
            poses = poses._replace(times=poses.numbers / self.fps)
        with writer(out, given, source=told.source, config=told.config, overwrite=self.overwrite) as results:
            results.append(poses)
        notes = [f"{form} does not hold {', '.join(lost)}"] if lost else []
        notes += _made_up(told, form, self.fps)
        return "; ".join([f"{len(poses.numbers)} frames, {len(poses.ids)} people: {out}", *notes])

    def _skeleton(self, usual: "Skeleton", form: str) -> "Skeleton":
        """The joints that are written; `OptionError` if the format does not know those asked for."""
        from jaxpose.formats.conversion import WRITERS
        from jaxpose.skeletons import SKELETONS

        if self.skeleton is None:
            return usual
        if self.skeleton not in SKELETONS:
            near = difflib.get_close_matches(self.skeleton, SKELETONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SKELETONS)}"
            raise OptionError(f"no skeleton named {self.skeleton!r}: {hint}")
        chosen, known = SKELETONS[self.skeleton], WRITERS[form].skeletons
        if known and chosen not in known:
            raise OptionError(
                f"{form} has the joints of {' or '.join(one.name for one in known)}, got --skeleton {chosen.name}"
            )
        return chosen


def _made_up(told: "Told", form: str, fps: float | None) -> list[str]:
    """What the format needs and the input does not tell, in words."""
    import numpy as np

    poses = told.poses
    notes = []
    if form in SCORED and np.isnan(poses.joint_scores[poses.there]).any():
        notes.append("joints without a score have 1")
    if form in SCORED and np.isnan(poses.scores).any():
        notes.append("people without a score have the mean of their joints'")
    if form in SCORED and (poses.joint_scores[poses.there] <= 0).any():
        notes.append("joints with a score of 0 or less have 0.0001")
    if form in TIMED and poses.times is None and fps is None:
        notes.append("times are the frames' numbers, as none are told (--fps)")
    return notes
