"""From a network's maps to `Candidates`: the `fast` decoding, all on the device, fixed in shape.

The maps never leave the device; what does is some ten kilobytes a frame, which `association.parsing` turns into people.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxpose.fields.config import DecodeConfig
from jaxpose.fields.pairs import score_pairs
from jaxpose.fields.peaks import find_peaks
from jaxpose.records import Candidates


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
    finite = jnp.isfinite(heatmaps).all((1, 2, 3)) & jnp.isfinite(pafs).all((1, 2, 3))
    xy, score, count = find_peaks(heatmaps[..., :joints], config.peak_threshold, config.candidates)
    first, second = np.asarray(limbs).T
    partner, affinity = score_pairs(pafs, xy[:, first], count[:, first], xy[:, second], count[:, second], config)
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
