"""[device] One training step of one device, which works on its part of a batch; `parallel.py` runs it on all of them.

The loss is the sum over terms of `weight * total / max(divisor, 1)`, totals and divisors summed over all devices, and
over the parts that a device takes its share in. Its gradient is the sum of what each device and part gives for
`weight * its total / max(divisor of all, 1)`: no gradient ever passes through a sum over devices, so that nothing
depends on how JAX differentiates one. The divisors of all are needed before the first gradient, so a task is asked for
them in a pass of its own; they depend on the batch alone, and the compiler drops the network from that pass.

Parameters and losses are float32; a network that computes in bfloat16 or saves memory (`nn.remat`) does so inside.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jaxpose.data.examples import Batch
from jaxpose.nets.normalization import AXIS
from jaxpose.task import Params, Task, Term
from jaxpose.training.optimizer import Optimizer
from jaxpose.training.state import TrainState
from jaxpose.training.trees import Tree, join, split


class Metrics(NamedTuple):
    """What a step tells, the same on all devices."""

    loss: Float[Array, ""]
    terms: Mapping[str, Float[Array, ""]]  # total / max(divisor, 1) of each, without its weight
    gradient_norm: Float[Array, ""]  # of all trained parameters, before clipping
    rate: Float[Array, ""]  # before multipliers


Step = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


def make_step(task: Task, optimizer: Optimizer, accumulate: int, average: float) -> Step:
    """The step `(state, this device's part of the batch) -> (state, metrics)`; pure, to be mapped over `AXIS`.

    The batch's arrays have b * `accumulate` rows: so many parts of b rows are worked on one after the other, their
    batch statistics too. Random keys differ by step, device and part. `average` is the decay of the moving average,
    lower in the first steps: (1 + n) / (10 + n).
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
        keys = jax.random.split(jax.random.fold_in(key, jax.lax.axis_index(AXIS)), accumulate)
        parts = jax.tree.map(lambda rows: rows.reshape(accumulate, -1, *rows.shape[1:]), batch), keys
        divisors = _sum_divisors(task, state, parts)
        trained, frozen = split(state.params, optimizer.trained)

        def share(trained: Params, stats: Params, part: tuple[Batch, Array]) -> tuple[Float[Array, ""], Any]:
            """What this device's part of the batch gives to the loss; further its terms' totals, and statistics."""
            terms, stats = task.loss(join(trained, frozen), stats, *part)
            totals = {name: _checked(name, term) for name, term in terms.items()}
            shares = [terms[name].weight * totals[name] / divisors[name] for name in terms]
            return jnp.sum(jnp.stack(shares)), (totals, stats)

        def add(carry: Tree, part: tuple[Batch, Array]) -> tuple[Tree, None]:
            sums, stats = carry
            (loss, (totals, stats)), gradient = jax.value_and_grad(share, has_aux=True)(trained, stats, part)
            return (jax.tree.map(jnp.add, sums, (loss, totals, gradient)), stats), None

        zeros = jax.tree.map(jnp.zeros_like, (jnp.stack(list(divisors.values())).sum(), divisors, trained))
        (sums, stats), _ = jax.lax.scan(add, (zeros, state.stats), parts, unroll=accumulate == 1)
        loss, totals, gradient = jax.lax.psum(sums, AXIS)
        stats = jax.tree.map(lambda leaf: jax.lax.pmean(leaf, AXIS) if _floating(leaf) else leaf, stats)
        updates, memory = optimizer.transform.update(gradient, state.memory, trained)
        trained = optax.apply_updates(trained, updates)
        decay = jnp.minimum(average, (1 + state.step) / (10 + state.step))

        def blend(old: Array, new: Array) -> Array:
            return (decay * old + (1 - decay) * new).astype(new.dtype) if _floating(new) else new

        terms = {name: totals[name] / divisors[name] for name in totals}
        metrics = Metrics(loss, terms, optax.tree.norm(gradient), optimizer.schedule(state.step))
        after = TrainState(
            state.step + 1,
            join(trained, frozen),
            stats,
            memory,
            jax.tree.map(blend, state.average, trained),
            jax.tree.map(blend, state.average_stats, stats),
            state.key,
        )
        return after, metrics

    return step


def _sum_divisors(task: Task, state: TrainState, parts: tuple[Batch, Array]) -> dict[str, Float[Array, ""]]:
    """What each term is divided by: the sum of its divisors over all devices and parts, at least 1."""

    def divisors(part: tuple[Batch, Array]) -> dict[str, Float[Array, ""]]:
        terms, _ = task.loss(state.params, state.stats, *part)
        return {name: jnp.asarray(term.divisor, jnp.result_type(term.total)) for name, term in terms.items()}

    each = jax.lax.map(divisors, parts)
    return jax.tree.map(lambda every: jnp.maximum(jax.lax.psum(every.sum(0), AXIS), 1), each)


def _checked(name: str, term: Term) -> Float[Array, ""]:
    """A term's total; a sum in half precision would have lost what a loss has to tell."""
    if term.total.dtype not in (jnp.float32, jnp.float64) or term.total.shape:
        raise TypeError(f"the total of {name!r} must be a single float32, got {term.total.dtype}{term.total.shape}")
    return term.total


def _floating(leaf: Array) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))
