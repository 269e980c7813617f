"""Which peaks are joined by a field, and how well: each peak with its nearest partners, fixed in shape.

Between `integrals`, which scores given lines, and those who have peaks: `candidates` joins the peaks of one frame along
its limbs, a recurrent system also those of the frame before with those of this one. Coordinates are (x, y) in cells.
"""

import functools

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from jaxpose.fields.config import DecodeConfig
from jaxpose.fields.integrals import line_scores, nearest

BUCKETS = (8, 16, 32, 64)
"""Numbers of peaks a joint for which the connections are worked out; the smallest that holds the batch is taken."""


def score_pairs(
    field: Float[Array, "b h w 2*l"],
    start: Float[Array, "b l k 2"],
    start_count: Int[Array, "b l"],
    stop: Float[Array, "b l k 2"],
    stop_count: Int[Array, "b l"],
    config: DecodeConfig,
    *,
    still: bool = False,
) -> tuple[Int[Array, "b l k m"], Float[Array, "b l k m"]]:
    """For each peak of `start` the slots of its `config.partners` nearest peaks of `stop`, and the connections' scores.

    The first `start_count` and `stop_count` slots are filled (more are counted as all). Field i has x in channel 2i, y
    in 2i + 1. A score is the mean of the field along the line, 0 where there is no connection. Peaks so near each other
    that the field between them cannot tell much (the person is far away) are joined with the least score; `still` tells
    whether two at the same place are, too: those of one frame never should, a joint that did not move should.

    Pure and jittable, with the config and `still` static; to be given a batch (under `vmap` every bucket is computed).
    """
    slots = config.candidates
    buckets = [k for k in BUCKETS if k < slots] + [slots]
    branches = [functools.partial(_score, k=k, still=still, config=config) for k in buckets]
    most = jnp.maximum(start_count.max(), stop_count.max())
    which = (most > np.asarray(buckets[:-1])).sum()
    partner, affinity = lax.switch(which, branches, field, start, start_count, stop, stop_count)
    return partner, affinity


def _score(
    field: Float[Array, "b h w 2*l"],
    start: Float[Array, "b l k 2"],
    start_count: Int[Array, "b l"],
    stop: Float[Array, "b l k 2"],
    stop_count: Int[Array, "b l"],
    *,
    k: int,
    still: bool,
    config: DecodeConfig,
) -> tuple[Int[Array, "b l k m"], Float[Array, "b l k m"]]:
    """Partners and scores when no joint has more than `k` peaks (the strongest `k`, where one has)."""
    h, w = field.shape[1:3]
    start, stop = start[:, :, :k], stop[:, :, :k]
    start_there, stop_there = (jnp.arange(k) < count[..., None] for count in (start_count, stop_count))
    partner = nearest(start, stop, stop_there, min(config.partners, k))
    exists = (partner >= 0) & start_there[..., None]
    partner = jnp.where(exists, partner, 0)
    index = partner.reshape(*partner.shape[:2], -1, 1)
    end = jnp.take_along_axis(stop, index, axis=2).reshape(*partner.shape, 2)
    affinity = line_scores(
        field,
        start,
        end,
        samples=config.samples,
        threshold=config.sample_threshold,
        share=config.sample_share,
    )
    way = end - start[..., None, :]
    length = jnp.sqrt(jnp.square(way[..., 0]) + jnp.square(way[..., 1]))
    close = (affinity == 0) & (length < float(np.sqrt(h * w) / 150))
    if not still:
        close &= length > 1e-6
    affinity = jnp.where(close, config.peak_threshold + 1e-6, affinity)
    affinity = jnp.where(exists, affinity, 0)
    room = ((0, 0), (0, 0), (0, config.candidates - k), (0, config.partners - partner.shape[-1]))
    return jnp.pad(partner, room), jnp.pad(affinity, room)
