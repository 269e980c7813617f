"""Files of COCO's and PoseTrack's shape as pictures to learn from: what is labelled, and what must not be learnt.

`formats.annotations` and `formats.posetrack` read and check the people; here is added what only training asks for:
whether a joint is hidden, the pictures' sizes, and the regions in which people may be unlabelled: crowds, people
without joints, PoseTrack's ignore regions. A COCO file may also tell

- `foot_kpts` of each person (COCO-WholeBody), or 23 `keypoints` (CMU's foot data set): read with `feet`;
- `mpii_joints` of each person, MPII's 16: read by `formats.mpii`;
- of joints labelled by two networks: `disputed`, [joint, x, y, x, y] of joints on which they do not agree (both places
  become small regions), and `inside_person` of a crowd row that lies on a labelled person (it is left out);
- in its `info`, `coordinates` that speak of the "outer corner": then half a pixel is taken from each joint;
- of each picture, `video` and `frame_index` (a frame of that file), and `split`.

COCO's `bbox` and `segmentation` count from the outer corner of the top-left pixel, so half a pixel is taken from them.
"""

import os
import reprlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64

from jaxpose.errors import FormatError
from jaxpose.formats import posetrack
from jaxpose.formats.annotations import Kind, image_ids, is_annotated, person_category, read_annotated
from jaxpose.formats.outlines import CORNER, disputed, outline, untold_feet
from jaxpose.formats.pictures import Picture, PictureFile, rectangle
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.values import line, listed, need, place, read_json, whole
from jaxpose.records import joint_boxes
from jaxpose.skeletons import COCO_17, COCO_23, POSETRACK_17

OTHER_NAMES = {"pelvis": "mid_hip", "thorax": "neck", "upper_neck": "head_bottom"}
"""What MPII and its followers call joints that go by another name here."""


def read_coco(path: str | os.PathLike[str], *, feet: bool = False) -> PictureFile:
    """The pictures of a COCO ground truth, in the order of their ids; with `feet` of COCO's 17 joints and 6 of feet.

    Raises `FormatError` that names file, picture and person of whatever is malformed.
    """
    tree = annotated_tree(path)
    if feet:
        _join_feet(path, tree)
    return read_tree(path, tree)


def read_posetrack_2018(path: str | os.PathLike[str]) -> PictureFile:
    """The labelled frames of one video of PoseTrack 2018 or 2021, in their order.

    A joint is labelled unless its three numbers are 0; the third says whether it is visible. Raises `FormatError` that
    names file, frame and person of whatever is malformed, and for a file that does not name its video.
    """
    tree = annotated_tree(path)
    for row, image in enumerate(tree["images"]):
        with place(path, f"images[{row}]"):
            need(image, "vid_id")
    return read_tree(path, tree, posed=True)


def read_posetrack_2017(path: str | os.PathLike[str]) -> PictureFile:
    """The labelled frames of one video of PoseTrack 2017, in their order; `is_visible` tells hidden joints.

    Raises `FormatError` that names file, frame and person of whatever is malformed, and for another format.
    """
    tree = read_json(path)
    if not isinstance(tree, dict) or not isinstance(tree.get("annolist"), list):
        given = f"an object of {reprlib.repr(list(tree))}" if isinstance(tree, dict) else reprlib.repr(tree)
        raise FormatError(f"{path}: must be an object with the list `annolist` (PoseTrack 2017), got {given}")
    poses = posetrack.read_poses(path)
    if poses.names is None:
        raise FormatError(f"{path}: must name each frame's picture, under `image`, to be learnt from")
    visible = np.where(poses.there, 2, 0)
    for person, rect in enumerate(rect for frame in tree["annolist"] for rect in frame.get("annorect", [])):
        for point in rect["annopoints"][0]["point"] if poses.posed[person] else []:
            if point.get("is_visible") in ([0], 0, ["0"], "0"):
                visible[person, np.ravel(point["id"])[0]] = 1
    pictures = []
    for frame, regions in enumerate(poses.regions):
        if not poses.labelled[frame]:
            continue
        name = poses.names[frame]
        rows = slice(poses.offsets[frame], poses.offsets[frame + 1])
        keypoints = np.concatenate([poses.xy[rows], visible[rows, :, None]], axis=-1).astype(np.float32)
        keypoints[keypoints[..., 2] == 0] = 0
        there = poses.there[rows].any(axis=1)
        heads = [rectangle(head) for head in poses.heads[rows][~there] if not np.isnan(head).any()]
        polygons = (*(region.astype(np.float32) for region in regions), *heads)
        keypoints = keypoints[there]
        sequence = PurePosixPath(name).parent.name or PurePosixPath(path).stem
        boxes, ids = joint_boxes(keypoints), poses.ids[rows][there]
        pictures.append(Picture(name, None, keypoints, boxes, ids, polygons, sequence, int(poses.numbers[frame])))
    return PictureFile(str(path), poses.skeleton, pictures, int((~poses.labelled).sum()))


def annotated_tree(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A file's JSON, if it has the lists `images` and `annotations`; joints go by the names that are known here."""
    tree = read_json(path)
    if not is_annotated(tree):
        given = f"an object of {reprlib.repr(list(tree))}" if isinstance(tree, dict) else reprlib.repr(tree)
        raise FormatError(f"{path}: must be an object with the lists `images` and `annotations`, got {given}")
    categories = tree.get("categories") or []
    tree["categories"] = [categories] if isinstance(categories, dict) else categories  # CMU's foot files have one
    for category in tree["categories"]:
        if isinstance(category, dict) and isinstance(category.get("keypoints"), list):
            names = [str(name).strip().lower().replace(" ", "_").replace("-", "_") for name in category["keypoints"]]
            category["keypoints"] = [OTHER_NAMES.get(name, name) for name in names]
    return dict(tree)


# -- one file ----------------------------------------------------------------------------------------------------------


def read_tree(path: str | os.PathLike[str], tree: Mapping[str, Any], *, posed: bool = False) -> PictureFile:
    """The pictures of an `annotated_tree`, in the order of their ids; `posed`: visibility is PoseTrack's."""
    for entry in tree["annotations"]:
        if isinstance(entry, dict):
            entry.pop("scores", None)  # would take the place of the third numbers
    there = _any_number if posed else _labelled
    kind = Kind(POSETRACK_17 if posed else COCO_17, image_ids, there, scored=True)
    poses = read_annotated(path, tree, kind)
    visible = _visibility(path, poses, posed)
    info = tree.get("info")
    corner = CORNER if isinstance(info, dict) and "outer corner" in str(info.get("coordinates")) else 0.0
    keypoints = np.concatenate([poses.xy - corner, visible[..., None]], axis=-1).astype(np.float32)
    keypoints[visible == 0] = 0

    images = {image["id"]: image for image in tree["images"]}
    category = person_category(path, tree)["id"]
    entries: dict[int, list[dict[str, Any]]] = {key: [] for key in images}
    for entry in tree["annotations"]:
        if entry.get("category_id", category) == category:
            entries[entry["image_id"]].append(entry)

    pictures, places = [], dict[str, int]()
    for frame, key in enumerate(poses.numbers.tolist()):
        with place(path, f"image {key}"):
            image = images[key]
            name, sequence = _name(image)
            number = whole("frame_index", image.get("frame_index", places.get(sequence, 0)), 0)
            places[sequence] = number + 1
            if not poses.labelled[frame]:
                continue
            size = None
            if "width" in image and "height" in image:
                size = whole("width", image["width"], 1), whole("height", image["height"], 1)
            told = [*entries[key]]
            rows = slice(poses.offsets[frame], poses.offsets[frame + 1])
            regions = [region.astype(np.float32) for region in poses.regions[frame]]
            kept = []
            for row, entry in enumerate(told, rows.start):
                labelled = keypoints[row, :, 2] > 0
                if poses.crowd[row]:
                    regions += [] if entry.get("inside_person") else outline(entry, poses.boxes[row])
                elif not labelled.any():
                    regions += outline(entry, poses.boxes[row])
                else:
                    kept.append(row)
                    regions += disputed(entry, poses, row, corner)
                    regions += untold_feet(entry, keypoints[row])
            video = image.get("video")
            pictures.append(
                Picture(
                    name=name,
                    size=size,
                    keypoints=keypoints[kept],
                    boxes=_boxes(poses.boxes[kept], keypoints[kept]),
                    ids=poses.ids[kept],
                    regions=tuple(regions),
                    sequence=sequence,
                    frame=number if video is not None or "vid_id" in image else 0,
                    video=None if video is None else line("video", video),
                    split=None if "split" not in image else line("split", image["split"]),
                )
            )
    return PictureFile(str(path), poses.skeleton, pictures, int((~poses.labelled).sum()))


def _labelled(keypoints: Float64[np.ndarray, "n j 3"]) -> Bool[np.ndarray, "n j"]:
    return keypoints[..., 2] > 0


def _any_number(keypoints: Float64[np.ndarray, "n j 3"]) -> Bool[np.ndarray, "n j"]:
    return np.any(keypoints != 0, axis=-1)


def _visibility(path: str | os.PathLike[str], poses: PoseFile, posed: bool) -> Float64[np.ndarray, "n j"]:
    """COCO's 0, 1, 2 of each joint."""
    told = np.where(poses.there, poses.joint_scores, 0.0)
    if posed:
        return np.where(poses.there, np.where(told > 0, 2.0, 1.0), 0.0)
    wrong = ~np.isin(told, (0, 1, 2)).all(axis=1)
    if wrong.any():
        person = int(np.argmax(wrong))
        where = f"{path}, {poses.name(int(poses.frame[person]))}"
        raise FormatError(f"{where}: the third number of a joint must be 0, 1 or 2, got {told[person].max():g}")
    return told


def _name(image: Mapping[str, Any]) -> tuple[str, str]:
    """What a picture is called, and the video that it is of, else the picture itself."""
    name = line("file_name", need(image, "file_name"))
    path = PurePosixPath(name.replace("\\", "/"))
    if "video" in image:
        return name, PurePosixPath(line("video", image["video"])).stem
    if "vid_id" in image:
        return name, path.parent.name or str(image["vid_id"])
    return name, str(path.with_suffix(""))


def _boxes(told: Float64[np.ndarray, "p 4"], keypoints: Float32[np.ndarray, "p j 3"]) -> Float32[np.ndarray, "p 4"]:
    """The file's boxes; those that the joints span where it has none."""
    shifted = told - (CORNER, CORNER, 0, 0)
    return np.where(np.isnan(told), joint_boxes(keypoints), shifted).astype(np.float32)


# -- feet --------------------------------------------------------------------------------------------------------------


def _join_feet(path: str | os.PathLike[str], tree: Mapping[str, Any]) -> None:
    """Make each person's `keypoints` those of COCO and the feet; `untold_feet` of those whose feet nobody looked at."""
    category = person_category(path, tree)
    for row, entry in enumerate(tree["annotations"]):
        with place(path, f"annotations[{row}]"):
            if entry.get("category_id", category["id"]) != category["id"]:
                continue
            keypoints = listed("keypoints", need(entry, "keypoints"))
            if len(keypoints) == 3 * len(COCO_17.joints) and "foot_kpts" in entry:
                entry["keypoints"] = [*keypoints, *listed("foot_kpts", entry["foot_kpts"])]
            elif len(keypoints) != 3 * len(COCO_23.joints):
                wanted = "69 numbers (body and feet), or 51 with `foot_kpts` of 18 (COCO-WholeBody)"
                raise ValueError(f"`keypoints` must be {wanted}, got {len(keypoints)}")
            entry["untold_feet"] = not any(value > 0 for value in entry["keypoints"][53::3])
    tree["categories"][:] = [{**category, "name": "person", "keypoints": [*COCO_23.joints]}]
