"""People found by two published networks, as COCO-style files that `jaxpose data build keypoint_folder` reads.

    python experiments/teacher_labels.py --out /tmp/teachers
    jaxpose data build keypoint_folder --as exercise --source /tmp/teachers/exercise.json --pictures VIDEO
    jaxpose data build keypoint_folder --as lspet_people --source /tmp/teachers/lspet_people.json --pictures ZIP

The labels lie in `labels/` of the folder that JAXPOSE_TEST_DATA names. Who was found by one network alone, and places
where the two disagree about a joint, become regions that teach nothing. Of Leeds Sports Poses the pictures are kept
whose labelled athlete is among the people found: that person's limbs are then the data set's own.
"""

import argparse
import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.association.matching import BOX_MARGIN, match, pose_similarity
from jaxpose.skeletons import COCO_17, LSP_14

VIDEOS = ("exercise", "athletes", "one_by_one")
"""Those that may be trained on."""

DISPUTED = 0.06
"""Half a side of the region around each place of a disputed joint, in diagonals of the person's box."""

LIKE = 0.4
"""The least similarity of a person's poses in two consecutive frames."""

REPEATED = {719, 3153, 4002}
"""Pictures of the training part that the validation part has too."""


def convert(labels: dict[str, Any], joints: dict[int, np.ndarray] | None = None) -> dict[str, Any]:
    """One file of labels; `joints` has the data set's own [14, 3] by picture, where there are any."""
    people: dict[int, list[dict[str, Any]]] = {}
    for row in labels["annotations"]:
        people.setdefault(row["image_id"], []).append(row)
    images, annotations = [], []
    for image in labels["images"]:
        rows = people.get(image["id"], [])
        if joints is not None and (image["id"] not in joints or not any(row.get("lspet_subject") for row in rows)):
            continue
        images.append(image)
        for row in rows:
            own = joints[image["id"]] if joints is not None and row.get("lspet_subject") else None
            annotations += _annotations(row, own)
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    categories = [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}]
    return {"images": images, "annotations": annotations, "categories": categories}


def link(labels: dict[str, Any]) -> None:
    """Give `track_id`s, counted from 1, to the people of a video's converted labels."""
    people: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in labels["images"]}
    for annotation in labels["annotations"]:
        if not annotation["iscrowd"]:
            people[annotation["image_id"]].append(annotation)
    before: list[dict[str, Any]] = []
    taken = 0
    for image in labels["images"]:
        now = people[image["id"]]
        old, new = (np.array([each["keypoints"] for each in rows]).reshape(-1, 17, 3) for rows in (before, now))
        similarity = pose_similarity(old, new, np.array(COCO_17.sigmas), BOX_MARGIN, np.ones(len(old)))
        for row, column in zip(*match(similarity, LIKE), strict=True):
            now[column]["track_id"] = before[row]["track_id"]
        for each in now:
            if "track_id" not in each:
                taken += 1
                each["track_id"] = taken
        before = now


def _annotations(row: dict[str, Any], own: np.ndarray | None) -> list[dict[str, Any]]:
    """A person with the regions of its disputed joints, or an uncertain region."""
    if row["iscrowd"]:
        return [] if row["inside_person"] else [_region(row["image_id"], row["bbox"])]
    points = np.asarray(row["keypoints"], float).reshape(17, 3)
    points[points[:, 2] > 0, :2] -= 0.5  # from the corner of the first pixel to its centre
    disputed = {int(joint): places for joint, *places in row["disputed"]}
    if own is not None:
        for place, joint in enumerate(LSP_14.joints):
            if joint in COCO_17.joints and own[place, 2] > 0:
                points[COCO_17.index(joint)] = (*own[place, :2], 2)
                disputed.pop(COCO_17.index(joint), None)
    x, y, width, height = row["bbox"]
    half = DISPUTED * float(np.hypot(width, height))
    regions = [
        _region(row["image_id"], [places[i] - half, places[i + 1] - half, 2 * half, 2 * half])
        for places in disputed.values()
        for i in (0, 2)
    ]
    person = {
        "image_id": row["image_id"],
        "category_id": 1,
        "bbox": [x, y, width, height],
        "area": row["area"],
        "iscrowd": 0,
        "keypoints": [round(float(value), 2) for value in points.ravel()],
        "num_keypoints": int((points[:, 2] > 0).sum()),
    }
    return [person, *regions]


def _region(image: int, box: list[float]) -> dict[str, Any]:
    return {
        "image_id": image,
        "category_id": 1,
        "bbox": [round(float(value), 1) for value in box],
        "area": float(box[2] * box[3]),
        "iscrowd": 1,
        "keypoints": [0] * 51,
        "num_keypoints": 0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    data = Path(os.environ["JAXPOSE_TEST_DATA"])
    options.out.mkdir(parents=True, exist_ok=True)
    for name in VIDEOS:
        labels = convert(_read(data, name))
        link(labels)
        _write(options.out / f"{name}.json", labels)
    labels = _read(data, "lspet")
    joints = np.load(data / "lspet/joints.npz")["joints"]
    train = {image["id"] for image in labels["images"] if image["split"] == "train" and image["id"] <= 4750}
    own = {number: joints[number - 1].astype(float) for number in train - REPEATED}
    _write(options.out / "lspet_people.json", convert(labels, own))


def _read(data: Path, name: str) -> dict[str, Any]:
    with gzip.open(data / f"labels/{name}.json.gz") as file:
        return json.load(file)


def _write(path: Path, labels: dict[str, Any]) -> None:
    path.write_text(json.dumps(labels))
    people = sum(not row["iscrowd"] for row in labels["annotations"])
    print(f"{path}: {len(labels['images'])} pictures, {people} people")


if __name__ == "__main__":
    main()
