"""Drawn frames as a folder of JPEGs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from jaxpose.errors import OutputError
from jaxpose.records import Frame
from jaxpose.video.writer import PictureWriter


def test_a_picture_for_each_frame(tmp_path: Path) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[..., 0] = 200
    writer = PictureWriter(tmp_path / "gezeichnet à")
    writer.add(Frame(12, 0.5, image))
    writer.add(Frame(13, 0.5, image[:20]), "Straße 7.png")
    writer.close()
    assert sorted(path.name for path in writer.path.iterdir()) == ["000000000012.jpg", "Straße 7.jpg"]
    data = np.frombuffer((writer.path / "000000000012.jpg").read_bytes(), np.uint8)
    assert np.abs(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].astype(int) - image).max() < 8


def test_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "none/folder"):
        with pytest.raises(OutputError, match="cannot be written"):
            PictureWriter(tmp_path / name)
