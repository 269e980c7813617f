"""[device] What the networks of this system predict for a frame: all of them return it, and its decoding reads it."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxpose.skeletons import SKELETONS
from jaxpose.systems.staf.config import FieldName, StafConfig, StafLiteConfig


class StafFields(NamedTuple):
    """Heatmaps, affinity fields within the frame, and temporal affinity fields from the frame before.

    `heatmaps` are the joints, then the background. `pafs` and `tafs` have x of limb or link i in channel 2i and y in
    2i + 1; a TAF points from the link's joint in the previous frame to its joint in this one, and lies between them.
    """

    heatmaps: Float[Array, "b h w j+1"]
    pafs: Float[Array, "b h w 2*l"]
    tafs: Float[Array, "b h w 2*k"]


def channels(config: StafConfig | StafLiteConfig, field: FieldName) -> int:
    """How many maps a field has."""
    skeleton = SKELETONS[config.skeleton]
    if field == "heatmaps":
        return len(skeleton.joints) + 1
    return 2 * len(skeleton.limbs if field == "pafs" else skeleton.temporal_links(config.topology))


def nothing(config: StafConfig | StafLiteConfig, features: Float[Array, "b h w c"]) -> StafFields:
    """What is known of a frame before the first one: zeros, as large as the features."""
    names: tuple[FieldName, ...] = ("heatmaps", "pafs", "tafs")
    return StafFields(*(jnp.zeros((*features.shape[:3], channels(config, name)), jnp.float32) for name in names))
