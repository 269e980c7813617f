"""Pictures are saved as they are, or it is said that they cannot be."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from jaxpose.errors import OutputError
from jaxpose.video.still import write_png


def test_it_is_saved_as_png(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    write_png(tmp_path / "a.png", picture)
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], picture)
    with pytest.raises(OutputError, match=r"cannot be written"):
        write_png(tmp_path / "none" / "a.png", picture)
