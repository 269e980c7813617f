"""[device] A feature pyramid: the coarse maps of a trunk, carried up step by step and joined with the finer ones.

Each step doubles the coarser map bilinearly, adds the finer one through a 1x1 convolution, and mixes both with a
separable convolution. Lin et al., "Feature Pyramid Networks for Object Detection", 2017, in MoveNet's light form.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxpose.nets.layers import Conv, Depthwise, Form, Inside, identity


def double(x: Float[Array, "b h w c"]) -> Float[Array, "b 2*h 2*w c"]:
    """Twice the size, bilinearly, by cell centres: each new cell takes 3/4 of its own and 1/4 of the nearer neighbour.

    Beyond the border the map goes on as it ends (TensorFlow's half-pixel centres, OpenCV's INTER_LINEAR).
    """
    for axis in (1, 2):
        last = x.shape[axis] - 1
        before = jnp.concatenate([_take(x, axis, 0, 1), _take(x, axis, 0, last)], axis)
        after = jnp.concatenate([_take(x, axis, 1, last), _take(x, axis, last, 1)], axis)
        pairs = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
        x = pairs.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
    return x


def _take(x: Array, axis: int, start: int, count: int) -> Array:
    return jax.lax.slice_in_dim(x, start, start + count, axis=axis)


class LightSeparable(nn.Module):
    """A depthwise 3x3 convolution without bias or activation, then a 1x1 convolution with both."""

    features: int
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], inside: Inside = None) -> Float[Array, "b h w d"]:
        """Apply to a map, or to a strip with the rows around it."""
        x = Depthwise(bias=False, activation=identity, form=self.form, name="depthwise")(x, inside)
        return Conv(self.features, 1, form=self.form, name="pointwise")(x)


class Pyramid(nn.Module):
    """Maps from coarse to fine, each twice as fine as the one before, to as many joined maps.

    `channels` are those of the joined maps; the first is the coarsest map's own 1x1 convolution.
    """

    channels: tuple[int, ...]
    form: Form = "auto"

    @nn.compact
    def __call__(self, maps: Sequence[Float[Array, "b h w c"]]) -> tuple[Float[Array, "b h w d"], ...]:
        """Join the maps, coarsest first."""
        if len(maps) != len(self.channels):
            raise ValueError(f"a pyramid of {len(self.channels)} steps needs as many maps, got {len(maps)}")
        x = Conv(self.channels[0], 1, activation=identity, form=self.form, name="lateral_0")(maps[0])
        joined = [x]
        for i, (finer, features) in enumerate(zip(maps[1:], self.channels[1:], strict=True), 1):
            lateral = Conv(x.shape[-1], 1, activation=identity, form=self.form, name=f"lateral_{i}")(finer)
            x = LightSeparable(features, self.form, name=f"join_{i}")(double(x) + lateral)
            joined.append(x)
        return tuple(joined)
