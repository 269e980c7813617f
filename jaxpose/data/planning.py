"""What a data set will hold, from its annotation files alone: which pictures in which split, and which joints are told.

The step before `builders`, which then takes the pictures themselves.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxpose.data.definitions import DataSet, Part
from jaxpose.data.gathering import Summary
from jaxpose.data.stores import Store
from jaxpose.errors import DataError, FormatError
from jaxpose.formats.pictures import Picture, PictureFile
from jaxpose.skeletons import Skeleton

ENOUGH = 100
"""People of whom none has a joint that the data set labels: then the file is of another data set."""


class Plan(NamedTuple):
    """What is to be built: for each split the pictures and where they lie, in order."""

    skeleton: Skeleton
    labels: frozenset[str]
    splits: dict[str, list[tuple[list[Picture], Store]]]
    notes: Summary  # what was left out already


def make_plan(data_set: DataSet, source: Path, pictures: Path | None = None) -> Plan:
    """Read all annotation files of a data set, and see that they fit together."""
    if not source.exists():
        raise DataError(f"{source}: no such folder")
    parts = data_set.find(source)
    if not parts:
        raise DataError(f"{source}: has no files of {data_set.name}, which are {data_set.layout}")
    splits: dict[str, list[tuple[list[Picture], Store]]] = {}
    names: dict[tuple[str, str], Path] = {}
    stores: dict[tuple[Path, ...], Store] = {}
    skeleton, labelled, people = data_set.skeleton, Counter[str](), 0
    notes = Summary()
    for part in parts:
        file = part.read(part.file)
        skeleton = _same_skeleton(data_set, part, file, skeleton)
        notes.note("left out: nobody looked for people in it", part.file.name, file.unlabelled)
        places = part.pictures if pictures is None else (pictures, *part.pictures)
        if places not in stores:
            stores[places] = Store(places)
        for split, some in _by_split(file, part.split).items():
            splits.setdefault(split, []).append((some, stores[places]))
        for picture in file.pictures:
            key = picture.split or part.split, f"{picture.sequence}/{picture.name}"
            if names.setdefault(key, part.file) != part.file:
                twice = f"has picture {picture.name} like {names[key]}"
                raise FormatError(f"{part.file}: {twice}; give one of the two files")
            people += len(picture.keypoints)
            labelled.update(np.asarray(file.skeleton.joints)[(picture.keypoints[..., 2] > 0).any(axis=0)].tolist())
    assert skeleton is not None  # there is a part, and each has one
    labels = data_set.labels
    if labels is None:
        labels = frozenset(joint for joint in skeleton.joints if labelled[joint])
    elif people >= ENOUGH and (never := sorted(labels - labelled.keys())):
        told = f"{', '.join(never)} labelled of none of {people} people"
        raise FormatError(f"{parts[0].file}: has {told}; the annotation file of another data set?")
    return Plan(skeleton, labels, splits, notes)


def _same_skeleton(data_set: DataSet, part: Part, file: PictureFile, expected: Skeleton | None) -> Skeleton:
    if expected is not None and file.skeleton.joints != expected.joints:
        other = f"the joints of {file.skeleton.name} where {expected.name} is needed"
        advice = "give files of one kind" if data_set.skeleton is None else "the annotation file of another data set"
        raise FormatError(f"{part.file}: has {other}: {advice}")
    return file.skeleton


def _by_split(file: PictureFile, split: str) -> dict[str, list[Picture]]:
    """The pictures of each split, videos whole and in the order of their frames."""
    result: dict[str, list[Picture]] = {}
    together = Counter(picture.sequence for picture in file.pictures)
    first = {sequence: place for place, sequence in enumerate(together)}
    for picture in sorted(file.pictures, key=lambda picture: (first[picture.sequence], picture.frame)):
        alone = together[picture.sequence] == 1 and picture.video is None
        empty = alone and not (picture.keypoints[..., 2] > 0).any()
        result.setdefault(f"{picture.split or split}{'_empty' if empty else ''}", []).append(picture)
    return result
