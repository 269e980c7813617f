"""[device] LiteOpenPose, this project's fast network: a published backbone, a PAF block, and a heatmap block.

First step of the flow `picture -> fields -> candidates -> people`. The backbone is the packaged MoveNet's, cut where
the last map lies that is read, so that a few pictures are enough to train the blocks. At stride 16 dilated layers
gather what surrounds a joint; at stride 8 that joins the finer maps, and as in the paper (Cao et al., "OpenPose", TPAMI
2019, section 3.1) the affinity fields come first and the heatmaps are found with their help. Every layer of the blocks
is a depthwise 3x3 convolution and a matrix product. There are no normalization layers: what is trained is what runs.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from jaxpose.nets import mobilenet, multipose
from jaxpose.nets.layers import Conv, Depthwise, Form, Separable, identity
from jaxpose.nets.pyramid import Pyramid, double
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.systems.openpose.fields import Fields

STRIDE = 8
"""Input pixels per cell of the fields."""

CONTEXT_STRIDE = 16
"""Input pixels per cell of the coarse maps."""

GREY = 128
"""What continues a picture whose sides are no multiples of the backbone's stride, as it does where one is fitted."""

GAINS = {"block": 0.2, "pyramid": 0.2, "heatmaps": 0.05}
"""Of untrained layers that read a kind of map, so that all speak about as loud as an expansion."""

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
        """The backbone, named as in the network that it comes from."""
        self.normalize = mobilenet.Normalize()
        self.trunk = mobilenet.MobileNetV2(form=self.form)
        self.pyramid = Pyramid(multipose.PYRAMID_CHANNELS, self.form)
        self.heatmaps = multipose.Head(multipose.JOINTS, self.form)
        self.blocks = Blocks(self.config, self.form)

    def __call__(self, images: UInt8[Array, "b H W 3"]) -> tuple[Fields, ...]:
        """Fields of each stage for RGB pictures; cell (0, 0) covers the pixels 0..7 of both axes."""
        height, width = images.shape[1:3]
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"the picture's sides must be multiples of {STRIDE}, got {width}x{height}")
        stride = input_stride(self.config)
        rest = ((0, 0), (0, -height % stride), (0, -width % stride), (0, 0))
        images = jnp.pad(images, rest, constant_values=GREY)
        stages = self.fields(self.normalize(images).astype(self.dtype))
        return jax.tree.map(lambda x: x[:, : height // STRIDE, : width // STRIDE].astype(jnp.float32), stages)

    def fields(self, pictures: Float[Array, "b H W 3"]) -> tuple[Fields, ...]:
        """Fields of each stage for normalized pictures whose sides are multiples of `input_stride`."""
        return self.blocks(self.features(pictures))

    def features(self, pictures: Float[Array, "b H W 3"]) -> dict[str, Float[Array, "b h w c"]]:
        """The backbone's maps that the blocks read, by name, for normalized pictures."""
        return multipose.read(self.trunk, self.pyramid, self.heatmaps, pictures, _reads(self.config))


class Blocks(nn.Module):
    """Everything behind the backbone: its maps to the fields."""

    config: LiteConfig
    form: Form = "auto"

    @nn.compact
    def __call__(self, maps: Mapping[str, Float[Array, "b h w c"]]) -> tuple[Fields, ...]:
        """Apply to the backbone's maps, by name."""
        c = self.config
        skeleton = SKELETONS[c.skeleton]

        def linear(x: Array, width: int, name: str, step: int = 1, gain: float = 1.0) -> Array:
            return Conv(width, step, step, activation=identity, form=self.form, gain=gain, name=name)(x)

        def joined(names: tuple[str, ...], width: int, stride: int, allowed: tuple[int, ...]) -> Array:
            """One linear layer over several maps: finer ones are read by patches, coarser ones are doubled."""
            parts = []
            for name in names:
                if (own := multipose.stride(name)) not in allowed:
                    told = " or ".join(map(str, allowed))
                    raise ValueError(f"{name} has stride {own}, and maps of stride {told} are read here")
                gain = GAINS.get(name.partition("_")[0], 1.0)
                part = linear(maps[name], width, f"read_{name}", max(stride // own, 1), gain)
                parts.append(double(part) if own > stride else part)
            return sum(parts[1:], parts[0])

        x = jax.nn.relu(joined(c.coarse, c.context_width, CONTEXT_STRIDE, (CONTEXT_STRIDE, 2 * CONTEXT_STRIDE)))
        for i, dilation in enumerate(c.dilations):
            x = Residual(dilation, self.form, name=f"context_{i}")(x)
        x = jax.nn.relu(double(linear(x, c.width, "up")) + joined(c.fine, c.width, STRIDE, (STRIDE, STRIDE // 2)))
        for i in range(c.paf_blocks):
            x = Residual(form=self.form, name=f"pafs_{i}")(x)
        pafs = linear(x, 2 * len(skeleton.limbs), "pafs", gain=FIELD_GAIN)
        x = jax.nn.relu(x + linear(pafs, c.width, "refine"))
        for i in range(c.heatmap_blocks):
            x = Residual(form=self.form, name=f"heatmaps_{i}")(x)
        heatmaps = linear(x, len(skeleton.joints) + 1, "heatmaps", gain=FIELD_GAIN)
        return Fields(heatmaps[..., :0], pafs), Fields(heatmaps, pafs)


def _reads(config: LiteConfig) -> tuple[str, ...]:
    return *config.fine, *config.coarse


def input_stride(config: LiteConfig) -> int:
    """What the sides of the backbone's input are multiples of: the stride of its coarsest map."""
    reads = _reads(config)
    return 32 if set(reads) & {*multipose.FIELDS} else max(map(multipose.stride, (*reads, "block_6")))


def backbone_params(params: Mapping[str, Any], config: LiteConfig) -> dict[str, Any]:
    """The part of the network's parameters that the packaged `movenet-multipose` gives: all but the blocks'."""
    return multipose.params_read(params, _reads(config))


def reach(config: LiteConfig) -> int:
    """How many pixels of the input, in a row, a cell of the heatmaps sees; at most, if a map of stride 32 is read."""
    fine = 1 + 4 * (config.paf_blocks + config.heatmap_blocks)  # two 3x3 layers a block
    coarse = multipose.doubled(fine) + sum(2 * dilation + 2 for dilation in config.dilations)

    def seen(name: str, cells: int, stride: int) -> int:
        own = multipose.stride(name)
        return multipose.reach(name, multipose.doubled(cells) if own > stride else cells * stride // own)

    return max(
        *(seen(name, coarse, CONTEXT_STRIDE) for name in config.coarse),
        *(seen(name, fine, STRIDE) for name in config.fine),
    )
