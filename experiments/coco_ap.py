"""OKS-AP of an installed model on COCO pictures, by pycocotools; people of single pictures, one scale, no flip.

    pip install '.[eval]'
    python experiments/coco_ap.py --model lightweight [--split val] [--size 656] [--every 1]

`--split train --every 5` is what thresholds may be chosen on; `val` is only to report. A second line counts the people
found in the pictures that have none.
"""

import argparse
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tqdm import tqdm

from jaxpose import models
from jaxpose.records import People
from jaxpose.skeletons import COCO_17, convert

DATA = Path(os.environ.get("JAXPOSE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")) / "coco"


def find_people(estimator: Any, name: str, every: int) -> Iterator[tuple[dict[str, Any], People]]:
    """Each picture's entry, and the people found in it."""
    entries = json.loads((DATA / f"{name}.json").read_text())["images"][::every]
    with zipfile.ZipFile(DATA / f"{name}.zip") as pictures:
        for entry in tqdm(entries, name, disable=None):
            stored = np.frombuffer(pictures.read(entry["file_name"]), np.uint8)
            image = cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            yield entry, estimator.collect(estimator.dispatch([image], 1))[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--size", type=int, default=656)
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    options = parser.parse_args()
    tracker: Any = models.load(options.model, size=options.size)
    results, pictures = [], []
    for entry, people in find_people(tracker.estimator, options.split, options.every):
        pictures.append(entry["id"])
        poses = convert(people.keypoints, tracker.skeleton, COCO_17)
        results += [
            {"image_id": entry["id"], "category_id": 1, "keypoints": pose.ravel().tolist(), "score": float(score)}
            for pose, score in zip(poses, people.scores, strict=True)
        ]
    truth = COCO(DATA / f"{options.split}.json")
    evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
    evaluation.params.imgIds = pictures
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    names = ("AP", "AP50", "AP75", "AP medium", "AP large")
    print(", ".join(f"{n} {100 * v:.1f}" for n, v in zip(names, evaluation.stats, strict=False)), end=", ")
    print(f"{len(results) / len(pictures):.2f} people a picture, {len(pictures)} pictures")
    false = [people.total for _, people in find_people(tracker.estimator, f"{options.split}_empty", options.every)]
    print(f"{sum(false)} people in {len(false)} pictures without people")


if __name__ == "__main__":
    main()
