"""Points in polygons against exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_files import pose_file

from jaxpose.evaluation.regions import ignored_joints, inside
from jaxpose.skeletons import POSETRACK_15

GRID = st.tuples(st.integers(-4, 4), st.integers(-4, 4))


def strictly_inside(point: tuple[int, int], polygon: list[tuple[int, int]]) -> bool:
    """By the even-odd rule in fractions: how many edges does the ray straight down cross; never if on an edge."""
    x, y = point
    odd = False
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        on_line = (bx - ax) * (y - ay) == (by - ay) * (x - ax)
        if on_line and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
            return False
        if (ax <= x) != (bx <= x):
            odd ^= ay + Fraction((by - ay) * (x - ax), bx - ax) > y
    return odd


@settings(max_examples=300, deadline=None)
@given(st.lists(GRID, min_size=3, max_size=8))
def test_points_of_a_grid_in_any_polygon(polygon: list[tuple[int, int]]) -> None:
    """Edges may cross each other or lie on one another, and run through the points."""
    points = [(x, y) for x in range(-5, 6) for y in range(-5, 6)]
    found = inside(np.array(points, float), np.array(polygon, float))
    assert found.tolist() == [strictly_inside(point, polygon) for point in points]


def test_edges_and_corners_are_outside() -> None:
    square = np.array([[0.0, 0.0], [4, 0], [4, 4], [0, 4]])
    points = np.array([[[2.0, 2.0], [0, 0], [2, 0]], [[4, 2], [4, 4], [2, -1e-9]]])
    assert inside(points, square).tolist() == [[True, False, False], [False, False, False]]


@pytest.mark.parametrize("corners", [0, 1, 2])
def test_less_than_three_corners_hold_nothing(corners: int) -> None:
    assert not inside(np.array([[0.5, 0.5]]), np.array([[0.0, 0.0], [1.0, 1.0]])[:corners]).any()


def test_joints_are_ignored_in_their_own_frames_regions() -> None:
    square = np.array([[0.0, 0.0], [4, 0], [4, 4], [0, 4]])
    xy = np.tile([2.0, 2.0], (3, 15, 1))
    xy[1, 0] = [7, 2]
    file = pose_file(POSETRACK_15, [1, 1, 1], xy)
    ignored = ignored_joints(file, ((), (square + 100, square), (square + 100,)))
    assert ignored.sum(1).tolist() == [0, 14, 0]
    assert not ignored[1, 0]
