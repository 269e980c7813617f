"""[device] The optimizer of a config: which parameters are trained, and how gradients become updates.

Frozen parts are left out altogether: no gradient is computed for them and no memory kept. The order of what happens to
a gradient is Caffe's, so that published rates and decays keep their meaning: clip, decay (where it is an L2 penalty),
adapt, rate times the part's multiplier, momentum.
"""

from typing import NamedTuple

import jax
import optax
from jaxtyping import Array, Float

from jaxpose.errors import OptionError
from jaxpose.task import Params
from jaxpose.training import config as settings
from jaxpose.training.schedules import Schedule, make_schedule
from jaxpose.training.trees import Tree, chosen, named, paths, split


class Optimizer(NamedTuple):
    """What a step needs to know of an optimizer."""

    transform: optax.GradientTransformation  # of the trained part of the parameters alone
    schedule: Schedule  # the rate by step, before multipliers
    trained: Tree  # True or False by parameter


def make_optimizer(config: settings.Optimizer, params: Params, steps: int) -> Optimizer:
    """The optimizer of a network with these parameters, for a training of `steps` steps.

    `OptionError` for an expression that matches no parameter, or if all are frozen.
    """
    names = paths(params)
    factors = _multipliers(config.multipliers, list(named(params)))
    trained = jax.tree.map(lambda name: factors[name] > 0, names)
    if not any(jax.tree.leaves(trained)):
        raise OptionError("`multipliers`: every parameter is frozen; leave one above 0")
    names, _ = split(names, trained)
    multipliers = jax.tree.map(lambda name: factors[name], names)
    undecayed = {name for each in config.undecayed for name in chosen(each, list(factors), "undecayed")}
    decay = jax.tree.map(
        lambda name: 0.0 if name.split("/")[-1] == "bias" or name in undecayed else config.method.decay, names
    )
    schedule = make_schedule(config.schedule, steps)
    rate = optax.chain(_scale(multipliers), optax.scale_by_learning_rate(schedule))
    clip = [] if config.clip_norm is None else [optax.clip_by_global_norm(config.clip_norm)]
    method = config.method
    if isinstance(method, settings.Sgd):
        rest = [_decay(decay), rate, optax.trace(method.momentum)]
    else:
        adam = optax.scale_by_adam(method.beta1, method.beta2, method.epsilon)
        rest = [_decay(decay), adam, rate] if isinstance(method, settings.Adam) else [adam, _decay(decay), rate]
    return Optimizer(optax.chain(*clip, *rest), schedule, trained)


def _multipliers(config: settings.Multipliers, names: list[str]) -> dict[str, float]:
    factors = dict.fromkeys(names, 1.0)
    for expression, factor in config:
        factors |= dict.fromkeys(chosen(expression, names, "multipliers"), factor)
    return factors


def _scale(factors: Tree) -> optax.GradientTransformation:
    """Multiply each update by its part's factor."""
    return optax.stateless(lambda updates, _: jax.tree.map(lambda update, factor: update * factor, updates, factors))


def _decay(decay: Tree) -> optax.GradientTransformation:
    """Add to each update its parameter times that parameter's decay."""

    def add(update: Float[Array, "..."], param: Float[Array, "..."], factor: float) -> Float[Array, "..."]:
        return update + factor * param

    return optax.stateless(lambda updates, params: jax.tree.map(add, updates, params, decay))
