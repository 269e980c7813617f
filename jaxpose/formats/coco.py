"""COCO's JSON, and PoseTrack 18's, which is COCO's with video: people's boxes and poses of ground truth and of results.

Ground truth is one object with `images` and `annotations` (and `categories`), a result file is one list of entries with
`image_id`, `category_id`, `score` and `bbox` or `keypoints`. A `bbox` is x, y, w, h, counted from the outer corner of
the picture's top-left pixel; half a pixel less is what `records.Boxes` holds. COCO's `keypoints` name pixels, as joints
do here. What of poses COCO and PoseTrack share is read by `formats.annotations`.
"""

import os
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from jaxpose.errors import FormatError
from jaxpose.formats.annotations import (
    PERSON_ID,
    Kind,
    annotated_image,
    distinct,
    frame_numbers,
    image_ids,
    is_annotated,
    person_category,
    read_annotated,
)
from jaxpose.formats.boxes import BoxFile, Row, collect_rows, outer_box
from jaxpose.formats.poses import PoseFile, tracked_poses
from jaxpose.formats.values import identity, need, pixels, place, probability, read_json, whole
from jaxpose.records import NO_ID, joint_boxes
from jaxpose.skeletons import COCO_17

TRUTH = "an object with the lists `images` and `annotations`"


def read_poses(path: str | os.PathLike[str]) -> PoseFile:
    """The poses of a COCO ground truth of any skeleton; one frame for each picture, `numbers` are the pictures' ids.

    A joint is there if its third number, COCO's visibility, is above 0. Crowd regions stay, marked as such, and so do
    people without joints. The names of the joints in the category of people tell their order; COCO's 17 where it has
    none. Pictures are in the order of their ids, people within a picture in the file's order, as COCO's own evaluation
    takes them.

    Raises `FormatError` that names file, picture and person of whatever is malformed.
    """
    tree = read_json(path)
    if not is_annotated(tree):
        raise _unexpected(path, tree, TRUTH)
    poses = read_annotated(path, tree, COCO_TRUTH)
    if any("id" in entry for entry in tree["annotations"]):
        distinct(path, tree["annotations"], "id", "annotations", "; give each person an id of their own")
    category = person_category(path, tree)["id"]
    for row, entry in enumerate(tree["annotations"]):
        if entry.get("category_id", category) == category and not entry.get("iscrowd"):
            _check_count(path, row, entry)
    return poses


def read_results(path: str | os.PathLike[str], truth: PoseFile) -> PoseFile:
    """The poses of a COCO result list for the pictures of a ground truth, whose joints it has in the same order.

    All pictures of the truth are frames, also those without results. A joint is there unless its three numbers are all
    0; the third is its score, unless the person has a list of `scores`. Raises `FormatError` that names file, picture
    and entry of whatever is malformed, of a picture that the truth does not have, and of a list that holds several
    categories.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise _unexpected(path, entries, "a list of results")
    pictures = dict.fromkeys(truth.numbers.tolist(), 0)
    categories: set[int] = set()
    for row, entry in enumerate(entries):
        with place(path, f"result [{row}]"):
            annotated_image(entry, pictures)
            need(entry, "score")
            need(entry, "keypoints")
            categories.add(whole("category_id", need(entry, "category_id"), 0))
            if len(categories) > 1:
                raise ValueError(f"`category_id` must be the same for all, people's, got {sorted(categories)}")
    names = truth.names or (None,) * len(truth.numbers)
    images = [
        {"id": number} if name is None else {"id": number, "file_name": name}
        for number, name in zip(truth.numbers.tolist(), names, strict=True)
    ]
    tree = {
        "images": images,
        "annotations": entries,
        "categories": [{"id": category, "name": "person"} for category in categories],
    }
    return read_annotated(path, tree, Kind(truth.skeleton, image_ids, _told, "result ", scored=True))


def read_result_poses(path: str | os.PathLike[str]) -> PoseFile:
    """The poses of a COCO result list by itself: its frames are the pictures that it has results for.

    People have COCO's 17 joints. Raises `FormatError` as `read_results`.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise _unexpected(path, entries, "a list of results")
    pictures: set[int] = set()
    for row, entry in enumerate(entries):
        with place(path, f"result [{row}]"):
            pictures.add(whole("image_id", need(entry, "image_id"), 0))
    nobody = np.zeros((0, 4))
    numbers = sorted(pictures)
    frames = tracked_poses(
        str(path),
        COCO_17,
        numbers,
        [0] * len(numbers),
        np.zeros((0, len(COCO_17.joints), 3)),
        nobody,
        nobody[:, 0],
        nobody[:, 0].astype(np.int64),
    )
    return read_results(path, frames)


def read_boxes(path: str | os.PathLike[str], *, first: int = 0) -> BoxFile:
    """The people's boxes of a COCO file, ground truth or results, coordinates as in `records.Boxes`.

    People are the entries of the category named "person", of category 1 where the file names none, and those without
    `category_id`; crowd regions (`iscrowd`) are left out. An entry without `bbox` has the box that its keypoints span,
    and is left out where they span none. An id is the entry's `track_id`. The score of an annotation is 1 unless it
    has one.

    An image's frame is its `frame_index` where all images have one, else its place in the order of image ids
    (PoseTrack's `frame_id` is another image id, not a frame's number). A result list has no images: `image_id` numbers
    its frames, and `first` is that of the video's first frame.

    Raises `FormatError` that names the entry of whatever is malformed.
    """
    tree = read_json(path)
    if isinstance(tree, list):
        return _results(path, tree, first)
    if is_annotated(tree):
        return _ground_truth(path, tree)
    raise _unexpected(path, tree, f"{TRUTH}, or a list of results")


def _unexpected(path: str | os.PathLike[str], tree: object, wanted: str) -> FormatError:
    given = f"an object of {reprlib.repr(list(tree))}" if isinstance(tree, dict) else reprlib.repr(tree)
    return FormatError(f"{path}: must be {wanted}, got {given}")


# -- poses -------------------------------------------------------------------------------------------------------------


def _visible(keypoints: Float64[np.ndarray, "n j 3"]) -> Bool[np.ndarray, "n j"]:
    return keypoints[..., 2] > 0


def _told(keypoints: Float64[np.ndarray, "n j 3"]) -> Bool[np.ndarray, "n j"]:
    return np.any(keypoints != 0, axis=-1)


COCO_TRUTH = Kind(COCO_17, image_ids, _visible)


def _check_count(path: str | os.PathLike[str], row: int, entry: Mapping[str, Any]) -> None:
    """COCO's evaluation leaves people out by their `num_keypoints`, so it must not deny the joints that are there."""
    visible = sum(value > 0 for value in entry["keypoints"][2::3])
    with place(path, f"annotations[{row}]"):
        count = whole("num_keypoints", entry.get("num_keypoints", visible), 0)
        if (count == 0) != (visible == 0):
            raise ValueError(f"`num_keypoints` must count the joints that are visible, {visible}, got {count}")


# -- boxes -------------------------------------------------------------------------------------------------------------


def _results(path: str | os.PathLike[str], entries: list[Any], first: int) -> BoxFile:
    rows: list[Row] = []
    last = -1
    for number, entry in enumerate(entries):
        with place(path, f"result [{number}]"):
            frame = whole("image_id", need(entry, "image_id"), first) - first
            last = max(last, frame)
            need(entry, "score")
            rows += _rows(entry, frame, PERSON_ID)
    return collect_rows(path, rows, last)


def _ground_truth(path: str | os.PathLike[str], tree: Mapping[str, Any]) -> BoxFile:
    frames = _frames(path, tree["images"])
    person = person_category(path, tree)["id"]
    rows: list[Row] = []
    for number, entry in enumerate(tree["annotations"]):
        with place(path, f"annotations[{number}]"):
            rows += _rows(entry, frames[annotated_image(entry, frames)], person)
    return collect_rows(path, rows, max(frames.values(), default=-1))


def _frames(path: str | os.PathLike[str], images: list[Any]) -> dict[int, int]:
    """The frame of each image id."""
    ids = image_ids(path, images)
    numbers = frame_numbers(path, images)
    if numbers is None:
        return {key: index for index, key in enumerate(sorted(ids))}
    return dict(zip(ids, numbers, strict=True))


def _rows(entry: Mapping[str, Any], frame: int, person: int) -> list[Row]:
    """The row of an entry, if it is a person's and has a box."""
    if entry.get("category_id", person) != person or entry.get("iscrowd"):
        return []
    score = probability("score", entry["score"]) if "score" in entry else 1.0
    track = identity("track_id", entry["track_id"]) if "track_id" in entry else NO_ID
    box = _box(entry["bbox"]) if "bbox" in entry else _joint_box(need(entry, "keypoints"))
    return [] if box is None else [Row(frame, box, score, track)]


def _box(values: Any) -> tuple[float, float, float, float]:
    if not isinstance(values, list) or len(values) != 4:
        raise ValueError(f"`bbox` must be a list of x, y, w, h, got {reprlib.repr(values)}")
    return outer_box(values)


def _joint_box(values: Any) -> tuple[float, float, float, float] | None:
    """The box that keypoints span; none where it has no area."""
    if not isinstance(values, list) or len(values) % 3:
        raise ValueError(f"`keypoints` must be a list of x, y, score for each joint, got {reprlib.repr(values)}")
    keypoints = np.array([pixels("keypoints", value) for value in values], np.float32)
    x, y, w, h = joint_boxes(keypoints.reshape(1, -1, 3))[0].tolist()
    return (x, y, w, h) if w > 0 and h > 0 else None
