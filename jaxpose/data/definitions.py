"""The data sets that can be built: where their files lie, how they are read, and what they label.

Each looks for its files below the folder that a person names, in the layout in which the data set is published (and in
a flat one: `train.json` with `train.zip`, or a folder `train`). A definition finds `Part`s; `builders` makes a data set
of them.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from jaxpose.data.gathering import Coverage
from jaxpose.formats import carfusion, labelled, lspet, mpii
from jaxpose.formats.pictures import PictureFile
from jaxpose.formats.recognise import stem
from jaxpose.skeletons import CAR_14, COCO_17, COCO_23, LSP_14, MPII_16, POSETRACK_15, POSETRACK_17, Skeleton


class Part(NamedTuple):
    """One annotation file: the split it belongs to, its reader, and where its pictures may lie."""

    split: str
    file: Path
    read: Callable[[Path], PictureFile]
    pictures: tuple[Path, ...]  # folders, zips and videos, in the order in which they are asked


@dataclasses.dataclass(frozen=True)
class DataSet:
    """What there is to know of a data set."""

    name: str
    layout: str  # which files are expected where, told when there are none
    find: Callable[[Path], list[Part]]  # the annotation files below a folder
    skeleton: Skeleton | None = None  # None: whatever joints the file names
    coverage: Coverage = "all"
    never: frozenset[str] = frozenset()  # joints of the skeleton that are labelled of nobody

    @property
    def labels(self) -> frozenset[str] | None:
        """The joints that are labelled; None where only the files themselves can tell."""
        return None if self.skeleton is None else frozenset(self.skeleton.joints) - self.never


Candidate = tuple[str, Path, tuple[Path, ...]]
"""Split, annotation file, places of pictures."""


def _existing(candidates: Iterable[Candidate], read: Callable[[Path], PictureFile]) -> list[Part]:
    return [Part(split, file, read, pictures) for split, file, pictures in candidates if file.is_file()]


def _flat(source: Path) -> list[Candidate]:
    """`train.json` with `train.zip` or `train/`; `train_empty.json` holds pictures of the same split without people."""
    return [
        (split, source / f"{split}{kind}.json", (source / f"{split}{kind}.zip", source / f"{split}{kind}", source))
        for split in ("train", "val")
        for kind in ("", "_empty")
    ]


def _find_coco(source: Path) -> list[Part]:
    published = [
        (split, source / f"annotations/person_keypoints_{split}2017.json", _coco_pictures(source, f"{split}2017"))
        for split in ("train", "val")
    ]
    return _existing([*published, *_flat(source)], labelled.read_coco)


def _coco_pictures(source: Path, folder: str) -> tuple[Path, ...]:
    return source / folder, source / "images" / folder, source / f"{folder}.zip"


FOOT_FILES = ("person_keypoints_{}2017_foot_v1.json", "coco_wholebody_{}_v1.0.json")
"""CMU's and COCO-WholeBody's."""


def _find_coco_foot(source: Path) -> list[Part]:
    parts = []
    for split in ("train", "val"):
        files = [folder / name.format(split) for name in FOOT_FILES for folder in (source / "annotations", source)]
        found = [(split, file, _coco_pictures(source, f"{split}2017")) for file in files if file.is_file()]
        parts += _existing(found[:1], functools.partial(labelled.read_coco, feet=True))
    return parts


def _find_posetrack(source: Path, folders: tuple[str, ...], read: Callable[[Path], PictureFile]) -> list[Part]:
    """One file a video, in a folder for each split; the files name pictures from the data set's folder on."""
    parts = []
    for split in ("train", "val"):
        files = [file for folder in folders for file in sorted((source / folder / split).glob("*.json"))]
        parts += [Part(split, file, read, (source, source / "posetrack_data")) for file in files]
    return parts


def _find_mpii(source: Path) -> list[Part]:
    name = "mpii_human_pose_v1_u12_1.mat"
    folders = (source, source / "mpii_human_pose_v1_u12_2", source / "annot")
    mats = [("train", folder / name, (source / "images", source / "images.zip")) for folder in folders]
    return _existing(mats, mpii.read_mat)[:1] or _existing(_flat(source), mpii.read_json_pictures)


def _find_lspet(source: Path) -> list[Part]:
    pictures = (source / "images", *sorted(source.glob("*.zip")), source)
    files = [("train", source / name, pictures) for name in ("joints.mat", "joints.npz")]
    return _existing(files, lspet.read_joints)[:1]


def _find_carfusion(source: Path) -> list[Part]:
    return [
        Part(split, folder, carfusion.read_sequence, (folder,))
        for split in ("train", "test")
        for folder in sorted((source / split).glob("*"))
        if (folder / "gt").is_dir()
    ]


JSON = ("*.json", "*.json.gz", "annotations/*.json", "annotations/*.json.gz", "*/*.json")


def _find_keypoint_folder(source: Path) -> list[Part]:
    """One COCO-style file, or all of a folder; "val" or "test" in the name of a file or its folder tells the split."""
    files = [source] if source.is_file() else sorted({file for pattern in JSON for file in source.glob(pattern)})
    parts = []
    for file in files:
        folder, name = file.parent, stem(file)
        below = folder.name if source in folder.parents else ""
        told = re.search(r"(?<![a-z])(val|test)", f"{below}/{name}".lower())
        around = (folder / name, folder / f"{name}.zip", folder / "images", folder.parent / "images", folder, source)
        split = told.group(1) if told else "train"
        parts.append(Part(split, file, labelled.read_coco, tuple(dict.fromkeys(around))))
    return parts


EARS = frozenset({"left_ear", "right_ear"})

DATA_SETS = {
    data_set.name: data_set
    for data_set in (
        DataSet(
            "coco",
            "annotations/person_keypoints_train2017.json with train2017/ or train2017.zip, likewise val2017; "
            "or train.json with train.zip",
            _find_coco,
            COCO_17,
        ),
        DataSet(
            "coco_foot",
            "annotations/person_keypoints_train2017_foot_v1.json (CMU) or coco_wholebody_train_v1.0.json, with "
            "train2017/ or train2017.zip; likewise val",
            _find_coco_foot,
            COCO_23,
        ),
        DataSet(
            "posetrack17",
            "annotations/train/*.json (one `annolist` a video) and the pictures that these name; likewise val",
            functools.partial(
                _find_posetrack,
                folders=("annotations", "posetrack_data/annotations"),
                read=labelled.read_posetrack_2017,
            ),
            POSETRACK_15,
        ),
        DataSet(
            "posetrack18",
            "annotations/train/*.json and images/train/, as these name the pictures; likewise val",
            functools.partial(
                _find_posetrack,
                folders=("annotations", "posetrack_data/annotations"),
                read=labelled.read_posetrack_2018,
            ),
            POSETRACK_17,
            never=EARS,
        ),
        DataSet(
            "posetrack21",
            "posetrack_data/train/*.json and images/train/, as these name the pictures; likewise val",
            functools.partial(_find_posetrack, folders=("posetrack_data",), read=labelled.read_posetrack_2018),
            POSETRACK_17,
            never=EARS,
        ),
        DataSet(
            "mpii",
            "mpii_human_pose_v1_u12_1.mat (also in mpii_human_pose_v1_u12_2/) and images/; or train.json, whose people "
            "have `mpii_joints`, with train.zip",
            _find_mpii,
            MPII_16,
            coverage="some",
        ),
        DataSet(
            "lspet",
            "joints.mat or joints.npz, and the pictures in images/, in zips, or beside it",
            _find_lspet,
            LSP_14,
            coverage="one",
        ),
        DataSet(
            "carfusion",
            "train/SEQUENCE/gt/CAMERA_FRAME.txt with train/SEQUENCE/images_jpg/CAMERA_FRAME.jpg; likewise test",
            _find_carfusion,
            CAR_14,
            coverage="some",
        ),
        DataSet(
            "keypoint_folder",
            "a COCO-style .json (also .json.gz) of any joints that are known, with its pictures beside it, in images/, "
            "in a zip or a folder of the file's name; or --pictures FOLDER, ZIP or VIDEO",
            _find_keypoint_folder,
        ),
    )
}
"""All of them by name."""
