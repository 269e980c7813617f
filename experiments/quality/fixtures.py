"""OKS of each person in the few pictures that other data sets' formats are tested with, over COCO's joints."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from identities import DATA

from jaxpose.geometry import AREA_SHARE
from jaxpose.records import joint_boxes
from jaxpose.skeletons import COCO_17, MPII_16, convert
from quality.matching import best_pairs, truth_oks
from quality.people import SIZES, Named, Subject, find

FOLDER = DATA / "coco_fixtures"
FILES = {
    "coco": "test_coco.json",
    "ochuman": "test_ochuman.json",
    "crowdpose": "test_crowdpose.json",
    "aic": "test_aic.json",
    "mhp": "test_mhp.json",
    "jhmdb": "test_jhmdb_sub1.json",
    "mpii": "test_mpii.json",
}
LEAST_OKS = 1e-3


class Picture(NamedTuple):
    """A picture's file, and its people: joints [p, 17, 3] of COCO and areas [p]."""

    file: str
    keypoints: np.ndarray
    areas: np.ndarray


def read_truth() -> dict[str, list[Picture]]:
    """The pictures of each data set; where a file tells no area, it is 0.53 of the box, or of that of the joints."""
    return {name: _read(name, json.loads((FOLDER / name / file).read_text())) for name, file in FILES.items()}


def _read(name: str, tree: Any) -> list[Picture]:
    if name == "mpii":
        return [_mpii(entry) for entry in tree]
    (category,) = tree["categories"]
    joints = [joint.lower().replace(" ", "_").replace("-", "_") for joint in category["keypoints"]]
    rows: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in tree["images"]}
    for row in tree["annotations"]:
        if not row.get("iscrowd"):
            rows[row["image_id"]].append(row)
    return [
        _picture(f"{name}/{image['file_name']}", [_named(row, joints) for row in rows[image["id"]]], rows[image["id"]])
        for image in tree["images"]
    ]


def _named(row: dict[str, Any], joints: list[str]) -> np.ndarray:
    told = np.array(row["keypoints"], float).reshape(-1, 3)
    result = np.zeros((17, 3))
    for place, joint in enumerate(COCO_17.joints):
        if joint in joints:
            result[place] = told[joints.index(joint)]
    return result


def _mpii(entry: dict[str, Any]) -> Picture:
    told = np.concatenate([entry["joints"], np.array(entry["joints_vis"], float)[:, None]], axis=1)
    return _picture(f"mpii/{entry['image']}", [convert(told, MPII_16, COCO_17)], [{}])


def _picture(file: str, people: list[np.ndarray], rows: list[dict[str, Any]]) -> Picture:
    keypoints = np.array(people).reshape(-1, 17, 3)
    boxes = [row.get("bbox") or box for row, box in zip(rows, joint_boxes(keypoints).tolist(), strict=True)]
    areas = [row.get("area") or AREA_SHARE * box[2] * box[3] for row, box in zip(rows, boxes, strict=True)]
    return Picture(file, keypoints, np.array(areas, float))


def pictures(truth: dict[str, list[Picture]]) -> Iterator[Named]:
    for some in truth.values():
        for picture in some:
            stored = cv2.imread(str(FOLDER / picture.file), cv2.IMREAD_COLOR)
            if stored is None:
                raise SystemExit(f"{FOLDER / picture.file}: no picture that can be read")
            yield Named(picture.file, cv2.cvtColor(stored, cv2.COLOR_BGR2RGB))


def measure(one: Subject) -> dict[str, Any]:
    """By the long side of the input: the OKS of each data set's people in the files' order, 0 for who was not found."""
    truth = read_truth()
    result = {}
    for size in SIZES:
        found = find(one, pictures(truth), "fixtures", size)
        scores = {name: [oks for picture in some for oks in _scores(picture, found[picture.file].keypoints, one)]
                  for name, some in truth.items()}  # fmt: skip
        everybody = [oks for some in scores.values() for oks in some]
        result[str(size)] = {"people": len(everybody), "mean": round(float(np.mean(everybody)), 3), **scores}
    return result


def _scores(picture: Picture, found: np.ndarray, one: Subject) -> list[float]:
    keypoints = convert(found, one.skeleton, COCO_17)
    likeness = truth_oks(picture.keypoints, keypoints, picture.areas, COCO_17.sigmas)
    rows, columns = best_pairs(likeness, LEAST_OKS)
    scores = np.zeros(len(picture.areas))
    scores[rows] = likeness[rows, columns]
    return scores[(picture.keypoints[..., 2] > 0).any(1)].round(3).tolist()
