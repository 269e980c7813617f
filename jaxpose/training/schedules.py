"""[device] The learning rate by step, from its config: `optimizer.py` scales each update with it.

All are functions of the number of steps made so far (0 for the first), on Python's numbers or traced ones.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from jaxpose.training.config import Constant, Multistep, WarmupCosine

Schedule = Callable[[Int[Array, ""] | int], Float[Array, ""]]


def make_schedule(config: Constant | Multistep | WarmupCosine, steps: int) -> Schedule:
    """The rate by step of a training of `steps` steps."""
    if isinstance(config, Constant):
        return lambda step: jnp.asarray(config.rate, jnp.float32)
    if isinstance(config, Multistep):
        falls = dict.fromkeys(config.falls, config.factor)
        return lambda step: jnp.asarray(optax.piecewise_constant_schedule(config.rate, falls)(step), jnp.float32)
    rise, fall = max(config.warmup, 1), max(steps - config.warmup, 1)

    def rate(step: Int[Array, ""] | int) -> Float[Array, ""]:
        done = jnp.clip((step - config.warmup) / fall, 0, 1)
        falling = config.final + (config.rate - config.final) * (1 + jnp.cos(np.pi * done)) / 2
        rising = config.rate * (step + 1) / rise
        return jnp.where(step < config.warmup, rising, falling).astype(jnp.float32)

    return rate
