"""Plain shards: a data set in npz files, for machines that have NumPy and OpenCV but not tensorflow-datasets.

A shard holds some examples: all pictures' bytes one after the other, keypoints padded to the most people of a picture
in the shard, and everything else as arrays (`FIELDS`). The files are not compressed (pictures are already), so an
example is read where it lies, without its shard being loaded. `index.json` has the joints, which of them are labelled,
and how many examples each shard has; it is written last, so that a folder with it is whole.
"""

import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from jaxpose.data.examples import Example, Source
from jaxpose.errors import DataError, OutputError
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton, by_joints

INDEX = "index.json"

FIELDS = {
    "picture_bytes": "uint8 [all bytes]",
    "picture_ends": "int64 [e]: where each picture's bytes end",
    "people": "int64 [e]: how many people each picture has",
    "keypoints": "float32 [e p j 3]: x, y and COCO's 0, 1 or 2; zeros for padding",
    "boxes": "float32 [e p 4]: x, y, w, h; zeros for padding",
    "ids": "int64 [e p]: -1 for nobody and padding",
    "region_points": "float32 [k 2]: the corners of all regions",
    "region_ends": "int64 [r]: where each region's corners end",
    "picture_regions": "int64 [e]: where each picture's regions end",
    "sequence": "str [e]",
    "frame": "int64 [e]",
}
"""The arrays of a shard of `e` examples with up to `p` people of `j` joints."""


def write_shards(
    source: Source,
    folder: Path,
    megabytes: float = 64,
    *,
    progress: Callable[[Iterable[Example]], Iterable[Example]] = iter,
) -> None:
    """Write all examples of a source, in order, in files of about so many megabytes; `progress` may watch them pass.

    Raises `OutputError` if the folder holds anything already, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(f"{folder}: is not empty; choose another folder")
        counts: list[int] = []
        for some in _groups(progress(source[row] for row in range(len(source))), megabytes * 1e6):
            np.savez(folder / _name(len(counts)), allow_pickle=False, **_columns(some, len(source.skeleton.joints)))
            counts.append(len(some))
        index = {
            "jaxpose": 1,
            "joints": [*source.skeleton.joints],
            "labels": sorted(source.labels),
            "shards": counts,
        }
        (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error


def _name(shard: int) -> str:
    return f"{shard:05d}.npz"


def _groups(examples: Iterable[Example], most: float) -> Iterator[list[Example]]:
    some: list[Example] = []
    size = 0
    for example in examples:
        if some and size + len(example.image) > most:
            yield some
            some, size = [], 0
        some.append(example)
        size += len(example.image)
    if some:
        yield some


def _columns(some: list[Example], joints: int) -> dict[str, np.ndarray]:
    most = max(len(example.keypoints) for example in some)
    keypoints = np.zeros((len(some), most, joints, 3), np.float32)
    boxes = np.zeros((len(some), most, 4), np.float32)
    ids = np.full((len(some), most), NO_ID, np.int64)
    for row, example in enumerate(some):
        here = slice(len(example.keypoints))
        keypoints[row, here], boxes[row, here], ids[row, here] = example.keypoints, example.boxes, example.ids
    regions = [region for example in some for region in example.regions]
    return {
        "picture_bytes": np.frombuffer(b"".join(example.image for example in some), np.uint8),
        "picture_ends": np.cumsum([len(example.image) for example in some]),
        "people": np.array([len(example.keypoints) for example in some]),
        "keypoints": keypoints,
        "boxes": boxes,
        "ids": ids,
        "region_points": np.concatenate([np.zeros((0, 2), np.float32), *regions]),
        "region_ends": np.cumsum([len(region) for region in regions], dtype=np.int64),
        "picture_regions": np.cumsum([len(example.regions) for example in some], dtype=np.int64),
        "sequence": np.array([example.sequence for example in some]),
        "frame": np.array([example.frame for example in some], np.int64),
    }


class ShardSource:
    """The examples of a folder of shards."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Open it; `DataError` if its index cannot be read or a shard is missing."""
        self.folder = Path(folder)
        try:
            index = json.loads((self.folder / INDEX).read_text(encoding="utf-8"))
            self.skeleton: Skeleton = by_joints(tuple(index["joints"]))
            self.labels: frozenset[str] = frozenset(index["labels"])
            self._ends = np.cumsum([0, *index["shards"]])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.folder}: no folder of shards that can be read ({error})") from error
        for shard in range(len(self._ends) - 1):
            if not (self.folder / _name(shard)).is_file():
                raise DataError(f"{self.folder / _name(shard)}: is missing; copy it again")
        self._open: dict[int, dict[str, np.ndarray]] = {}

    def __len__(self) -> int:
        """How many examples there are."""
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Example:
        """One of them, in the order in which they were written."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"`index` must be below {len(self)}, got {index}")
        index %= len(self)
        shard = int(np.searchsorted(self._ends, index, side="right")) - 1
        if shard not in self._open:
            self._open[shard] = _mapped(self.folder / _name(shard))
        columns, row = self._open[shard], index - int(self._ends[shard])
        image = _between(columns["picture_bytes"], columns["picture_ends"], row)
        last = int(columns["picture_regions"][row])
        first = int(columns["picture_regions"][row - 1]) if row else 0
        regions = (_between(columns["region_points"], columns["region_ends"], one) for one in range(first, last))
        here = slice(int(columns["people"][row]))
        return Example(
            image=image.tobytes(),
            keypoints=np.array(columns["keypoints"][row, here]),
            boxes=np.array(columns["boxes"][row, here]),
            ids=np.array(columns["ids"][row, here]),
            regions=tuple(np.array(region) for region in regions),
            sequence=str(columns["sequence"][row]),
            frame=int(columns["frame"][row]),
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": {}}


def _between(values: np.ndarray, ends: np.ndarray, row: int) -> np.ndarray:
    return values[(int(ends[row - 1]) if row else 0) : int(ends[row])]


def _mapped(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a shard, those that are large mapped from the file instead of loaded."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            columns = {
                member.filename.removesuffix(".npy"): _map_array(path, file, member) for member in archive.infolist()
            }
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: no shard that can be read ({error}); copy it again") from error
    if missing := FIELDS.keys() - columns.keys():
        raise DataError(f"{path}: no shard, {', '.join(sorted(missing))} missing; write it again")
    return columns


LOCAL_HEADER = 30
"""Bytes of a zip's header before a member, without its name and extra field, whose lengths are its last four."""


def _map_array(path: Path, file: IO[bytes], member: zipfile.ZipInfo) -> np.ndarray:
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename} is compressed")
    file.seek(member.header_offset)
    header = file.read(LOCAL_HEADER)
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), os.SEEK_CUR)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(file)
    if fortran or dtype.hasobject:
        raise ValueError(f"{member.filename} is no plain array")
    if 0 in shape:  # nothing to map
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r", file.tell(), shape)
