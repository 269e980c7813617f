"""Tiny data sets in the layouts in which the real ones are published, and what must come out of them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.io import savemat

from jaxpose.skeletons import COCO_17, COCO_23, POSETRACK_17

WIDTH, HEIGHT = 64, 48


def picture(seed: int, suffix: str = ".jpg", width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """An encoded picture that no other seed gives."""
    image = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    return cv2.imencode(suffix, cv2.resize(image, (width, height)))[1].tobytes()


def put(path: Path, data: bytes | str) -> Path:
    """Write a file and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def pose(seed: int, joints: int, visible: int = 2) -> np.ndarray:
    """Joints inside the picture at quarters of a pixel (so float32 holds them), all labelled."""
    xy = np.random.default_rng(seed).integers(4, (4 * WIDTH - 8, 4 * HEIGHT - 8), (joints, 2)) / 4
    return np.concatenate([xy, np.full((joints, 1), visible)], axis=1)


def numbers(keypoints: np.ndarray) -> list[float]:
    """As JSON has it."""
    return np.asarray(keypoints, float).ravel().tolist()


def category(joints: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"id": 1, "name": "person", "keypoints": [*joints]}]


def coco_tree(joints: int = 17, first: int = 1) -> dict[str, Any]:
    """Three pictures: two people (one with a hidden and a missing joint) and a crowd; one without joints; nobody."""
    names = COCO_17.joints if joints == 17 else COCO_23.joints
    two = [pose(1, joints), pose(2, joints)]
    two[1][3, 2] = 1
    two[1][4] = 0
    images = [
        {"id": first + i, "file_name": f"{first + i:012d}.jpg", "width": WIDTH, "height": HEIGHT} for i in range(3)
    ]
    person = {"category_id": 1, "iscrowd": 0, "bbox": [3, 4, 30, 40], "area": 600}
    nobody = numbers(np.zeros((joints, 3)))
    annotations = [
        {"id": 1, "image_id": first, "keypoints": numbers(two[0]), "num_keypoints": joints, **person},
        {"id": 2, "image_id": first, "keypoints": numbers(two[1]), "num_keypoints": joints - 1, **person},
        {"id": 3, "image_id": first, "keypoints": nobody, **person, "iscrowd": 1, "bbox": [40.5, 10.5, 8, 6]},
        {
            "id": 4, "image_id": first + 1, "keypoints": nobody, "num_keypoints": 0, **person,
            "segmentation": [[10.5, 10.5, 20.5, 10.5, 20.5, 30.5]],
        },
    ]  # fmt: skip
    return {"images": images, "annotations": annotations, "categories": category(names)}


def coco(folder: Path) -> Path:
    for split, first in (("train", 1), ("val", 101)):
        put(folder / f"annotations/person_keypoints_{split}2017.json", json.dumps(coco_tree(17, first)))
        for i in range(first, first + 3):
            put(folder / f"{split}2017/{i:012d}.jpg", picture(i))
    return folder


def coco_foot(folder: Path) -> Path:
    """CMU's files: 23 joints, and `categories` is one object; the second person's feet are not labelled."""
    tree = coco_tree(23)
    tree["annotations"][1]["keypoints"][51:] = [0] * 18
    tree["categories"] = {**tree["categories"][0], "keypoints": [*COCO_17.joints]}
    put(folder / "annotations/person_keypoints_train2017_foot_v1.json", json.dumps(tree))
    for i in range(1, 4):
        put(folder / f"train2017/{i:012d}.jpg", picture(i))
    return folder


def posetrack_18_tree(folder: str) -> dict[str, Any]:
    """Three frames: two people; one of them and one without joints; not labelled."""
    images = [
        {
            "id": 10000 + i, "frame_id": 10000 + i, "vid_id": "000001", "nframes": 3, "is_labeled": i < 2,
            "file_name": f"{folder}/{i:06d}.jpg",
            "ignore_regions_x": [[5, 15, 15]] if i == 0 else [], "ignore_regions_y": [[5, 5, 15]] if i == 0 else [],
        }
        for i in range(3)
    ]  # fmt: skip
    people = [pose(3, 17, 1), pose(4, 17, 1), pose(5, 17, 1)]
    for keypoints in people:
        keypoints[3:5] = 0  # the ears
    people[2][7, 2] = 0  # there, but hidden
    person = {"category_id": 1, "bbox": [3, 4, 30, 40], "bbox_head": [5, 5, 6, 6], "scores": []}
    annotations = [
        {"id": 1, "image_id": 10000, "track_id": 7, "keypoints": numbers(people[0]), **person},
        {"id": 2, "image_id": 10000, "track_id": 8, "keypoints": numbers(people[1]), **person},
        {"id": 3, "image_id": 10001, "track_id": 8, "keypoints": numbers(people[2]), **person},
        {"id": 4, "image_id": 10001, "track_id": 9, "keypoints": [0] * 51, **person},
    ]
    return {"images": images, "annotations": annotations, "categories": category(POSETRACK_17.joints)}


def posetrack18(folder: Path, annotations: str = "annotations") -> Path:
    for split in ("train", "val"):
        video = f"images/{split}/000001_bonn_{split}"
        put(folder / f"{annotations}/{split}/000001_bonn_{split}.json", json.dumps(posetrack_18_tree(video)))
        for i in range(3):
            put(folder / f"{video}/{i:06d}.jpg", picture(200 + i))
    return folder


def posetrack17(folder: Path) -> Path:
    def point(joint: int, x: float, y: float, visible: int) -> dict[str, Any]:
        return {"id": [joint], "x": [x], "y": [y], "is_visible": [visible]}

    keypoints = pose(6, 15)
    points = [point(j, *keypoints[j, :2], int(j != 4)) for j in range(14)]
    head = {"x1": [4], "y1": [5], "x2": [14], "y2": [25]}
    annolist = [
        {
            "image": [{"name": "images/bonn_train/000001/00001.jpg"}], "is_labeled": [1],
            "ignore_regions": [{"point": [{"x": [1], "y": [2]}, {"x": [9], "y": [2]}, {"x": [9], "y": [9]}]}],
            "annorect": [
                {"track_id": [5], **head, "annopoints": [{"point": points}]},
                {"track_id": [6], **head, "annopoints": []},
            ],
        },
        {"image": [{"name": "images/bonn_train/000001/00002.jpg"}], "is_labeled": [0], "annorect": []},
    ]  # fmt: skip
    put(folder / "annotations/train/000001.json", json.dumps({"annolist": annolist}))
    for i in (1, 2):
        put(folder / f"images/bonn_train/000001/{i:05d}.jpg", picture(300 + i))
    return folder


def struct(*rows: dict[str, Any]) -> np.ndarray:
    """MATLAB's array of structs."""
    names = list(rows[0])
    return np.array([[tuple(row[name] for name in names) for row in rows]], [(name, object) for name in names])


def mpii(folder: Path) -> Path:
    """A person with all joints and one with only a place; a picture without people; one for testing."""
    keypoints = pose(7, 16)
    seen: list[Any] = ["1", "0", np.zeros(0), 1, 0, *["1"] * 11]
    points = struct(
        *({"x": x + 1, "y": y + 1, "id": j, "is_visible": seen[j]} for j, (x, y, _) in enumerate(keypoints))
    )
    place = {"scale": 0.1, "objpos": struct({"x": 41.0, "y": 31.0})}
    nothing = np.zeros((0, 0))
    people = struct(
        {"annopoints": struct({"point": points}), **place, "x1": 5},
        {"annopoints": nothing, **place, "x1": nothing},
    )
    rects = [people, nothing, struct({"scale": 1.0, "objpos": struct({"x": 3, "y": 3})})]
    annolist = struct(*({"image": struct({"name": f"{i:09d}.jpg"}), "annorect": r} for i, r in enumerate(rects)))
    release = struct({"annolist": annolist, "img_train": np.array([[1, 1, 0]]), "version": "12"})
    target = folder / "mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat"
    target.parent.mkdir(parents=True)
    savemat(target, {"RELEASE": release})
    for i in range(3):
        put(folder / f"images/{i:09d}.jpg", picture(400 + i))
    return folder


def lspet(folder: Path) -> Path:
    """Two people; the second lacks joint 5."""
    joints = np.stack([pose(8, 14, 1), pose(9, 14, 1)])
    joints[1, 5] = -3, 2, 0
    folder.mkdir(parents=True)
    savemat(folder / "joints.mat", {"joints": joints.transpose(1, 2, 0)})
    for i in (1, 2):
        put(folder / f"images/im{i:05d}.jpg", picture(500 + i))
    return folder


def carfusion(folder: Path) -> Path:
    """Two vehicles: one with joints 1 to 3 (visible, hidden, self-hidden), one with a joint that was not placed."""
    text = "10.5,11,1,4,1\n20,21.25,2,4,2\n30,31,3,4,3\n\n12,13,14,9,1\n0,0,5,9,2\n"
    for split in ("train", "test"):
        put(folder / split / "car_craig1/gt/2_15.txt", text)
        put(folder / split / "car_craig1/images_jpg/2_15.jpg", picture(600))
    return folder


def mpii_json(folder: Path) -> Path:
    """COCO-style, with MPII's joints beside."""
    keypoints = pose(7, 16, 1)
    keypoints[2] = 0
    tree = coco_tree()
    tree["annotations"] = tree["annotations"][:1]
    tree["annotations"][0]["mpii_joints"] = keypoints.tolist()
    put(folder / "train.json", json.dumps(tree))
    for i in range(1, 4):
        put(folder / f"train/{i:012d}.jpg", picture(i))
    return folder
