"""OKS-AP of an installed model on COCO pictures, by pycocotools; people of single pictures, one scale, no flip.

    pip install '.[eval]'
    python experiments/coco_ap.py [--model movenet-multipose] [--split val] [--size 656] [--every 1] [--refine NAME]

`--split train --every 5` is what thresholds may be chosen on; `val` is only to report. OKS-AP counts every joint that
the truth has and ranks people by score, so weak joints and people cost nothing: where a system's own thresholds are for
tracking, `THOROUGH` lowers them.
"""

import argparse
from typing import Any

from coco_pictures import Poses, average_precision, pictures

from jaxpose import models
from jaxpose.systems.movenet.config import PoseConfig
from jaxpose.weights.default import DEFAULT

THOROUGH: dict[str, dict[str, Any]] = {
    "movenet-multipose": {
        "decode": PoseConfig(centre_threshold=0.02, person_threshold=0.01, joint_threshold=0.005, duplicate_oks=0.8)
    }
}
"""Options of an architecture's estimator for OKS-AP."""


def find_people(estimator: Any, split: str, every: int) -> dict[int, Poses]:
    """The people of each picture, by its id."""
    found = {}
    for entry, image in pictures(split, every):
        (people,) = estimator.collect(estimator.dispatch([image], 1))
        found[entry["id"]] = Poses(people.keypoints, people.scores)
    return found


def measure(estimator: Any, split: str, every: int) -> dict[str, float]:
    """OKS-AP in percent, people a picture, and how many people are found where there are none."""
    found = find_people(estimator, split, every)
    precision = average_precision(split, found, estimator.skeleton)
    empty = find_people(estimator, f"{split}_empty", every)
    return {
        **{name: round(value, 1) for name, value in precision.items()},
        "pictures": len(found),
        "people a picture": round(sum(len(people.scores) for people in found.values()) / len(found), 2),
        "empty pictures": len(empty),
        "people in empty pictures": sum(len(people.scores) for people in empty.values()),
    }


def thorough(model: str, size: int, refine: str | None = None) -> Any:
    """A model's estimator with the options for OKS-AP, its people looked at once more by the model `refine`."""
    return models.estimator(model, size=size, refine=refine, **THOROUGH.get(models.card(model).architecture, {}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--size", type=int, default=656)
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    parser.add_argument("--refine", help="a model that looks once more at everybody")
    options = parser.parse_args()
    measured = measure(thorough(options.model, options.size, options.refine), options.split, options.every)
    print(", ".join(f"{name} {value}" for name, value in measured.items()))


if __name__ == "__main__":
    main()
