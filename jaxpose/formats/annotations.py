"""Files of the shape that COCO gave and PoseTrack 2018 took over: `images`, `annotations` and `categories`.

`formats.coco` and `formats.posetrack` say in what they differ: how frames are numbered, which joints are there, and
the skeleton of a file that names no joints.
"""

import os
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.formats.poses import Polygon, PoseFile
from jaxpose.formats.values import MOST_COUNT, line, listed, need, pixels, place, table, whole, wholes
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton, by_joints

PERSON = "person"
PERSON_ID = 1  # COCO's number of that category

Source = str | os.PathLike[str]


class Kind(NamedTuple):
    """In what files of this shape differ."""

    skeleton: Skeleton  # of a file whose category of people names no joints
    number: Callable[[Source, list[Any]], list[int]]  # each image's number, from the file and its `images`
    there: Callable[[Float64[np.ndarray, "n j 3"]], Bool[np.ndarray, "n j"]]  # from each joint's x, y, third number
    entry: str = "annotations"  # what messages call the list of people
    scored: bool = False  # the third number of a joint is its score, where the person has no list of `scores`


def is_annotated(tree: object) -> bool:
    """Whether this is an object with the lists `images` and `annotations`."""
    return isinstance(tree, dict) and all(isinstance(tree.get(key), list) for key in ("images", "annotations"))


def read_annotated(path: Source, tree: Mapping[str, Any], kind: Kind) -> PoseFile:
    """The people of such a file: frames by number, within a frame in the file's order.

    Joints are in the file's own order. Raises `FormatError` that names the file, frame and person of whatever is
    malformed.
    """
    ids = image_ids(path, tree["images"])
    numbers = np.array(kind.number(path, tree["images"]), np.int64)
    order = np.argsort(numbers, kind="stable")
    numbers, images = numbers[order], [tree["images"][frame] for frame in order]
    frames = dict(zip((ids[image] for image in order), range(len(ids)), strict=True))
    names = _names(path, images)

    skeleton = _skeleton(path, tree, kind.skeleton)
    frame, rows, people = _people(path, tree, frames, kind.entry)

    calls = [f"frame {name}" for name in (numbers if names is None else names)]

    def where(person: int) -> str:
        track = reprlib.repr(people[person]["track_id"]) if "track_id" in people[person] else "without id"
        return f"{path}, {kind.entry}[{rows[person]}], {calls[frame[person]]}, person {track}"

    def column(name: str, width: int, most: float) -> Float64[np.ndarray, "n width"]:
        return table(name, [person.get(name, []) for person in people], width, where, most=most)

    def value(name: str, most: float) -> Float64[np.ndarray, "n"]:
        told = [[person[name]] if name in person else [] for person in people]
        return table(name, told, 1, where, most=most)[:, 0]

    joints = len(skeleton.joints)
    keypoints = table("keypoints", [person.get("keypoints") for person in people], 3 * joints, where, told=True)
    keypoints = keypoints.reshape(-1, joints, 3)
    there, joint_scores = kind.there(keypoints), column("scores", joints, MOST_COUNT)
    if kind.scored:
        joint_scores = np.where(np.isnan(joint_scores) & there, keypoints[..., 2], joint_scores)
    return PoseFile(
        source=str(path),
        skeleton=skeleton,
        names=names,
        numbers=numbers,
        labelled=np.array([_labelled(path, *called) for called in zip(calls, images, strict=True)], bool),
        regions=tuple(_regions(path, *called) for called in zip(calls, images, strict=True)),
        offsets=np.searchsorted(frame, np.arange(len(images) + 1)),
        xy=keypoints[..., :2].copy(),
        there=there,
        joint_scores=joint_scores,
        scores=value("score", MOST_COUNT),
        ids=wholes("track_id", [person.get("track_id", NO_ID) for person in people], NO_ID, where),
        boxes=column("bbox", 4, MOST_COUNT),
        heads=column("bbox_head", 4, MOST_COUNT),
        areas=value("area", MOST_COUNT),
        crowd=wholes("iscrowd", [_flag(person.get("iscrowd", 0)) for person in people], 0, where) > 0,
        posed=np.ones(len(people), bool),
        visibility=None if kind.scored else _visibility(keypoints[..., 2]),
        sizes=_sizes(path, images),
    )


def _flag(value: object) -> object:
    """PoseTrack's files say true and false where COCO's say 1 and 0."""
    return int(value) if isinstance(value, bool) else value


def image_ids(path: Source, images: Sequence[Any]) -> list[int]:
    """The id of each image; no two are the same."""
    return distinct(path, images, "id", "images")


def frame_numbers(path: Source, images: Sequence[Any]) -> list[int] | None:
    """The `frame_index` of each image, no two the same; `None` unless all have one."""
    if not all(isinstance(image, dict) and "frame_index" in image for image in images):
        return None
    return distinct(path, images, "frame_index", "images", "; split a file of several videos")


def distinct(path: Source, entries: Sequence[Any], key: str, what: str, advice: str = "") -> list[int]:
    """A whole number that no other entry has; `what` is the list that they stand in."""
    taken: dict[int, None] = {}
    for index, entry in enumerate(entries):
        with place(path, f"{what}[{index}]"):
            number = whole(key, need(entry, key), 0)
            if number in taken:
                raise ValueError(f"`{key}` must be another one for each {what[:-1]}, got {number} again{advice}")
            taken[number] = None
    return list(taken)


def person_category(path: Source, tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """The category of people: the one named "person"; that of id 1 where the file has no categories."""
    categories = tree.get("categories")
    if not categories:
        return {"id": PERSON_ID}
    with place(path, "categories"):
        if not isinstance(categories, list):
            raise ValueError(f"must be a list, got {reprlib.repr(categories)}")
        named = {str(need(category, "name")): category for category in categories}
        if PERSON not in named:
            raise ValueError(f"one must be named {PERSON!r}, got {reprlib.repr(list(named))}; rename the one of people")
        whole("id", need(named[PERSON], "id"), 0)
        return named[PERSON]


def _skeleton(path: Source, tree: Mapping[str, Any], default: Skeleton) -> Skeleton:
    """The skeleton with the file's joints, in the file's order."""
    category = person_category(path, tree)
    with place(path, "categories"):
        names = listed("keypoints", category.get("keypoints", []))
        joints = tuple(str(name).strip().lower().replace(" ", "_").replace("-", "_") for name in names)
        return by_joints(joints) if joints else default


def _people(
    path: Source, tree: Mapping[str, Any], frames: Mapping[int, int], called: str
) -> tuple[Int64[np.ndarray, "n"], list[int], list[dict[str, Any]]]:
    """The frame, place in `annotations` and entry of each person, by frame."""
    category = person_category(path, tree)["id"]
    chosen: list[tuple[int, int, dict[str, Any]]] = []
    for row, entry in enumerate(tree["annotations"]):
        with place(path, f"{called}[{row}]"):
            image = annotated_image(entry, frames)
        if entry.get("category_id", category) == category:
            chosen.append((frames[image], row, entry))
    chosen.sort(key=lambda told: told[:2])
    frame = np.array([told[0] for told in chosen], np.int64)
    return frame, [told[1] for told in chosen], [told[2] for told in chosen]


def annotated_image(entry: object, known: Mapping[int, int]) -> int:
    """The id of the image that an annotation belongs to."""
    image = whole("image_id", need(entry, "image_id"), 0)
    if image not in known:
        raise ValueError(f"`image_id` must be the id of one of the {len(known)} `images`, got {image}")
    return image


def _names(path: Source, images: Sequence[Mapping[str, Any]]) -> tuple[str, ...] | None:
    """What each image is called; `None` where none has a name."""
    if not any("file_name" in image for image in images):
        return None
    names = []
    for image in images:
        with place(path, f"image {image['id']}"):
            names.append(line("file_name", need(image, "file_name")))
    return tuple(names)


def _visibility(third: Float64[np.ndarray, "n j"]) -> Int64[np.ndarray, "n j"] | None:
    """The third numbers of joints, where they are COCO's 0, 1 and 2."""
    return third.astype(np.int64) if np.isin(third, (0, 1, 2)).all() else None


def _sizes(path: Source, images: Sequence[Mapping[str, Any]]) -> Int64[np.ndarray, "f 2"] | None:
    """Width and height of each image; `None` unless all have both."""
    sides = ("width", "height")
    if not images or not all(side in image for image in images for side in sides):
        return None
    sizes = []
    for image in images:
        with place(path, f"image {image['id']}"):
            sizes.append([whole(side, image[side], 0) for side in sides])
    return np.array(sizes, np.int64)


def _labelled(path: Source, call: str, image: Mapping[str, Any]) -> bool:
    """Whether somebody looked for people; yes, unless the file says no."""
    with place(path, call):
        told = image.get("is_labeled", True)
        if not isinstance(told, (bool, int)) or told not in (0, 1):
            raise ValueError(f"`is_labeled` must be true or false, got {reprlib.repr(told)}")
        return bool(told)


def _regions(path: Source, call: str, image: Mapping[str, Any]) -> tuple[Polygon, ...]:
    """The image's ignore regions: one list of x and one of y for each polygon, or bare lists for a single one."""
    with place(path, call):
        sides = [listed(key, image.get(key, [])) for key in ("ignore_regions_x", "ignore_regions_y")]
        if not any(sides):
            return ()
        nested = [any(isinstance(value, list) for value in side) for side in sides]
        xs, ys = (side if deep else [side] for side, deep in zip(sides, nested, strict=True))
        if [len(listed("ignore_regions_x", x)) for x in xs] != [len(listed("ignore_regions_y", y)) for y in ys]:
            raise ValueError("`ignore_regions_x` and `ignore_regions_y` must have as many polygons and corners each")
        return tuple(
            np.array(
                [[pixels("ignore_regions_x", a), pixels("ignore_regions_y", b)] for a, b in zip(x, y, strict=True)],
                np.float64,
            ).reshape(-1, 2)
            for x, y in zip(xs, ys, strict=True)
        )
