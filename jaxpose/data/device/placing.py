"""[device] Where crops are cut, drawn as `data.mosaic` and `data.placement` draw it, with the same numbers' meaning.

All crops have the same number of tiles, so that shapes are static; a crop that is no mosaic has one tile that fills
it, and others without width and height, which no pixel belongs to. What is random comes in as numbers drawn evenly from
0 to 1, `chances`: all those of a crop are drawn at once, which compiles ten times faster than a key for each.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxpose.data.config import MosaicConfig, PlaceConfig

Number = Array | float


TILE_CHANCES, BOX_CHANCES, MATRIX_CHANCES = 6, 3, 4
"""How many numbers `draw_tiles`, `draw_box` and `draw_matrix` need."""


def between(chances: Float[Array, "*n"], low: Number, high: Number) -> Float[Array, "*n"]:
    """Numbers from `low` to `high`."""
    return low + (high - low) * chances


def below(chances: Float[Array, "*n"], count: Number) -> Int[Array, "*n"]:
    """Whole numbers from 0 to `count` - 1."""
    return jnp.minimum(jnp.floor(chances * count).astype(jnp.int32), count - 1)


def pick(chance: Float[Array, ""], among: Bool[Array, "n"]) -> Int[Array, ""]:
    """The place of one that is True, each as likely as the others; 0 if there is none."""
    return jnp.argmax(jnp.cumsum(among) > below(chance, among.sum()))


def draw_tiles(
    chances: Float[Array, "6"], place: PlaceConfig, config: MosaicConfig
) -> tuple[Int[Array, "t 4"], Bool[Array, ""]]:
    """The tiles of one crop (x, y, width, height in pixels of the crop), and whether it is a mosaic.

    One tile where mosaics have no share.
    """
    crop = place.crop
    if config.share == 0:
        return jnp.array([[0, 0, crop, crop]]), jnp.array(False)
    mosaic = chances[0] < config.share
    cells = crop // place.stride
    least = max(1, round(config.smallest * cells))
    lines = place.stride * (least + below(chances[1:4], cells - 2 * least + 1))
    tiles = jnp.where(mosaic, jnp.array(config.tiles)[below(chances[4], len(config.tiles))], 1)
    down = jnp.where(tiles > 1, lines[0], crop)
    first, second = jnp.where(tiles > 2, lines[1], crop), jnp.where(tiles > 3, lines[2], crop)
    left, top = jnp.stack([0 * down, first, 0 * down, second]), jnp.stack([0 * down, 0 * down, down, down])
    width = jnp.stack([first, crop - first, second, crop - second])
    height = jnp.stack([down, down, crop - down, crop - down])
    empty = (width <= 0) | (height <= 0)
    upright = jnp.stack([left, top, width, height], axis=-1)
    turned = mosaic & (chances[5] < 0.5)
    chosen = jnp.where(turned, upright[:, jnp.array([1, 0, 3, 2])], upright)
    return jnp.where(empty[:, None], 0, chosen), mosaic


def draw_box(
    chances: Float[Array, "3"],
    keypoints: Float[Array, "p j 3"],
    boxes: Float[Array, "p 4"],
    size: Float[Array, "2"],
    config: PlaceConfig,
) -> Float[Array, "4"]:
    """The box (x, y, w, h) to cut a crop around: of a person with joints and size enough where there is one.

    In a picture (of width and height `size`) without people one is drawn as if a person stood in its inner half.
    """
    joints = (keypoints[..., 2] > 0).sum(-1)
    area = boxes[:, 2] * boxes[:, 3]
    fit = (joints > 0) & (area > 0)
    good = fit & (joints >= config.anchor_joints) & (area >= config.anchor_size**2)
    among = jnp.where(good.any(), good, fit)
    person = pick(chances[0], among)
    tall = config.target * size.min()
    middle = between(chances[1:], 0.25, 0.75) * size
    nobody = jnp.concatenate([middle - tall / 2, jnp.stack([tall, tall])])
    return jnp.where(fit.any(), boxes[person], nobody)


def draw_matrix(
    chances: Float[Array, "4"],
    box: Float[Array, "4"],
    tile: Int[Array, "4"],
    flip: Bool[Array, ""],
    scale: Float[Array, "2"] | Sequence[float],
    config: PlaceConfig,
) -> Float[Array, "2 3"]:
    """A drawn map from the picture's pixels to the crop's, which puts the person with that box into a tile."""
    left, top, width, height = tile
    side = jnp.maximum(jnp.minimum(width, height), 1)  # no map is infinite, also that of a tile that is not there
    share = between(chances[0], scale[0], scale[1])
    angle = between(chances[1], -config.rotation, config.rotation)
    shift = between(chances[2:], -config.shift, config.shift) * (side / config.crop)
    start = jnp.stack([left, top])
    to = start + (jnp.stack([width, height]) - 1) / 2 + shift
    return matrix(box[:2] + box[2:] / 2, to, config.target * share * side / box[3], angle, flip)


def matrix(
    point: Float[Array, "2"],
    to: Float[Array, "2"],
    scale: Float[Array, ""],
    angle: Float[Array, ""],
    flip: Bool[Array, ""],
) -> Float[Array, "2 3"]:
    """The affine map of `data.placement.matrix`: `point` of the picture comes to lie on `to` of the crop."""
    turn = jnp.radians(angle)
    cos, sin = scale * jnp.cos(turn), scale * jnp.sin(turn)
    side = jnp.where(flip, -1, 1)
    linear = jnp.stack([jnp.stack([side * cos, -sin]), jnp.stack([side * sin, cos])])
    return jnp.concatenate([linear, (to - apply(linear, point))[:, None]], axis=1)


def apply(by: Float[Array, "2 c"], points: Float[Array, "*n 2"]) -> Float[Array, "*n 2"]:
    """Points after a map of 2 or 3 columns; written out, as a product of matrices may be less exact on a GPU."""
    moved = points[..., :1] * by[:, 0] + points[..., 1:] * by[:, 1]
    return moved if by.shape[1] == 2 else moved + by[:, 2]


def invert(by: Float[Array, "2 3"]) -> Float[Array, "2 3"]:
    """The map back."""
    (a, b, x), (c, d, y) = by
    linear = jnp.stack([jnp.stack([d, -b]), jnp.stack([-c, a])]) / (a * d - b * c)
    return jnp.concatenate([linear, -apply(linear, jnp.stack([x, y]))[:, None]], axis=1)
