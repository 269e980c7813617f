"""[device] Branches of several resolutions side by side that exchange what they know: HRNet's idea, in light layers.

The fine branch is there from the first layer to the last, so nothing has to be recovered from coarse maps; the coarse
ones tell it what surrounds a joint. Each layer is a depthwise 3x3 convolution and a matrix product, without
normalization: what is trained is what runs.

Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019 (section 3).
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxpose.nets.layers import Conv, Depthwise, Form, Separable, identity
from jaxpose.nets.lite import Residual

Maps = tuple[Float[Array, "b h w c"], ...]
"""The branches' maps, finest first; each has half the height and width of the one before."""


def enlarge(x: Float[Array, "b h w c"], by: int) -> Float[Array, "b h*by w*by c"]:
    """Each cell `by` times in both directions: HRNet's nearest neighbour."""
    batch, height, width, channels = x.shape
    cells = jnp.broadcast_to(x[:, :, None, :, None], (batch, height, by, width, by, channels))
    return cells.reshape(batch, height * by, width * by, channels)


class Exchange(nn.Module):
    """Every branch becomes the sum of all, each brought to its resolution and width.

    Coarser maps pass a 1x1 convolution and are enlarged; finer ones pass 3x3 convolutions of stride 2. `widths` are
    those of the branches that come out, the finest ones.
    """

    widths: tuple[int, ...]
    form: Form = "auto"

    @nn.compact
    def __call__(self, maps: Maps) -> Maps:
        """Apply to the branches."""
        gain = len(maps) ** -0.5  # the sum is about as loud as one
        results = []
        for target, width in enumerate(self.widths):
            total = maps[target]
            for source, x in enumerate(maps):
                name = f"from_{source}_to_{target}"
                if source > target:
                    x = Conv(width, 1, activation=identity, form=self.form, gain=gain, name=name)(x)
                    total = total + enlarge(x, 2 ** (source - target))
                elif source < target:
                    for step in range(target - source - 1):
                        x = Separable(x.shape[-1], stride=2, form=self.form, name=f"{name}_{step}")(x)
                    x = Depthwise(stride=2, form=self.form, name=f"{name}_depthwise")(x)
                    x = Conv(width, 1, activation=identity, form=self.form, gain=gain, name=name)(x)
                    total = total + x
            results.append(jax.nn.relu(total))
        mixed: Maps = jax.lax.optimization_barrier(tuple(results))  # or XLA sums them anew for every layer that reads
        return mixed


class Branches(nn.Module):
    """Modules of some residual blocks on every branch, each followed by an exchange; the finest map comes out."""

    widths: tuple[int, ...]
    modules: int
    blocks: int  # on every branch of a module
    form: Form = "auto"

    @nn.compact
    def __call__(self, maps: Sequence[Float[Array, "b h w c"]]) -> Float[Array, "b h w c"]:
        """Apply to the branches, which have these widths, finest first."""
        for module in range(self.modules):
            moved = []
            for branch, x in enumerate(maps):
                for block in range(self.blocks):
                    x = Residual(form=self.form, name=f"module_{module}_branch_{branch}_{block}")(x)
                moved.append(x)
            last = module == self.modules - 1
            widths = self.widths[:1] if last else self.widths  # nothing reads the others of the last
            maps = Exchange(widths, self.form, name=f"module_{module}_exchange")(tuple(moved))
        return maps[0]
