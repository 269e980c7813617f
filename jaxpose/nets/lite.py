"""[device] The body of this project's fast networks: a published backbone, and blocks that lead to the fields.

The backbone is the packaged MoveNet's, cut where the last map lies that is read, so that a few pictures are enough to
train the blocks. At stride 16 dilated layers gather what surrounds a joint; at stride 8 that joins the finer maps, and
as in OpenPose's paper (Cao et al., "OpenPose", TPAMI 2019, section 3.1) the affinity fields come first and the heatmaps
are found with their help. Every layer of the blocks is a depthwise 3x3 convolution and a matrix product. There are no
normalization layers: what is trained is what runs.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from jaxpose.nets import mobilenet, multipose
from jaxpose.nets.config import LiteBodyConfig
from jaxpose.nets.layers import Conv, Depthwise, Form, Separable, identity
from jaxpose.nets.pyramid import Pyramid, double
from jaxpose.skeletons import SKELETONS

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


class Backbone(nn.Module):
    """The packaged MoveNet's maps that the blocks read, and the blocks; a network is made of it by a `__call__`.

    `dtype` is that of the computation (bfloat16 on accelerators): parameters are float32.
    """

    config: LiteBodyConfig
    dtype: Any = jnp.float32
    form: Form = "auto"

    def setup(self) -> None:
        """The backbone, named as in the network that it comes from."""
        self.normalize = mobilenet.Normalize()
        self.trunk = mobilenet.MobileNetV2(form=self.form)
        self.pyramid = Pyramid(multipose.PYRAMID_CHANNELS, self.form)
        self.heatmaps = multipose.Head(multipose.JOINTS, self.form)
        self.blocks = Blocks(self.config, self.form)

    def normalized(self, images: UInt8[Array, "b H W 3"]) -> Float[Array, "b Hs Ws 3"]:
        """RGB pictures as the backbone takes them, continued in grey to multiples of `input_stride`."""
        height, width = images.shape[1:3]
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"the picture's sides must be multiples of {STRIDE}, got {width}x{height}")
        stride = input_stride(self.config)
        rest = ((0, 0), (0, -height % stride), (0, -width % stride), (0, 0))
        normalized: Array = self.normalize(jnp.pad(images, rest, constant_values=GREY))
        return normalized.astype(self.dtype)

    def features(self, pictures: Float[Array, "b H W 3"]) -> dict[str, Float[Array, "b h w c"]]:
        """The backbone's maps that the blocks read, by name, for normalized pictures."""
        return multipose.read(self.trunk, self.pyramid, self.heatmaps, pictures, _reads(self.config))


class Blocks(nn.Module):
    """Everything behind the backbone: its maps to the fields. The parameters of all three parts lie side by side."""

    config: LiteBodyConfig
    form: Form = "auto"

    def setup(self) -> None:
        """The parts, which a recurrent network calls one by one."""
        c, skeleton = self.config, SKELETONS[self.config.skeleton]
        self.gathering = Gathering(c, self.form)
        self.to_pafs = ToPafs(c.paf_blocks, 2 * len(skeleton.limbs), self.form)
        self.to_heatmaps = ToHeatmaps(c.heatmap_blocks, len(skeleton.joints) + 1, self.form)
        for part in (self.gathering, self.to_pafs, self.to_heatmaps):
            nn.share_scope(self, part)

    def __call__(
        self, maps: Mapping[str, Float[Array, "b h w c"]]
    ) -> tuple[Float[Array, "b h w j+1"], Float[Array, "b h w 2*l"]]:
        """Heatmaps and affinity fields from the backbone's maps, by name."""
        x, pafs = self.to_pafs(self.gathering(maps))
        x, heatmaps = self.to_heatmaps(x, pafs)
        return heatmaps, pafs


class Gathering(nn.Module):
    """The backbone's maps to one at stride 8, in which are a joint's surroundings and its place."""

    config: LiteBodyConfig
    form: Form = "auto"

    @nn.compact
    def __call__(self, maps: Mapping[str, Float[Array, "b h w c"]]) -> Float[Array, "b h w d"]:
        """Apply to the backbone's maps, by name."""
        c = self.config

        def joined(names: tuple[str, ...], width: int, stride: int, allowed: tuple[int, ...]) -> Array:
            """One linear layer over several maps: finer ones are read by patches, coarser ones are doubled."""
            parts = []
            for name in names:
                if (own := multipose.stride(name)) not in allowed:
                    told = " or ".join(map(str, allowed))
                    raise ValueError(f"{name} has stride {own}, and maps of stride {told} are read here")
                gain = GAINS.get(name.removeprefix(multipose.HALF).partition("_")[0], 1.0)
                part = linear(maps[name], width, f"read_{name}", self.form, max(stride // own, 1), gain)
                parts.append(double(part) if own > stride else part)
            return sum(parts[1:], parts[0])

        x = jax.nn.relu(joined(c.coarse, c.context_width, CONTEXT_STRIDE, (CONTEXT_STRIDE, 2 * CONTEXT_STRIDE)))
        for i, dilation in enumerate(c.dilations):
            x = Residual(dilation, self.form, name=f"context_{i}")(x)
        fine = joined(c.fine, c.width, STRIDE, (STRIDE, STRIDE // 2))
        return jax.nn.relu(double(linear(x, c.width, "up", self.form)) + fine)


class ToPafs(nn.Module):
    """Residual blocks to the affinity fields."""

    blocks: int
    features: int
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> tuple[Float[Array, "b h w c"], Float[Array, "b h w 2*l"]]:
        """The last map before the fields, and the fields."""
        for i in range(self.blocks):
            x = Residual(form=self.form, name=f"pafs_{i}")(x)
        return x, linear(x, self.features, "pafs", self.form, gain=FIELD_GAIN)


class ToHeatmaps(nn.Module):
    """Residual blocks that go on to the heatmaps with the help of the affinity fields."""

    blocks: int
    features: int
    form: Form = "auto"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], pafs: Float[Array, "b h w 2*l"]
    ) -> tuple[Float[Array, "b h w c"], Float[Array, "b h w j+1"]]:
        """The last map before the heatmaps, and the heatmaps, from the last map before the affinity fields and them."""
        x = jax.nn.relu(x + linear(pafs, x.shape[-1], "refine", self.form))
        for i in range(self.blocks):
            x = Residual(form=self.form, name=f"heatmaps_{i}")(x)
        return x, linear(x, self.features, "heatmaps", self.form, gain=FIELD_GAIN)


def linear(x: Float[Array, "b h w c"], width: int, name: str, form: Form, step: int = 1, gain: float = 1.0) -> Array:
    """A linear layer of the module that calls this, on cells or on patches of `step` x `step` cells."""
    return Conv(width, step, step, activation=identity, form=form, gain=gain, name=name)(x)


def _reads(config: LiteBodyConfig) -> tuple[str, ...]:
    return *config.fine, *config.coarse


def input_stride(config: LiteBodyConfig) -> int:
    """What the sides of the backbone's input are multiples of: the stride of the coarsest map, 16 at least."""
    return max(CONTEXT_STRIDE, multipose.sides_of(_reads(config)))


def backbone_params(params: Mapping[str, Any], config: LiteBodyConfig) -> dict[str, Any]:
    """The part of the network's parameters that the packaged `movenet-multipose` gives: all but the blocks'."""
    return multipose.params_read(params, _reads(config))


def reach(config: LiteBodyConfig) -> int:
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
