"""Peaks of heatmaps: where the joints are, to a fraction of a cell, found on the network's native grid.

First half of the `fast` decoding (`candidates` puts the halves together; `integrals` is the other). Working on the
native grid with sub-cell refinement replaces the costly enlarging of the maps that OpenPose begins with. All
coordinates here are (x, y) in cells: the centre of the top-left cell is (0, 0).
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

FLOOR = 1e-2
"""Heat below this counts as this much in the refinement, which takes logarithms (networks give negative values)."""


def find_peaks(
    heatmaps: Float[Array, "b h w j"], threshold: float, slots: int
) -> tuple[Float[Array, "b j k 2"], Float[Array, "b j k"], Int[Array, "b j"]]:
    """The strongest `slots` local maxima of each heatmap: places (x, y) in cells, scores, and how many there are.

    A peak is a cell above `threshold` that no cell of its 3x3 neighbourhood exceeds; of equal neighbours the first in
    reading order is the peak. The peaks come by falling value of their cell; slots behind the last one are 0. The
    number counts all peaks, those without a slot too.
    """
    b, h, w, j = heatmaps.shape
    even_h, even_w = h + h % 2, w + w % 2
    border = ((0, 0), (0, 0), (1, 1 + h % 2), (1, 1 + w % 2))
    padded = jnp.pad(heatmaps.transpose(0, 3, 1, 2), border, constant_values=-jnp.inf)
    padded = lax.optimization_barrier(padded)  # else the padding is worked out anew for each of its nine readers

    def shifted(dx: int, dy: int) -> Float[Array, "b j h w"]:
        return padded[:, :, 1 + dy : 1 + dy + even_h, 1 + dx : 1 + dx + even_w]

    before = jnp.maximum(jnp.maximum(shifted(-1, -1), shifted(0, -1)), jnp.maximum(shifted(1, -1), shifted(-1, 0)))
    after = jnp.maximum(jnp.maximum(shifted(-1, 1), shifted(0, 1)), jnp.maximum(shifted(1, 1), shifted(1, 0)))
    cell = shifted(0, 0)
    peaks = jnp.where((cell > before) & (cell >= after) & (cell > threshold), cell, -jnp.inf)
    # Two peaks are never neighbours, so a block of 2x2 cells holds at most one: a quarter of the values to sort.
    peaks = peaks.reshape(b, j, even_h // 2, 2, even_w // 2, 2)
    blocks = peaks.max((3, 5)).reshape(b, j, -1)
    count = (blocks > -jnp.inf).sum(-1)
    room = min(slots, blocks.shape[-1])
    value, block = lax.top_k(blocks, room)
    y, x = 2 * (block // (even_w // 2)), 2 * (block % (even_w // 2))

    # Barriers as above: what is read once would be read again for each of its uses.
    value, x, y = lax.optimization_barrier((value, x, y))
    flat, row = padded.reshape(b, j, -1), padded.shape[-1]

    def at(x: Int[Array, "b j k"], y: Int[Array, "b j k"]) -> Float[Array, "b j k"]:
        return jnp.take_along_axis(flat, (y + 1) * row + x + 1, axis=-1, mode="promise_in_bounds")

    # A block's peak is its highest cell, the first such in reading order.
    square = jnp.stack([at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)])
    corner = jnp.where(square == value, jnp.arange(4)[:, None, None, None], 3).min(0)
    x, y = lax.optimization_barrier((x + corner % 2, y + corner // 2))
    around = jnp.stack([jnp.stack([at(x + dx, y + dy) for dx in (-1, 0, 1)]) for dy in (-1, 0, 1)])
    (dx, dy), rise = _summit(around)
    found = value > -jnp.inf
    xy = jnp.where(found[..., None], jnp.stack([x + dx, y + dy], axis=-1), 0)
    score = jnp.where(found, value * jnp.exp(rise), 0)
    missing = slots - room
    return (
        jnp.pad(xy, ((0, 0), (0, 0), (0, missing), (0, 0))),
        jnp.pad(score, ((0, 0), (0, 0), (0, missing))),
        count,
    )


Values = Float[Array, "b j k"]


def _summit(around: Float[Array, "3 3 b j k"]) -> tuple[tuple[Values, Values], Values]:
    """The top of a Gaussian from 3x3 cells: how far right and below of the middle one, and the logarithm of its rise.

    Summed along one axis a Gaussian is one along the other, with less noise; and a parabola through the logarithms is
    exact for a Gaussian of any width. Where a neighbour is outside the map (minus infinity), the other axis lends its
    curvature.
    """
    heat = jnp.maximum(around, 0)
    sums = heat[0] + heat[1] + heat[2], heat[:, 0] + heat[:, 1] + heat[:, 2]  # along x, along y
    profiles = [jnp.log(jnp.maximum(profile, FLOOR)) for profile in sums]
    inside = [around[1, ::2] > -jnp.inf, around[::2, 1] > -jnp.inf]
    drops = [(profile[1] - profile[0], profile[1] - profile[2]) for profile in profiles]
    curves = [jnp.where(there.all(0), sum(drop), 0) for there, drop in zip(inside, drops, strict=True)]
    offsets, rise = [], jnp.zeros_like(profiles[0][0])
    for axis, ((low, high), (has_low, has_high)) in enumerate(zip(drops, inside, strict=True)):
        curve = jnp.where(has_low & has_high, curves[axis], curves[1 - axis])
        low, high = jnp.where(has_low, low, curve - high), jnp.where(has_high, high, curve - low)
        sure = (has_low | has_high) & (curve > 1e-6)
        offset = jnp.where(sure, jnp.clip((low - high) / (2 * jnp.maximum(curve, 1e-6)), -0.5, 0.5), 0)
        offsets.append(offset)
        rise += curve * jnp.square(offset) / 2
    return (offsets[0], offsets[1]), rise
