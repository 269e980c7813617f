"""Mosaics: a crop divided into two, three or four tiles, each cut from another picture at a scale of its own.

From pictures of one person each they make scenes of several people of different sizes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxpose.data.config import MosaicConfig, PlaceConfig
from jaxpose.data.crops import Crop


class Tile(NamedTuple):
    """A rectangle of the crop, in pixels; its sides are multiples of the stride."""

    x: int
    y: int
    width: int
    height: int


def whole(config: PlaceConfig) -> Tile:
    """The one tile of a crop that is no mosaic."""
    return Tile(0, 0, config.crop, config.crop)


def draw_tiles(rng: np.random.Generator, place: PlaceConfig, config: MosaicConfig) -> list[Tile]:
    """The tiles of one crop: one that fills it, or, by the mosaics' share, several divided at drawn lines."""
    if rng.random() >= config.share:
        return [whole(place)]
    cells = place.crop // place.stride
    least = max(1, round(config.smallest * cells))
    count = int(rng.choice(config.tiles))
    turned = rng.random() < 0.5
    down, first, second = (place.stride * int(n) for n in rng.integers(least, cells - least, 3, endpoint=True))
    rows = [(0, down), (down, place.crop - down)]
    cuts = {2: (None, None), 3: (first, None), 4: (first, second)}[count]
    tiles = []
    for (y, height), cut_at in zip(rows, cuts, strict=True):
        for x, width in [(0, place.crop)] if cut_at is None else [(0, cut_at), (cut_at, place.crop - cut_at)]:
            tiles.append(Tile(y, x, height, width) if turned else Tile(x, y, width, height))
    return tiles


def compose(tiles: Sequence[Tile], crops: Sequence[Crop], place: PlaceConfig) -> Crop:
    """One crop of the tiles' crops. A joint beyond its tile's edge is not labelled: another picture is there.

    People stay in the order of the tiles, and keep their ids.
    """
    if len(tiles) == 1:
        return crops[0]
    cells = place.crop // place.stride
    image = np.empty((place.crop, place.crop, 3), np.uint8)
    valid = np.empty((cells, cells), np.uint8)
    people = []
    for tile, crop in zip(tiles, crops, strict=True):
        x, y, width, height = tile
        image[y : y + height, x : x + width] = crop.image
        s = place.stride
        valid[y // s : (y + height) // s, x // s : (x + width) // s] = crop.valid
        points = crop.keypoints[..., :2]
        within = (points >= -0.5) & (points < np.array([width, height]) - 0.5)
        there = within.all(axis=-1, keepdims=True) & (crop.keypoints[..., 2:] > 0)
        people.append(np.where(there, crop.keypoints + np.array([x, y, 0], np.float32), 0))
    return Crop(image, np.concatenate(people), np.concatenate([crop.ids for crop in crops]), valid)
