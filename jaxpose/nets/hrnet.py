"""[device] HRNet's backbone: maps at strides 4, 8, 16 and 32 side by side, which exchange what they know throughout.

Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019, section 3 ("Network
instantiation" and Figure 1). Stages are counted as there: the first is a stem of stride 4 and four bottlenecks, each
later one begins with a branch more, of half the resolution and twice the channels, and has some modules: four residual
blocks on every branch, then an exchange. Names of the parameters lead to the published ones (`weights/hrnet.py`).
"""

import flax.linen as nn
import jax
from jaxtyping import Array, Float

from jaxpose.nets.branches import Maps, enlarge
from jaxpose.nets.layers import Form, identity
from jaxpose.nets.normalization import ConvNorm

STEM = 64
"""Channels of the stem, and inside the bottlenecks."""

BOTTLENECK = 256
"""Channels of the first stage."""

BLOCKS = 4
"""Bottlenecks of the first stage; residual blocks on every branch of a module."""

MODULES = (1, 4, 3)
"""Of the second, third and fourth stage."""


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, added to the input (He et al., CVPR 2016)."""

    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], train: bool) -> Float[Array, "b h w d"]:
        """Apply to a map."""
        y = ConvNorm(STEM, 1, form=self.form, name="narrow")(x, train)
        y = ConvNorm(STEM, form=self.form, name="conv")(y, train)
        y = ConvNorm(BOTTLENECK, 1, activation=identity, form=self.form, name="widen")(y, train)
        if x.shape[-1] != BOTTLENECK:
            x = ConvNorm(BOTTLENECK, 1, activation=identity, form=self.form, name="shortcut")(x, train)
        return jax.nn.relu(x + y)


class Residual(nn.Module):
    """Two 3x3 convolutions, added to the input."""

    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], train: bool) -> Float[Array, "b h w c"]:
        """Apply to a map."""
        y = ConvNorm(x.shape[-1], form=self.form, name="conv_0")(x, train)
        y = ConvNorm(x.shape[-1], activation=identity, form=self.form, name="conv_1")(y, train)
        return jax.nn.relu(x + y)


class Exchange(nn.Module):
    """Every branch becomes the sum of all, each brought to its resolution and width; `branches` of them come out.

    Coarser maps pass a 1x1 convolution and are enlarged; finer ones pass 3x3 convolutions of stride 2.
    """

    branches: int
    form: Form = "auto"

    @nn.compact
    def __call__(self, maps: Maps, train: bool) -> Maps:
        """Apply to the branches."""
        results = []
        for target in range(self.branches):
            width = maps[target].shape[-1]
            total = maps[target]
            for source, x in enumerate(maps):
                name = f"from_{source}_to_{target}"
                if source > target:
                    x = ConvNorm(width, 1, activation=identity, form=self.form, name=name)(x, train)
                    total = total + enlarge(x, 2 ** (source - target))
                elif source < target:
                    for step in range(target - source - 1):
                        x = ConvNorm(x.shape[-1], stride=2, form=self.form, name=f"{name}_{step}")(x, train)
                    last = ConvNorm(width, stride=2, activation=identity, form=self.form, name=name)
                    total = total + last(x, train)
            results.append(jax.nn.relu(total))
        mixed: Maps = jax.lax.optimization_barrier(tuple(results))  # or XLA sums them anew for every layer that reads
        return mixed


class Module(nn.Module):
    """Residual blocks on every branch, then an exchange."""

    branches: int  # that come out
    form: Form = "auto"

    @nn.compact
    def __call__(self, maps: Maps, train: bool) -> Maps:
        """Apply to the branches."""
        moved = []
        for branch, x in enumerate(maps):
            for block in range(BLOCKS):
                x = Residual(self.form, name=f"branch_{branch}_block_{block}")(x, train)
            moved.append(x)
        return Exchange(self.branches, self.form, name="exchange")(tuple(moved), train)


class HrnetBackbone(nn.Module):
    """Normalized pictures, whose sides are multiples of 32, to the map of the finest branch."""

    width: int
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b H W 3"], train: bool = False) -> Float[Array, "b H/4 W/4 c"]:
        """Apply; see `normalization.ConvNorm` for `train`."""
        for i in range(2):
            x = ConvNorm(STEM, stride=2, form=self.form, name=f"stem_{i}")(x, train)
        for block in range(BLOCKS):
            x = Bottleneck(self.form, name=f"stage_1_block_{block}")(x, train)
        maps: Maps = (x,)
        for stage, modules in enumerate(MODULES, 2):
            name = f"transition_{stage}_{stage - 1}"
            new = ConvNorm(self.width << (stage - 1), stride=2, form=self.form, name=name)(maps[-1], train)
            if stage == 2:  # later stages find their branches' widths as they are
                maps = (ConvNorm(self.width, form=self.form, name="transition_2_0")(x, train),)
            maps = (*maps, new)
            for module in range(modules):
                last = stage == len(MODULES) + 1 and module == modules - 1  # nothing reads its other branches
                maps = Module(1 if last else stage, self.form, name=f"stage_{stage}_module_{module}")(maps, train)
        return maps[0]
