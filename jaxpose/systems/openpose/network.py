"""[device] The paper's multi-stage network: a VGG-19 trunk, then stages that predict and refine PAFs and heatmaps.

First step of the flow `picture -> fields -> candidates -> people`. One module is all published networks (`config.py`
has them by name): BODY_25's order, affinity fields first and heatmaps from the last of them (Cao et al., "OpenPose",
TPAMI 2019, Fig. 3 and Eq. 1-3), its reverse (Table 5), the CVPR 2017 network that refines both together, and the hand
and face networks (Simon et al., "Hand Keypoint Detection in Single Images using Multiview Bootstrapping", CVPR 2017),
which have no affinity fields.
"""

from collections import Counter
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, UInt8

from jaxpose.nets.activations import rectifier
from jaxpose.nets.layers import Conv, Form
from jaxpose.nets.stages import Block, Stage
from jaxpose.nets.vgg import Vgg19
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.openpose.config import BODY_25, FieldName, MultiStageConfig
from jaxpose.systems.openpose.fields import Fields

STRIDE = 8
"""Input pixels per cell of the fields."""


def channels(config: MultiStageConfig, field: FieldName) -> int:
    """How many maps a field has."""
    skeleton = SKELETONS[config.skeleton]
    return len(skeleton.joints) + 1 if field == "heatmaps" else 2 * len(skeleton.limbs)


class MultiStageNetwork(nn.Module):
    """Pictures of any size (multiples of 8) and number to the fields after every stage, the last the best.

    A field that a stage does not predict is that of the stage before, or has no channels as long as there is none;
    `config.schedule` tells which fields each stage predicts. `dtype` is that of the computation (bfloat16 on
    accelerators): parameters and the returned fields are float32.
    """

    config: MultiStageConfig = BODY_25
    dtype: Any = jnp.float32
    form: Form = "auto"

    @nn.compact
    def __call__(self, images: UInt8[Array, "b H W 3"]) -> tuple[Fields, ...]:
        """Fields after each stage for RGB pictures; cell (0, 0) covers the pixels 0..7 of both axes."""
        height, width = images.shape[1:3]
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"the picture's sides must be multiples of {STRIDE}, got {width}x{height}")
        c = self.config
        x = images.astype(self.dtype) / 256 - 0.5
        x = Vgg19(c.trunk, STRIDE, c.prelu, name="trunk")(x)
        if c.bridge:
            x = Conv(c.bridge, activation=rectifier(c.prelu), name="bridge")(x)
        features = Conv(c.features, activation=rectifier(c.prelu), name="features")(x)
        none = jnp.zeros((*features.shape[:3], 0), self.dtype)
        latest = Fields(none, none)
        stages, done = [], Counter[FieldName]()
        for fields in c.schedule:
            x = jnp.concatenate([latest.pafs, latest.heatmaps, features], axis=-1)
            found = {}
            for field in fields:
                found[field] = self._stage(field, done[field])(x)
                done[field] += 1
            latest = latest._replace(**found)
            stages.append(Fields(*(maps.astype(jnp.float32) for maps in latest)))
        return tuple(stages)

    def _stage(self, field: FieldName, number: int) -> Stage:
        """The layers to a field; they differ where no earlier stage predicts it."""
        c = self.config
        width, hidden, blocks = (
            (c.width, c.hidden, c.blocks) if number else (c.first_width, c.first_hidden, c.first_blocks)
        )
        plain: Block = "7x7" if number else "3x3"
        block = "dense" if c.block == "dense" else plain
        return Stage(channels(c, field), width, hidden, blocks, block, c.prelu, self.form, name=f"{field}_{number}")
