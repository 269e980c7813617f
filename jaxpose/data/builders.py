"""Builds a data set: annotations are read, pictures found, checked and stored with their people, in TFDS' form.

The form is that of tensorflow-datasets with array_record files, which needs no TensorFlow, neither to write nor to
read: any user of that package can open the result with `tfds.builder_from_directory`. Pictures are stored byte for
byte as they were. `sources.open_data` opens it for training; the metadata hold the skeleton, the joints that are
labelled and the summary.

Pictures of which nobody looked for people are left out. Those without any labelled person go to a split of their own
(`train_empty`), unless they are frames of a video, which stays whole: so whoever trains decides how many there are.
"""

import contextlib
import io
import itertools
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.data.definitions import DataSet
from jaxpose.data.examples import Example
from jaxpose.data.gathering import Summary, gather
from jaxpose.data.planning import Plan, make_plan
from jaxpose.errors import DataError, OutputError
from jaxpose.weights.store import home

VERSION = "1.0.0"

Progress = Callable[[Iterable[Example], str, int], Iterable[Example]]
"""Wraps the examples of a split, of which there are at most so many, to show how far they are."""


def folder() -> Path:
    """Where data sets are kept unless another folder is named."""
    return home() / "data"


def build(
    data_set: DataSet,
    source: Path,
    *,
    name: str | None = None,
    out: Path | None = None,
    pictures: Path | None = None,
    overwrite: bool = False,
    progress: Progress = lambda examples, split, total: examples,
) -> tuple[Path, Summary]:
    """Build a data set from the files below `source`, as `name` (else its own) in the folder `out` (else `folder()`).

    `pictures` is the first place in which pictures are looked for: a folder, a zip or a video. Returns the built folder
    and what happened.

    Raises `FormatError` for malformed annotations or those of another data set, `DataError` where files or packages are
    missing or not a single picture could be taken, `OutputError` if the result exists or cannot be written.
    """
    name = data_set.name if name is None else name
    if not re.fullmatch("[a-z][a-z0-9_]{0,63}", name):
        raise DataError(f"a data set's name must be lower case letters, digits and '_', up to 64, got {name[:80]!r}")
    tfds = import_tfds()
    target = (folder() if out is None else out) / name
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already; choose another name (--as) or folder, or --overwrite")
    plan = make_plan(data_set, source, pictures)
    summary = plan.notes
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=target.parent) as scratch:
            splits = _started(plan, data_set, summary, progress)
            _write(tfds, Path(scratch), name, plan, splits, summary, data_set.name)
            if target.exists():
                shutil.rmtree(target)
            (Path(scratch) / name).replace(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
    return target / VERSION, summary


def import_tfds() -> Any:
    """tensorflow-datasets, or `DataError` that says how to get it."""
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise DataError("data sets are kept by tensorflow-datasets: pip install 'jaxpose[train]'") from error
    return tensorflow_datasets


def _started(
    plan: Plan,
    data_set: DataSet,
    summary: Summary,
    progress: Progress,
) -> dict[str, Iterator[Example]]:
    """The examples of each split that has any (TFDS stores no empty split); `DataError` if none has."""
    result: dict[str, Iterator[Example]] = {}
    for split, groups in plan.splits.items():
        total = sum(len(some) for some, _ in groups)
        found = itertools.chain.from_iterable(
            gather(some, store, data_set.coverage, split, summary) for some, store in groups
        )
        if (first := next(found, None)) is not None:
            result[split] = _watched(itertools.chain([first], found), split, total, progress)
    if not result:
        raise DataError(f"{data_set.name}: not a single picture could be taken: {'; '.join(str(summary).splitlines())}")
    return result


def _watched(examples: Iterator[Example], split: str, total: int, progress: Progress) -> Iterator[Example]:
    yield from progress(examples, split, total)  # not before the split's turn


def _write(
    tfds: Any,
    root: Path,
    name: str,
    plan: Plan,
    splits: Mapping[str, Iterator[Example]],
    summary: Summary,
    origin: str,
) -> None:
    tensor = tfds.features.Tensor
    features = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "keypoints": tensor(shape=(None, len(plan.skeleton.joints), 3), dtype=np.float32),
        "boxes": tensor(shape=(None, 4), dtype=np.float32),
        "ids": tensor(shape=(None,), dtype=np.int64),
        "region_points": tensor(shape=(None, 2), dtype=np.float32),
        "region_sizes": tensor(shape=(None,), dtype=np.int64),
        "sequence": tfds.features.Text(),
        "frame": tfds.features.Scalar(np.int64),
    }
    metadata = {
        "data_set": origin,
        "skeleton": plan.skeleton.name,
        "joints": [*plan.skeleton.joints],
        "labels": sorted(plan.labels),
    }

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[misc, call-arg]
        """Stores examples that are ready."""

        code_path = None  # TFDS looks beside the code for checksums of downloads, and needs one more package for it

        def _info(self) -> Any:
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                metadata=tfds.core.MetadataDict(metadata),
                disable_shuffling=True,  # frames stay in order, and training shuffles by itself
            )

        def _split_generators(self, manager: Any) -> dict[str, Any]:
            return {split: self._numbered(examples) for split, examples in splits.items()}

        def _generate_examples(self) -> None:
            raise NotImplementedError("TFDS wants it, but each split has a generator of its own")

        def _numbered(self, examples: Iterator[Example]) -> Iterator[tuple[int, dict[str, Any]]]:
            for number, example in enumerate(examples):
                yield number, encode(example)
            self.info.metadata["summary"] = summary.as_json()  # written once all splits are there

    Builder.name = name
    Builder.VERSION = tfds.core.Version(VERSION)
    tfds.disable_progress_bar()
    with contextlib.redirect_stdout(io.StringIO()):
        Builder(data_dir=str(root), file_format="array_record").download_and_prepare()


def encode(example: Example) -> dict[str, Any]:
    """An example as TFDS stores it; the picture as a file object, whose bytes are taken as they are."""
    points = np.concatenate([np.zeros((0, 2), np.float32), *example.regions])
    return {
        "image": io.BytesIO(example.image),
        "keypoints": np.asarray(example.keypoints, np.float32),
        "boxes": np.asarray(example.boxes, np.float32),
        "ids": np.asarray(example.ids, np.int64),
        "region_points": np.asarray(points, np.float32),
        "region_sizes": np.array([len(region) for region in example.regions], np.int64),
        "sequence": example.sequence,
        "frame": example.frame,
    }
