"""Small PoseTrack 2018 files as trees of JSON: three people who walk, and what a poor tracker makes of them."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
from scenes import figure

from jaxpose.skeletons import POSETRACK_17

Tree = dict[str, Any]

FRAMES = 8
TALL = 200.0
WEAK = 0.3
"""Wrong joints have lower scores than this, right ones higher."""


def truth() -> Tree:
    """People 0, 1 and 2 in eight frames, with head boxes."""
    base = figure(POSETRACK_17)
    images, annotations = [], []
    for frame in range(FRAMES):
        image = {"id": 10 + frame, "frame_id": 10 + frame, "vid_id": "1", "is_labeled": True}
        images.append(image | {"file_name": f"{frame:06d}.jpg"})
        for person in range(3):
            xy = TALL * base + (200 + 150 * person + 4 * frame, 400)
            head = [*(xy[1] - 20).tolist(), 40.0, 40.0]
            annotations.append(_annotation(frame, person, xy) | {"bbox_head": head})
    return {"images": images, "annotations": annotations}


def found() -> Tree:
    """The same people: joints moved a little, each tenth wrong; 0 and 1 swap ids from frame 5 on, 2 is missed in frames
    3 and 4, 90 is nobody in two frames, and 91 nobody, and small, in all.
    """  # fmt: skip
    rng = np.random.default_rng(0)
    tree = copy.deepcopy(truth())
    people = []
    for person in tree["annotations"]:
        frame = person["image_id"] - 10
        if person["track_id"] == 2 and frame in (3, 4):
            continue
        xy = np.reshape(person["keypoints"], (17, 3))[:, :2] + rng.normal(0, 2, (17, 2))
        wrong = rng.random(17) < 0.1
        xy[wrong] += 100
        scores = np.where(wrong, rng.uniform(0.05, WEAK, 17), rng.uniform(WEAK, 1, 17))
        name = {0: 1, 1: 0}.get(person["track_id"], 2) if frame >= 5 else person["track_id"]
        people.append(_annotation(frame, name, xy) | {"scores": scores.tolist()})
    base = figure(POSETRACK_17)
    for frame in range(FRAMES):
        nobody = [(91, 20 * base + (50, 60))] + ([(90, TALL * base + (900, 400))] if frame in (1, 2) else [])
        people += [_annotation(frame, name, xy) | {"scores": [0.6] * 17} for name, xy in nobody]
    return tree | {"annotations": people}


def write(path: Path, tree: object) -> Path:
    """As JSON; a text is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return path


def _annotation(frame: int, person: int, xy: np.ndarray) -> Tree:
    keypoints = np.column_stack([xy, np.ones(17)]).ravel().tolist()
    return {"image_id": 10 + frame, "track_id": person, "category_id": 1, "keypoints": keypoints}
