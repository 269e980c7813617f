"""People as trackers tell them, and result files of every format with them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxpose.formats.conversion import WRITERS
from jaxpose.formats.names import FORMATS
from jaxpose.formats.poses import PoseFile
from jaxpose.records import People, make_people
from jaxpose.skeletons import COCO_17, Skeleton

FORMAT_NAMES = tuple(FORMATS)
POSES = tuple(name for name in FORMATS if name != "mot")


def told(skeleton: Skeleton, counts: Sequence[int], seed: int = 0) -> Iterator[People]:
    """Frames with so many people each, three in ten joints missing; ids count from 7 in each frame."""
    rng = np.random.default_rng(seed)
    for frame, count in enumerate(counts):
        keypoints = rng.uniform(0, 1, (count, len(skeleton.joints), 3)) * (1280, 720, 1)
        keypoints[rng.uniform(size=keypoints.shape[:2]) < 0.3] = 0
        keypoints[:, -1] = 500, 300, 0.5  # nobody is without joints
        yield make_people(keypoints, rng.uniform(0.1, 1, count), np.arange(count) + 7, frame=frame, time=frame / 25)


def place(folder: Path, form: str, stem: str = "people") -> Path:
    """A fitting name for a result of that format."""
    return folder / (stem if FORMATS[form].folder else stem + FORMATS[form].suffixes[0])


def write(folder: Path, form: str, poses: PoseFile, stem: str = "people", **options: bool) -> Path:
    """A result file of poses as they are."""
    path = place(folder, form, stem)
    with WRITERS[form](path, poses.skeleton, source="street.mp4", config={}, **options) as writer:
        writer.append(poses)
    return path


def write_told(
    folder: Path, form: str, skeleton: Skeleton = COCO_17, counts: Sequence[int] = (2, 0, 1, 3), **options: bool
) -> Path:
    """A result file as `jaxpose track` writes it."""
    path = place(folder, form)
    with WRITERS[form](path, skeleton, source="street.mp4", config={}, **options) as writer:
        for people in told(skeleton, counts):
            writer.write(people)
    return path
