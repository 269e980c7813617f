"""What is wrong with a data set is counted, left out or refused, and said in one line."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import published
import pytest
from published import HEIGHT, WIDTH, put

from jaxpose.data.builders import build
from jaxpose.data.definitions import DATA_SETS
from jaxpose.data.examples import Example
from jaxpose.data.gathering import Summary, surroundings
from jaxpose.data.sources import open_data
from jaxpose.errors import DataError, FormatError, JaxposeError, OutputError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "home"))


def one_picture(folder: Path, keypoints: np.ndarray | None = None, **image: Any) -> Path:
    """A COCO-style file of one picture with one person, and another picture that is as it should be."""
    tree = published.coco_tree()
    if keypoints is not None:
        tree["annotations"][0]["keypoints"] = published.numbers(keypoints)
    tree["images"][0] |= image
    tree["annotations"] = [tree["annotations"][0], {**tree["annotations"][1], "image_id": 2}]
    for i in range(1, 4):
        put(folder / f"{i:012d}.jpg", published.picture(i))
    return put(folder / "one.json", json.dumps(tree))


def built(file: Path) -> tuple[Summary, list[Example]]:
    _, summary = build(DATA_SETS["keypoint_folder"], file, name="one")
    source = open_data("one", "train")
    return summary, [source[i] for i in range(len(source))]


def test_a_missing_picture_is_left_out_and_counted(tmp_path: Path) -> None:
    summary, examples = built(one_picture(tmp_path, file_name="gone.jpg"))
    assert [example.sequence for example in examples] == ["000000000002"]
    assert summary.notes == {"left out: picture missing": (1, "gone.jpg")}


def test_a_picture_of_another_size_is_left_out_and_counted(tmp_path: Path) -> None:
    summary, examples = built(one_picture(tmp_path, width=WIDTH + 1))
    assert [example.sequence for example in examples] == ["000000000002"]
    reason = "left out: picture of another size than its annotation"
    assert summary.notes == {reason: (1, f"000000000001.jpg, {WIDTH}x{HEIGHT}, annotated as {WIDTH + 1}x{HEIGHT}")}


def test_a_picture_that_is_none_is_left_out_and_counted(tmp_path: Path) -> None:
    put(tmp_path / "text.jpg", b"not a picture")
    summary, examples = built(one_picture(tmp_path, file_name="text.jpg"))
    assert len(examples) == 1
    assert summary.notes == {"left out: picture cannot be decoded": (1, "text.jpg")}


def test_joints_outside_are_not_labelled_and_those_on_the_edge_are_moved_there(tmp_path: Path) -> None:
    keypoints = published.pose(1, 17)
    keypoints[0, :2] = -0.5, HEIGHT - 0.5  # the picture's corner, still inside
    keypoints[1, :2] = WIDTH - 0.25, 7
    keypoints[2, :2] = 5, -9
    summary, examples = built(one_picture(tmp_path, keypoints))
    expected = keypoints.astype(np.float32)
    expected[1, 0] = WIDTH - 0.5
    expected[2] = 0
    np.testing.assert_array_equal(examples[0].keypoints[0], expected)
    assert summary.notes == {
        "joints less than a pixel outside, moved onto the edge": (1, "000000000001.jpg"),
        "joints outside the picture, not labelled any more": (1, "000000000001.jpg"),
    }


def test_who_has_no_joint_in_the_picture_is_a_region(tmp_path: Path) -> None:
    keypoints = published.pose(1, 17) + np.array([WIDTH, 0, 0])
    summary, examples = built(one_picture(tmp_path, keypoints))
    assert examples[0].keypoints.shape == (0, 17, 3)
    np.testing.assert_array_equal(examples[0].regions[0][[0, 2]], [[2.5, 3.5], [32.5, 43.5]])
    assert summary.notes["people of whom no joint is in the picture, now regions"] == (1, "000000000001.jpg")


def test_pictures_without_people_have_a_split_of_their_own(tmp_path: Path) -> None:
    summary, _ = built(one_picture(tmp_path))
    assert {split: (count.pictures, count.people) for split, count in summary.splits.items()} == {
        "train": (2, 2),
        "train_empty": (1, 0),
    }
    assert open_data("one", "train_empty")[0].keypoints.shape == (0, 17, 3)


def test_unknown_joint_names_are_refused(tmp_path: Path) -> None:
    file = one_picture(tmp_path)
    tree = json.loads(file.read_text())
    tree["categories"][0]["keypoints"][3] = "tail"
    file.write_text(json.dumps(tree))
    with pytest.raises(FormatError, match=r"one.json, categories: 'tail' is none of the \d+ joints .*; rename it"):
        built(file)


@pytest.mark.parametrize(
    ("name", "other", "message"),
    [
        (
            "coco",
            "posetrack18",
            "has the joints of posetrack_17 where coco_17 is needed: the annotation file",
        ),
        ("posetrack18", "coco", r"images\[0\]: `vid_id` is missing"),
        ("posetrack17", "coco", r"must be an object with the list `annolist` \(PoseTrack 2017\), got an object of"),
        ("posetrack18", "posetrack17", "must be an object with the lists `images` and `annotations`, got an object of"),
        ("coco_foot", "coco", r"annotations\[0\]: `keypoints` must be 69 numbers .*, got 51"),
        ("mpii", "coco", r"annotations\[0\]: `mpii_joints` is missing"),
        ("mpii_mat", "lspet", "must hold MPII's struct `RELEASE` with `annolist` and `img_train`"),
        ("lspet", "mpii_mat", r"`joints` must be \[pictures, 14, 3\].*, got \[0\]; is it Leeds Sports Extended"),
    ],
)
def test_the_annotation_file_of_another_data_set_is_refused(
    name: str, other: str, message: str, tmp_path: Path
) -> None:
    makers = {"mpii_mat": published.mpii}
    source = makers.get(other) or getattr(published, other)
    patterns = {"mpii_mat": "*/*.mat", "lspet": "*.mat", "coco": "annotations/*train*.json"}
    (file,) = source(tmp_path / "other").glob(patterns.get(other, "annotations/train/*.json"))
    places = {
        "coco": "annotations/person_keypoints_train2017.json",
        "posetrack17": "annotations/train/a.json",
        "posetrack18": "annotations/train/a.json",
        "coco_foot": "annotations/person_keypoints_train2017_foot_v1.json",
        "mpii": "train.json",
        "mpii_mat": "mpii_human_pose_v1_u12_1.mat",
        "lspet": "joints.mat",
    }
    put(tmp_path / "source" / places[name], file.read_bytes())
    with pytest.raises(FormatError, match=message):
        build(DATA_SETS[name.removesuffix("_mat")], tmp_path / "source")


def test_a_file_whose_labels_lack_a_joint_altogether_is_of_another_data_set(tmp_path: Path) -> None:
    tree = published.coco_tree()
    keypoints = published.pose(1, 17)
    keypoints[:5] = 0  # no face, as where MPII's limbs were put into COCO's places
    tree["annotations"] = [
        {**tree["annotations"][0], "id": i, "keypoints": published.numbers(keypoints), "num_keypoints": 12}
        for i in range(100)
    ]
    put(tmp_path / "train.json", json.dumps(tree))
    put(tmp_path / "train/000000000001.jpg", published.picture(1))
    with pytest.raises(FormatError, match=r"has left_ear, left_eye, nose, .* labelled of none of 100 people; the"):
        build(DATA_SETS["coco"], tmp_path)


def test_two_files_of_one_picture_are_refused(tmp_path: Path) -> None:
    file = one_picture(tmp_path)
    put(tmp_path / "two.json", file.read_text())
    with pytest.raises(FormatError, match=r"has picture 000000000001.jpg like .*one.json; give one of the two"):
        build(DATA_SETS["keypoint_folder"], tmp_path)


def test_nothing_is_built_where_no_picture_can_be_taken(tmp_path: Path) -> None:
    file = one_picture(tmp_path / "a")
    for picture in (tmp_path / "a").glob("*.jpg"):
        picture.unlink()
    with pytest.raises(DataError, match=r"not a single picture could be taken: left out: picture missing: 3 \(first"):
        built(file)
    assert not list((tmp_path / "home").rglob("*.array_record*"))


def test_a_folder_without_the_files_is_told_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no files of lspet, which are joints.mat or joints.npz, and the pictures"):
        build(DATA_SETS["lspet"], tmp_path)
    with pytest.raises(DataError, match="nowhere: no such folder"):
        build(DATA_SETS["coco"], tmp_path / "nowhere")
    put(tmp_path / "annotations/person_keypoints_train2017.json", json.dumps(published.coco_tree()))
    with pytest.raises(DataError, match="train2017: no such folder, zip or video, which must hold the pictures"):
        build(DATA_SETS["coco"], tmp_path)
    put(tmp_path / "train2017.zip", b"PK, but no zip")
    with pytest.raises(DataError, match=r"train2017.zip: not a zip that can be read"):
        build(DATA_SETS["coco"], tmp_path)


def test_a_wrong_name_and_an_unwritable_folder_are_refused(tmp_path: Path) -> None:
    file = one_picture(tmp_path)
    with pytest.raises(DataError, match="must be lower case letters, digits and '_', up to 64, got 'My-Data'"):
        build(DATA_SETS["keypoint_folder"], file, name="My-Data")
    put(tmp_path / "file", b"")
    with pytest.raises(OutputError, match="cannot be written"):
        build(DATA_SETS["keypoint_folder"], file, out=tmp_path / "file")


def test_without_the_extra_it_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(JaxposeError, match=r"pip install 'jaxpose\[train\]'"):
        build(DATA_SETS["coco"], published.coco(tmp_path))


def test_the_surroundings_cover_all_but_the_boxes() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        boxes = rng.uniform(-10, 50, (int(rng.integers(0, 4)), 4)).astype(np.float32)
        boxes[:, 2:] = np.abs(boxes[:, 2:])
        covered = np.zeros((HEIGHT, WIDTH), int)
        x, y = np.arange(WIDTH), np.arange(HEIGHT)[:, None]
        for left, top, right, bottom in ((*r[0], *r[2]) for r in surroundings((WIDTH, HEIGHT), boxes, 0.0)):
            covered += (x > left) & (x < right) & (y > top) & (y < bottom)
        free = np.zeros((HEIGHT, WIDTH), bool)
        for left, top, w, h in boxes.tolist():
            free |= (x > left) & (x < left + w) & (y > top) & (y < top + h)
        np.testing.assert_array_equal(covered, (~free).astype(int))
