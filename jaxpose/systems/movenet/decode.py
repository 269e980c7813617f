"""[device] MoveNet's maps to poses: peaks of the centre map, then each person's joints around where the centre says.

Second step of the flow `picture -> maps -> poses -> people`. What the published graph does for its six best centres is
done here for every centre above a threshold: a centre's displacements give a rough place for each joint; the joint is
the cell of its heatmap that is highest after weighting with a Gaussian about that place (within the person's box),
moved by the offset that this cell predicts. Two things differ. The Gaussian, for everybody as wide as the picture says,
is wider for people who fill much of the picture (0.9 OKS-AP better). And a joint's score is the heat of its cell; the
graph's is the highest weighted value that anybody has there, so that a person may score by a neighbour's joint.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Float32, Int

from jaxpose.systems.movenet.config import PoseConfig
from jaxpose.systems.movenet.network import STRIDE, Maps

BUCKETS = (8, 16, 32, 64)
"""Numbers of people for which joints are looked for; the smallest that holds the batch is taken."""

SPREAD = 0.3
"""The Gaussian's 2 sigma² in cells, as a share of the maps' shorter side (the published graph's)."""

COUNTED = 0.126953125
"""Joints above this score count in a person's score (the published graph's)."""


class Poses(NamedTuple):
    """The people of one batch, fixed in shape: `k` slots, best centre first, the first `found` filled.

    `keypoints` are x, y, score in pixels of the network's input, whose top-left pixel has its centre at (0, 0); a joint
    below the threshold is (0, 0, 0). `score` is the centre's times the mean score of the person's joints. The arrays
    are JAX's on the device and NumPy's once they are copied to the host.
    """

    keypoints: Float32[Any, "b k j 3"]
    score: Float32[Any, "b k"]
    found: Int[Any, "b"]  # centres there are; more than k means that the weakest were left out
    finite: Bool[Any, "b"]  # no NaN or infinity in this picture's maps


def find_poses(maps: Maps, config: PoseConfig) -> Poses:
    """Poses of all people whose centre lies above `config.centre_threshold`.

    Pure and jittable, with the config static; to be given a batch (under `vmap` every bucket is computed). The result
    for a picture does not depend on the others of its batch.
    """
    finite = functools.reduce(jnp.logical_and, (jnp.isfinite(field).all((1, 2, 3)) for field in maps))
    score, cell, count = _peaks(jax.nn.sigmoid(maps.centres[..., 0]), config.centre_threshold, config.people)
    buckets = [k for k in BUCKETS if k < config.people] + [config.people]
    branches = [functools.partial(_joints, k=k, config=config) for k in buckets]
    which = (count.max() > np.asarray(buckets[:-1], np.int32)).sum()
    keypoints = lax.switch(which, branches, maps, cell)
    there = jnp.arange(config.people) < count[:, None]
    keypoints = jnp.where(there[..., None, None], keypoints, 0)
    joints = keypoints[..., 2]
    counted = joints > COUNTED
    mean = jnp.where(counted, joints, 0).sum(-1) / jnp.maximum(counted.sum(-1), 1)
    return Poses(keypoints, jnp.where(there, score * mean, 0), count, finite)


def _peaks(
    heat: Float[Array, "b h w"], threshold: float, slots: int
) -> tuple[Float[Array, "b k"], Int[Array, "b k"], Int[Array, "b"]]:
    """Scores and flat cells of the highest cells of their 5x5 neighbourhood, the best first; and how many there are."""
    b, h, w = heat.shape
    rows = jnp.pad(heat, ((0, 0), (2, 2), (0, 0)), constant_values=-1)
    highest = functools.reduce(jnp.maximum, (rows[:, i : i + h] for i in range(5)))
    columns = jnp.pad(highest, ((0, 0), (0, 0), (2, 2)), constant_values=-1)
    highest = functools.reduce(jnp.maximum, (columns[:, :, i : i + w] for i in range(5)))
    peak = jnp.where((heat >= highest) & (heat > threshold), heat, 0).reshape(b, -1)
    room = min(slots, h * w)
    score, cell = lax.top_k(peak, room)
    missing = ((0, 0), (0, slots - room))
    return jnp.pad(score, missing), jnp.pad(cell, missing), (peak > 0).sum(-1)


def _joints(maps: Maps, cell: Int[Array, "b k"], *, k: int, config: PoseConfig) -> Float[Array, "b p j 3"]:
    """Joints (x, y, score) around the first `k` centres, and zeros for the slots after them.

    Whole maps need not be looked at: `reach` cells away no joint passes the threshold under the published Gaussian.
    """
    b, h, w, j = maps.heatmaps.shape
    spread = SPREAD * min(h, w)
    reach = math.ceil(math.sqrt(spread * math.log(1 / config.joint_threshold)))
    cell = cell[:, :k]
    centre = jnp.stack([cell % w, cell // w], axis=-1).astype(jnp.float32)

    def at_centre(field: Float[Array, "b h w c"]) -> Float[Array, "b k c"]:
        return jnp.take_along_axis(field.reshape(b, h * w, -1), cell[..., None], axis=1, mode="promise_in_bounds")

    rough = centre[:, :, None] + at_centre(maps.displacements).reshape(b, k, j, 2)
    middle, size = centre + at_centre(maps.box_offsets), jnp.maximum(at_centre(maps.box_sizes), 0)
    low, high = (jnp.clip(corner, 0, jnp.array([w, h])) for corner in (middle - size / 2, middle + size / 2))
    width = jnp.maximum(spread, config.person_spread**2 * size.prod(-1))[..., None, None]

    # The window around each rough place, one axis at a time: cells and their weights, [b k j n].
    steps = jnp.arange(-reach, reach + 1)
    cells, weights = [], []
    for axis, side in enumerate((w, h)):
        place = jnp.round(rough[..., axis, None]).astype(jnp.int32) + steps
        inside = (place >= low[..., None, None, axis]) & (place < high[..., None, None, axis])
        weight = jnp.exp(-jnp.square(place - rough[..., axis, None]) / width)
        cells.append(jnp.clip(place, 0, side - 1))
        weights.append(jnp.where(inside, weight, 0))
    joint = jnp.arange(j)
    flat = (cells[1][..., :, None] * w + cells[0][..., None, :]) * j + joint[:, None, None]  # [b k j n n]
    heat = jax.nn.sigmoid(_take(maps.heatmaps, flat)).reshape(b, k, j, -1)
    weighted = heat * (weights[1][..., :, None] * weights[0][..., None, :]).reshape(b, k, j, -1)
    best = weighted.argmax(-1, keepdims=True)
    found = jnp.take_along_axis(flat.reshape(b, k, j, -1), best, axis=-1) // j  # the cell
    offset = _take(maps.offsets, 2 * (found * j + joint[:, None]) + jnp.arange(2))
    # The network counts from the corner of the top-left pixel.
    xy = (jnp.concatenate([found % w, found // w], axis=-1) + offset) * STRIDE - 0.5
    keypoints = jnp.concatenate([xy, jnp.take_along_axis(heat, best, axis=-1)], axis=-1)
    there = jnp.take_along_axis(weighted, best, axis=-1) > config.joint_threshold
    room = ((0, 0), (0, config.people - k), (0, 0), (0, 0))
    return jnp.pad(jnp.where(there, keypoints, 0), room)


def _take(field: Float[Array, "b h w c"], flat: Int[Array, "b *n"]) -> Float[Array, "b *n"]:
    """Values of a map by their index in each picture's flat map."""
    b = len(field)
    taken = jnp.take_along_axis(field.reshape(b, -1), flat.reshape(b, -1), axis=1, mode="promise_in_bounds")
    return taken.reshape(flat.shape)
