"""OKS-AP of a model that looks at one person at a time, on COCO pictures with the true boxes; one scale.

    pip install '.[eval]'
    python experiments/person_ap.py [--model movenet-thunder] [--split val] [--every 1] [--flip]

Everybody with labelled joints is looked at, in the model's own crop around the labelled box. A person's score is the
mean of the joints' scores. `--split train` is what options may be chosen on; `val` is only to report.
"""

import argparse
import dataclasses
import json
from typing import Any

import numpy as np
from coco_pictures import DATA, Poses, average_precision, pictures

from jaxpose import models
from jaxpose.records import NO_ID, Boxes
from jaxpose.topdown.estimator import CropEstimator


def true_boxes(split: str) -> dict[int, Boxes]:
    """The boxes of everybody with labelled joints, by picture."""
    boxes: dict[int, list[list[float]]] = {}
    for entry in json.loads((DATA / f"{split}.json").read_text())["annotations"]:
        if not entry["iscrowd"] and entry["num_keypoints"]:
            boxes.setdefault(entry["image_id"], []).append(entry["bbox"])
    found = {}
    for picture, rows in boxes.items():
        array = np.array(rows, np.float32)
        array[:, :2] -= 0.5  # COCO counts from the outer corner
        found[picture] = Boxes(0, 0.0, array, np.ones(len(rows), np.float32), np.full(len(rows), NO_ID, np.int64))
    return found


def thorough(model: str, **options: Any) -> CropEstimator:
    """The model with all joints of everybody, whatever their scores."""
    people = models.person(model, **options)
    people.config = dataclasses.replace(people.config, joint_threshold=0, duplicate_oks=1)
    return people


def find_people(people: CropEstimator, split: str, every: int = 1) -> dict[int, Poses]:
    """The people of each picture, by its id."""
    boxes, found = true_boxes(split), {}
    nobody = Poses(np.zeros((0, len(people.skeleton.joints), 3)), np.zeros(0))
    for entry, image in pictures(split, every):
        found[entry["id"]] = nobody
        if entry["id"] in boxes:
            (poses,) = people.collect(people.dispatch([image], [boxes[entry["id"]]], 1))
            found[entry["id"]] = Poses(poses.keypoints, poses.scores)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="movenet-thunder")
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    parser.add_argument("--flip", action="store_true")
    options = parser.parse_args()
    people = thorough(options.model, flip=options.flip)
    found = find_people(people, options.split, options.every)
    precision = average_precision(options.split, found, people.skeleton)
    print(", ".join(f"{name} {value:.2f}" for name, value in precision.items()), f"of {len(found)} pictures")


if __name__ == "__main__":
    main()
