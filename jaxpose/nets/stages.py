"""[device] The stages of OpenPose's networks and of those that grew out of them: blocks of convolutions, then a field.

Cao et al., "OpenPose", TPAMI 2019, Fig. 3, and the CVPR 2017 form. Which maps a stage reads and what field it predicts
is each system's own affair.
"""

from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxpose.nets.activations import rectifier
from jaxpose.nets.layers import Conv, Form, identity

Block = Literal["dense", "3x3", "7x7"]
"""Three 3x3 convolutions of which all outputs go on, or one convolution."""


class DenseBlock(nn.Module):
    """Three 3x3 convolutions in a row whose outputs are concatenated: the reach of a 7x7 (section 3.1)."""

    width: int
    prelu: bool

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w 3*d"]:
        """Apply to a map."""
        outputs = []
        for i in range(3):
            x = Conv(self.width, activation=rectifier(self.prelu), name=f"conv_{i}")(x)
            outputs.append(x)
        return jnp.concatenate(outputs, axis=-1)


class Stage(nn.Module):
    """The layers of one stage to one field: blocks, then two 1x1 convolutions, the last of them linear."""

    features: int  # channels of the field
    width: int  # of each convolution in a block
    hidden: int  # of the 1x1 convolution before the field
    blocks: int
    block: Block = "dense"
    prelu: bool = True
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Apply to the maps that the stage reads, concatenated."""
        for i in range(self.blocks):
            if self.block == "dense":
                x = DenseBlock(self.width, self.prelu, name=f"block_{i}")(x)
            else:
                size = 3 if self.block == "3x3" else 7
                x = Conv(self.width, size, activation=rectifier(self.prelu), name=f"block_{i}")(x)
        x = Conv(self.hidden, 1, activation=rectifier(self.prelu), form=self.form, name="hidden")(x)
        return Conv(self.features, 1, activation=identity, form=self.form, name="out")(x)
