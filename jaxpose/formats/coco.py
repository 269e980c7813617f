"""COCO's JSON, and PoseTrack 18's, which is COCO's with video: people's boxes of ground truth and of result lists.

Ground truth is one object with `images` and `annotations` (and `categories`), a result file is one list of entries with
`image_id`, `category_id`, `bbox` and `score`. A `bbox` is x, y, w, h, counted from the outer corner of the picture's
top-left pixel; half a pixel less is what `records.Boxes` holds. COCO's `keypoints` name pixels, as joints do here.
"""

import json
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.errors import FormatError
from jaxpose.formats.boxes import (
    BoxFile,
    Row,
    collect_rows,
    identity,
    outer_box,
    pixels,
    place,
    probability,
    reading,
    whole,
)
from jaxpose.records import NO_ID, joint_boxes

PERSON = "person"
PERSON_ID = 1  # COCO's number of that category


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
    with reading(path):
        content = Path(path).read_bytes()
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError) as error:  # of the JSON, of its UTF-8, of brackets within brackets
        raise FormatError(f"{path}: not JSON ({error})") from error
    if isinstance(tree, list):
        return _results(path, tree, first)
    if isinstance(tree, dict) and all(isinstance(tree.get(key), list) for key in ("images", "annotations")):
        return _ground_truth(path, tree)
    given = f"an object of {reprlib.repr(list(tree))}" if isinstance(tree, dict) else reprlib.repr(tree)
    wanted = "an object with the lists `images` and `annotations`, or a list of results"
    raise FormatError(f"{path}: must be {wanted}, got {given}")


def _results(path: str | os.PathLike[str], entries: list[Any], first: int) -> BoxFile:
    rows: list[Row] = []
    last = -1
    for number, entry in enumerate(entries):
        with place(path, f"result [{number}]"):
            frame = whole("image_id", _need(entry, "image_id"), first) - first
            last = max(last, frame)
            _need(entry, "score")
            rows += _rows(entry, frame, PERSON_ID)
    return collect_rows(path, rows, last)


def _ground_truth(path: str | os.PathLike[str], tree: Mapping[str, Any]) -> BoxFile:
    frames = _frames(path, tree["images"])
    person = _person_category(path, tree)
    rows: list[Row] = []
    for number, entry in enumerate(tree["annotations"]):
        with place(path, f"annotations[{number}]"):
            image = whole("image_id", _need(entry, "image_id"), 0)
            if image not in frames:
                raise ValueError(f"`image_id` must be the id of one of the {len(frames)} `images`, got {image}")
            rows += _rows(entry, frames[image], person)
    return collect_rows(path, rows, max(frames.values(), default=-1))


def _frames(path: str | os.PathLike[str], images: list[Any]) -> dict[int, int]:
    """The frame of each image id."""
    indexed = all(isinstance(image, dict) and "frame_index" in image for image in images)
    frames: dict[int, int] = {}
    taken: set[int] = set()
    for number, image in enumerate(images):
        with place(path, f"images[{number}]"):
            key = whole("id", _need(image, "id"), 0)
            if key in frames:
                raise ValueError(f"`id` must be another one for each image, got {key} again")
            frames[key] = whole("frame_index", image["frame_index"], 0) if indexed else number
            if frames[key] in taken:
                given = f"got {frames[key]} again; split a file of several videos"
                raise ValueError(f"`frame_index` must be another one for each image, {given}")
            taken.add(frames[key])
    return frames if indexed else {key: index for index, key in enumerate(sorted(frames))}


def _person_category(path: str | os.PathLike[str], tree: Mapping[str, Any]) -> int:
    """The category id that means a person."""
    categories = tree.get("categories")
    if not categories:
        return PERSON_ID
    with place(path, "categories"):
        if not isinstance(categories, list):
            raise ValueError(f"must be a list, got {reprlib.repr(categories)}")
        found = {str(_need(category, "name")): whole("id", _need(category, "id"), 0) for category in categories}
        if PERSON not in found:
            raise ValueError(f"one must be named {PERSON!r}, got {reprlib.repr(list(found))}; rename the one of people")
        return found[PERSON]


def _rows(entry: Mapping[str, Any], frame: int, person: int) -> list[Row]:
    """The row of an entry, if it is a person's and has a box."""
    if entry.get("category_id", person) != person or entry.get("iscrowd"):
        return []
    score = probability("score", entry["score"]) if "score" in entry else 1.0
    track = identity("track_id", entry["track_id"]) if "track_id" in entry else NO_ID
    box = _box(entry["bbox"]) if "bbox" in entry else _joint_box(_need(entry, "keypoints"))
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


def _need(entry: Any, key: str) -> Any:
    if not isinstance(entry, dict):
        raise ValueError(f"must be an object, got {reprlib.repr(entry)}")
    if key not in entry:
        raise ValueError(f"`{key}` is missing")
    return entry[key]
