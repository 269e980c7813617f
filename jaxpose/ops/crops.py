"""[device] Crops around people: one batched affine warp of some frames, and the way back for what is found in a crop.

A top-down system's first step on the device: `frames, boxes -> crops -> network -> keypoints -> the frames' pixels`.
`geometry.crop_maps` makes the maps of boxes on the host. Of each frame the device makes copies at 1/2, 1/4 ... of its
size, averaged; a crop that shrinks its person reads the copy of which it leaves out nothing between its own pixels.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int, Num


class Copies(NamedTuple):
    """Some frames of one size and their smaller copies, in the device's memory."""

    pixels: Num[Array, "n c"]  # of the first frame and its copies, one behind the other, then of the next frame
    sizes: Int[np.ndarray, "l 2"]  # height and width of each copy; copy i is 2**i times smaller
    fill: float  # what lies around a frame

    @property
    def starts(self) -> Int[np.ndarray, "l+1"]:
        """The place of each copy's first pixel among its frame's; the last is how many pixels a frame has in all."""
        return np.concatenate([[0], np.cumsum(self.sizes.prod(axis=1))]).astype(np.int32)


def copy_smaller(frames: Num[Array, "t H W c"], size: tuple[int, int], fill: float = 0.0) -> Copies:
    """The frames and the copies that crops of that size may read, to the first that is no larger than a crop.

    Copies are means of 2x2 pixels of the one before, of the frames' type: those of bytes are rounded. Around an odd
    side a copy sees some `fill`.
    """
    t, height, width, c = frames.shape
    levels = [frames]
    for _ in range(max(0, math.ceil(math.log2(max(height, width) / min(size))))):
        levels.append(_halved(levels[-1], fill))
    flat = jnp.concatenate([level.reshape(t, -1, c) for level in levels], axis=1)
    sizes = np.array([level.shape[1:3] for level in levels], np.int32)
    return Copies(flat.reshape(-1, c), sizes, fill)


def cut_crops(
    copies: Copies, index: Int[Array, "n"], maps: Float[Array, "n 2 3"], size: tuple[int, int]
) -> Float32[Array, "n h w c"]:
    """See `warp_crops`: the same of frames whose copies are made already."""
    height, width = size
    scale = jnp.sqrt(jnp.abs(maps[:, 0, 0] * maps[:, 1, 1] - maps[:, 0, 1] * maps[:, 1, 0]))
    level = jnp.clip(jnp.floor(jnp.log2(scale)), 0, len(copies.sizes) - 1).astype(jnp.int32)
    by = jnp.exp2(level.astype(maps.dtype))[:, None, None]
    u, v = jnp.arange(width, dtype=maps.dtype), jnp.arange(height, dtype=maps.dtype)[:, None]
    # x, y in the frame, then in its copy, whose first pixel has its centre at (by - 1) / 2 of the frame's
    x, y = (
        (row[:, 0, None, None] * u + row[:, 1, None, None] * v + row[:, 2, None, None] + 0.5) / by - 0.5
        for row in (maps[:, 0], maps[:, 1])
    )
    h, w = (jnp.asarray(copies.sizes[:, axis])[level][:, None, None] for axis in (0, 1))
    first = (index * int(copies.starts[-1]) + jnp.asarray(copies.starts)[level])[:, None, None]
    left, top = jnp.floor(x), jnp.floor(y)
    right_share, low_share = x - left, y - top
    crops: Array = jnp.zeros((), jnp.float32)
    for down in (0, 1):
        for right in (0, 1):
            column, row = left + right, top + down
            there = (column >= 0) & (column < w) & (row >= 0) & (row < h)
            # kept within the copy as whole numbers, so that no map, not even NaN, reads elsewhere
            at = jnp.clip(row.astype(jnp.int32), 0, h - 1) * w + jnp.clip(column.astype(jnp.int32), 0, w - 1)
            value = copies.pixels.at[first + at].get(mode="promise_in_bounds").astype(jnp.float32)
            share = (right_share if right else 1 - right_share) * (low_share if down else 1 - low_share)
            crops += share[..., None] * jnp.where(there[..., None], value, copies.fill)
    return crops


def warp_crops(
    frames: Num[Array, "t H W c"],
    index: Int[Array, "n"],
    maps: Float[Array, "n 2 3"],
    size: tuple[int, int],
    *,
    fill: float = 0.0,
) -> Float32[Array, "n h w c"]:
    """Crops of `size` (height, width): crop i is cut from `frames[index[i]]` by `maps[i]`, bilinearly, not rounded.

    A map takes x, y of the crop to x, y of the frame, in pixels whose centres are at whole numbers (OpenCV's
    `WARP_INVERSE_MAP`); it may turn and mirror, but scales both axes alike. Beyond a frame all is `fill`. A crop whose
    pixels are 2 of the frame's wide or more is read from the copy at 1/2, from 4 on from that at 1/4, and so on
    (`copy_smaller`). Pure and jittable with `size` and `fill` static; a slot without a person may have any map.
    """
    return cut_crops(copy_smaller(frames, size, fill), index, maps, size)


def to_frames(keypoints: Float[Array, "n j 3"], maps: Float[Array, "n 2 3"]) -> Float[Array, "n j 3"]:
    """Keypoints (x, y, score) of the crops in pixels of their frames; the scores stay."""
    x, y, score = (keypoints[..., i] for i in range(3))
    moved = [maps[:, i, 0, None] * x + maps[:, i, 1, None] * y + maps[:, i, 2, None] for i in (0, 1)]
    return jnp.stack([*moved, score], axis=-1)


def _halved(frames: Num[Array, "t H W c"], fill: float) -> Num[Array, "t h w c"]:
    """Half the size: means of 2x2 pixels."""
    odd = [side % 2 for side in frames.shape[1:3]]
    frames = jnp.pad(frames, ((0, 0), (0, odd[0]), (0, odd[1]), (0, 0)), constant_values=fill)
    whole = jnp.issubdtype(frames.dtype, jnp.integer)
    wide = frames.astype(jnp.uint16 if whole else frames.dtype)
    four = wide[:, ::2, ::2] + wide[:, 1::2, ::2] + wide[:, ::2, 1::2] + wide[:, 1::2, 1::2]
    return ((four + 2) // 4).astype(frames.dtype) if whole else four / 4
