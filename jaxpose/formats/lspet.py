"""Leeds Sports Pose Extended: one labelled person a picture, 14 joints, from `joints.mat` or the same as `joints.npz`.

`joints` is [14, 3, pictures] in the published file (also [3, 14, pictures], as its older sibling has it) and
[pictures, 14, 3] in an npz: x, y, and 1 where the joint is labelled, in pixels as they are. An npz may also hold
`size_wh` [pictures, 2]. Row i tells of `im00001.jpg` and so on. Source: the data set's README,
http://sam.johnson.io/research/lspet.html.

The data set has no split of its own: here the last 500 of its 10,000 pictures are "val", and three pictures of the
others that show the same as one of those are left out.
"""

import os
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from jaxpose.errors import FormatError
from jaxpose.formats.matlab import read_matlab
from jaxpose.formats.pictures import Picture, PictureFile, people
from jaxpose.formats.values import reading
from jaxpose.skeletons import LSP_14

VAL_FROM = 9501
"""The number of the first picture for validation."""

DOUBLE = frozenset({719, 3153, 4002})
"""The numbers of those that are pictures 9517, 9695 and 9871 once more."""


def read_joints(path: str | os.PathLike[str]) -> PictureFile:
    """The pictures of `joints.mat` or `joints.npz`; a picture whose joints are all unlabelled has nobody.

    Raises `FormatError` for a file that cannot be read, or whose `joints` have another shape.
    """
    joints, sizes = _load(path)
    joints[joints[..., 2] <= 0] = 0
    joints[..., 2] *= 2  # labelled joints are hidden or visible, and nothing tells which
    pictures = []
    for number, pose in enumerate(joints, 1):
        if number in DOUBLE:
            continue
        keypoints, boxes, ids = people([pose] if pose.any() else [], len(LSP_14.joints))
        name = f"im{number:05d}"
        size = None if sizes is None else (int(sizes[number - 1, 0]), int(sizes[number - 1, 1]))
        split = "val" if number >= VAL_FROM else "train"
        pictures.append(Picture(f"{name}.jpg", size, keypoints, boxes, ids, (), name, split=split))
    return PictureFile(str(path), LSP_14, pictures)


def _load(path: str | os.PathLike[str]) -> tuple[Float64[np.ndarray, "n 14 3"], np.ndarray | None]:
    sizes = None
    if Path(path).suffix.lower() == ".npz":
        with reading(path):
            try:
                with np.load(path) as file:
                    joints = file["joints"] if "joints" in file.files else None
                    sizes = file["size_wh"] if "size_wh" in file.files else None
            except (ValueError, EOFError, zipfile.BadZipFile) as error:
                raise FormatError(f"{path}: not an npz file that can be read ({error})") from error
    else:
        joints = read_matlab(path, "joints")
    joints = np.zeros(0) if joints is None else np.asarray(joints)
    if joints.ndim == 3 and joints.shape[:2] == (14, 3):
        joints = np.moveaxis(joints, 2, 0)
    elif joints.ndim == 3 and joints.shape[:2] == (3, 14):
        joints = joints.transpose(2, 1, 0)
    if joints.ndim != 3 or joints.shape[1:] != (14, 3) or not np.isfinite(joints).all():
        wanted = "[pictures, 14, 3], [14, 3, pictures] or [3, 14, pictures] of finite numbers"
        raise FormatError(f"{path}: `joints` must be {wanted}, got {list(joints.shape)}; is it Leeds Sports Extended?")
    if not np.isin(joints[..., 2], (0, 1)).all():
        raise FormatError(f"{path}: the third number of a joint must be 1 (labelled) or 0")
    return np.array(joints, np.float64), sizes
