"""Every data set, built from a tiny folder in its published layout, gives back exactly what was put in."""

import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import published
import pytest
from published import HEIGHT, WIDTH, pose, put

from jaxpose.data.builders import build, folder
from jaxpose.data.definitions import DATA_SETS
from jaxpose.data.examples import Example
from jaxpose.data.gathering import Summary
from jaxpose.data.sources import BuiltSource, find, open_data, splits
from jaxpose.errors import DataError, OutputError
from jaxpose.records import NO_ID
from jaxpose.skeletons import COCO_23


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def made(name: str, tmp_path: Path, maker: Callable[[Path], Path], **options: Path) -> tuple[Path, Summary]:
    return build(DATA_SETS[name], maker(tmp_path / "source"), **options)


def no_joint(count: int) -> np.ndarray:
    return np.zeros((count, 3), np.float32)


def same(a: Example, b: Example) -> bool:
    return all(
        len(x) == len(y) and all(np.array_equal(p, q) for p, q in zip(x, y, strict=True))
        if isinstance(x, tuple)
        else np.array_equal(x, y)
        for x, y in zip(a, b, strict=True)
    )


def test_coco(tmp_path: Path) -> None:
    path, summary = made("coco", tmp_path, published.coco)
    assert path == folder() / "coco" / "1.0.0"
    assert splits(path) == ["train", "train_empty", "val", "val_empty"]
    train = open_data("coco", "train")
    assert (train.skeleton.name, train.labels, len(train)) == ("coco_17", frozenset(train.skeleton.joints), 1)
    example = train[0]
    assert example.image == published.picture(1)
    second = pose(2, 17)
    second[3, 2] = 1
    second[4] = 0
    np.testing.assert_array_equal(example.keypoints, np.stack([pose(1, 17), second]).astype(np.float32))
    np.testing.assert_array_equal(example.boxes, [[2.5, 3.5, 30, 40]] * 2)  # COCO's boxes count from the outer corner
    assert example.ids.tolist() == [NO_ID, NO_ID]
    (crowd,) = example.regions
    np.testing.assert_array_equal(crowd, [[40, 10], [48, 10], [48, 16], [40, 16]])
    assert (example.sequence, example.frame) == ("000000000001", 0)
    empty = open_data("coco", "train_empty")
    assert [empty[i].sequence for i in (0, 1)] == ["000000000002", "000000000003"]
    assert [empty[i].keypoints.shape for i in (0, 1)] == [(0, 17, 3)] * 2
    (outline,) = empty[0].regions  # of the person without joints
    np.testing.assert_array_equal(outline, [[10, 10], [20, 10], [20, 30]])
    assert empty[1].regions == ()
    assert str(summary).splitlines()[0] == "train: 1 pictures, 2 people, 33 joints, 1 regions"
    assert BuiltSource(path, "train").summary.as_json() == summary.as_json()


def test_coco_from_zips_and_from_the_flat_layout(tmp_path: Path) -> None:
    source = published.coco(tmp_path / "coco")
    for split in ("train", "val"):
        with zipfile.ZipFile(source / f"{split}2017.zip", "w") as archive:
            for file in sorted((source / f"{split}2017").iterdir()):
                archive.write(file, f"{split}2017/{file.name}")
                file.unlink()
            (source / f"{split}2017").rmdir()
    build(DATA_SETS["coco"], source)
    flat = tmp_path / "flat"
    put(flat / "train.json", json.dumps(published.coco_tree()))
    for i in range(1, 4):
        put(flat / f"train/{i:012d}.jpg", published.picture(i))
    build(DATA_SETS["coco"], flat, name="flat")
    for split in ("train", "train_empty"):
        ours, theirs = open_data("coco", split), open_data("flat", split)
        assert all(same(ours[i], theirs[i]) for i in range(len(ours)))


def test_coco_foot(tmp_path: Path) -> None:
    made("coco_foot", tmp_path, published.coco_foot)
    train = open_data("coco_foot", "train")
    assert train.skeleton is COCO_23
    first, second = train[0].keypoints
    np.testing.assert_array_equal(first, pose(1, 23).astype(np.float32))
    assert not second[17:].any()
    ankles = pose(2, 23)[15:17, :2]
    *feet, _ = train[0].regions  # before the crowd: where the feet are that nobody labelled
    np.testing.assert_allclose([region.mean(axis=0) for region in feet], ankles, atol=1e-4)


def test_coco_wholebody_feet(tmp_path: Path) -> None:
    tree = published.coco_tree()
    feet = pose(77, 6)
    for entry in tree["annotations"]:
        entry["foot_kpts"] = published.numbers(feet)
    put(tmp_path / "annotations/coco_wholebody_train_v1.0.json", json.dumps(tree))
    for i in range(1, 4):
        put(tmp_path / f"train2017/{i:012d}.jpg", published.picture(i))
    build(DATA_SETS["coco_foot"], tmp_path)
    np.testing.assert_array_equal(open_data("coco_foot", "train")[0].keypoints[0, 17:], feet.astype(np.float32))


@pytest.mark.parametrize(("name", "annotations"), [("posetrack18", "annotations"), ("posetrack21", "posetrack_data")])
def test_posetrack_18_and_21(name: str, annotations: str, tmp_path: Path) -> None:
    _, summary = made(name, tmp_path, lambda at: published.posetrack18(at, annotations))
    train = open_data(name, "train")
    assert train.labels == frozenset(train.skeleton.joints) - {"left_ear", "right_ear"}
    assert len(train) == len(open_data(name, "val")) == 2  # the third frame is not labelled
    first, second = train[0], train[1]
    assert [(one.sequence, one.frame) for one in (first, second)] == [
        ("000001_bonn_train", 0),
        ("000001_bonn_train", 1),
    ]
    assert (first.ids.tolist(), second.ids.tolist()) == ([7, 8], [8])
    assert first.image == published.picture(200)
    expected = pose(3, 17)  # what is visible is COCO's 2
    expected[3:5] = 0
    np.testing.assert_array_equal(first.keypoints[0], expected.astype(np.float32))
    assert second.keypoints[0, 7].tolist() == [*pose(5, 17)[7, :2], 1]
    (ignored,) = first.regions
    np.testing.assert_array_equal(ignored, [[5, 5], [15, 5], [15, 15]])
    (unposed,) = second.regions
    np.testing.assert_array_equal(unposed[[0, 2]], [[2.5, 3.5], [32.5, 43.5]])
    assert "left out: nobody looked for people in it: 2 (first: 000001_bonn_train.json)" in str(summary)


def test_posetrack_17(tmp_path: Path) -> None:
    made("posetrack17", tmp_path, published.posetrack17)
    (example,) = (open_data("posetrack17", "train")[i] for i in range(1))
    expected = pose(6, 15)
    expected[4, 2] = 1
    expected[14] = 0
    np.testing.assert_array_equal(example.keypoints, expected[None].astype(np.float32))
    assert (example.sequence, example.frame, example.ids.tolist()) == ("000001", 0, [5])
    ignored, head = example.regions
    np.testing.assert_array_equal(ignored, [[1, 2], [9, 2], [9, 9]])
    np.testing.assert_array_equal(head, [[4, 5], [14, 5], [14, 25], [4, 25]])


def test_mpii(tmp_path: Path) -> None:
    _, summary = made("mpii", tmp_path, published.mpii)
    train = open_data("mpii", "train")
    (example,) = (train[i] for i in range(len(train)))
    expected = pose(7, 16)
    expected[[1, 4], 2] = 1
    np.testing.assert_array_equal(example.keypoints, expected[None].astype(np.float32))
    low, high = expected[:, :2].min(0), expected[:, :2].max(0)
    np.testing.assert_allclose(example.boxes, [[*low, *(high - low)]])
    (place,) = example.regions  # 200 pixels times the scale
    np.testing.assert_allclose(place[[0, 2]], [[30, 20], [50, 40]])
    assert example.sequence == "000000000"
    assert "left out: nobody labelled, which does not mean that nobody is there: 1 (first: 000000001.jpg)" in str(
        summary
    )
    assert "left out: nobody looked for people in it: 1" in str(summary)


def test_mpii_as_json(tmp_path: Path) -> None:
    made("mpii", tmp_path, published.mpii_json)
    expected = pose(7, 16)
    expected[2] = 0
    np.testing.assert_array_equal(open_data("mpii", "train")[0].keypoints, expected[None].astype(np.float32))


def test_lspet(tmp_path: Path) -> None:
    made("lspet", tmp_path, published.lspet)
    train = open_data("lspet", "train")
    expected = np.stack([pose(8, 14), pose(9, 14)]).astype(np.float32)
    expected[1, 5] = 0
    np.testing.assert_array_equal([train[i].keypoints[0] for i in range(2)], expected)
    assert [train[i].image for i in range(2)] == [published.picture(501), published.picture(502)]
    for i in range(2):  # everything around the one person may hold others
        x, y, w, h = train[i].boxes[0]
        margin = 0.25 * max(w, h)
        inside = [max(-0.5, x - margin), max(-0.5, y - margin)]
        outside = [min(WIDTH - 0.5, x + w + margin), min(HEIGHT - 0.5, y + h + margin)]
        area = WIDTH * HEIGHT - (outside[0] - inside[0]) * (outside[1] - inside[1])
        assert sum(np.prod(np.ptp(region, axis=0)) for region in train[i].regions) == pytest.approx(area, abs=0.01)


def test_lspet_numbers_the_validation_part_and_leaves_out_the_doubles(tmp_path: Path) -> None:
    joints = np.repeat(pose(1, 14, 1)[None], 9502, 0)
    np.savez(tmp_path / "joints.npz", joints=joints, size_wh=np.full((9502, 2), (WIDTH, HEIGHT)))
    for i in (1, 719, 9500, 9501, 9502):
        put(tmp_path / f"im{i:05d}.jpg", published.picture(i))
    build(DATA_SETS["lspet"], tmp_path)
    names = {
        split: [one.sequence for one in map(open_data("lspet", split).__getitem__, (0, 1))]
        for split in ("train", "val")
    }
    assert names == {"train": ["im00001", "im09500"], "val": ["im09501", "im09502"]}


def test_carfusion(tmp_path: Path) -> None:
    made("carfusion", tmp_path, published.carfusion)
    example = open_data("carfusion", "train")[0]
    expected = np.zeros((2, 14, 3), np.float32)
    expected[0, :3] = (10.5, 11, 2), (20, 21.25, 1), (30, 31, 2)
    expected[1, 13] = 12, 13, 2
    np.testing.assert_array_equal(example.keypoints, expected)
    assert (example.sequence, example.frame) == ("car_craig1/2", 15)
    assert len(open_data("carfusion", "test")) == 1


def test_a_keypoint_folder_labels_what_its_file_labels(tmp_path: Path) -> None:
    tree = published.coco_tree()
    tree["categories"] = published.category(("Pelvis", "Upper-neck", "left wrist", "nose"))
    for number, entry in enumerate(tree["annotations"]):
        keypoints = pose(number, 4) if any(entry["keypoints"]) else np.zeros((4, 3))
        keypoints[3] = 0
        entry["keypoints"] = published.numbers(keypoints)
    put(tmp_path / "own.json", json.dumps(tree))
    for i in range(1, 4):
        put(tmp_path / f"images/{i:012d}.jpg", published.picture(i))
    build(DATA_SETS["keypoint_folder"], tmp_path / "own.json", name="own")
    train = open_data("own", "train")
    assert train.skeleton.joints == ("mid_hip", "head_bottom", "left_wrist", "nose")
    assert train.labels == {"mid_hip", "head_bottom", "left_wrist"}


def test_webp_and_png_stay_as_they_are(tmp_path: Path) -> None:
    tree = published.coco_tree()
    for image, suffix in zip(tree["images"], (".webp", ".png", ".jpg"), strict=True):
        image["file_name"] = put(tmp_path / f"{image['id']}{suffix}", published.picture(image["id"], suffix)).name
    put(tmp_path / "a.json", json.dumps(tree))
    build(DATA_SETS["keypoint_folder"], tmp_path, name="mixed")
    stored = [open_data("mixed", "train")[0], *map(open_data("mixed", "train_empty").__getitem__, (0, 1))]
    expected = [published.picture(i, suffix) for i, suffix in ((1, ".webp"), (2, ".png"), (3, ".jpg"))]
    assert [example.image for example in stored] == expected


def test_a_source_travels_to_another_process(tmp_path: Path) -> None:
    path, _ = made("coco", tmp_path, published.coco)
    source = BuiltSource(path, "train")
    before = source[0]
    copy = pickle.loads(pickle.dumps(source))
    assert same(copy[0], before)
    assert same(copy[-1], before)
    with pytest.raises(IndexError):
        copy[1]


def test_a_data_set_is_found_by_folder_and_in_its_newest_version(tmp_path: Path) -> None:
    path, _ = made("coco", tmp_path, published.coco, out=tmp_path / "elsewhere")
    assert find(path) == find(tmp_path / "elsewhere" / "coco") == path
    (tmp_path / "elsewhere/coco/0.9.0").mkdir()
    (tmp_path / "elsewhere/coco/0.9.0/dataset_info.json").write_text("{}")
    assert find(tmp_path / "elsewhere" / "coco") == path
    with pytest.raises(DataError, match=r"coco: no data set of that name in .*/home/data \(there is none yet\)"):
        open_data("coco", "train")
    with pytest.raises(DataError, match=r"has no split 'test', but train, train_empty, val, val_empty"):
        open_data(path, "test")


def test_an_existing_data_set_is_replaced_only_when_asked_to(tmp_path: Path) -> None:
    path, _ = made("coco", tmp_path, published.coco)
    tree = published.coco_tree()
    tree["annotations"] = tree["annotations"][:1]
    put(tmp_path / "source/annotations/person_keypoints_train2017.json", json.dumps(tree))
    with pytest.raises(OutputError, match=r"coco: exists already; choose another name \(--as\) or folder"):
        build(DATA_SETS["coco"], tmp_path / "source")
    assert len(BuiltSource(path, "train")[0].keypoints) == 2
    build(DATA_SETS["coco"], tmp_path / "source", overwrite=True)
    assert len(BuiltSource(path, "train")[0].keypoints) == 1
    put(tmp_path / "source/annotations/person_keypoints_train2017.json", "{")
    with pytest.raises(Exception, match="not JSON"):
        build(DATA_SETS["coco"], tmp_path / "source", overwrite=True)
    assert len(BuiltSource(path, "train")[0].keypoints) == 1  # what was there is there still
    assert [file.name for file in folder().iterdir()] == ["coco"]


def test_neither_tensorflow_nor_jax_is_imported(tmp_path: Path) -> None:
    published.coco(tmp_path / "source")
    code = f"""
import sys
from pathlib import Path
from jaxpose.data.builders import build
from jaxpose.data.definitions import DATA_SETS
from jaxpose.data.sources import open_data
build(DATA_SETS["coco"], Path({str(tmp_path / "source")!r}))
print(len(open_data("coco", "train")[0].image), *{{"tensorflow", "jax", "flax"}} & {{*sys.modules}})
"""
    told = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == (f"{len(published.picture(1))}\n", "")
