"""One device: the loss and its gradient, parts of a batch, averages, frozen parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_training import ROWS, Toy, batch, leaves

from jaxpose.task import Term
from jaxpose.training import parallel
from jaxpose.training.config import Adam, Constant, Optimizer, Sgd
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.state import averaged, begin
from jaxpose.training.step import make_step
from jaxpose.training.trees import named

PLAIN = Optimizer(Sgd(momentum=0, decay=0), Constant(1.0))  # what a parameter loses is its gradient


def advance(task, batches, config=PLAIN, accumulate=1, average=0.0, cast=np.float32):
    """The states before, between and after steps, and what each step told."""
    params, stats = task.init(jax.random.key(0))
    params = jax.tree.map(lambda leaf: np.asarray(leaf, cast), params)
    optimizer = make_optimizer(config, params, 100)
    step = parallel.map_step(make_step(task, optimizer, accumulate, average))
    state = begin(params, stats, optimizer, jax.random.key(1))
    states, metrics, copies = [state], [], parallel.replicate(state)
    for one in batches:
        copies, told = step(copies, parallel.shard(one, accumulate))
        states.append(parallel.unreplicate(copies))
        metrics.append(parallel.unreplicate(told))
    return states, metrics


def whole_loss(task, params, one):
    """The loss as its definition has it, of a whole batch at once."""
    terms, _ = task.loss(params, {}, one, jax.random.key(0))
    return sum(term.weight * term.total / max(term.divisor, 1) for term in terms.values())


@pytest.mark.parametrize("accumulate", [1, 4])
def test_the_gradient_of_the_assembled_loss_against_finite_differences(accumulate):
    task = Toy()
    with jax.enable_x64(True):
        one = batch(0)
        one = one._replace(images=one.images.astype(np.float64), keypoints=one.keypoints.astype(np.float64))
        (before, after), (told,) = advance(task, [one], accumulate=accumulate, cast=np.float64)
        gradient = jax.tree.map(lambda old, new: np.asarray(old) - new, before.params, after.params)
        assert told.loss.dtype == np.float64
        np.testing.assert_allclose(told.loss, whole_loss(task, before.params, one), rtol=1e-12)
        rng = np.random.default_rng(0)
        for _ in range(3):
            way = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), gradient)
            at = [
                float(whole_loss(task, jax.tree.map(lambda p, d, h=h: p + h * d, before.params, way), one))
                for h in (1e-5, -1e-5)
            ]
            slope = sum((g * d).sum() for g, d in zip(leaves(gradient), leaves(way), strict=True))
            assert slope == pytest.approx((at[0] - at[1]) / 2e-5, rel=1e-6)
        norm = np.sqrt(sum((leaf**2).sum() for leaf in leaves(gradient)))
        np.testing.assert_allclose(told.gradient_norm, norm, rtol=1e-9)


def test_parts_of_a_batch_give_the_step_of_the_whole():
    config = Optimizer(Adam(), Constant(0.01), clip_norm=0.5)
    one, told = advance(Toy(), map(batch, range(4)), config)
    for accumulate in (2, ROWS):
        parts, told_too = advance(Toy(), map(batch, range(4)), config, accumulate)
        for a, b in zip(leaves((one, told)), leaves((parts, told_too)), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)


def test_terms_are_told_without_their_weights():
    _, (told,) = advance(Toy(), [batch(0)], accumulate=2)
    assert set(told.terms) == {"maps", "middle"}
    assert told.loss == pytest.approx(2 * told.terms["maps"] + 0.5 * told.terms["middle"], rel=1e-6)


def test_a_batch_that_knows_nothing_teaches_nothing():
    nothing = batch(0)._replace(known=np.zeros_like(batch(0).known))
    (before, after), (told,) = advance(Toy(), [nothing])
    assert (told.loss, told.gradient_norm) == (0, 0)
    assert all((a == b).all() for a, b in zip(leaves(before.params), leaves(after.params), strict=True))


def test_frozen_parts_do_not_move_and_are_not_averaged():
    config = Optimizer(Adam(decay=0.1), Constant(0.01), (("first/.*", 0.0), ("last/bias", 0.5)))
    (before, *_, after), _ = advance(Toy(), map(batch, range(3)), config, accumulate=2, average=0.5)
    old, new, smooth = named(before.params), named(after.params), named(averaged(after)[0])
    moved = {name for name in old if (np.asarray(old[name]) != new[name]).any()}
    assert moved == {"last/kernel", "last/bias"}
    assert {name for name in old if (smooth[name] != new[name]).any()} == moved
    assert not any("first" in name for name in named((after.memory, after.average)))


def test_rates_of_parts_scale_their_steps():
    config = Optimizer(Sgd(0, 0), Constant(1.0), (("first/.*", 0.25),))
    (before, slow), _ = advance(Toy(), [batch(0)], config)
    (_, fast), _ = advance(Toy(), [batch(0)])
    for name, start in named(before.params).items():
        factor = 0.25 if name.startswith("first") else 1
        expected = factor * (named(fast.params)[name] - start)
        np.testing.assert_allclose(named(slow.params)[name] - start, expected, rtol=1e-3, atol=1e-6)


def test_the_average_follows_with_a_decay_that_grows():
    (before, *states), _ = advance(
        Toy("own"), map(batch, range(25)), average=0.7, config=Optimizer(schedule=Constant())
    )
    smooth = [leaf.astype(float) for leaf in leaves((before.params, before.stats))]
    for n, state in enumerate(states):
        decay = min(0.7, (1 + n) / (10 + n))
        now = leaves((state.params, state.stats))
        smooth = [decay * old + (1 - decay) * new for old, new in zip(smooth, now, strict=True)]
    for expected, found in zip(smooth, leaves(averaged(states[-1])), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_without_an_average_the_parameters_themselves_are_used():
    (*_, after), _ = advance(Toy("own"), map(batch, range(2)))
    for a, b in zip(leaves(averaged(after)), leaves((after.params, after.stats)), strict=True):
        assert (a == b).all()


class Keys(Toy):
    """Tells a random number drawn from its key; summed over devices and parts."""

    def loss(self, params, state, batch, key):
        terms, state = super().loss(params, state, batch, key)
        return {**terms, "key": Term(jax.random.uniform(key), jnp.float32(0))}, state


def test_random_keys_differ_by_device():
    params, stats = Keys().init(jax.random.key(0))
    optimizer = make_optimizer(PLAIN, params, 1)
    state = begin(params, stats, optimizer, jax.random.key(1))
    step = jax.vmap(make_step(Keys(), optimizer, 1, 0.0), (None, 0), axis_name="data")
    halves = jax.tree.map(lambda leaf: leaf.reshape(2, -1, *leaf.shape[1:]), batch(0))
    key = jax.random.fold_in(jax.random.key(1), 0)
    drawn = [float(jax.random.uniform(jax.random.split(jax.random.fold_in(key, each), 1)[0])) for each in range(2)]
    assert drawn[0] != drawn[1]
    assert step(state, halves)[1].terms["key"].tolist() == pytest.approx([sum(drawn)] * 2)


def test_random_keys_differ_by_step_and_part_and_return_when_repeated():
    _, told = advance(Keys(), [batch(0)] * 3)
    numbers = [float(each.terms["key"]) for each in told]
    assert len(set(numbers)) == 3
    assert numbers == [float(each.terms["key"]) for each in advance(Keys(), [batch(0)] * 3)[1]]
    _, (both,) = advance(Keys(), [batch(0)], accumulate=2)
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(1), 0), 0)
    drawn = [float(jax.random.uniform(each)) for each in jax.random.split(key, 2)]
    assert both.terms["key"] == pytest.approx(sum(drawn))
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("accumulate", [1, 4])
def test_the_network_runs_once_for_each_part(accumulate):
    """The pass for the divisors costs nothing: the compiler finds that it needs no network."""
    task = Toy()
    params, stats = task.init(jax.random.key(0))
    optimizer = make_optimizer(PLAIN, params, 1)
    state = begin(params, stats, optimizer, jax.random.key(0))
    step = jax.vmap(make_step(task, optimizer, accumulate, 0.0), axis_name="data")
    one = jax.tree.map(lambda leaf: leaf[None], (state, batch(0)))
    text = jax.jit(step).lower(*one).compile().as_text()
    plain = jax.jit(jax.grad(lambda params: sum_of_totals(task, params, batch(0)))).lower(params).compile().as_text()
    assert text.count("convolution(") == plain.count("convolution(") > 2


def sum_of_totals(task, params, one):
    terms, _ = task.loss(params, {}, one, jax.random.key(0))
    return sum(term.total for term in terms.values())


def test_half_precision_totals_are_refused():
    class Half(Toy):
        def loss(self, params, state, batch, key):
            terms, state = super().loss(params, state, batch, key)
            return {name: term._replace(total=term.total.astype(jnp.bfloat16)) for name, term in terms.items()}, state

    with pytest.raises(TypeError, match="the total of 'maps' must be a single float32, got bfloat16"):
        advance(Half(), [batch(0)])
