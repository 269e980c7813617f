"""Ignore regions: polygons in which joints and people count neither as found nor as missed."""

import numpy as np
from jaxtyping import Bool, Float64

from jaxpose.formats.poses import Polygon, PoseFile


def inside(points: Float64[np.ndarray, "*n 2"], polygon: Polygon) -> Bool[np.ndarray, "*n"]:
    """Which points lie strictly inside a polygon (its last corner is joined to the first); its edges are outside.

    Even-odd rule: an edge is crossed if one of its ends is above the point and the other is not.
    """
    if len(polygon) < 3:
        return np.zeros(points.shape[:-1], bool)
    x, y = points[..., 0, None], points[..., 1, None]
    (x0, y0), (x1, y1) = polygon.T, np.roll(polygon, -1, axis=0).T
    side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)  # of the edge's line: 0 on it
    within = (
        (np.minimum(x0, x1) <= x) & (x <= np.maximum(x0, x1)) & (np.minimum(y0, y1) <= y) & (y <= np.maximum(y0, y1))
    )
    crossed = ((y0 > y) != (y1 > y)) & ((side > 0) == (y1 > y0))
    odd = crossed.sum(-1) % 2 == 1
    return odd & ~((side == 0) & within).any(-1)


def ignored_joints(file: PoseFile, regions: tuple[tuple[Polygon, ...], ...]) -> Bool[np.ndarray, "n j"]:
    """Which joints lie in one of their frame's regions (of the truth, whichever file this is)."""
    ignored = np.zeros(file.there.shape, bool)
    for frame, polygons in enumerate(regions):
        rows = slice(file.offsets[frame], file.offsets[frame + 1])
        for polygon in polygons:
            ignored[rows] |= inside(file.xy[rows], polygon)
    return ignored
