"""[device] MobileNetV2: pictures to features at strides 4 to 32, of any width.

The trunk of the small networks here. A network that reads only some of its maps names them (`read`): layers behind the
last of them then have no parameters, and `trunk_params` takes the others from the packaged MoveNet. Batch normalization
is folded into the convolutions, as published networks come.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018 (section 3.3 and table 2).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from jaxpose.nets.layers import Conv, Depthwise, Form, Inside, identity
from jaxpose.nets.strips import in_strips, thin

BLOCK_STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
"""Strides of the seventeen blocks; the stem before them has stride 2."""

MULTIPOSE_CHANNELS = (48, 24, 40, 40, 48, 48, 48, 96, 96, 96, 96, 144, 144, 144, 240, 240, 240, 480)
"""Channels after the stem and after each block, 1.5 times those of the paper (multiples of 8): MoveNet MultiPose's."""

THUNDER_CHANNELS = (56, 32, 40, 40, 56, 56, 56, 112, 112, 112, 112, 168, 168, 168, 280, 280, 280, 560)
"""Likewise 1.75 times those of the paper: MoveNet Thunder's."""

EXPANSION = 6
"""How many times wider a block is inside than at its input (all blocks but the first)."""

OUT_CHANNELS = 1280
"""Of the last widening, whatever the width of the blocks (as the paper has it for widths above 1, too)."""


class Features(NamedTuple):
    """The trunk's maps, by the stride of their cells; blocks are counted from 0."""

    block_2: Float[Array, "b h4 w4 c"]  # stride 4
    block_5: Float[Array, "b h8 w8 c"]  # stride 8
    expansion_6: Float[Array, "b h8 w8 c"]  # inside block 6, before its stride: the widest at stride 8
    block_9: Float[Array, "b h16 w16 c"]  # stride 16
    block_12: Float[Array, "b h16 w16 c"]
    expansion_13: Float[Array, "b h16 w16 c"]  # inside block 13, before its stride: the widest at stride 16
    block_15: Float[Array, "b h32 w32 c"]  # stride 32
    out: Float[Array, "b h32 w32 c"]  # `OUT_CHANNELS`, with relu6


MAPS = (
    "block_1",
    *(f"{part}_{i}" for i in range(2, len(BLOCK_STRIDES)) for part in ("expansion", "block")),
    "out",
)
"""Every map that can be read, in the order of computation; an expansion is the wide map inside a block."""


def stride(name: str) -> int:
    """Input pixels per cell of a map."""
    return 2 * math.prod(_strides(name))


def reach(name: str) -> int:
    """How many pixels in a row a cell of a map sees: each 3x3 layer adds two cells of its input."""
    pixels, cell = 3, 2  # of the stem
    for step in _strides(name):
        pixels, cell = pixels + 2 * cell, cell * step
    return pixels


def _strides(name: str) -> tuple[int, ...]:
    """Of the blocks that a map has behind it."""
    return BLOCK_STRIDES[: _place(name) // 2 + 2]


def _place(name: str) -> int:
    if name not in MAPS:
        raise ValueError(f"the trunk's maps are {', '.join(MAPS)}, got {name!r}")
    return MAPS.index(name)


class Normalize(nn.Module):
    """RGB, 0 to 255, as the floats that the packaged trunk was trained on, -1 to 1: `x * scale + offset`."""

    @nn.compact
    def __call__(self, images: Num[Array, "b h w 3"]) -> Float[Array, "b h w 3"]:
        """Apply to pictures."""
        scale = self.param("scale", nn.initializers.constant(2 / 255), (3,))
        offset = self.param("offset", nn.initializers.constant(-1), (3,))
        return images.astype(scale.dtype) * scale + offset


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, narrow; added to its input where stride and channels allow."""

    into: int
    features: int
    stride: int = 1
    form: Form = "auto"

    def setup(self) -> None:
        """The three layers."""
        relu6 = jax.nn.relu6
        self.expand = Conv(EXPANSION * self.into, 1, activation=relu6, form=self.form)
        self.depthwise = Depthwise(3, self.stride, padding="tensorflow", activation=relu6, form=self.form)
        self.project = Conv(self.features, 1, activation=identity, form=self.form)

    def __call__(self, x: Float[Array, "b h w c"], inside: Inside = None) -> Float[Array, "b H W d"]:
        """Apply to a map, or to a strip with the rows around it."""
        y = self.project(self.depthwise(self.expand(x), inside))
        if self.stride != 1 or self.into != self.features:
            return y
        return y + (x if inside is None else x[:, 1:-1])

    def in_strips(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        """Apply to a map that is large."""
        before = 1 if self.stride == 1 else 0
        return in_strips(self, x, form=self.form, stride=self.stride, before=before, after=1)


class FirstBlock(nn.Module):
    """A block that does not widen: MobileNetV2's first."""

    features: int
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], inside: Inside = None) -> Float[Array, "b h w d"]:
        """Apply to a map, or to a strip with the rows around it."""
        x = Depthwise(padding="tensorflow", activation=jax.nn.relu6, form=self.form, name="depthwise")(x, inside)
        return Conv(self.features, 1, activation=identity, form=self.form, name="project")(x)


class MobileNetV2(nn.Module):
    """Seventeen blocks between a stem and a last widening; TensorFlow's padding."""

    channels: tuple[int, ...] = MULTIPOSE_CHANNELS
    form: Form = "auto"

    def setup(self) -> None:
        """The layers, named as in the paper's code."""
        relu6 = jax.nn.relu6
        self.stem = Conv(self.channels[0], stride=2, padding="tensorflow", activation=relu6, form=self.form)
        self.block_0 = FirstBlock(self.channels[1], self.form)
        for i in range(1, len(BLOCK_STRIDES)):
            block = InvertedResidual(self.channels[i], self.channels[i + 1], BLOCK_STRIDES[i], self.form)
            setattr(self, f"block_{i}", block)
        self.out = Conv(OUT_CHANNELS, 1, activation=relu6, form=self.form)

    def __call__(self, x: Float[Array, "b H W 3"]) -> Features:
        """Features of normalized pictures whose sides are multiples of 32."""
        return Features(*self.read(x, Features._fields))

    def read(self, x: Float[Array, "b H W 3"], names: Sequence[str]) -> tuple[Float[Array, "b h w c"], ...]:
        """Some of `MAPS` of normalized pictures whose sides are multiples of the coarsest map's stride.

        Layers behind the last map that is read have no parameters.
        """
        end = max(map(_place, names))
        x = in_strips(self, x, method="start", form=self.form, stride=4, before=2, after=5)
        maps = {"block_1": x}
        for name in MAPS[1 : end + 1]:
            part, _, i = name.partition("_")
            if part == "expansion":
                if name in names:
                    maps[name] = getattr(self, f"block_{i}").expand(x)  # under jit the block does not compute it again
            elif part == "block":
                block = getattr(self, name)
                maps[name] = x = block.in_strips(x) if name in ("block_2", "block_3") else block(x)  # the widest left
            else:
                maps[name] = self.out(x)
        return tuple(maps[name] for name in names)

    def start(self, x: Float[Array, "b H W 3"], inside: Inside = None) -> Float[Array, "b h w c"]:
        """Everything at stride 2, to the first map at stride 4."""
        x, inside = self.stem(x, inside), thin(inside, 2)
        x, inside = self.block_0(x, inside), thin(inside)
        return self.block_1(x, inside)


def trunk_params(params: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """What a network that reads some maps takes from a published network's parameters: `normalize` and its `trunk`.

    `params` are those of the packaged `movenet-multipose`.
    """
    picture = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    needed = jax.eval_shape(lambda x: MobileNetV2().init(jax.random.key(0), x, names, method="read"), picture)["params"]

    def part(tree: Any, like: Any) -> Any:
        return {key: part(tree[key], below) for key, below in like.items()} if isinstance(like, Mapping) else tree

    return {"normalize": dict(params["normalize"]), "trunk": part(params["trunk"], needed)}
