"""MPII Human Pose: the published MATLAB file, and COCO-style JSON with MPII's 16 joints beside COCO's.

The MATLAB file has one struct, `RELEASE`, with `annolist` (a picture's `image.name`, and its people, `annorect`) and
`img_train` (1: the joints are public). A person has `annopoints.point` (each joint's `id`, `x`, `y`, `is_visible`), or
only a place, `objpos`, and a `scale` (height / 200 pixels). Source: the data set's README,
http://human-pose.mpi-inf.mpg.de.

MATLAB counts pixels from 1, so 1 is taken from x and y, as training codes for MPII do; the JSON's stay as they are.
"""

import os
from typing import Any

import numpy as np
from jaxtyping import Float64

from jaxpose.errors import FormatError
from jaxpose.formats.labelled import annotated_tree, read_tree
from jaxpose.formats.matlab import read_matlab
from jaxpose.formats.pictures import Picture, PictureFile, Polygon, people, square
from jaxpose.formats.values import listed, need, place
from jaxpose.skeletons import MPII_16

HEIGHT = 200.0
"""Pixels of a person of `scale` 1."""

HIDDEN = ("0", 0)
"""What `is_visible` says of a joint that is hidden; it is often empty, which says nothing."""


def read_mat(path: str | os.PathLike[str]) -> PictureFile:
    """The training pictures of MPII's own `mpii_human_pose_v1_u12_1.mat`; people without joints become regions.

    Raises `FormatError` for a file that is not MATLAB's or holds no `RELEASE` of that kind.
    """
    release = _load(path)
    pictures: list[Picture] = []
    unlabelled = 0
    told, train = _many(release.annolist), np.ravel(release.img_train)
    if len(told) != len(train):
        raise FormatError(f"{path}: `img_train` must tell of each picture, got {len(train)} of {len(told)}")
    for row, (one, public) in enumerate(zip(told, train.tolist(), strict=True)):
        if public != 1:
            unlabelled += 1
            continue
        with place(path, f"annolist[{row}]"):
            try:
                pictures.append(_picture(one))
            except (AttributeError, TypeError, OverflowError) as error:  # structs without a field, arrays for numbers
                raise ValueError(" ".join(str(error).split())) from error
    return PictureFile(str(path), MPII_16, pictures, unlabelled)


def read_json_pictures(path: str | os.PathLike[str]) -> PictureFile:
    """The pictures of a COCO-style file whose people have `mpii_joints`, 16 of x, y and 1 (labelled) or 0.

    Raises `FormatError` that names file, picture and person of whatever is malformed, also without `mpii_joints`.
    """
    tree = annotated_tree(path)
    for row, entry in enumerate(tree["annotations"]):
        with place(path, f"annotations[{row}]"):
            joints = [listed("mpii_joints", joint) for joint in listed("mpii_joints", need(entry, "mpii_joints"))]
            entry["keypoints"] = [value for x, y, there in joints for value in (x, y, 2 * bool(there))]
    for category in tree["categories"]:
        category["keypoints"] = [*MPII_16.joints]
    return read_tree(path, tree)


# -- MATLAB ------------------------------------------------------------------------------------------------------------


def _load(path: str | os.PathLike[str]) -> Any:
    release = read_matlab(path, "RELEASE")
    if release is None or not all(hasattr(release, field) for field in ("annolist", "img_train")):
        raise FormatError(
            f"{path}: must hold MPII's struct `RELEASE` with `annolist` and `img_train`; is it MPII's file?"
        )
    return release


def _picture(told: Any) -> Picture:
    name = str(_field(_field(told, "image"), "name") or "")
    if not name:
        raise ValueError("`image.name` is missing")
    poses: list[Float64[np.ndarray, "j 3"]] = []
    regions: list[Polygon] = []
    for person in _many(_field(told, "annorect")):
        pose = _pose(person)
        if pose.any():
            poses.append(pose)
            continue
        middle, scale = _field(person, "objpos"), _field(person, "scale")
        if _field(middle, "x") is not None and scale is not None:
            regions.append(square(float(middle.x) - 1, float(middle.y) - 1, HEIGHT / 2 * float(scale)))
    keypoints, boxes, ids = people(poses, len(MPII_16.joints))
    return Picture(name, None, keypoints, boxes, ids, tuple(regions), name.rpartition(".")[0])


def _pose(person: Any) -> Float64[np.ndarray, "j 3"]:
    pose = np.zeros((len(MPII_16.joints), 3))
    for point in _many(_field(_field(person, "annopoints"), "point")):
        joint = int(point.id)
        if not 0 <= joint < len(pose):
            raise ValueError(f"a joint's `id` must be 0 to {len(pose) - 1}, got {joint}")
        hidden = _field(point, "is_visible") in HIDDEN
        pose[joint] = float(point.x) - 1, float(point.y) - 1, 1 if hidden else 2
    return pose


def _field(struct: Any, name: str) -> Any:
    """What a struct has under a name; None where it has nothing, or an empty array."""
    value = getattr(struct, name, None)
    return None if isinstance(value, np.ndarray) and value.size == 0 else value


def _many(value: Any) -> list[Any]:
    """The structs of an array; of a single one, which MATLAB does not tell from an array of one, itself."""
    return [] if value is None else list(np.atleast_1d(value))
