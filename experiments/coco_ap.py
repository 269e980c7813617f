"""OKS-AP of an installed model on COCO pictures, by pycocotools; people of single pictures, one scale, no flip.

    pip install '.[eval]'
    python experiments/coco_ap.py [--model movenet-multipose] [--split val] [--size 656] [--every 1]

`--split train --every 5` is what thresholds may be chosen on; `val` is only to report. OKS-AP counts every joint that
the truth has and ranks people by score, so weak joints and people cost nothing: where a system's own thresholds are for
tracking, `THOROUGH` lowers them.
"""

import argparse
import contextlib
import io
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
from jaxpose.systems.movenet.config import PoseConfig
from jaxpose.weights.default import DEFAULT

DATA = Path(os.environ.get("JAXPOSE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")) / "coco"

THOROUGH: dict[str, dict[str, Any]] = {
    "movenet-multipose": {
        "decode": PoseConfig(centre_threshold=0.02, person_threshold=0.01, joint_threshold=0.005, duplicate_oks=0.8)
    }
}
"""Options of an architecture's estimator for OKS-AP."""


def find_people(estimator: Any, name: str, every: int) -> Iterator[tuple[dict[str, Any], People]]:
    """Each picture's entry, and the people found in it."""
    entries = json.loads((DATA / f"{name}.json").read_text())["images"][::every]
    with zipfile.ZipFile(DATA / f"{name}.zip") as pictures:
        for entry in tqdm(entries, name, disable=None):
            stored = np.frombuffer(pictures.read(entry["file_name"]), np.uint8)
            image = cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            yield entry, estimator.collect(estimator.dispatch([image], 1))[0]


def measure(estimator: Any, split: str, every: int) -> dict[str, float]:
    """OKS-AP in percent, people a picture, and how many people are found where there are none."""
    results, pictures = [], []
    for entry, people in find_people(estimator, split, every):
        pictures.append(entry["id"])
        poses = convert(people.keypoints, estimator.skeleton, COCO_17)
        results += [
            {"image_id": entry["id"], "category_id": 1, "keypoints": pose.ravel().tolist(), "score": float(score)}
            for pose, score in zip(poses, people.scores, strict=True)
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(DATA / f"{split}.json")
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.params.imgIds = pictures
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = ("AP", "AP50", "AP75", "AP medium", "AP large")
    false = [people.total for _, people in find_people(estimator, f"{split}_empty", every)]
    return {
        **{name: round(100 * value, 1) for name, value in zip(names, evaluation.stats.tolist(), strict=False)},
        "pictures": len(pictures),
        "people a picture": round(len(results) / len(pictures), 2),
        "empty pictures": len(false),
        "people in empty pictures": sum(false),
    }


def thorough(model: str, size: int) -> Any:
    """A model's estimator with the options for OKS-AP."""
    return models.estimator(model, size=size, **THOROUGH.get(models.card(model).architecture, {}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--size", type=int, default=656)
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    options = parser.parse_args()
    measured = measure(thorough(options.model, options.size), options.split, options.every)
    print(", ".join(f"{name} {value}" for name, value in measured.items()))


if __name__ == "__main__":
    main()
