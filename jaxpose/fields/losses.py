"""[device] How far a field is from its target, as a sum and what it is divided by.

The training side of `fields`, after `targets.py`: each system makes the terms of its loss of these.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxpose.fields.config import SquaredErrorConfig


def squared_error(
    found: Float[Array, "b h w c"],
    aim: Float[Array, "b h w c"],
    known: Bool[Array, "b h w c"],
    config: SquaredErrorConfig,
    *,
    background: bool,
) -> tuple[Float[Array, ""], Float[Array, ""], float]:
    """The sum of the squared errors of what is known, what to divide it by, and its weight in a loss.

    With `background` the last channel is that of heatmaps, which has a weight of its own.
    """
    weight = jnp.where(known, 1 + config.positive * jnp.abs(aim), 0)
    if background:
        weight = weight.at[..., -1].multiply(config.background)
    total = jnp.sum(weight * jnp.square(found - aim))
    if config.reduction == "sum":
        return total, jnp.float32(len(found)), 0.5
    return total, jnp.sum(known, dtype=jnp.float32), 1.0
