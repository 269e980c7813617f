"""Pictures of what a data set teaches: people with their joints and ids, hidden joints, regions, and target maps.

For a look with one's own eyes before hours of training.
"""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from jaxpose.data.examples import Example, Source
from jaxpose.data.pictures import decode
from jaxpose.errors import DataError, writing
from jaxpose.records import People
from jaxpose.skeletons import Skeleton
from jaxpose.video.overlay import draw
from jaxpose.video.still import write_png

REGION = (255, 60, 60)
HIDDEN = (20, 20, 20)
STRIDE = 8
"""Pixels of a target map's cell."""

WIDTH = 640
"""Smaller pictures are enlarged to about so many pixels by whole factors, as lines have a least width."""


def draw_example(
    example: Example, skeleton: Skeleton, maps: Float[np.ndarray, "h w c"] | None = None
) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture in RGB with its people drawn; regions are red and striped, hidden joints have a dark middle.

    `maps` of values within -1..1 (heatmaps, affinity fields) that span the picture, at any resolution, are laid over it
    by their strongest channel. Raises `DataError` if the picture cannot be decoded.
    """
    image = _decoded(example)
    factor = max(1, round(WIDTH / image.shape[1]))
    canvas = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)

    def scaled(points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        return (np.asarray(points, np.float32) + 0.5) * factor - 0.5

    if maps is not None:
        canvas = _overlay_maps(canvas, maps)
    canvas = _shade(canvas, [scaled(region) for region in example.regions])
    keypoints = example.keypoints.copy()
    keypoints[..., :2] = scaled(keypoints[..., :2])
    boxes = np.concatenate([scaled(example.boxes[:, :2]), example.boxes[:, 2:] * factor], axis=1)
    scores = np.ones(len(boxes), np.float32)
    canvas = draw(canvas, People(example.frame, 0.0, keypoints, scores, example.ids, boxes), skeleton)
    for x, y, _ in keypoints[keypoints[..., 2] == 1].tolist():
        cv2.circle(canvas, (round(x), round(y)), 1, HIDDEN, cv2.FILLED)
    return canvas


def _decoded(example: Example) -> UInt8[np.ndarray, "h w 3"]:
    """The picture in RGB."""
    picture = decode(example.image)
    if picture is None:
        raise DataError(f"{example.sequence}, frame {example.frame}: the picture cannot be decoded")
    return np.ascontiguousarray(picture.pixels[..., ::-1])


def _overlay_maps(canvas: UInt8[np.ndarray, "h w 3"], maps: Float[np.ndarray, "r s c"]) -> UInt8[np.ndarray, "h w 3"]:
    strongest = np.abs(np.asarray(maps, np.float32)).max(axis=-1)
    heat = cv2.resize(np.clip(strongest, 0, 1), canvas.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    colors = cv2.applyColorMap(np.round(255 * heat).astype(np.uint8), cv2.COLORMAP_JET)[..., ::-1]
    share = 0.65 * np.minimum(1, 4 * heat)
    return np.round(canvas * (1 - share) + colors * share).astype(np.uint8)


def _shade(canvas: UInt8[np.ndarray, "h w 3"], regions: list[Float[np.ndarray, "k 2"]]) -> UInt8[np.ndarray, "h w 3"]:
    mask = np.zeros(canvas.shape[:2], np.uint8)
    for region in regions:
        cv2.fillPoly(mask, [np.round(region).astype(np.int32)], 1)
    rows, columns = np.indices(mask.shape)
    striped = (mask > 0) & ((rows + columns) % 12 < 4)
    result = np.ascontiguousarray(canvas)
    result[striped] = (0.4 * result[striped] + 0.6 * np.array(REGION)).astype(np.uint8)
    return result


def target_maps(example: Example, skeleton: Skeleton) -> Float[np.ndarray, "h w c"]:
    """What a network should say of a picture: each joint's heatmap and each limb's affinity field, at stride 8.

    The maps have whole cells, so the last may reach beyond the picture; they are cut off at its edge, at stride 1.
    """
    import jax.numpy as jnp

    from jaxpose.fields.targets import affinities, heatmaps

    height, width = _decoded(example).shape[:2]
    size = -(-height // STRIDE), -(-width // STRIDE)
    people = jnp.asarray(example.keypoints)
    joints = np.asarray(heatmaps(people, size, STRIDE))[..., :-1]
    limbs = np.asarray(affinities(people, skeleton.limbs, size, STRIDE))
    maps = np.concatenate([joints, limbs], axis=-1)
    return maps.repeat(STRIDE, axis=0).repeat(STRIDE, axis=1)[:height, :width]


def write_samples(source: Source, folder: Path, count: int, *, targets: bool = False) -> list[Path]:
    """PNGs of `count` examples, spread evenly over the source, with `targets` under their target maps.

    `OutputError` if one cannot be written.
    """
    paths = []
    for row in np.unique(np.linspace(0, len(source) - 1, min(count, len(source))).round().astype(int)).tolist():
        maps = target_maps(source[row], source.skeleton) if targets else None
        image = draw_example(source[row], source.skeleton, maps)
        path = folder / f"{row:07d}.png"
        with writing(path):
            folder.mkdir(parents=True, exist_ok=True)
        write_png(path, image)
        paths.append(path)
    return paths
