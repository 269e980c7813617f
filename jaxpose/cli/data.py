"""`jaxpose data`: build data sets for training from published files, look into them, write them as plain files."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional, arg, subcommand

from jaxpose.errors import DataError, OptionError

if TYPE_CHECKING:
    from jaxpose.data.examples import Example


@dataclasses.dataclass(frozen=True)
class Build:
    """Store a data set in the form that training reads.

    NAME is coco, coco_foot, posetrack17, posetrack18, posetrack21, mpii, lspet, carfusion, or keypoint_folder for any
    COCO-style JSON with pictures or a video.
    """

    name: Annotated[Positional[str], arg(metavar="NAME")]  # which data set
    source: Path  # the folder with its files as they are published; for keypoint_folder also one JSON file
    out: Path | None = None  # the folder to keep it in, by default the one that `inspect` and training look in
    as_: Annotated[str | None, arg(name="as")] = None  # another name to know it by, lower case letters, digits and _
    pictures: Path | None = None  # where pictures are looked for first: a folder, a zip or a video
    overwrite: FlagCreatePairsOff[bool] = False  # replace a data set that is there

    def run(self) -> None:
        """Build it, and say what is in it and what was left out."""
        from jaxpose.data.builders import build
        from jaxpose.data.definitions import DATA_SETS

        if self.name not in DATA_SETS:
            raise OptionError(f"NAME must be one of {', '.join(DATA_SETS)}, got {self.name!r}")
        path, summary = build(
            DATA_SETS[self.name],
            self.source,
            name=self.as_,
            out=self.out,
            pictures=self.pictures,
            overwrite=self.overwrite,
            progress=_progress,
        )
        print(f"{path}\n{summary}")


def _progress(examples: "Iterable[Example]", split: str, total: int) -> "Iterable[Example]":
    from tqdm import tqdm

    bar: Iterable[Example] = tqdm(examples, desc=split, total=total, unit="picture", disable=None)
    return bar


@dataclasses.dataclass(frozen=True)
class Inspect:
    """Tell what a data set holds, and draw some of its pictures with people and regions."""

    data: Annotated[Positional[str], arg(metavar="NAME_OR_DIR")]  # a built data set by its name or folder
    out: Path  # a folder for PNGs
    split: str = "train"  # which part of it
    count: int = 12  # so many pictures, evenly spread
    targets: FlagCreatePairsOff[bool] = False  # under the maps that a network should give: heatmaps, affinity fields

    def run(self) -> None:
        """Draw, and print the summary."""
        if self.count < 1:
            raise OptionError(f"--count must be at least 1, got {self.count}")
        from jaxpose.data.inspect import write_samples
        from jaxpose.data.sources import BuiltSource, open_data

        source = open_data(self.data, self.split)
        if not len(source):
            raise DataError(f"{self.data}: split {self.split} is empty")
        written = write_samples(source, self.out, self.count, targets=self.targets)
        never = [joint for joint in source.skeleton.joints if joint not in source.labels]
        masked = f", of which {', '.join(never)} are not labelled" if never else ""
        print(f"{len(source)} pictures in {self.split}; {len(source.skeleton.joints)} joints{masked}")
        if isinstance(source, BuiltSource):
            print(source.summary)
        print(f"{len(written)} pictures drawn: {self.out}")


@dataclasses.dataclass(frozen=True)
class Shards:
    """Write a part of a data set as plain npz files, for machines that have NumPy and OpenCV alone.

    `--data.0.data DIR` of `jaxpose train` takes the folder.
    """

    data: Annotated[Positional[str], arg(metavar="NAME_OR_DIR")]  # a built data set by its name or folder
    out: Path  # a folder for the files, new or empty
    split: str = "train"  # which part of it
    size: float = 64.0  # megabytes of pictures in a file

    def run(self) -> None:
        """Write them, and say how many there are."""
        if not 0 < self.size < float("inf"):
            raise OptionError(f"--size must be a number of megabytes above 0, got {self.size}")
        from jaxpose.data.shards import write_shards
        from jaxpose.data.sources import open_data

        source = open_data(self.data, self.split)
        write_shards(source, self.out, self.size, progress=lambda some: _progress(some, self.split, len(source)))
        files = [*self.out.glob("*.npz")]
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        print(f"{len(source)} pictures in {len(files)} files, {megabytes:.1f} MB: {self.out}")


@dataclasses.dataclass(frozen=True)
class Data:
    """Data sets for training: build them from published files, look into them, write them as plain files."""

    command: OmitArgPrefixes[
        Annotated[Build, subcommand("build", prefix_name=False)]
        | Annotated[Inspect, subcommand("inspect", prefix_name=False)]
        | Annotated[Shards, subcommand("shards", prefix_name=False)]
    ]

    def run(self) -> None:
        """Do what was asked for."""
        self.command.run()
