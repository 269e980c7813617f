"""Who of a frame's people counts, on made-up poses."""

import numpy as np
import pytest

from jaxpose.association.config import SiftConfig
from jaxpose.association.sifting import sift


def pose(joints: int, score: float, at: float = 0) -> np.ndarray:
    """A person of 10 joints along a diagonal, of whom so many are found."""
    result = np.zeros((10, 3))
    result[:joints] = [(at + 10 * i, 20 * i + 1, score) for i in range(joints)]
    return result


def test_who_is_strong_weak_or_nobody() -> None:
    people = np.stack([pose(10, 0.9, 0), pose(3, 0.9, 200), pose(10, 0.3, 400), pose(1, 0.9, 600), pose(10, 0.1, 800)])
    found = sift(people, SiftConfig())
    assert found.rows.tolist() == [0, 1, 2]
    assert found.strong.tolist() == [True, False, False]
    assert found.worth == pytest.approx([0.9, 0.27, 0.3])
    assert sift(people, SiftConfig(strong_score=0.2, strong_joints=0.3)).strong.tolist() == [True, True, True]
    assert len(sift(people[:0], SiftConfig()).rows) == 0


def test_of_two_with_the_same_box_the_worthier_stays() -> None:
    people = np.stack([pose(8, 0.5), pose(8, 0.9, 2), pose(8, 0.7, 300)])
    assert sift(people, SiftConfig()).rows.tolist() == [1, 2]
    assert sift(people, SiftConfig(duplicate_iou=1.0)).rows.tolist() == [0, 1, 2]


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="`weak_joints` must be from 0 to 1, got 2"):
        SiftConfig(weak_joints=2)
    with pytest.raises(ValueError, match="`box_margin` must be from 0 to 10"):
        SiftConfig(box_margin=-1)
