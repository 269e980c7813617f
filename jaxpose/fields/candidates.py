"""From a network's maps to `Candidates`: the `fast` decoding, all on the device, fixed in shape.

The maps never leave the device; what does is some ten kilobytes a frame, which `association.parsing` turns into people.
"""

import functools

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from jaxpose.fields.config import DecodeConfig
from jaxpose.fields.integrals import line_scores, nearest
from jaxpose.fields.peaks import find_peaks
from jaxpose.records import Candidates

BUCKETS = (8, 16, 32, 64)
"""Numbers of peaks a joint for which the connections are worked out; the smallest that holds the batch is taken."""


def find_candidates(
    heatmaps: Float[Array, "b h w c"],
    pafs: Float[Array, "b h w 2*l"],
    limbs: tuple[tuple[int, int], ...],
    joints: int,
    stride: int,
    config: DecodeConfig,
) -> Candidates:
    """Peaks of the heatmaps and scores of the connections between them.

    `heatmaps` holds the joints first (a background after them is not read); limb i of `limbs` has its field's x in
    channel 2i of `pafs`, y in 2i + 1. Places in the result are pixels of the network's input, whose cell (0, 0) has its
    centre at ((stride - 1) / 2, (stride - 1) / 2).

    Pure and jittable, with all but the maps static; to be given a batch (under `vmap` every bucket is computed). The
    result for a frame does not depend on the others of its batch.
    """
    h, w = heatmaps.shape[1:3]
    finite = jnp.isfinite(heatmaps).all((1, 2, 3)) & jnp.isfinite(pafs).all((1, 2, 3))
    xy, score, count = find_peaks(heatmaps[..., :joints], config.peak_threshold, config.candidates)
    buckets = [k for k in BUCKETS if k < config.candidates] + [config.candidates]
    near = np.sqrt(h * w) / 150  # in cells
    branches = [functools.partial(_connect, limbs=limbs, k=k, near=float(near), config=config) for k in buckets]
    which = (count.max() > np.asarray(buckets[:-1])).sum()
    partner, affinity = lax.switch(which, branches, pafs, xy, count)
    offset = (stride - 1) / 2
    filled = jnp.arange(config.candidates) < count[..., None]
    return Candidates(
        xy=jnp.where(filled[..., None], xy * stride + offset, 0),
        score=score,
        found=count,
        partner=partner,
        affinity=affinity,
        finite=finite,
    )


def _connect(
    pafs: Float[Array, "b h w 2*l"],
    xy: Float[Array, "b j k 2"],
    count: Int[Array, "b j"],
    *,
    limbs: tuple[tuple[int, int], ...],
    k: int,
    near: float,
    config: DecodeConfig,
) -> tuple[Int[Array, "b l k m"], Float[Array, "b l k m"]]:
    """Partners and affinities when no joint has more than `k` peaks (the strongest `k`, where one has)."""
    first, second = np.asarray(limbs).T
    start, others = xy[:, first, :k], xy[:, second, :k]
    there = jnp.arange(k) < count[..., None]
    partner = nearest(start, others, there[:, second], min(config.partners, k))
    exists = (partner >= 0) & there[:, first][..., None]
    partner = jnp.where(exists, partner, 0)
    index = partner.reshape(*partner.shape[:2], -1, 1)
    stop = jnp.take_along_axis(others, index, axis=2).reshape(*partner.shape, 2)
    affinity = line_scores(
        pafs,
        start,
        stop,
        samples=config.samples,
        threshold=config.sample_threshold,
        share=config.sample_share,
    )
    way = stop - start[..., None, :]
    length = jnp.sqrt(jnp.square(way[..., 0]) + jnp.square(way[..., 1]))
    # The peaks of a person far away are so near each other that the field between them cannot tell much.
    close = (affinity == 0) & (length < near) & (length > 1e-6)
    affinity = jnp.where(close, config.peak_threshold + 1e-6, affinity)
    affinity = jnp.where(exists, affinity, 0)
    room = ((0, 0), (0, 0), (0, config.candidates - k), (0, config.partners - partner.shape[-1]))
    return jnp.pad(partner, room), jnp.pad(affinity, room)
