"""All that changes from one training step to the next; with the place in the data, all that a checkpoint holds."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int32, UInt32

from jaxpose.task import Params
from jaxpose.training.optimizer import Optimizer
from jaxpose.training.trees import Tree, join, split


class TrainState(NamedTuple):
    """A network in training, on one device."""

    step: Int32[Array, ""]  # steps made
    params: Params
    stats: Params  # batch statistics
    memory: Tree  # the optimizer's, of the trained parameters
    average: Params  # moving average of the trained parameters; None in the place of frozen ones
    average_stats: Params  # moving average of the batch statistics
    key: UInt32[Array, "n"]  # the data of a random key; the same from the first step to the last


def begin(params: Params, stats: Params, optimizer: Optimizer, key: Array) -> TrainState:
    """The state before the first step."""
    trained, _ = split(params, optimizer.trained)
    memory = optimizer.transform.init(trained)
    return TrainState(jnp.int32(0), params, stats, memory, trained, stats, jax.random.key_data(key))


def averaged(state: TrainState) -> tuple[Params, Params]:
    """The parameters and batch statistics to evaluate and to export: averages over the last steps."""
    return join(state.average, state.params), state.average_stats
