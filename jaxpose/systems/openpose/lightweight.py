"""[device] The lightweight OpenPose network: a dilated MobileNetV1, an initial stage and refinement stages.

First step of the flow `picture -> fields -> candidates -> people`. It is the network published as
human-pose-estimation-0001 (Osokin, "Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose", 2018):
OpenPose's two branches share their layers, and each 7x7 convolution is a residual block of three small ones.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from jaxpose.nets.layers import Conv, Depthwise, Form, Separable, identity
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.openpose.config import LightweightConfig
from jaxpose.systems.openpose.fields import Fields

STRIDE = 8
"""Input pixels per cell of the fields."""

BACKBONE_BLOCKS = (
    # features, stride, dilation
    (64, 1, 1), (128, 2, 1), (128, 1, 1), (256, 2, 1), (256, 1, 1), (512, 1, 1),
    (512, 1, 2), (512, 1, 1), (512, 1, 1), (512, 1, 1), (512, 1, 1),
)  # fmt: skip


class Normalize(nn.Module):
    """RGB bytes as the floats that the network was trained on: `x * scale + offset`."""

    @nn.compact
    def __call__(self, images: UInt8[Array, "b h w 3"]) -> Float[Array, "b h w 3"]:
        """Apply to pictures."""
        scale = self.param("scale", nn.initializers.constant(1 / 255), (3,))
        offset = self.param("offset", nn.initializers.constant(-128 / 255), (3,))
        return images.astype(scale.dtype) * scale + offset


class Backbone(nn.Module):
    """MobileNetV1 whose last blocks keep stride 8, the first of them dilated: 512 channels."""

    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b H W 3"]) -> Float[Array, "b h w 512"]:
        """Apply to normalized pictures."""
        x = Conv(32, stride=2, name="stem")(x)
        for i, (features, stride, dilation) in enumerate(BACKBONE_BLOCKS):
            x = Separable(features, stride, dilation, form=self.form, name=f"block_{i}")(x)
        return x


class Bridge(nn.Module):
    """From the backbone's 512 channels to the stages' width; the only part with ELU."""

    width: int
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 512"]) -> Float[Array, "b h w d"]:
        """Apply to the backbone's features."""
        elu = jax.nn.elu
        align = Conv(self.width, 1, activation=elu, form=self.form, name="align")(x)
        y = Conv(self.width, 1, activation=elu, form=self.form, name="reduce")(align)
        for i in range(3):
            y = Depthwise(activation=elu, form=self.form, name=f"depthwise_{i}")(y)
            y = Conv(self.width, 1, activation=elu, form=self.form, name=f"pointwise_{i}")(y)
        return Conv(self.width, name="out")(align + y)


class Heads(nn.Module):
    """Two 1x1 convolutions to each of the two fields."""

    hidden: int
    heatmaps: int
    pafs: int
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w d"]) -> Fields:
        """Apply to a stage's features."""

        def head(name: str, channels: int) -> Array:
            hidden = Conv(self.hidden, 1, form=self.form, name=f"{name}_hidden")(x)
            return Conv(channels, 1, activation=identity, form=self.form, name=name)(hidden)

        return Fields(heatmaps=head("heatmaps", self.heatmaps), pafs=head("pafs", self.pafs))


class RefinementBlock(nn.Module):
    """A 1x1 convolution and around it a residual of two 3x3 ones, the second dilated: the reach of a 7x7."""

    width: int
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Apply to a map."""
        x = Conv(self.width, 1, form=self.form, name="squeeze")(x)
        y = Conv(self.width, name="conv_0")(x)
        return x + Conv(self.width, dilation=2, name="conv_1")(y)


class LightweightOpenPose(nn.Module):
    """Pictures of any size (multiples of 8) and number to the fields of every stage, the last the best."""

    config: LightweightConfig = LightweightConfig()
    form: Form = "auto"

    @nn.compact
    def __call__(self, images: UInt8[Array, "b H W 3"]) -> tuple[Fields, ...]:
        """Fields of each stage for RGB pictures; cell (0, 0) covers the pixels 0..7 of both axes."""
        height, width = images.shape[1:3]
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"the picture's sides must be multiples of {STRIDE}, got {width}x{height}")
        skeleton = SKELETONS[self.config.skeleton]
        heatmaps, pafs = len(skeleton.joints) + 1, 2 * len(skeleton.limbs)
        d = self.config.width
        features = Backbone(self.form, name="backbone")(Normalize(name="normalize")(images))
        features = Bridge(d, self.form, name="bridge")(features)
        x = features
        for i in range(3):
            x = Conv(d, name=f"initial_{i}")(x)
        stages = [Heads(512, heatmaps, pafs, self.form, name="initial_heads")(x)]
        for stage in range(self.config.refinements):
            x = jnp.concatenate([stages[-1].pafs, stages[-1].heatmaps, features], axis=-1)
            for i in range(5):
                x = RefinementBlock(d, self.form, name=f"refinement_{stage}_{i}")(x)
            stages.append(Heads(d, heatmaps, pafs, self.form, name=f"refinement_{stage}_heads")(x))
        return tuple(stages)
