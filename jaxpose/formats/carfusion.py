"""CarFusion's text files: the joints of the vehicles in one picture, one joint a line.

A line is `x,y,joint,vehicle,visibility`: joints count from 1, vehicles are numbered within the picture, visibility is
1 (visible), 2 (hidden) or 3, which the authors' own converter takes as visible
(github.com/dineshreddy91/carfusion_to_coco). A file `CAMERA_FRAME.txt` tells of the picture `CAMERA_FRAME.jpg`.
"""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from jaxpose.formats.pictures import Picture, PictureFile, people
from jaxpose.formats.values import pixels, place, reading, whole
from jaxpose.skeletons import CAR_14

VISIBILITY = {1: 2, 2: 1, 3: 2}
"""COCO's number for each of the file's."""


def read_sequence(folder: str | os.PathLike[str]) -> PictureFile:
    """The pictures of one sequence, a folder with the text files in `gt` and the pictures in `images_jpg`.

    Raises `FormatError` that names file and line of whatever is malformed.
    """
    folder = Path(folder)
    pictures = []
    for path in sorted((folder / "gt").glob("*.txt"), key=lambda path: _order(path.stem)):
        camera, frame = _order(path.stem)
        keypoints, boxes, ids = people(_read(path), len(CAR_14.joints))
        name = f"images_jpg/{path.stem}.jpg"
        pictures.append(Picture(name, None, keypoints, boxes, ids, (), f"{folder.name}/{camera}", frame))
    return PictureFile(str(folder), CAR_14, pictures)


def _order(stem: str) -> tuple[str, int]:
    """Camera and frame by a file's name."""
    camera, _, frame = stem.rpartition("_")
    return camera, int(frame) if frame.isdecimal() else 0


def _read(path: Path) -> list[Float64[np.ndarray, "j 3"]]:
    """The vehicles of one file, in the order in which they are first named."""
    with reading(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    vehicles: dict[int, Float64[np.ndarray, "j 3"]] = {}
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        with place(path, f"line {number}"):
            fields = [float(field) for field in text.split(",")]
            if len(fields) < 5:
                raise ValueError(f"must be x,y,joint,vehicle,visibility, got {text[:60]!r}")
            x, y = pixels("x", fields[0]), pixels("y", fields[1])
            joint, vehicle = whole("joint", fields[2], 1), whole("vehicle", fields[3], 0)
            if joint > len(CAR_14.joints):
                raise ValueError(f"`joint` must be 1 to {len(CAR_14.joints)}, got {joint}")
            if (seen := whole("visibility", fields[4], 0)) not in VISIBILITY:
                raise ValueError(f"`visibility` must be 1, 2 or 3, got {seen}")
            pose = vehicles.setdefault(vehicle, np.zeros((len(CAR_14.joints), 3)))
            if x > 0 and y > 0:  # 0 and less stands for a joint that was not placed
                pose[joint - 1] = x, y, VISIBILITY[seen]
    return [pose for pose in vehicles.values() if pose.any()]
