"""[device] What a STAF network should say of every frame of a clip, and how far each stage is from it.

Heatmaps and PAFs are OpenPose's; TAFs lead from the frame before, and in the first frame from this frame itself, which
the network sees twice. People are matched across frames by their slot (`data/clips.py`); of people who are not told
apart TAFs teach nothing, neither on their joints nor around them.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxpose.data.examples import Batch
from jaxpose.fields.losses import squared_error
from jaxpose.fields.targets import affinities, affinity_mask, around, heatmap_mask, heatmaps, temporal_affinities
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton
from jaxpose.systems.staf.config import FieldName, StafLossConfig, Topology
from jaxpose.systems.staf.fields import StafFields
from jaxpose.task import Term


class Targets(NamedTuple):
    """The fields that a perfect network would give, and which of their cells are known."""

    fields: StafFields
    known: StafFields  # of truth values


def targets(batch: Batch, skeleton: Skeleton, topology: Topology, stride: int, config: StafLossConfig) -> Targets:
    """Rendered from the keypoints of clips (`[b, t, ...]`), for each frame."""
    size = batch.valid.shape[-2:]
    keypoints, valid = batch.keypoints, batch.valid
    pairs = skeleton.temporal_links(topology)
    before, told = _matched(keypoints, batch.ids)
    now = keypoints * told[..., None, None]
    fields = StafFields(
        heatmaps(keypoints, size, stride, config.sigma),
        affinities(keypoints, skeleton.limbs, size, stride, config.limb_width),
        temporal_affinities(now, before * told[..., None, None], pairs, size, stride, config.limb_width),
    )
    untold = around(jnp.where(told[..., None, None], 0, keypoints), size, stride)
    untold |= around(jnp.where(told[..., None, None], 0, before), size, stride)
    both = (valid > 0) & (_earlier(valid) > 0) & ~untold
    known = StafFields(
        heatmap_mask(batch.known, valid),
        affinity_mask(batch.known, valid, skeleton.limbs),
        affinity_mask(batch.known, both, pairs),
    )
    return Targets(fields, known)


def terms(
    stages: tuple[StafFields, ...],
    schedule: tuple[tuple[FieldName, ...], ...],
    aims: Targets,
    config: StafLossConfig,
) -> dict[str, Term]:
    """A term for each field that a stage predicts (`schedule`), summed over the frames of all clips (`[b, t, ...]`)."""
    frames = jax.tree.map(lambda field: field.reshape(-1, *field.shape[2:]), (stages, aims))
    result = {}
    for number, (stage, names) in enumerate(zip(frames[0], schedule, strict=True)):
        for name in names:
            found, aim, known = (getattr(fields, name) for fields in (stage, *frames[1]))
            total, divisor, weight = squared_error(found, aim, known, config, background=name == "heatmaps")
            result[f"{name}_{number}"] = Term(total, divisor, weight * (config.tafs if name == "tafs" else 1))
    return result


def _earlier(frames: Array) -> Array:
    """For each frame of clips (`[b, t, ...]`) the one before it; the first is its own."""
    return jnp.concatenate([frames[:, :1], frames[:, :-1]], axis=1)


def _matched(
    keypoints: Float[Array, "b t p j 3"], ids: Int[Array, "b t p"]
) -> tuple[Float[Array, "b t p j 3"], Bool[Array, "b t p"]]:
    """People's joints in the frame before, and whether a slot's person is known to be the same there.

    In the first frame everybody is.
    """
    stranger = (keypoints[..., 2] > 0).any(-1) & (ids == NO_ID)
    either = (stranger | _earlier(stranger)).at[:, 0].set(False)
    return _earlier(keypoints), ~either
