"""Opens data sets for training: those that `builders` has built, by name or folder, and folders of plain shards.

Examples are read one by one at any place, without their pictures being decoded. A source can be sent to another
process, which opens the files by itself.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.data.builders import folder, import_tfds
from jaxpose.data.examples import Example, Source
from jaxpose.data.gathering import Summary
from jaxpose.data.shards import INDEX, ShardSource
from jaxpose.errors import DataError
from jaxpose.skeletons import Skeleton, by_joints

INFO = "dataset_info.json"


def open_data(name_or_dir: str | os.PathLike[str], split: str) -> Source:
    """A split of a data set: its name in `builders.folder()`, or a folder that holds it (or shards, split "train").

    Raises `DataError` that lists what there is for a name or split that is not there.
    """
    path = find(name_or_dir)
    return ShardSource(path) if (path / INDEX).is_file() else BuiltSource(path, split)


def find(name_or_dir: str | os.PathLike[str]) -> Path:
    """The folder with a data set's files, in its newest version."""
    for place in (Path(name_or_dir), folder() / name_or_dir):
        if (place / INDEX).is_file() or (place / INFO).is_file():
            return place
        if versions := sorted(place.glob(f"*/{INFO}"), key=lambda info: _version(info.parent.name)):
            return versions[-1].parent
    there = sorted(path.parents[1].name for path in folder().glob(f"*/*/{INFO}"))
    known = f"there are {', '.join(there)}" if there else "there is none yet"
    raise DataError(f"{name_or_dir}: no data set of that name in {folder()} ({known}); see `jaxpose data build --help`")


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else -1 for part in name.split("."))


class BuiltSource:
    """A split of a data set in TFDS' form."""

    def __init__(self, path: Path, split: str) -> None:
        """Open it; `DataError` if it is none of `builders`, or has no such split."""
        self.path, self.split = path, split
        self._rows: Any = None
        builder = _open(path)
        told = builder.info.metadata or {}
        if not {"joints", "labels", "summary"} <= told.keys():
            raise DataError(f"{path}: a data set, but not one that `jaxpose data build` made")
        if split not in builder.info.splits:
            raise DataError(f"{path}: has no split {split!r}, but {', '.join(builder.info.splits)}")
        self.skeleton: Skeleton = by_joints(tuple(told["joints"]))
        self.labels: frozenset[str] = frozenset(told["labels"])
        self.summary = Summary.from_json(told["summary"])
        self._length = int(builder.info.splits[split].num_examples)

    def __len__(self) -> int:
        """How many examples there are."""
        return self._length

    def __getitem__(self, index: int) -> Example:
        """One of them; frames of a video follow each other."""
        if not -self._length <= index < self._length:
            raise IndexError(f"`index` must be below {self._length}, got {index}")
        if self._rows is None:
            skip = {"image": import_tfds().decode.SkipDecoding()}
            self._rows = _open(self.path).as_data_source(split=self.split, decoders=skip)
        row = self._rows[index % self._length]
        ends = np.cumsum(row["region_sizes"])[:-1]
        regions = np.split(row["region_points"], ends) if len(row["region_sizes"]) else []
        return Example(
            image=row["image"],
            keypoints=row["keypoints"],
            boxes=row["boxes"],
            ids=row["ids"],
            regions=tuple(regions),
            sequence=row["sequence"].decode(),
            frame=int(row["frame"]),
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_rows": None}


def _open(path: Path) -> Any:
    tfds = import_tfds()
    try:
        return tfds.builder_from_directory(str(path))
    except (OSError, ValueError, KeyError, tfds.core.DatasetNotFoundError) as error:
        raise DataError(f"{path}: no data set that can be opened ({error}); build it again") from error


def splits(path: Path) -> list[str]:
    """The splits of a data set that `find` found."""
    return ["train"] if (path / INDEX).is_file() else [*_open(path).info.splits]
