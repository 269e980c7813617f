"""[device] MoveNet Thunder: the network for one person, whom a crop shows in its middle, and what its maps say of them.

The same parts as for many people, wider and without the two heads for boxes. The person is the one whose centre lies
nearest to the crop's middle; from there the displacements give a rough place for each joint, and the joint is the cell
of its heatmap that is highest in view of its distance from there, moved by that cell's offset. It is the network
published by Google as MoveNet SinglePose Thunder (2021), with its own decoding.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32

from jaxpose.nets.mobilenet import THUNDER_CHANNELS
from jaxpose.systems.movenet.network import STRIDE, MoveNet

SIDE = 256
"""Height and width of the crop that the network was trained on, in pixels."""

NEAR = 1.8
"""Heat counts by 1 / (distance + this), in cells: a centre's from the crop's middle, a joint's from its rough place."""


class PersonMaps(NamedTuple):
    """What the network predicts of one person; as in `network.Maps`."""

    centres: Float[Array, "b h w 1"]
    heatmaps: Float[Array, "b h w j"]
    displacements: Float[Array, "b h w 2*j"]
    offsets: Float[Array, "b h w 2*j"]


class Thunder(MoveNet):
    """Crops of any number to the four maps; their sides are multiples of 32, `SIDE` as published."""

    channels: tuple[int, ...] = THUNDER_CHANNELS
    maps: Any = PersonMaps


def find_pose(maps: PersonMaps) -> Float32[Array, "b j 3"]:
    """The joints (x, y, score) of the person in the middle of each crop, in its pixels; pure and jittable.

    Every joint has a place; a score is the heat of the joint's cell, 0 to 1, and near 0 where the joint is not seen.
    """
    b, h, w, j = maps.heatmaps.shape
    middle = jnp.array([[[w / 2, h / 2]]])
    heat = jax.nn.sigmoid(maps.centres) * _nearness(middle, h, w)
    centre = heat.reshape(b, -1).argmax(-1)
    moves = jnp.take_along_axis(maps.displacements.reshape(b, h * w, 2 * j), centre[:, None, None], axis=1)
    rough = jnp.stack([centre % w, centre // w], axis=-1)[:, None] + moves.reshape(b, j, 2)
    heat = jax.nn.sigmoid(maps.heatmaps)
    cell = (heat * _nearness(rough, h, w)).reshape(b, h * w, j).argmax(1)  # [b j]
    score = jnp.take_along_axis(heat.reshape(b, h * w, j), cell[:, None], axis=1)[:, 0]
    offsets = jnp.take_along_axis(maps.offsets.reshape(b, h * w, j, 2), cell[:, None, :, None], axis=1)[:, 0]
    # The network counts from the corner of the top-left pixel.
    xy = (jnp.stack([cell % w, cell // w], axis=-1) + offsets) * STRIDE - 0.5
    return jnp.concatenate([xy, score[..., None]], axis=-1)


def mirror(maps: PersonMaps, flip: Sequence[int]) -> PersonMaps:
    """What the maps of a mirrored crop say of the crop itself; `flip` has for each joint its partner's place.

    An offset counts from the left side of its cell, so it is mirrored within the cell.
    """

    def back(pairs: Float[Array, "b h w 2*j"], x: Callable[[Array], Array]) -> Float[Array, "b h w 2*j"]:
        own = pairs.reshape(*pairs.shape[:3], -1, 2)[:, :, ::-1, jnp.array(flip)]
        return jnp.stack([x(own[..., 0]), own[..., 1]], axis=-1).reshape(pairs.shape)

    return PersonMaps(
        maps.centres[:, :, ::-1],
        maps.heatmaps[:, :, ::-1, jnp.array(flip)],
        back(maps.displacements, jnp.negative),
        back(maps.offsets, lambda x: 1 - x),
    )


def _nearness(places: Float[Array, "b n 2"], h: int, w: int) -> Float[Array, "b h w n"]:
    """The weight of each cell's heat for places (x, y, in cells)."""
    x, y = jnp.arange(w)[:, None], jnp.arange(h)[:, None, None]
    apart = jnp.hypot(x - places[:, None, None, :, 0], y - places[:, None, None, :, 1])
    return 1 / (apart + NEAR)
