"""The real pictures and labels at hand, a few of each, through the same builders."""

import gzip
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from published import put

from jaxpose.data.builders import build
from jaxpose.data.definitions import DATA_SETS
from jaxpose.data.examples import Source
from jaxpose.data.planning import make_plan
from jaxpose.data.sources import open_data


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "home"))


def slice_of(tree: dict[str, Any], images: Iterable[int]) -> dict[str, Any]:
    """A file's tree with only those pictures and their people."""
    kept = {image["id"] for image in (tree["images"][i] for i in images)}
    return {
        **tree,
        "images": [image for image in tree["images"] if image["id"] in kept],
        "annotations": [entry for entry in tree["annotations"] if entry["image_id"] in kept],
    }


def check_pictures(source: Source, archive: Path, suffix: str) -> None:
    """The stored bytes are those of the zip, and every joint lies in its picture."""
    with zipfile.ZipFile(archive) as file:
        for row in range(len(source)):
            example = source[row]
            assert example.image == file.read(f"{example.sequence}{suffix}")
            height, width = cv2.imdecode(np.frombuffer(example.image, np.uint8), cv2.IMREAD_COLOR).shape[:2]
            labelled = example.keypoints[example.keypoints[..., 2] > 0]
            assert (labelled[:, :2] >= -0.5).all()
            assert (labelled[:, :2] <= (width - 0.5, height - 0.5)).all()


def test_coco(shared_data: Path, tmp_path: Path) -> None:
    tree = json.loads((shared_data / "coco/train.json").read_text())
    crowded = next(i for i, image in enumerate(tree["images"]) if any(
        entry["iscrowd"] for entry in tree["annotations"] if entry["image_id"] == image["id"]))  # fmt: skip
    some = slice_of(tree, {0, 1, 2, 3, crowded})
    empty = json.loads((shared_data / "coco/train_empty.json").read_text())
    put(tmp_path / "train.json", json.dumps(some))
    put(tmp_path / "train_empty.json", json.dumps(slice_of(empty, {0, 1})))
    for name in ("train.zip", "train_empty.zip"):
        (tmp_path / name).symlink_to(shared_data / "coco" / name)
    _, summary = build(DATA_SETS["coco"], tmp_path)
    assert summary.notes == {}
    people = [entry for entry in some["annotations"] if entry["num_keypoints"] and not entry["iscrowd"]]
    counted = summary.splits["train"]
    assert (counted.pictures, counted.people) == (len(some["images"]), len(people))
    assert counted.joints == sum(entry["num_keypoints"] for entry in people)
    assert counted.regions == len(some["annotations"]) - len(people)
    assert summary.splits["train_empty"].pictures == 2
    check_pictures(open_data("coco", "train"), shared_data / "coco/train.zip", ".webp")


def test_mpii(shared_data: Path, tmp_path: Path) -> None:
    some = slice_of(json.loads((shared_data / "mpii/train.json").read_text()), range(6))
    put(tmp_path / "train.json", json.dumps(some))
    (tmp_path / "train.zip").symlink_to(shared_data / "mpii/train.zip")
    _, summary = build(DATA_SETS["mpii"], tmp_path)
    source = open_data("mpii", "train")
    joints = np.array([entry["mpii_joints"] for entry in some["annotations"]])
    assert (len(source), summary.splits["train"].joints) == (6, int(joints[..., 2].sum()))
    neck, shoulders = (
        source.skeleton.index("neck"),
        [source.skeleton.index(f"{side}_shoulder") for side in ("left", "right")],
    )
    for row in range(len(source)):  # thorax is the middle of the shoulders
        for pose in source[row].keypoints:
            if pose[[neck, *shoulders], 2].all():
                np.testing.assert_allclose(pose[neck, :2], pose[shoulders, :2].mean(axis=0), atol=1)
    check_pictures(source, shared_data / "mpii/train.zip", ".webp")


def test_lspet(shared_data: Path, tmp_path: Path) -> None:
    with np.load(shared_data / "lspet/joints.npz") as file:
        joints, sizes = file["joints"][:720], file["size_wh"][:720]
    np.savez(tmp_path / "joints.npz", joints=joints, size_wh=sizes)
    with zipfile.ZipFile(shared_data / "lspet/lspet_train_a.zip") as whole:
        for number in (1, 2, 718, 719, 720):
            put(tmp_path / f"im{number:05d}.jpg", whole.read(f"im{number:05d}.jpg"))
    _, summary = build(DATA_SETS["lspet"], tmp_path)
    source = open_data("lspet", "train")
    names = [source[row].sequence for row in range(len(source))]
    assert names == ["im00001", "im00002", "im00718", "im00720"]  # 719 shows a picture of the validation part
    assert summary.notes["left out: picture missing"][0] == 715
    for row, index in enumerate((0, 1, 717, 719)):
        labelled = joints[index, :, 2] > 0
        np.testing.assert_array_equal(source[row].keypoints[0][labelled, :2], joints[index][labelled, :2])
    check_pictures(source, shared_data / "lspet/lspet_train_a.zip", ".jpg")


def test_labels_of_a_video(shared_data: Path, tmp_path: Path) -> None:
    with gzip.open(shared_data / "labels/athletes.json.gz") as file:
        tree = json.load(file)
    unsure = {entry["image_id"] for entry in tree["annotations"] if entry.get("inside_person") is False}
    wanted = [i for i, image in enumerate(tree["images"]) if i < 12 or (i < 60 and image["id"] in unsure)]
    tree = slice_of(tree, wanted)
    packed = tmp_path / "athletes.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(tree).encode()))
    _, summary = build(DATA_SETS["keypoint_folder"], packed, name="athletes", pictures=shared_data / "videos")
    source = open_data("athletes", "train")
    assert summary.notes.keys() <= {"joints less than a pixel outside, moved onto the edge"}
    assert [source[row].frame for row in range(len(source))] == [image["frame_index"] for image in tree["images"]]
    assert {source[row].sequence for row in range(len(source))} == {"athletes"}
    capture = cv2.VideoCapture(str(shared_data / "videos/athletes.mp4"))
    frames = [capture.read()[1] for _ in range(tree["images"][-1]["frame_index"] + 1)]
    for row, image in enumerate(tree["images"]):
        example = source[row]
        decoded = cv2.imdecode(np.frombuffer(example.image, np.uint8), cv2.IMREAD_COLOR)
        assert np.abs(decoded.astype(int) - frames[image["frame_index"]]).mean() < 4
        here = [entry for entry in tree["annotations"] if entry["image_id"] == image["id"]]
        people = [np.reshape(entry["keypoints"], (17, 3)) for entry in here if not entry["iscrowd"]]
        crowds = [entry for entry in here if entry["iscrowd"] and not entry["inside_person"]]
        disputed = [joint for entry in here if not entry["iscrowd"] for joint in entry["disputed"]]
        assert len(example.regions) == len(crowds) + 2 * len(disputed)
        centres = {tuple(np.round(region.mean(axis=0), 2)) for region in example.regions}
        for _, *places in disputed:
            for x, y in (places[:2], places[2:]):
                assert min(np.hypot(a - (x - 0.5), b - (y - 0.5)) for a, b in centres) < 0.02
        for pose, keypoints in zip(people, example.keypoints, strict=True):
            there = pose[:, 2] > 0
            inside = np.clip(pose[there, :2], 0, (image["width"], image["height"]))
            np.testing.assert_allclose(keypoints[there, :2], inside - 0.5, atol=1e-4)  # from the outer corner
            np.testing.assert_array_equal(keypoints[:, 2], pose[:, 2])


@pytest.mark.parametrize(
    ("fixture", "split", "people", "joints", "never"),
    [
        ("coco/test_coco.json", "test", 14, 17, set()),
        ("ochuman/test_ochuman.json", "test", 5, 17, set()),
        ("aic/test_aic.json", "test", 9, 14, set()),
        ("mhp/test_mhp.json", "test", 4, 16, {"right_hip"}),
    ],
)
def test_fixtures(fixture: str, split: str, people: int, joints: int, never: set[str], shared_data: Path) -> None:
    _, summary = build(DATA_SETS["keypoint_folder"], shared_data / "coco_fixtures" / fixture, name="fixture")
    source = open_data("fixture", split)
    assert len(source.skeleton.joints) == joints
    assert set(source.skeleton.joints) - source.labels == never
    regions = sum(count.regions for count in summary.splits.values())
    assert people - regions <= summary.splits[split].people <= people


def test_what_a_data_set_never_labels_is_found_out(shared_data: Path) -> None:
    """MPII's limbs in COCO's places lack a face."""
    plan = make_plan(DATA_SETS["keypoint_folder"], shared_data / "mpii" / "train.json")
    face = {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}
    assert set(plan.skeleton.joints) - plan.labels == face
