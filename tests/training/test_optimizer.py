"""Against loops in NumPy that follow Caffe's solvers and the paper of AdamW."""

import jax
import numpy as np
import optax
import pytest

from jaxpose.errors import OptionError
from jaxpose.training.config import Adam, AdamW, Constant, Multistep, Optimizer, Sgd
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.trees import join, named, split

RATES = (0.1, 0.1, 0.05, 0.05, 0.05)
FALLING = Multistep(0.1, 0.5, (2,))


def start():
    rng = np.random.default_rng(0)
    shapes = {"trunk": {"kernel": (3, 2), "bias": (2,)}, "head": {"kernel": (2, 4), "scale": (4,)}}
    return jax.tree.map(
        lambda shape: rng.normal(size=shape).astype(np.float32), shapes, is_leaf=lambda x: type(x) is tuple
    )


def gradients():
    rng = np.random.default_rng(1)
    return [jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), start()) for _ in RATES]


def run(config):
    params = start()
    optimizer = make_optimizer(config, params, len(RATES))
    trained, frozen = split(params, optimizer.trained)
    memory = optimizer.transform.init(trained)
    for gradient in gradients():
        given, _ = split(gradient, optimizer.trained)
        updates, memory = optimizer.transform.update(given, memory, trained)
        trained = optax.apply_updates(trained, updates)
    return named(join(trained, frozen)), memory


def by_hand(update, decay=0.0, factors=None, undecayed=(), clip=None):
    """The parameters after all steps of `update(gradient, parameter, rate, decay, memory, step)`, leaf by leaf."""
    found = {name: leaf.astype(float) for name, leaf in named(start()).items()}
    factors = {name: (factors or {}).get(name, 1) for name in found}
    memory = {name: {} for name in found}
    for step, (rate, tree) in enumerate(zip(RATES, gradients(), strict=True), 1):
        each = {name: leaf for name, leaf in named(tree).items() if factors[name]}
        norm = np.sqrt(sum((leaf.astype(float) ** 2).sum() for leaf in each.values()))
        for name, leaf in each.items():
            gradient = leaf * (1 if clip is None else min(1, clip / norm))
            own = 0 if name.endswith("bias") or name in undecayed else decay
            found[name] -= update(gradient, found[name], rate * factors[name], own, memory[name], step)
    return found


def sgd(gradient, param, rate, decay, memory, step):
    memory["v"] = 0.9 * memory.get("v", 0) + rate * (gradient + decay * param)
    return memory["v"]


def moments(gradient, memory, step):
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * gradient
    memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * gradient**2
    return memory["m"] / (1 - 0.9**step) / (np.sqrt(memory["v"] / (1 - 0.999**step)) + 1e-8)


def adam(gradient, param, rate, decay, memory, step):
    return rate * moments(gradient + decay * param, memory, step)


def adamw(gradient, param, rate, decay, memory, step):
    return rate * (moments(gradient, memory, step) + decay * param)


def check(found, expected):
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("method", "update"), [(Sgd(0.9, 0.3), sgd), (Adam(0.3), adam), (AdamW(0.3), adamw)], ids=["sgd", "adam", "adamw"]
)
def test_methods(method, update):
    found, _ = run(Optimizer(method, FALLING, (("trunk/.*", 4.0), ("trunk/bias", 2.0)), ("head/scale",), 1.5))
    factors = {"trunk/kernel": 4, "trunk/bias": 2}  # the last expression that matches counts
    check(found, by_hand(update, 0.3, factors, ["head/scale"], clip=1.5))
    check(run(Optimizer(method, FALLING))[0], by_hand(update, 0.3))


def test_frozen_parts_do_not_move_and_have_no_memory():
    found, memory = run(Optimizer(Adam(0.3), FALLING, (("trunk/.*", 0.0),), clip_norm=1.5))
    check(found, by_hand(adam, 0.3, {"trunk/kernel": 0, "trunk/bias": 0}, clip=1.5))
    assert all((found[name] == leaf).all() for name, leaf in named(start()).items() if name.startswith("trunk"))
    assert not any("trunk" in name for name in named(memory))
    assert sum("kernel" in name for name in named(memory)) == 2


def test_expressions_that_match_nothing_are_refused():
    with pytest.raises(OptionError, match=r"`multipliers`: 'trunc/\.\*' matches .* the nearest path is 'trunk/"):
        make_optimizer(Optimizer(multipliers=(("trunc/.*", 0.0),)), start(), 1)
    with pytest.raises(OptionError, match="`undecayed`: 'scale'"):
        make_optimizer(Optimizer(undecayed=("scale",)), start(), 1)
    with pytest.raises(OptionError, match="every parameter is frozen"):
        make_optimizer(Optimizer(schedule=Constant(), multipliers=((".*", 0.0),)), start(), 1)
