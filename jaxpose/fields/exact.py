"""The `exact` decoding: from maps to `Candidates` by the rules of OpenPose's released program.

It stands beside `candidates`, which does the same on the native grid in a small part of the time. Here the maps are
enlarged to the network's input by OpenCV's bicubic kernel, a peak is a pixel above its eight neighbours, its place the
centroid of the 7x7 pixels around it, and every pair of peaks of a limb is scored. All on the device, fixed in shape.

Two things differ from the program on purpose. It adds half a pixel of the picture to every peak, since it counts from
the picture's outer corner; here the centre of the top-left pixel is (0, 0). And where a joint has more peaks than
slots, the strongest stay, not the first in reading order.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from jaxpose.fields.bicubic import cubic_matrix, cubic_weights
from jaxpose.fields.config import ExactConfig
from jaxpose.records import Candidates

BUCKETS = (8, 16, 32, 64)
"""Numbers of peaks a joint for which the connections are worked out; the smallest that holds the batch is taken."""
STRIP = 4
"""Rows of pixels of which only the highest value is sorted first; it divides every stride."""
REACH = 3
"""Pixels on each side of a peak that its centroid is taken over."""
FEWEST_SAMPLES, MOST_SAMPLES = 5, 25
"""Points of a line integral; between them it is the root of five times the longer side of the line's box."""


def find_exact_candidates(
    heatmaps: Float[Array, "b h w c"],
    pafs: Float[Array, "b h w 2*l"],
    limbs: tuple[tuple[int, int], ...],
    joints: int,
    stride: int,
    config: ExactConfig,
) -> Candidates:
    """Peaks of the enlarged heatmaps and scores of all connections between them.

    `heatmaps` holds the joints first (a background after them is not read); limb i of `limbs` has its field's x in
    channel 2i of `pafs`, y in 2i + 1. Places in the result are pixels of the network's input, `stride` to a cell. A
    peak's partners are all peaks of the limb's other joint, so `m` is `k`.

    Pure and jittable, with all but the maps static; to be given a batch (under `vmap` every bucket is computed). The
    result for a frame does not depend on the others of its batch.
    """
    finite = jnp.isfinite(heatmaps).all((1, 2, 3)) & jnp.isfinite(pafs).all((1, 2, 3))
    xy, score, count = _find_peaks(_enlarge(heatmaps[..., :joints], stride), config)
    buckets = [k for k in BUCKETS if k < config.candidates] + [config.candidates]
    branches = [functools.partial(_connect, limbs=limbs, k=k, stride=stride, config=config) for k in buckets]
    which = (count.max() > np.asarray(buckets[:-1])).sum()
    partner, affinity = lax.switch(which, branches, pafs, xy, count)
    return Candidates(xy=xy, score=score, found=count, partner=partner, affinity=affinity, finite=finite)


def _enlarge(heatmaps: Float[Array, "b h w j"], times: int) -> Float[Array, "b j H W"]:
    h, w = heatmaps.shape[1:3]
    down, across = cubic_matrix(h, h * times, times), cubic_matrix(w, w * times, times)
    rows = jnp.einsum("bhwj,Ww->bjhW", heatmaps, across, precision=lax.Precision.HIGHEST)
    return jnp.einsum("Hh,bjhW->bjHW", down, rows, precision=lax.Precision.HIGHEST)


def _find_peaks(
    heat: Float[Array, "b j H W"], config: ExactConfig
) -> tuple[Float[Array, "b j k 2"], Float[Array, "b j k"], Int[Array, "b j"]]:
    """Places, values and number of the pixels above the threshold and all eight neighbours.

    The outermost pixels are never peaks; those next to them may equal a neighbour.
    """
    b, j, height, width = heat.shape
    padded = jnp.pad(heat, ((0, 0), (0, 0), (1, 1), (1, 1)))
    padded = lax.optimization_barrier(padded)  # else the padding is worked out anew for each of its nine readers

    def shifted(dx: int, dy: int) -> Float[Array, "b j H W"]:
        return padded[:, :, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    pixel = shifted(0, 0)
    around = functools.reduce(
        jnp.maximum, (shifted(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0))
    )
    inside, interior = (np.zeros((height, width), bool) for _ in range(2))
    inside[1:-1, 1:-1] = interior[2:-2, 2:-2] = True
    peak = inside & (pixel > config.peak_threshold) & ((pixel > around) | (~interior & (pixel == around)))
    value, place, count = _strongest(jnp.where(peak, pixel, -jnp.inf), config.candidates)
    x, y = place % width, place // width

    steps = np.arange(-REACH, REACH + 1)
    dx, dy = (step.reshape(-1, 1, 1, 1) for step in np.meshgrid(steps, steps))
    near_x, near_y = x + dx, y + dy
    exists = (near_x >= 0) & (near_x < width) & (near_y >= 0) & (near_y < height)
    corner = (np.arange(b)[:, None, None] * j + np.arange(j)[:, None]) * (height * width)
    nearby = corner + jnp.clip(near_y, 0, height - 1) * width + jnp.clip(near_x, 0, width - 1)
    weight = jnp.maximum(heat.reshape(-1).at[nearby].get(mode="promise_in_bounds"), 0)
    weight = lax.optimization_barrier(jnp.where(exists, weight, 0))
    total = jnp.maximum(weight.sum(0), 1e-9)
    centroid = jnp.stack([x + (weight * dx).sum(0) / total, y + (weight * dy).sum(0) / total], axis=-1)
    found = value > -jnp.inf
    return jnp.where(found[..., None], centroid, 0), jnp.where(found, value, 0), count


def _strongest(
    values: Float[Array, "b j h w"], slots: int
) -> tuple[Float[Array, "b j k"], Int[Array, "b j k"], Int[Array, "b j"]]:
    """The highest values, highest first, their flat places, and how many are above minus infinity.

    The highest of all lie in the strips of `STRIP` rows with the highest maxima: so a small part is sorted.
    """
    b, j, _, w = values.shape
    values = lax.optimization_barrier(values)  # it is read three times
    strips = values.reshape(b, j, -1, STRIP, w)
    count = (strips > -jnp.inf).sum(3).sum((2, 3))
    maxima = strips.max(3).reshape(b, j, -1)
    _, best = lax.top_k(maxima, min(slots, maxima.shape[-1]))
    place = (best // w * STRIP * w + best % w)[..., None] + w * np.arange(STRIP)
    place = place.reshape(b, j, -1)
    among = jnp.take_along_axis(values.reshape(b, j, -1), place, axis=-1, mode="promise_in_bounds")
    missing = ((0, 0), (0, 0), (0, max(slots - place.shape[-1], 0)))
    value, which = lax.top_k(jnp.pad(among, missing, constant_values=-jnp.inf), slots)
    return value, jnp.take_along_axis(jnp.pad(place, missing), which, axis=-1), count


def _connect(
    pafs: Float[Array, "b h w 2*l"],
    xy: Float[Array, "b j k 2"],
    count: Int[Array, "b j"],
    *,
    limbs: tuple[tuple[int, int], ...],
    k: int,
    stride: int,
    config: ExactConfig,
) -> tuple[Int[Array, "b l k m"], Float[Array, "b l k m"]]:
    """Partners and affinities when no joint has more than `k` peaks (the strongest `k`, where one has)."""
    h, w = pafs.shape[1:3]
    first, second = np.asarray(limbs).T
    start, stop = xy[:, first, :k, None], xy[:, second, None, :k]
    there = jnp.arange(k) < count[..., None]
    exists = there[:, first, :, None] & there[:, second, None, :]
    way = stop - start
    length = jnp.sqrt(jnp.square(way[..., 0]) + jnp.square(way[..., 1]))
    mean, share = _line_scores(pafs, start, way, length, stride, config.sample_threshold)
    # The peaks of a person far away are so near each other that the field between them cannot tell much.
    near = float(np.sqrt(h * w) * stride / 150)
    otherwise = jnp.where(length < near, config.peak_threshold + 1e-6, 0)
    affinity = jnp.where(share > config.sample_share, mean, otherwise)
    affinity = jnp.where(exists & (length > 1e-6), affinity, 0)
    partner = jnp.where(exists, jnp.arange(k), 0)
    room = ((0, 0), (0, 0), (0, config.candidates - k), (0, config.candidates - k))
    return jnp.pad(partner, room), jnp.pad(affinity, room)


def _line_scores(
    pafs: Float[Array, "b h w 2*l"],
    start: Float[Array, "b l k 1 2"],
    way: Float[Array, "b l k m 2"],
    length: Float[Array, "b l k m"],
    stride: int,
    threshold: float,
) -> tuple[Float[Array, "b l k m"], Float[Array, "b l k m"]]:
    """Along each line, the mean of the points of the enlarged field above the threshold, and their share of all points.

    The n points start at the first peak and end a step before the second; each is read at its nearest pixel. The field
    is enlarged along x; along y the four rows that a pixel's value is made of are weighted where it is read, which is
    the same and spares the larger part of the work.
    """
    b, h, w, channels = pafs.shape
    height, width = h * stride, w * stride
    rows = jnp.einsum("bhwc,Ww->bhWc", pafs, cubic_matrix(w, width, stride), precision=lax.Precision.HIGHEST)
    flat = rows.reshape(-1)
    longer = jnp.maximum(jnp.abs(way[..., 0]), jnp.abs(way[..., 1]))
    n = jnp.clip(jnp.floor(jnp.sqrt(5 * longer) + 0.5), FEWEST_SAMPLES, MOST_SAMPLES)
    step_x, step_y = way[..., 0] / n, way[..., 1] / n
    unit_x, unit_y = (way[..., axis] / jnp.maximum(length, 1e-9) for axis in (0, 1))
    frame = jnp.arange(b)[:, None, None, None] * h
    channel = 2 * jnp.arange(channels // 2)[:, None, None]

    def add(sums: tuple[Array, Array], i: Float[Array, ""]) -> tuple[tuple[Array, Array], None]:
        x = jnp.clip(jnp.floor(start[..., 0] + i * step_x + 0.5), 0, width - 1).astype(jnp.int32)
        y = jnp.clip(jnp.floor(start[..., 1] + i * step_y + 0.5), 0, height - 1)
        place = (y + 0.5) / stride - 0.5
        cell = jnp.floor(place)
        value = jnp.zeros_like(length)
        for tap, weight in zip((-1, 0, 1, 2), cubic_weights(place - cell), strict=True):
            row = jnp.clip(cell.astype(jnp.int32) + tap, 0, h - 1)
            corner = ((frame + row) * width + x) * channels + channel
            read_x, read_y = (flat.at[corner + axis].get(mode="promise_in_bounds") for axis in (0, 1))
            value += weight * (read_x * unit_x + read_y * unit_y)
        keep = (i < n) & (value > threshold)
        return (sums[0] + jnp.where(keep, value, 0), sums[1] + keep), None

    nothing = jnp.zeros_like(length)
    (total, kept), _ = jax.lax.scan(add, (nothing, nothing), jnp.arange(MOST_SAMPLES, dtype=jnp.float32))
    return total / jnp.maximum(kept, 1), kept / n
