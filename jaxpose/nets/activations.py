"""[device] Activations with parameters of their own."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxpose.nets.layers import Activation


class Prelu(nn.Module):
    """A ReLU that scales negative values by a learned slope, one a channel (Caffe's PReLU; slopes start at 0.25)."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Apply to a map."""
        slope = self.param("slope", nn.initializers.constant(0.25), (x.shape[-1],)).astype(x.dtype)
        return jnp.where(x < 0, x * slope, x)


def rectifier(slopes: bool) -> Activation:
    """ReLU, or with `slopes` a PReLU whose parameters lie in the layer that it is the `activation` of."""
    return Prelu(parent=None) if slopes else jax.nn.relu
