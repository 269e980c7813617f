"""Regions of a picture in which people may be unlabelled, from the entries of a COCO-style file.

`formats.labelled` asks for those of crowds, of people without joints, of joints on which two labelling networks do not
agree, and of feet that nobody looked at.
"""

import reprlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from jaxpose.formats.pictures import Polygon, rectangle, square
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.values import listed, need, pixels, whole
from jaxpose.skeletons import COCO_23

CORNER = 0.5
"""From the outer corner of a pixel to its centre."""

DISPUTED = 3.0
"""Radius of the region around a disputed joint in spreads of that joint (OKS is 0.3 there), 3 pixels at least."""


def outline(entry: Mapping[str, Any], box: Float64[np.ndarray, "4"]) -> list[Polygon]:
    """The segmentation of a person or crowd, else the box."""
    shape = entry.get("segmentation")
    if isinstance(shape, list) and shape:
        polygons = [[pixels("segmentation", value) for value in listed("segmentation", part)] for part in shape]
        return [np.array(flat, np.float32).reshape(-1, 2) - CORNER for flat in polygons if len(flat) % 2 == 0]
    if isinstance(shape, dict) and isinstance(shape.get("counts"), list):
        mask = _decode_runs([*map(int, shape["counts"])], [*map(int, listed("size", need(shape, "size")))])
        found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        outlines = [cv2.approxPolyDP(contour, 1.0, True)[:, 0].astype(np.float32) for contour in found]
        return [outline for outline in outlines if len(outline) > 2]
    return [] if np.isnan(box).any() else [rectangle((box[0] - CORNER, box[1] - CORNER, box[2], box[3]))]


def _decode_runs(runs: list[int], size: list[int]) -> UInt8[np.ndarray, "h w"]:
    """COCO's run lengths: of 0 and 1 in turn, down the columns."""
    if len(size) != 2 or sum(runs) != size[0] * size[1]:
        raise ValueError(f"`counts` must sum up to `size`, {reprlib.repr(size)}, got {sum(runs)}")
    flat = np.repeat(np.arange(len(runs), dtype=np.uint8) % 2, runs)
    return np.ascontiguousarray(flat.reshape(size[1], size[0]).T)


def disputed(entry: Mapping[str, Any], poses: PoseFile, row: int, corner: float) -> list[Polygon]:
    """Both places of each joint on which two labelling networks do not agree."""
    told = listed("disputed", entry.get("disputed", []))
    if not told:
        return []
    area = poses.areas[row] if poses.areas[row] > 0 else np.prod(poses.boxes[row, 2:])
    regions = []
    for joint, *places in told:
        spread = poses.skeleton.sigmas[whole("disputed", joint, 0)] * float(np.sqrt(area))
        x1, y1, x2, y2 = (pixels("disputed", value) - corner for value in places)
        regions += [square(x, y, max(3.0, DISPUTED * spread)) for x, y in ((x1, y1), (x2, y2))]
    return regions


def untold_feet(entry: Mapping[str, Any], pose: Float32[np.ndarray, "j 3"]) -> list[Polygon]:
    """Around the ankles of a person whose feet are not labelled; a foot is about as long as a quarter of a leg."""
    if not entry.get("untold_feet"):
        return []
    regions = []
    for side in ("left", "right"):
        ankle, knee = pose[COCO_23.index(f"{side}_ankle")], pose[COCO_23.index(f"{side}_knee")]
        if ankle[2] > 0:
            shin = float(np.hypot(*(ankle - knee)[:2])) if knee[2] > 0 else 0.0
            regions.append(square(float(ankle[0]), float(ankle[1]), max(10.0, 0.6 * shin)))
    return regions
