"""[device] LiteOpenPose, this project's fast network: a published trunk, a PAF block, and a heatmap block.

First step of the flow `picture -> fields -> candidates -> people`. The trunk is the packaged MoveNet's, cut where the
last map lies that is read, so that a few pictures are enough to train the blocks. At stride 16 dilated layers gather
what surrounds a joint; at stride 8 that joins the finer maps, and as in the paper (Cao et al., "OpenPose", TPAMI 2019,
section 3.1) the affinity fields come first and the heatmaps are found with their help. Every layer of the blocks is a
depthwise 3x3 convolution and a matrix product. There are no normalization layers: what is trained is what runs.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from jaxpose.nets import mobilenet
from jaxpose.nets.layers import Conv, Depthwise, Form, Separable, identity
from jaxpose.nets.pyramid import double
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.systems.openpose.fields import Fields

STRIDE = 8
"""Input pixels per cell of the fields."""

CONTEXT_STRIDE = 16
"""Input pixels per cell of the coarse maps."""

GREY = 128
"""What continues a picture whose sides are no multiples of `CONTEXT_STRIDE`, as it does where a picture is fitted."""

BLOCK_GAIN = 0.2
"""Of untrained layers that read a block's output: its values are about five times those of an expansion."""

FIELD_GAIN = 0.01
"""Of the untrained layers that give the fields, so that training starts from fields near zero."""


class Residual(nn.Module):
    """Two separable layers around which the input goes on, the first dilated."""

    dilation: int = 1
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Apply to a map."""
        y = Separable(x.shape[-1], dilation=self.dilation, form=self.form, name="first")(x)
        y = Depthwise(form=self.form, name="depthwise")(y)
        return jax.nn.relu(x + Conv(x.shape[-1], 1, activation=identity, form=self.form, name="pointwise")(y))


class LiteOpenPose(nn.Module):
    """Pictures of any size (multiples of 8) and number to the fields of two stages.

    The first stage has the affinity fields alone, the second both. `dtype` is that of the computation (bfloat16 on
    accelerators): parameters and the returned fields are float32.
    """

    config: LiteConfig = LiteConfig()
    dtype: Any = jnp.float32
    form: Form = "auto"

    def setup(self) -> None:
        """The trunk, named as in the network that it comes from."""
        self.normalize = mobilenet.Normalize()
        self.trunk = mobilenet.MobileNetV2(form=self.form)
        self.blocks = Blocks(self.config, self.form)

    def __call__(self, images: UInt8[Array, "b H W 3"]) -> tuple[Fields, ...]:
        """Fields of each stage for RGB pictures; cell (0, 0) covers the pixels 0..7 of both axes."""
        height, width = images.shape[1:3]
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"the picture's sides must be multiples of {STRIDE}, got {width}x{height}")
        rest = ((0, 0), (0, -height % CONTEXT_STRIDE), (0, -width % CONTEXT_STRIDE), (0, 0))
        images = jnp.pad(images, rest, constant_values=GREY)
        stages = self.fields(self.normalize(images).astype(self.dtype))
        return jax.tree.map(lambda x: x[:, : height // STRIDE, : width // STRIDE].astype(jnp.float32), stages)

    def fields(self, pictures: Float[Array, "b H W 3"]) -> tuple[Fields, ...]:
        """Fields of each stage for normalized pictures whose sides are multiples of 16."""
        return self.blocks(self.features(pictures))

    def features(self, pictures: Float[Array, "b H W 3"]) -> dict[str, Float[Array, "b h w c"]]:
        """The trunk's maps that the blocks read, by name, for normalized pictures whose sides are multiples of 16."""
        names = (*self.config.fine, *self.config.coarse)
        return dict(zip(names, self.trunk.read(pictures, names), strict=True))


class Blocks(nn.Module):
    """Everything behind the trunk: its maps to the fields."""

    config: LiteConfig
    form: Form = "auto"

    @nn.compact
    def __call__(self, maps: Mapping[str, Float[Array, "b h w c"]]) -> tuple[Fields, ...]:
        """Apply to the trunk's maps, by name."""
        c = self.config
        skeleton = SKELETONS[c.skeleton]

        def linear(x: Array, width: int, name: str, step: int = 1, gain: float = 1.0) -> Array:
            return Conv(width, step, step, activation=identity, form=self.form, gain=gain, name=name)(x)

        def joined(names: tuple[str, ...], width: int, steps: Mapping[int, int]) -> Array:
            """One linear layer over several maps; by their stride the side of the patches that it reads."""
            parts = []
            for name in names:
                if (stride := mobilenet.stride(name)) not in steps:
                    allowed = " or ".join(map(str, steps))
                    raise ValueError(f"{name} has stride {stride}, and maps of stride {allowed} are read here")
                gain = BLOCK_GAIN if name.startswith("block") else 1.0
                parts.append(linear(maps[name], width, f"read_{name}", steps[stride], gain))
            return sum(parts[1:], parts[0])

        x = jax.nn.relu(joined(c.coarse, c.context_width, {CONTEXT_STRIDE: 1}))
        for i, dilation in enumerate(c.dilations):
            x = Residual(dilation, self.form, name=f"context_{i}")(x)
        x = jax.nn.relu(double(linear(x, c.width, "up")) + joined(c.fine, c.width, {STRIDE: 1, STRIDE // 2: 2}))
        for i in range(c.paf_blocks):
            x = Residual(form=self.form, name=f"pafs_{i}")(x)
        pafs = linear(x, 2 * len(skeleton.limbs), "pafs", gain=FIELD_GAIN)
        x = jax.nn.relu(x + linear(pafs, c.width, "refine"))
        for i in range(c.heatmap_blocks):
            x = Residual(form=self.form, name=f"heatmaps_{i}")(x)
        heatmaps = linear(x, len(skeleton.joints) + 1, "heatmaps", gain=FIELD_GAIN)
        return Fields(heatmaps[..., :0], pafs), Fields(heatmaps, pafs)


def trunk_params(params: Mapping[str, Any], config: LiteConfig) -> dict[str, Any]:
    """The part of the network's parameters that the packaged `movenet-multipose` gives: all but the blocks'."""
    return mobilenet.trunk_params(params, (*config.fine, *config.coarse))


def reach(config: LiteConfig) -> int:
    """How many pixels of the input, in a row, a cell of the heatmaps sees."""
    cells = 1 + 4 * (config.paf_blocks + config.heatmap_blocks)  # two 3x3 layers a block
    cells = (cells + 3) // 2  # at stride 16: doubling reads two cells for each
    cells += sum(2 * dilation + 2 for dilation in config.dilations)
    return (cells - 1) * CONTEXT_STRIDE + max(mobilenet.reach(name) for name in config.coarse)
