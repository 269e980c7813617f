"""What a system gives to be trained: its parameters and the terms of its loss. The contract between systems and
`training`, which knows no system.
"""  # fmt: skip

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

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
