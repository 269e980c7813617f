"""Recall and precision on a video of a street: whom two published networks agreed on, against whom a model finds.

The labels (`labels/street.json.gz`) are no human's: people on whom two networks agreed, and regions in which only one
of them saw somebody. A found person most of whose joints lie in such regions is neither right nor wrong.
"""

import gzip
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from coco_pictures import Poses
from identities import DATA

from jaxpose import video
from jaxpose.skeletons import COCO_17, convert
from quality.matching import best_pairs, truth_oks
from quality.people import SIZES, Named, Subject, find, strong

VIDEO = DATA / "videos" / "street.mp4"
LABELS = DATA / "labels" / "street.json.gz"
LEAST_OKS = 0.5


class Truth(NamedTuple):
    """One frame's agreed people and uncertain regions."""

    keypoints: np.ndarray  # [n, 17, 3], the centre of the top-left pixel is (0, 0)
    areas: np.ndarray  # [n]
    uncertain: np.ndarray  # [r, 4] x, y, w, h


def read_truth() -> list[Truth]:
    """The frames of the video in order."""
    with gzip.open(LABELS) as file:
        labels = json.load(file)
    frames: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in labels["images"]}
    for row in labels["annotations"]:
        frames[row["image_id"]].append(row)
    return [_frame(frames[number]) for number in sorted(frames)]


def _frame(rows: list[dict[str, Any]]) -> Truth:
    people = [row for row in rows if not row["iscrowd"]]
    regions = [row["bbox"] for row in rows if row["iscrowd"] and not row["inside_person"]]
    keypoints = np.array([row["keypoints"] for row in people], float).reshape(-1, 17, 3)
    keypoints[..., :2] -= 0.5  # the labels count from the pixel's outer corner
    boxes = np.array(regions, float).reshape(-1, 4) - (0.5, 0.5, 0, 0)
    return Truth(keypoints, np.array([row["area"] for row in people], float), boxes)


def measure(one: Subject) -> dict[str, Any]:
    """By the long side of the input: recall and precision in percent, of all people found and of the strong alone."""
    truth = read_truth()
    result = {}
    for size in SIZES:
        found = list(find(one, frames(), "street", size).values())
        sure = [strong(poses, one.strong_score) for poses in found]
        result[str(size)] = {**score(truth, found, one), "strong": score(truth, sure, one)}
    return result


def frames() -> Iterator[Named]:
    return (Named(f"{frame.number:06d}", frame.image) for frame in video.read(VIDEO))


def score(truth: list[Truth], found: list[Poses], one: Subject) -> dict[str, float]:
    """Recall and precision in percent over all frames."""
    agreed = right = counted = 0
    for frame, poses in zip(truth, found, strict=True):
        keypoints = convert(poses.keypoints, one.skeleton, COCO_17)
        _, matched = best_pairs(truth_oks(frame.keypoints, keypoints, frame.areas, COCO_17.sigmas), LEAST_OKS)
        judged = ~uncertain(keypoints, frame.uncertain)
        judged[matched] = True
        agreed, right, counted = agreed + len(frame.areas), right + len(matched), counted + int(judged.sum())
    return {
        "recall": round(100 * right / agreed, 1),
        "precision": round(100 * right / max(counted, 1), 1),
        "agreed": agreed,
        "found": counted,
    }


def uncertain(keypoints: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Whether more than half of each person's joints [m, j, 3] lie in any of the regions [r, 4]."""
    there = keypoints[..., 2] > 0
    xy = keypoints[:, :, None, :2]
    inside = ((xy >= regions[:, :2]) & (xy <= regions[:, :2] + regions[:, 2:])).all(-1).any(-1)
    return (inside & there).sum(1) > there.sum(1) / 2
