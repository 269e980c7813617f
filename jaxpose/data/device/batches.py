"""[device] Batches drawn from pictures in the device's memory: what `data.pipeline` makes on the host, within a step.

    batch = draw_batch(key, pictures, config, skeleton, 64)

For each crop in this order: the tiles, a picture and one of its people for each, the map that puts the person there
(`placing`), slots for the people, things that hide joints (`occluders`), the pixels (`sampling`), colours (`colors`).
The config means what it means on the host, the draws are others; pictures are drawn with replacement, not in epochs.
"""

import itertools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxpose.data.config import CropConfig, OccluderConfig, PlaceConfig
from jaxpose.data.device.colors import recolor
from jaxpose.data.device.occluders import CHANCES, draw_occluder, spans
from jaxpose.data.device.pictures import DevicePictures
from jaxpose.data.device.placing import (
    BOX_CHANCES,
    MATRIX_CHANCES,
    TILE_CHANCES,
    apply,
    below,
    draw_box,
    draw_matrix,
    draw_tiles,
)
from jaxpose.data.device.sampling import Parts, draw, grid, inside, unlabelled, within
from jaxpose.data.examples import Batch
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton


def draw_batch(key: Array, pictures: DevicePictures, config: CropConfig, skeleton: Skeleton, batch: int) -> Batch:
    """So many crops of pictures whose people are of that skeleton; a pure function of the key, to be jitted.

    JPEG's traces (`color.jpeg`) are not made. `ValueError` for clips, of which there are none here.
    """
    if config.clip.frames > 1:
        raise ValueError(f"`clip.frames` must be 1 for crops drawn on the device, got {config.clip.frames}")

    def crop(key: Array, pictures: DevicePictures) -> Batch:
        return draw_crop(key, pictures, config, skeleton)

    def one_by_one(keys: Array, pictures: DevicePictures) -> Batch:  # what is worked on stays in a CPU's caches
        return jax.lax.map(lambda key: crop(key, pictures), keys)

    def at_once(keys: Array, pictures: DevicePictures) -> Batch:
        return jax.vmap(crop, (0, None))(keys, pictures)

    keys = jax.random.split(key, batch)
    drawn: Batch = jax.lax.platform_dependent(keys, pictures, cpu=one_by_one, default=at_once)
    return drawn


def draw_crop(key: Array, pictures: DevicePictures, config: CropConfig, skeleton: Skeleton) -> Batch:
    """One crop, without the batch's axis."""
    place, things = config.place, config.occluders
    most_tiles = 4 if config.mosaic.share else 1
    looking, drawing = jax.random.split(key)
    sizes = (1, TILE_CHANCES, most_tiles * (1 + BOX_CHANCES + MATRIX_CHANCES), 1 + CHANCES * things.most)
    chances = jnp.split(jax.random.uniform(drawing, (sum(sizes),)), list(itertools.accumulate(sizes))[:-1])
    flip = chances[0][0] < place.flip
    tiles, mosaic = draw_tiles(chances[1], place, config.mosaic)
    own = chances[2].reshape(most_tiles, -1)
    index = below(own[:, 0], len(pictures.sizes))
    scale = jnp.where(mosaic, jnp.array(config.mosaic.scale), jnp.array(place.scale))

    def placed(own: Float[Array, "8"], picture: Int[Array, ""], tile: Int[Array, "4"]) -> Float[Array, "2 3"]:
        some = pictures.keypoints[picture], pictures.boxes[picture], pictures.stored[picture]
        box = draw_box(own[1 : 1 + BOX_CHANCES], *some, place)
        return draw_matrix(own[1 + BOX_CHANCES :], box, tile, flip, scale, place)

    matrices = jax.vmap(placed)(own, index, tiles)
    people = jax.vmap(move_people)(pictures.keypoints[index], matrices)
    swapped = people[..., jnp.array(skeleton.flip), :]
    people = _ended(jnp.where(flip, swapped, people), tiles, mosaic).reshape(-1, *people.shape[2:])
    keypoints, ids, further = settle(people, place)
    valid = valid_cells(pictures, index, matrices, tiles, place) & ~overlaid(further, place)
    known = pictures.known
    points = grid(place.crop, 0, 1)
    parts = Parts(index, matrices, _has(points, tiles))
    image = recolor(looking, _paint(chances[3], pictures, parts, points, keypoints, things), config.color)
    return Batch(
        jnp.round(image).astype(jnp.uint8),
        keypoints,
        ids,
        jnp.where(flip, known[jnp.array(skeleton.flip)], known),
        valid.astype(jnp.uint8),
    )


def move_people(keypoints: Float[Array, "p j 3"], by: Float[Array, "2 3"]) -> Float[Array, "p j 3"]:
    """People after a map; what is not labelled is (0, 0, 0)."""
    labelled = keypoints[..., 2:]
    return jnp.where(labelled > 0, jnp.concatenate([apply(by, keypoints[..., :2]), labelled], axis=-1), 0)


def _ended(
    people: Float[Array, "t p j 3"], tiles: Int[Array, "t 4"], mosaic: Bool[Array, ""]
) -> Float[Array, "t p j 3"]:
    """A mosaic's people without the joints beyond their tile; of a crop that is none, the first tile's people alone."""
    inside = jax.vmap(within)(people[..., :2], tiles)
    first = (jnp.arange(len(tiles)) == 0)[:, None, None]
    return jnp.where(jnp.where(mosaic, inside, first)[..., None], people, 0)


def settle(
    people: Float[Array, "n j 3"], config: PlaceConfig
) -> tuple[Float[Array, "p j 3"], Int[Array, "p"], Float[Array, "n j 3"]]:
    """Slots for the people who reach into the crop, in their order, with the slots' numbers as ids; and who has none.

    Who is in no slot or reaches nowhere has zeros in the last result, or in the first.
    """
    low, high = spans(people)
    seen = ((low < config.crop + config.stride) & (high > -config.stride)).all(-1)
    rank = jnp.cumsum(seen) - 1
    slot = jnp.where(seen, rank, config.people)
    keypoints = jnp.zeros((config.people, *people.shape[1:])).at[slot].set(people, mode="drop")
    numbers = jnp.arange(config.people)
    further = jnp.where((seen & (rank >= config.people))[:, None, None], people, 0)
    return keypoints, jnp.where(numbers < seen.sum(), numbers, NO_ID), further


def valid_cells(
    pictures: DevicePictures,
    index: Int[Array, "t"],
    matrices: Float[Array, "t 2 3"],
    tiles: Int[Array, "t 4"],
    config: PlaceConfig,
) -> Bool[Array, "h/s w/s"]:
    """The cells whose centre lies in a picture, and of which no quarter's middle lies where people may be unlabelled.

    Tile i shows picture `index[i]` by `matrices[i]`.
    """
    cells, stride = config.crop // config.stride, config.stride
    middles = grid(cells, (stride - 1) / 2, stride)
    quarters = grid(2 * cells, stride / 4 - 0.5, stride / 2)
    there = inside(pictures, Parts(index, matrices, _has(middles, tiles)), middles)
    erased = unlabelled(pictures, Parts(index, matrices, _has(quarters, tiles)), quarters)
    return there & ~erased.reshape(cells, 2, cells, 2).any((1, 3))


def _has(points: Float[Array, "h w 2"], tiles: Int[Array, "t 4"]) -> Bool[Array, "t h w"]:
    return jax.vmap(within, (None, 0))(points, tiles)


def overlaid(people: Float[Array, "n j 3"], config: PlaceConfig) -> Bool[Array, "h/s w/s"]:
    """The cells that the boxes around some people's joints reach, looked at as regions are."""
    cells, stride = config.crop // config.stride, config.stride
    at = stride / 4 - 0.5 + stride / 2 * jnp.arange(2 * cells)
    low, high = spans(people)
    columns, rows = ((at >= low[:, None, axis]) & (at <= high[:, None, axis]) for axis in range(2))
    columns, rows = (lines.reshape(len(people), cells, 2).any(-1) for lines in (columns, rows))
    return (rows[:, :, None] & columns[:, None, :]).any(0)


def _paint(
    chances: Float[Array, "1+12*n"],
    pictures: DevicePictures,
    parts: Parts,
    points: Float[Array, "h w 2"],
    keypoints: Float[Array, "p j 3"],
    config: OccluderConfig,
) -> Float[Array, "h w 3"]:
    """The crop's pixels: its tiles, and what hides joints."""
    low, high = spans(keypoints)
    tall = jnp.where((keypoints[..., 2] > 0).any(-1), (high - low).max(-1), 0)
    count = below(chances[0], config.most + 1)
    things = []
    for number, own in enumerate(chances[1:].reshape(config.most, CHANCES)):
        thing = draw_occluder(own, number < count, keypoints, tall, pictures, points, config)
        things.append(thing)
        parts = jax.tree.map(lambda some, more: jnp.concatenate([some, more]), parts, thing.piece)
    image = draw(pictures, jax.lax.optimization_barrier(parts), points)
    for thing in things:
        plain = thing.covers & ~thing.piece.has[0]
        image = jnp.where(plain[..., None], thing.color, image)
    return image
