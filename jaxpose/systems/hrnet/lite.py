"""[device] HrnetLite, this project's fast network for one person in a crop: branches behind the packaged MoveNet.

First step of the flow `crop -> heatmaps -> joints`. The backbone, named and stored as in the packaged network, stays as
it was trained (`nets/multipose.py` tells what is read of it); the branches are `nets/branches.py`'s.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from jaxpose.nets import mobilenet, multipose
from jaxpose.nets.branches import Branches
from jaxpose.nets.layers import Conv, Form, identity
from jaxpose.nets.lite import FIELD_GAIN, GAINS
from jaxpose.nets.pyramid import Pyramid
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.hrnet.config import HrnetLiteConfig

STRIDE = 4
"""Input pixels per cell of the heatmaps; cell (0, 0) covers the pixels 0 to 3 of both axes."""


class HrnetLite(nn.Module):
    """Crops to the heatmaps of one person's joints.

    `dtype` is that of the computation (bfloat16 on accelerators): parameters are float32.
    """

    config: HrnetLiteConfig = HrnetLiteConfig()
    dtype: Any = jnp.float32
    form: Form = "auto"

    def setup(self) -> None:
        """The backbone, named as in the network that it comes from, and the blocks behind it."""
        self.normalize = mobilenet.Normalize()
        self.trunk = mobilenet.MobileNetV2(form=self.form)
        self.pyramid = Pyramid(multipose.PYRAMID_CHANNELS, self.form)
        self.heatmaps = multipose.Head(multipose.JOINTS, self.form)
        self.blocks = Blocks(self.config, self.form)

    def __call__(self, images: Num[Array, "b H W 3"]) -> Float[Array, "b H/4 W/4 j"]:
        """Heatmaps, in float32, of RGB crops, 0 to 255, whose sides are multiples of 32; `ValueError` for others."""
        return self.blocks(self.features(images)).astype(jnp.float32)

    def features(self, images: Num[Array, "b H W 3"]) -> dict[str, Float[Array, "b h w c"]]:
        """The backbone's maps that the blocks read, by name."""
        height, width = images.shape[1:3]
        if height % (stride := multipose.sides_of(_names(self.config))) or width % stride:
            raise ValueError(f"the crop's sides must be multiples of {stride}, got {width}x{height}")
        pictures = self.normalize(images).astype(self.dtype)
        return multipose.read(self.trunk, self.pyramid, self.heatmaps, pictures, _names(self.config))


class Blocks(nn.Module):
    """Everything behind the backbone."""

    config: HrnetLiteConfig
    form: Form = "auto"

    @nn.compact
    def __call__(self, maps: Mapping[str, Float[Array, "b h w c"]]) -> Float[Array, "b h w j"]:
        """Heatmaps from the backbone's maps, by name."""
        config = self.config
        branches = []
        for names, width in zip(config.reads, config.widths, strict=True):
            parts = [
                Conv(width, 1, activation=identity, form=self.form, gain=_gain(name), name=f"read_{name}")(maps[name])
                for name in names
            ]
            branches.append(jax.nn.relu(sum(parts[1:], parts[0])))
        x = Branches(config.widths, config.modules, config.blocks, self.form, name="branches")(branches)
        joints = len(SKELETONS[config.skeleton].joints)
        return Conv(joints, 1, activation=identity, form=self.form, gain=FIELD_GAIN, name="out")(x)


def _gain(name: str) -> float:
    return GAINS.get(name.partition("_")[0], 1.0)


def _names(config: HrnetLiteConfig) -> tuple[str, ...]:
    return tuple(name for names in config.reads for name in names)


def backbone_params(params: Mapping[str, Any], config: HrnetLiteConfig) -> dict[str, Any]:
    """The part of the network's parameters that the packaged `movenet-multipose` gives: all but the blocks'."""
    return multipose.params_read(params, _names(config))
