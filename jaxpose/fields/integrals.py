"""Line integrals: how well an affinity field joins two peaks, for each peak of a limb and its nearest partners.

Second half of the `fast` decoding (after `peaks`; `candidates` puts the halves together). The score of a connection is
the mean of the field's component along the line between the two peaks (OpenPose, section 3.2, equation 11, with the
rules of the released program). All coordinates here are (x, y) in cells: the centre of the top-left cell is (0, 0).
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

INDEX_BITS = 63
"""The low bits of a distance that make room for the index of a peak (64 slots)."""
NONE = np.int32(np.iinfo(np.int32).max)


def nearest(
    points: Float[Array, "*n k 2"], others: Float[Array, "*n o 2"], there: Bool[Array, "*n o"], m: int
) -> Int[Array, "*n k m"]:
    """The indices of the `m` nearest others (of those that are there) of each point, nearest first; -1 beyond them.

    Squared distances are told apart to 1 in 130,000; the lower index goes first among equals. `o` is at most 64.
    """
    apart = points[..., None, :, :] - others[..., :, None, :]  # [*n, other, point, 2]
    squared = jnp.square(apart[..., 0]) + jnp.square(apart[..., 1])
    # Squared distances are not negative, so they sort as integers; their lowest bits carry the index along.
    keys = (lax.bitcast_convert_type(squared, jnp.int32) & ~INDEX_BITS) | jnp.arange(others.shape[-2])[:, None]
    keys = jnp.moveaxis(jnp.where(there[..., :, None], keys, NONE), -2, 0)

    def next_nearest(last: Int[Array, "*n k"], _: None) -> tuple[Int[Array, "*n k"], Int[Array, "*n k"]]:
        key = jnp.where(keys > last, keys, NONE).min(axis=0)
        return key, key

    _, chosen = lax.scan(next_nearest, jnp.full(keys.shape[1:], -1, jnp.int32), None, length=m)
    return jnp.moveaxis(jnp.where(chosen == NONE, -1, chosen & INDEX_BITS), 0, -1)


def line_scores(
    pafs: Float[Array, "b h w 2*l"],
    start: Float[Array, "b l k 2"],
    stop: Float[Array, "b l k m 2"],
    *,
    samples: int,
    threshold: float,
    share: float,
) -> Float[Array, "b l k m"]:
    """The mean field along each line from `start` to `stop`, over the points where it is above `threshold`.

    The field is read bilinearly at `samples` points, the first one `start` itself, the last one a step before `stop`,
    and projected on the line's direction. Fewer than `share` of the points above the threshold, or a line without
    length, give 0. Limb i has its field's x in channel 2i, y in 2i + 1.
    """
    b, h, w, channels = pafs.shape
    way_x, way_y = (stop[..., i] - start[..., None, i] for i in (0, 1))
    length = jnp.sqrt(jnp.square(way_x) + jnp.square(way_y))
    unit_x, unit_y = way_x / jnp.maximum(length, 1e-9), way_y / jnp.maximum(length, 1e-9)
    # Kept from being worked out anew at every point of the line.
    way_x, way_y, unit_x, unit_y = lax.optimization_barrier((way_x, way_y, unit_x, unit_y))
    step = (jnp.arange(samples, dtype=jnp.float32) / samples).reshape(-1, 1, 1, 1, 1)
    x = jnp.clip(start[..., None, 0] + way_x * step, 0, w - 1)
    y = jnp.clip(start[..., None, 1] + way_y * step, 0, h - 1)
    left = jnp.minimum(x.astype(jnp.int32), max(w - 2, 0))
    top = jnp.minimum(y.astype(jnp.int32), max(h - 2, 0))
    fx, fy = x - left, y - top
    frame = h * w * channels * jnp.arange(b)[:, None, None, None]
    corner = frame + (top * w + left) * channels + 2 * jnp.arange(channels // 2)[:, None, None]
    right, below = channels if w > 1 else 0, w * channels if h > 1 else 0
    flat = pafs.reshape(-1)

    def along(ahead: int) -> Float[Array, "n b l k m"]:
        read_x, read_y = (flat.at[corner + ahead + i].get(mode="promise_in_bounds") for i in (0, 1))
        return read_x * unit_x + read_y * unit_y

    upper = along(0) * (1 - fx) + along(right) * fx
    lower = along(below) * (1 - fx) + along(below + right) * fx
    value = lax.optimization_barrier(upper * (1 - fy) + lower * fy)
    total, kept = jnp.zeros_like(length), jnp.zeros_like(length)
    for one in value:  # a reduction over this axis would be fused with the reads and do them several times over
        total += jnp.where(one > threshold, one, 0)
        kept += one > threshold
    enough = (kept >= share * samples - 1e-6) & (kept > 0) & (length > 1e-6)
    return jnp.where(enough, total / jnp.maximum(kept, 1), 0)
