"""A contact sheet shows a whole video evenly, whatever its length, in constant memory."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from jaxpose.errors import OutputError
from jaxpose.records import Frame
from jaxpose.video.sheet import COUNT, Sheet


def collected(count: int, width: int = 64, height: int = 48) -> Sheet:
    sheet = Sheet()
    for number in range(count):
        sheet.add(Frame(number, number / 25, np.full((height, width, 3), number % 251, np.uint8)))
        assert len(sheet._kept) < 4 * COUNT
    return sheet


@pytest.mark.parametrize("count", [1, 5, 12, 13, 47, 48, 49, 500, 3001])
def test_frames_are_spread_evenly(count: int) -> None:
    numbers = [frame.number for frame in collected(count).chosen()]
    assert len(numbers) == min(count, COUNT)
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0
    if count > 1:
        gaps = np.diff(numbers)
        assert numbers[-1] > 0.8 * (count - 1)
        assert gaps.max() <= 1.7 * gaps.mean() + 1


def test_the_picture_holds_them_in_rows(tmp_path: Path) -> None:
    sheet = collected(100)
    sheet.save(tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert (picture == sheet.picture()[..., ::-1]).all()
    shown = {int(value) for value in np.unique(picture[30:-10:20, 20:-20:20])}
    assert {frame.number % 251 for frame in sheet.chosen()} <= shown


def test_portraits_and_small_pictures_fit() -> None:
    for width, height in ((1, 1), (3, 400), (400, 3)):
        assert collected(3, width, height).picture().ndim == 3


def test_without_frames_there_is_no_sheet(tmp_path: Path) -> None:
    Sheet().save(tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()
    with pytest.raises(ValueError, match="needs a frame"):
        Sheet().picture()
    with pytest.raises(OutputError, match="cannot be written"):
        collected(2).save(tmp_path / "none" / "sheet.png")
