"""What only training asks of COCO's and PoseTrack's files; joints and boxes are tested with the builders."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import published
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published import HEIGHT, WIDTH, put
from pycocotools import mask as oracle

from jaxpose.errors import FormatError
from jaxpose.formats.labelled import read_coco, read_posetrack_2017, read_posetrack_2018


def read(tmp_path: Path, tree: dict[str, Any]) -> Any:
    return read_coco(put(tmp_path / "a.json", json.dumps(tree)))


def runs(mask: np.ndarray) -> list[int]:
    """COCO's run lengths by counting, down the columns, zeros first."""
    counts, value = [0], 0
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools with NumPy 2
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_mask_of_a_crowd_becomes_its_outlines(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for _ in range(2):
        middle = (int(rng.integers(10, WIDTH - 10)), int(rng.integers(10, HEIGHT - 10)))
        cv2.circle(mask, middle, int(rng.integers(4, 10)), 1, cv2.FILLED)
    counts = runs(mask)
    whole = oracle.decode(oracle.frPyObjects({"counts": counts, "size": [HEIGHT, WIDTH]}, HEIGHT, WIDTH))
    np.testing.assert_array_equal(whole, mask)
    tree = published.coco_tree()
    tree["annotations"][2]["segmentation"] = {"counts": counts, "size": [HEIGHT, WIDTH]}
    regions = read(tmp_path_factory.mktemp("a"), tree).pictures[0].regions
    found = np.zeros_like(mask)
    for region in regions:
        cv2.fillPoly(found, [region.astype(np.int32)], 1)
    around = np.ones((3, 3), np.uint8)  # the outline is simplified by up to a pixel
    assert not (found & (1 - cv2.dilate(mask, around))).any()
    assert not (cv2.erode(mask, around) & (1 - found)).any()


def test_a_mask_in_coco_s_compressed_code_gives_its_box(tmp_path: Path) -> None:
    tree = published.coco_tree()
    tree["annotations"][2]["segmentation"] = {"counts": "abc", "size": [HEIGHT, WIDTH]}
    (region,) = read(tmp_path, tree).pictures[0].regions
    np.testing.assert_array_equal(region[[0, 2]], [[40, 10], [48, 16]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": [1.0, 2.0, 3] * 17}, "a.json, frame 000000000001.jpg: the third number of a joint must be 0, 1"),
        (
            {"segmentation": {"counts": [3, 4], "size": [9, 9]}, "iscrowd": 1},
            "`counts` must sum up to `size`",
        ),
        ({"disputed": [[1, 2, "x", 3, 4]]}, "`disputed` must be a number, got 'x'"),
    ],
)
def test_what_is_malformed_is_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    tree = published.coco_tree()
    tree["annotations"][0] |= change
    with pytest.raises(FormatError, match=message):
        read(tmp_path, tree)


def test_frames_of_a_video_and_splits_that_the_file_tells(tmp_path: Path) -> None:
    tree = published.coco_tree()
    for image, frame in zip(tree["images"], (8, 2, 5), strict=True):
        image |= {"video": "street.mp4", "frame_index": frame, "split": "val"}
    pictures = read(tmp_path, tree).pictures
    assert [(one.sequence, one.frame, one.video, one.split) for one in pictures] == [
        ("street", frame, "street.mp4", "val") for frame in (8, 2, 5)
    ]


def test_disputed_joints_and_rows_on_a_person(tmp_path: Path) -> None:
    tree = published.coco_tree()
    tree["annotations"][0] |= {"disputed": [[9, 10, 20, 30, 40]], "area": 900}
    tree["annotations"][2] |= {"inside_person": True}
    first, second = read(tmp_path, tree).pictures[0].regions
    np.testing.assert_allclose([first.mean(0), second.mean(0)], [[10, 20], [30, 40]])
    assert np.ptp(first[:, 0]) / 2 == pytest.approx(3 * 0.062 * 30)  # three spreads of a wrist
    tree["info"] = {"coordinates": "pixels; origin at the outer corner of the top-left pixel"}
    shifted = read(tmp_path, tree).pictures[0]
    np.testing.assert_allclose(shifted.regions[0], first - 0.5)
    np.testing.assert_array_equal(shifted.keypoints[0, :, :2], published.pose(1, 17)[:, :2] - 0.5)


def test_frames_that_nobody_looked_at_are_counted(tmp_path: Path) -> None:
    tree = published.posetrack_18_tree("images/train/v")
    file = read_posetrack_2018(put(tmp_path / "v.json", json.dumps(tree)))
    assert (len(file.pictures), file.unlabelled) == (2, 1)


def test_posetrack_2017_must_name_its_pictures(tmp_path: Path) -> None:
    path = put(tmp_path / "v.json", json.dumps({"annolist": [{"annorect": []}]}))
    with pytest.raises(FormatError, match=r"v.json: must name each frame's picture, under `image`"):
        read_posetrack_2017(path)
