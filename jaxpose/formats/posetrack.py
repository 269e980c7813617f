"""PoseTrack's JSON, 2017's and that of 2018 and 2021: poses with ids, of ground truth and of predictions.

2018 and 2021 have COCO's shape (`formats.annotations`). 2017 has one list of frames, `annolist`; what there is one of
stands in a list of its own:

    {"image": [{"name": "a.jpg"}], "is_labeled": [1], "ignore_regions": [{"point": [{"x": [1], "y": [2]}, ...]}, ...],
     "annorect": [{"x1": [1], "y1": [2], "x2": [3], "y2": [4], "track_id": [5], "score": [0.5],
                   "annopoints": [{"point": [{"id": [0], "x": [1], "y": [2], "score": [0.5]}, ...]}]}, ...]}

x1 to y2 are the head's box. Source: the rules of poseval (github.com/leonid-pishchulin/poseval), which reads both.
"""

import os
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.errors import FormatError
from jaxpose.formats.annotations import Kind, frame_numbers, is_annotated, read_annotated
from jaxpose.formats.poses import Polygon, PoseFile
from jaxpose.formats.values import MOST_COUNT, line, listed, need, pixels, place, read_json, table, wholes
from jaxpose.records import NO_ID
from jaxpose.skeletons import POSETRACK_15, POSETRACK_17

HEAD = ("x1", "y1", "x2", "y2")


def read_poses(path: str | os.PathLike[str]) -> PoseFile:
    """The poses of a PoseTrack file of one video, also of one packed by gzip.

    A frame's number is its `frame_index` where all images have one, else its place in the list; its name is the file
    name of its picture. A frame is labelled unless the file says that it is not. In 2018's files a joint is there
    unless x, y and visibility are all 0 (so (0, 0) may be a point, and visibility does not matter elsewhere), and
    the names of the joints in the category of people, where it has any, tell their order. In 2017's a joint is there
    if its point is listed; of a joint listed twice the first counts; a person without a list of points is not `posed`.

    Raises `FormatError` that names the file, frame and person of whatever is malformed.
    """
    tree = read_json(path)
    if isinstance(tree, dict) and isinstance(tree.get("annolist"), list):
        return _read_2017(path, tree["annolist"])
    if is_annotated(tree):
        return read_annotated(path, tree, POSETRACK_2018)
    given = f"an object of {reprlib.repr(list(tree))}" if isinstance(tree, dict) else reprlib.repr(tree)
    wanted = "an object with the lists `images` and `annotations`, or with the list `annolist`"
    raise FormatError(f"{path}: must be {wanted}, got {given}")


def _numbers(path: str | os.PathLike[str], images: list[Any]) -> list[int]:
    indexed = frame_numbers(path, images)
    return list(range(len(images))) if indexed is None else indexed


def _any_number(keypoints: Float64[np.ndarray, "n j 3"]) -> Bool[np.ndarray, "n j"]:
    return np.any(keypoints != 0, axis=-1)


POSETRACK_2018 = Kind(POSETRACK_17, _numbers, _any_number)


def _read_2017(path: str | os.PathLike[str], annolist: Sequence[Any]) -> PoseFile:
    frame_list = [_object(path, f"annolist[{index}]", frame) for index, frame in enumerate(annolist)]
    names = _names(path, frame_list)
    calls = [f"frame {index if names is None else names[index]}" for index in range(len(frame_list))]

    people: list[dict[str, Any]] = []
    frame: list[int] = []
    points: list[dict[str, Any]] = []
    person_of: list[int] = []
    posed: list[bool] = []
    for index, told in enumerate(frame_list):
        with place(path, calls[index]):
            rects = listed("annorect", told.get("annorect", []))
        for row, rect in enumerate(rects):
            with place(path, f"{calls[index]}, annorect[{row}]"):
                found = _points(rect)
            posed.append(found is not None)
            points += found or []
            person_of += [len(people)] * len(found or [])
            people.append(rect)
            frame.append(index)
    offsets = np.searchsorted(frame, np.arange(len(frame_list) + 1))

    def where(person: int) -> str:
        row = person - offsets[frame[person]]
        (track,) = _unwrap([people[person]], "track_id", None)
        track = "without id" if track is None else reprlib.repr(track)
        return f"{path}, {calls[frame[person]]}, annorect[{row}], person {track}"

    def where_point(point: int) -> str:
        first = int(np.searchsorted(person_of, person_of[point]))
        return f"{where(person_of[point])}, point[{point - first}]"

    def value(name: str, most: float) -> Float64[np.ndarray, "n"]:
        return table(name, [person.get(name, []) for person in people], 1, where, most=most)[:, 0]

    joints = wholes("id", _unwrap(points, "id", []), 0, where_point)
    if (joints >= len(POSETRACK_15.joints)).any():
        wrong = int(np.argmax(joints >= len(POSETRACK_15.joints)))
        allowed = f"`id` must be a joint's, 0 to {len(POSETRACK_15.joints) - 1}"
        raise FormatError(f"{where_point(wrong)}: {allowed}, got {joints[wrong]}")
    columns = [
        table("x", [point.get("x") for point in points], 1, where_point, told=True),
        table("y", [point.get("y") for point in points], 1, where_point, told=True),
        table("score", [point.get("score", []) for point in points], 1, where_point, most=MOST_COUNT),
    ]
    xy, there, scores = _place_joints(len(people), np.array(person_of, np.int64), joints, np.hstack(columns))
    corners = np.stack([value(name, MOST_COUNT) for name in HEAD], axis=-1)
    return PoseFile(
        source=str(path),
        skeleton=POSETRACK_15,
        names=names,
        numbers=np.arange(len(frame_list)),
        labelled=np.array([_labelled(path, calls[i], told) for i, told in enumerate(frame_list)], bool),
        regions=tuple(_regions(path, calls[i], told) for i, told in enumerate(frame_list)),
        offsets=offsets,
        xy=xy,
        there=there,
        joint_scores=scores,
        scores=value("score", MOST_COUNT),
        ids=wholes("track_id", _unwrap(people, "track_id", NO_ID), NO_ID, where),
        boxes=np.full((len(people), 4), np.nan),
        heads=np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=-1),
        areas=np.full(len(people), np.nan),
        crowd=np.zeros(len(people), bool),
        posed=np.array(posed, bool),
    )


def _place_joints(
    people: int,
    person: Int64[np.ndarray, "k"],
    joint: Int64[np.ndarray, "k"],
    values: Float64[np.ndarray, "k 3"],
) -> tuple[Float64[np.ndarray, "n j 2"], Bool[np.ndarray, "n j"], Float64[np.ndarray, "n j"]]:
    """Each person's points as a row of joints: x and y, which are there, their scores. The first of a joint counts."""
    result = np.full((people, len(POSETRACK_15.joints), 3), (0.0, 0.0, np.nan))
    there = np.zeros(result.shape[:2], bool)
    result[person[::-1], joint[::-1]] = values[::-1]  # of several assignments to one place NumPy keeps the last
    there[person, joint] = True
    return result[..., :2].copy(), there, result[..., 2].copy()


def _points(rect: object) -> list[dict[str, Any]] | None:
    """The points of a person; `None` for one without any list of them."""
    lists = listed("annopoints", rect.get("annopoints", [])) if isinstance(rect, dict) else need(rect, "annopoints")
    if len(lists) > 1:
        raise ValueError(f"`annopoints` must hold one list of points, got {len(lists)}")
    if not lists or lists[0] == {}:
        return None
    points = listed("point", need(lists[0], "point"))
    for point in points:
        need(point, "id")
    return points


def _unwrap(holders: Sequence[Mapping[str, Any]], name: str, missing: Any) -> list[Any]:
    """The one value that each has in a list of its own."""
    values = (holder.get(name, [missing]) for holder in holders)
    return [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]


def _object(path: str | os.PathLike[str], where: str, value: object) -> dict[str, Any]:
    with place(path, where):
        if not isinstance(value, dict):
            raise ValueError(f"must be an object, got {reprlib.repr(value)}")
        return value


def _names(path: str | os.PathLike[str], frames: Sequence[Mapping[str, Any]]) -> tuple[str, ...] | None:
    """What each frame's picture is called; `None` where none has a name."""
    if not any("image" in frame for frame in frames):
        return None
    names = []
    for index, frame in enumerate(frames):
        with place(path, f"annolist[{index}]"):
            images = listed("image", need(frame, "image"))
            if len(images) != 1:
                raise ValueError(f"`image` must hold one picture's `name`, got {reprlib.repr(images)}")
            names.append(line("name", need(images[0], "name")))
    return tuple(names)


def _labelled(path: str | os.PathLike[str], where: str, frame: Mapping[str, Any]) -> bool:
    """Whether somebody looked for people; yes, unless the file says no."""
    told = frame.get("is_labeled", [1])
    with place(path, where):
        if not isinstance(told, list) or len(told) != 1 or type(told[0]) not in (int, bool) or told[0] not in (0, 1):
            raise ValueError(f"`is_labeled` must be [0] or [1], got {reprlib.repr(told)}")
        return bool(told[0])


def _regions(path: str | os.PathLike[str], where: str, frame: Mapping[str, Any]) -> tuple[Polygon, ...]:
    """The frame's ignore regions; a point may hold one x and y or the polygon's lists of both."""
    polygons = []
    with place(path, where):
        for region in listed("ignore_regions", frame.get("ignore_regions", [])):
            corners: list[list[float]] = []
            for point in listed("point", need(region, "point")):
                xs, ys = listed("x", need(point, "x")), listed("y", need(point, "y"))
                if len(xs) != len(ys):
                    raise ValueError(f"an ignore region must have as many x as y, got {len(xs)} and {len(ys)}")
                corners += [[pixels("x", x), pixels("y", y)] for x, y in zip(xs, ys, strict=True)]
            polygons.append(np.array(corners, np.float64).reshape(-1, 2))
    return tuple(polygons)
