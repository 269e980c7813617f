"""[device] Pixels of `DevicePictures` under affine maps: a crop's picture, and where people may be unlabelled in it.

A crop is put together from parts, each of another picture under a map of its own (the tiles of a mosaic, what hides a
joint). For every point the part that it belongs to is found first, so a pixel costs four reads however many parts there
are. As in `data.pictures`, what is drawn at 1/2 or less is read from a smaller copy, bilinearly, and grey lies around.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxpose.data.device.pictures import LEVELS, DevicePictures, corner
from jaxpose.data.device.placing import apply, invert
from jaxpose.data.pictures import GREY


class Parts(NamedTuple):
    """What a crop is put together from; the last part that has a point counts."""

    pictures: Int[Array, "s"]  # places in `DevicePictures`
    matrices: Float[Array, "s 2 3"]  # from the stored picture's pixels to the crop's
    has: Bool[Array, "s h w"]  # which points belong to a part


def grid(count: int, first: float, step: float) -> Float[Array, "count count 2"]:
    """Points x, y of a square of the crop, row by row."""
    line = first + step * jnp.arange(count, dtype=jnp.float32)
    return jnp.stack(jnp.meshgrid(line, line), axis=-1)


def within(points: Float[Array, "*n 2"], rectangle: Int[Array, "4"]) -> Bool[Array, "*n"]:
    """Which points lie in a rectangle of pixels (x, y, w, h)."""
    low = rectangle[:2] - 0.5
    return ((points >= low) & (points < low + rectangle[2:])).all(-1)


def draw(pictures: DevicePictures, parts: Parts, points: Float[Array, "h w 2"]) -> Float[Array, "h w 3"]:
    """The crop in RGB, of 255 levels, not rounded."""
    size, stored = pictures.sizes[parts.pictures], pictures.stored[parts.pictures]
    linear = parts.matrices[:, :, :2]
    scale = jnp.sqrt(jnp.abs(linear[:, 0, 0] * linear[:, 1, 1] - linear[:, 0, 1] * linear[:, 1, 0]))
    deepest = jnp.minimum(LEVELS - 1, jnp.log2(size.min(-1)))
    level = jnp.clip(jnp.floor(-jnp.log2(scale * (stored / size).mean(-1))), 0, deepest).astype(jnp.int32)
    by = 2**level
    spots = lax.optimization_barrier(_spots(parts, points, size / stored / by[:, None]))  # not found anew for each read
    corners = jnp.array([corner(each, pictures.pixels.shape[2]) for each in range(LEVELS)])[level]
    picture, w, h, left, top = lax.optimization_barrier(
        tuple(_chosen(parts.has, each) for each in (parts.pictures, *(size // by[:, None]).T, *corners.T))
    )
    low = jnp.floor(spots)
    right, down = (spots - low)[..., 0], (spots - low)[..., 1]
    column, row = (low[..., axis].astype(jnp.int32) for axis in range(2))
    sums = [jnp.zeros(points.shape[:2])] * 3
    for y, height in ((row, 1 - down), (row + 1, down)):
        for x, width in ((column, 1 - right), (column + 1, right)):
            there = (x >= 0) & (x < w) & (y >= 0) & (y < h)
            at = picture, top + jnp.clip(y, 0, h - 1), left + jnp.clip(x, 0, w - 1)
            pixel = pictures.pixels[at]
            for channel, grey in enumerate(GREY):
                value = (pixel >> (8 * channel) & 255).astype(jnp.float32)
                sums[channel] += height * width * jnp.where(there, value, grey)
    return jnp.stack(sums, axis=-1)


def unlabelled(pictures: DevicePictures, parts: Parts, points: Float[Array, "h w 2"]) -> Bool[Array, "h w"]:
    """At which points of the crop people may be unlabelled: the nearest pixels of the pictures tell."""
    size, stored = pictures.sizes[parts.pictures], pictures.stored[parts.pictures]
    x, y = jnp.moveaxis(jnp.round(_spots(parts, points, size / stored)).astype(jnp.int32), -1, 0)
    picture, w, h = (_chosen(parts.has, each) for each in (parts.pictures, *size.T))
    there = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    pixel = pictures.pixels[picture, jnp.clip(y, 0, h - 1), jnp.clip(x, 0, w - 1)]
    return there & (pixel >> 24 > 127)


def inside(pictures: DevicePictures, parts: Parts, points: Float[Array, "h w 2"]) -> Bool[Array, "h w"]:
    """Which points of the crop lie in a picture."""
    spots = _spots(parts, points, jnp.ones((len(parts.pictures), 2)))
    stored = jnp.stack([_chosen(parts.has, each) for each in pictures.stored[parts.pictures].T], axis=-1)
    return ((spots >= -0.5) & (spots <= stored - 0.5)).all(-1)


def _spots(parts: Parts, points: Float[Array, "h w 2"], shrink: Float[Array, "s 2"]) -> Float[Array, "h w 2"]:
    """Where the crop's points lie in their part's picture, made `shrink` times as large."""
    backs = jax.vmap(invert)(parts.matrices)
    result = apply(backs[0], points)
    result = (result + 0.5) * shrink[0] - 0.5
    for part in range(1, len(backs)):
        spots = (apply(backs[part], points) + 0.5) * shrink[part] - 0.5
        result = jnp.where(parts.has[part][..., None], spots, result)
    return result


def _chosen(has: Bool[Array, "s h w"], values: Array) -> Array:
    """For each point the value of its part."""
    result = jnp.broadcast_to(values[0], has.shape[1:])
    for part in range(1, len(values)):
        result = jnp.where(has[part], values[part], result)
    return result
