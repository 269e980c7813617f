"""Drawn examples show people, regions and maps where they are."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from jaxpose.data.examples import Example
from jaxpose.data.inspect import draw_example, target_maps, write_samples
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.errors import DataError, OutputError
from jaxpose.records import NO_ID
from jaxpose.skeletons import COCO_17, LSP_14

GREY = 128


def example(width: int = 640, height: int = 480, factor: float = 1.0) -> Example:
    """A person at the left, a region at the right, on grey."""
    image = np.full((height, width, 3), GREY, np.uint8)
    pose = np.zeros((1, 14, 3), np.float32)
    pose[0, :2] = (60 * factor, 400 * factor, 2), (60 * factor, 300 * factor, 1)
    return Example(
        image=cv2.imencode(".png", image)[1].tobytes(),
        keypoints=pose,
        boxes=np.array([[50, 290, 20, 120]], np.float32) * np.float32(factor),
        ids=np.array([NO_ID]),
        regions=(np.array([[400, 100], [500, 100], [500, 200]], np.float32) * np.float32(factor),),
        sequence="a",
        frame=0,
    )


def changed(drawn: np.ndarray) -> np.ndarray:
    return np.abs(drawn.astype(int) - GREY).max(axis=-1) > 20


def test_people_and_regions_are_drawn_where_they_are() -> None:
    drawn = draw_example(example(), LSP_14)
    touched = changed(drawn)
    assert touched[300:400, 55:66].any(axis=1).all()  # the limb between the two joints
    assert drawn[300, 60].max() < 60 < drawn[400, 60].max()  # the hidden joint's dark middle
    inside = np.zeros(touched.shape, np.uint8)
    cv2.fillPoly(inside, [np.array([[400, 100], [500, 100], [500, 200]])], 1)
    assert 0.25 < touched[inside > 0].mean() < 0.45  # striped
    touched[(inside > 0)] = False
    touched[250:440, 30:90] = False
    assert not touched.any()


def test_small_pictures_are_enlarged() -> None:
    small, large = draw_example(example(160, 120, 0.25), LSP_14), draw_example(example(), LSP_14)
    assert small.shape == large.shape
    assert (changed(small) != changed(large)).mean() < 0.01


def test_maps_are_laid_over_the_picture() -> None:
    maps = np.zeros((60, 80, 3), np.float32)
    maps[10, 70, 1] = -1  # an affinity field may point left
    drawn = draw_example(example()._replace(regions=()), LSP_14, maps)
    touched = changed(drawn)
    assert touched[84, 564]
    touched[250:440, 30:90] = False
    rows, columns = np.nonzero(touched)
    assert abs(rows.mean() - 83.5) < 2
    assert abs(columns.mean() - 563.5) < 2


class Some:
    skeleton = LSP_14
    labels = frozenset(LSP_14.joints)

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Example:
        return example()._replace(frame=index)


def test_samples_are_spread_over_the_source(tmp_path: Path) -> None:
    paths = write_samples(Some(), tmp_path / "out", 4)
    assert [path.name for path in paths] == ["0000000.png", "0000003.png", "0000006.png", "0000009.png"]
    np.testing.assert_array_equal(cv2.imread(str(paths[0]))[..., ::-1], draw_example(example(), LSP_14))
    assert len(write_samples(Some(), tmp_path / "all", 99)) == 10


def test_what_cannot_be_drawn_or_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a, frame 0: the picture cannot be decoded"):
        draw_example(example()._replace(image=b"x"), LSP_14)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_samples(Some(), tmp_path / "file", 1)


def test_target_maps_are_high_on_joints_and_span_the_picture() -> None:
    source = ProceduralSource(COCO_17, 1, 3, size=(150, 101), people=(1, 1))
    example = source[0]
    maps = target_maps(example, COCO_17)
    assert maps.shape == (101, 150, 17 + 2 * len(COCO_17.limbs))
    inside = [
        (joint, x, y)
        for person in example.keypoints
        for joint, (x, y, told) in enumerate(person.tolist())
        if told and 0 <= x < 150 and 0 <= y < 101
    ]
    assert inside
    for joint, x, y in inside:  # the cell's middle is at most 4 pixels away in x and in y
        assert maps[int(y), int(x), joint] > np.exp(-(4.5**2 + 4.5**2) / (2 * 7**2))
