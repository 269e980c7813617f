"""What a system gives to be trained: its parameters and the terms of its loss. The contract between systems and
`training`, which knows no system.
"""  # fmt: skip

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxpose.data.examples import Batch

Params = Any
"""A tree of arrays, as Flax has it."""


class Term(NamedTuple):
    """One term of a loss as a sum and what it is to be divided by, so that many devices agree with one.

    The loss is the sum over terms of `weight * psum(total) / max(psum(divisor), 1)`.
    """

    total: Float[Array, ""]
    divisor: Float[Array, ""]
    weight: float = 1.0


class Task(Protocol):
    """A network and what it learns."""

    def init(self, key: Array) -> tuple[Params, Params]:
        """Parameters, and the state of batch statistics (empty where there is none)."""
        ...

    def loss(self, params: Params, state: Params, batch: Batch, key: Array) -> tuple[Mapping[str, Term], Params]:
        """The terms of the loss for one device's part of a batch, and the new state; pure, jittable."""
        ...


def started(params: Params, start: Params, path: tuple[str, ...] = ()) -> Params:
    """The parameters with those of `start` in place of their own: a part of the tree, which lies at `path` in it.

    Raises `ValueError` for a parameter that there is not, or not in this shape.
    """
    result = dict(params)
    for name, value in start.items():
        where = "/".join((*path, name))
        if name not in params:
            raise ValueError(f"the network has no parameter {where} to start from")
        if isinstance(value, Mapping):
            result[name] = started(params[name], value, (*path, name))
        elif jnp.shape(value) != jnp.shape(params[name]):
            raise ValueError(f"{where} must be of shape {jnp.shape(params[name])}, got {jnp.shape(value)}")
        else:
            result[name] = jnp.asarray(value, jnp.float32)
    return result
