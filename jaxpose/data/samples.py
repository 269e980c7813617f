"""One sample: an example of a source, drawn at random into a crop or a clip of crops, with all that was decided.

In this order: the frames (`clips`), the tiles (`mosaic`), for each a placement around one of its people (`placement`),
the crop (`crops`), slots for the people (`clips.settle`), occluders, colours. All of it follows from the generator.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from jaxpose.data import clips, colors, mosaic, occluders, placement
from jaxpose.data.config import ClipConfig, CropConfig, PlaceConfig
from jaxpose.data.crops import Crop, Scene, cut
from jaxpose.data.examples import Example, Source
from jaxpose.data.joints import JointMap
from jaxpose.data.pictures import Picture, decode, shrink
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton


class Sample(NamedTuple):
    """What `examples.Batch` has of each place of a batch, always with the axis of time."""

    images: UInt8[np.ndarray, "t h w 3"]
    keypoints: Float32[np.ndarray, "t p j 3"]
    ids: Int64[np.ndarray, "t p"]
    known: Bool[np.ndarray, "t j"]
    valid: UInt8[np.ndarray, "t h/s w/s"]


class Feed(NamedTuple):
    """A source, and how its joints become those that are trained."""

    source: Source
    joints: JointMap
    skeleton: Skeleton  # that is trained


class UnreadableError(Exception):
    """The picture of an example cannot be decoded; carries the example's sequence and frame."""

    def __init__(self, example: Example) -> None:
        super().__init__(f"{example.sequence}, frame {example.frame}")


def make_sample(rng: np.random.Generator, feed: Feed, index: int, config: CropConfig) -> Sample:
    """The sample of the example with that index, whatever else it needs being drawn too; or `UnreadableError`."""
    place = config.place
    flip = bool(rng.random() < place.flip)
    tiles = mosaic.draw_tiles(rng, place, config.mosaic)
    indices = [index, *(int(rng.integers(len(feed.source))) for _ in tiles[1:])]
    shots, taken = [], 0
    if len(tiles) > 1:
        place = dataclasses.replace(place, scale=config.mosaic.scale)
    for tile, each in zip(tiles, indices, strict=True):
        frames = _shoot(rng, feed, each, tile, flip, place, config.clip)
        shots.append([crop._replace(ids=np.where(crop.ids == NO_ID, NO_ID, crop.ids + taken)) for crop in frames])
        taken += 1 + max(int(crop.ids.max(initial=NO_ID)) for crop in frames)
    crops = [mosaic.compose(tiles, frames, place) for frames in zip(*shots, strict=True)]
    keypoints, ids = clips.settle(crops, place.people, place.stride)
    things = occluders.draw_occluders(
        rng, keypoints[0], (place.crop, place.crop), lambda: draw_other(rng, feed), config.occluders
    )
    look = colors.draw_look(rng, config.color)
    images = []
    for crop, people in zip(crops, keypoints, strict=True):
        occluders.cover(crop.image, people, things)
        images.append(colors.apply(look, crop.image, rng))
    known = feed.joints.known[list(feed.skeleton.flip)] if flip else feed.joints.known
    valid = np.stack([crop.valid for crop in crops])
    return Sample(np.stack(images), keypoints, ids, np.stack([known] * len(crops)), valid)


def _shoot(
    rng: np.random.Generator,
    feed: Feed,
    index: int,
    tile: mosaic.Tile,
    flip: bool,
    place: PlaceConfig,
    clip: ClipConfig,
) -> list[Crop]:
    """The crops of one tile's frames."""
    examples = clips.choose_frames(rng, feed.source, index, clip)
    start, end, picture = _ends(rng, feed, examples, tile, flip, place)
    placements = clips.moving(rng, start, end, clip)
    scale = max(each.scale for each in placements)
    picture = picture and shrink(picture, scale)
    result = []
    for i, (example, numbers, at) in enumerate(zip(examples, clips.number(examples), placements, strict=True)):
        if picture is None or (i > 0 and example is not examples[i - 1]):
            picture = decoded(example, scale)
        scene = Scene(feed.joints.apply(example.keypoints), numbers, example.regions)
        result.append(cut(picture, scene, at, feed.skeleton, tile.width, tile.height, place.stride))
    return result


def _ends(
    rng: np.random.Generator,
    feed: Feed,
    examples: list[Example],
    tile: mosaic.Tile,
    flip: bool,
    place: PlaceConfig,
) -> tuple[placement.Placement, placement.Placement, Picture | None]:
    """Where the clip starts and ends: around a person of the first frame, and where that one is in the last.

    Without people the first picture's size is needed, and so the picture; it comes along.
    """
    first, last = examples[0], examples[-1]
    person = placement.anchor(rng, feed.joints.apply(first.keypoints), first.boxes, place)
    if person is None:
        picture = decoded(first, 1.0)
        start_box = end_box = placement.box_in_empty(rng, picture.width, picture.height, place)
    else:
        picture = None
        start_box = end_box = _box(first, person)
        there = np.flatnonzero((last.ids == first.ids[person]) & (last.boxes[:, 2:] > 0).all(axis=1))
        if first.ids[person] != NO_ID and len(there):
            end_box = _box(last, int(there[0]))
    start, end = (placement.place(rng, box, tile.width, tile.height, flip, place) for box in (start_box, end_box))
    return start, end, picture


def _box(example: Example, person: int) -> placement.Box:
    x, y, w, h = (float(value) for value in example.boxes[person])
    return x, y, w, h


def decoded(example: Example, scale: float) -> Picture:
    """An example's picture, to be drawn at `scale` or less; `UnreadableError` if it cannot be read."""
    picture = decode(example.image, scale)
    if picture is None:
        raise UnreadableError(example)
    return picture


def draw_other(rng: np.random.Generator, feed: Feed) -> tuple[Picture, Scene]:
    """A picture of the same source, at half its size, to cut a piece from."""
    example = feed.source[int(rng.integers(len(feed.source)))]
    return decoded(example, 0.5), Scene(feed.joints.apply(example.keypoints), example.ids, example.regions)
