"""PCK@0.2 of the torso on the validation part of Leeds Sports Extended, against its human-made joints.

One person is labelled in a picture, while others may be there: of the people found, the one with the most joints near
counts. The total is of the twelve joints of arms and legs, which every skeleton here has.
"""

import zipfile
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from coco_pictures import Poses
from identities import DATA

from jaxpose.formats.lspet import read_joints
from jaxpose.skeletons import LSP_14, Skeleton, convert
from quality.people import SIZES, Named, Subject, find

SHARE = 0.2  # of the torso, left shoulder to right hip (evaluation/pck.py)
LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
HEAD = ("head_bottom", "head_top")


def read_truth() -> dict[str, np.ndarray]:
    """The joints [14, 3] of each validation picture whose torso is labelled."""
    pictures = read_joints(DATA / "lspet" / "joints.npz").pictures
    people = {one.name: one.keypoints[0] for one in pictures if one.split == "val" and len(one.keypoints)}
    return {name: joints for name, joints in people.items() if torso(joints) > 0}


def torso(joints: np.ndarray) -> float:
    """Pixels from the left shoulder to the right hip; 0 where one of them is not labelled."""
    shoulder, hip = joints[LSP_14.index("left_shoulder")], joints[LSP_14.index("right_hip")]
    return float(np.hypot(*(shoulder - hip)[:2])) if shoulder[2] > 0 and hip[2] > 0 else 0.0


def pictures(names: list[str]) -> Iterator[Named]:
    with zipfile.ZipFile(DATA / "lspet" / "lspet_val.zip") as archive:
        for name in names:
            stored = np.frombuffer(archive.read(name), np.uint8)
            yield Named(name, cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))


def measure(one: Subject) -> dict[str, Any]:
    """By the long side of the input: PCK in percent in all, and of each group of joints that the model has."""
    truth = read_truth()
    return {
        str(size): score(truth, find(one, pictures(list(truth)), "lspet-val", size), one.skeleton) for size in SIZES
    }


def score(truth: dict[str, np.ndarray], found: dict[str, Poses], skeleton: Skeleton) -> dict[str, float]:
    """PCK in percent in all and of each group of joints, of people by picture."""
    labelled, right = np.zeros(14, int), np.zeros(14, int)
    for name, joints in truth.items():
        labelled += joints[:, 2] > 0
        right += nearest(joints, convert(found[name].keypoints, skeleton, LSP_14))
    groups = {"total": LIMBS, **{part: (part,) for part in (*LIMBS, *HEAD)}}
    result: dict[str, float] = {"pictures": len(truth)}
    for group, parts in groups.items():
        chosen = [i for i, joint in enumerate(LSP_14.joints) if joint.endswith(parts)]
        if group not in HEAD or group in skeleton.joints:
            result[group] = round(100 * float(right[chosen].sum() / labelled[chosen].sum()), 1)
    return result


def nearest(joints: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Which of a person's joints [14, 3] were found by whoever of the people [p, 14, 3] has most of them near."""
    distance = np.linalg.norm(people[..., :2] - joints[:, :2], axis=-1)
    near = (distance <= SHARE * torso(joints)) & (joints[:, 2] > 0) & (people[..., 2] > 0)
    return near[near.sum(1).argmax()] if len(people) else np.zeros(len(joints), bool)
