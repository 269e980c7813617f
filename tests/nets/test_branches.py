"""Branches that exchange what they know, against sums in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.nets.branches import Branches, Exchange, enlarge

WIDTHS = (3, 4, 5)


def maps(height=8, width=12):
    rng = np.random.default_rng(0)
    return tuple(
        rng.normal(size=(2, height >> level, width >> level, channels)).astype(np.float32)
        for level, channels in enumerate(WIDTHS)
    )


def halved(x, layer):
    """A depthwise 3x3 convolution of stride 2 with a zero on every side, and ReLU."""
    kernel, bias = (layer[name].astype(float) for name in ("kernel", "bias"))
    _, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    total = sum(
        kernel[row, column] * padded[:, row : row + height : 2, column : column + width : 2]
        for row in range(3)
        for column in range(3)
    )
    return np.maximum(total + bias, 0)


def mixed(x, layer):
    """A 1x1 convolution."""
    return x @ layer["kernel"][0, 0].astype(float) + layer["bias"].astype(float)


def doubled(x, times):
    for _ in range(times):
        x = x.repeat(2, axis=1).repeat(2, axis=2)
    return x


def by_hand(params, maps):
    maps = [x.astype(float) for x in maps]
    fine, middle, coarse = maps
    results = [
        fine + doubled(mixed(middle, params["from_1_to_0"]), 1) + doubled(mixed(coarse, params["from_2_to_0"]), 2),
        mixed(halved(fine, params["from_0_to_1_depthwise"]), params["from_0_to_1"])
        + middle
        + doubled(mixed(coarse, params["from_2_to_1"]), 1),
    ]
    first = params["from_0_to_2_0"]
    way = np.maximum(mixed(halved(fine, first["depthwise"]), first["pointwise"]), 0)
    results.append(
        mixed(halved(way, params["from_0_to_2_depthwise"]), params["from_0_to_2"])
        + mixed(halved(middle, params["from_1_to_2_depthwise"]), params["from_1_to_2"])
        + coarse
    )
    return [np.maximum(result, 0) for result in results]


def test_each_branch_becomes_the_sum_of_all():
    exchange = Exchange(WIDTHS)
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(exchange.init, jax.random.key(0), maps())["params"]
    params = jax.tree.map(lambda leaf: rng.normal(0, 0.5, leaf.shape).astype(np.float32), shapes)
    found = jax.jit(exchange.apply)({"params": params}, maps())
    for one, expected in zip(found, by_hand(params, maps()), strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-4)


def test_an_untrained_exchange_keeps_the_maps_about_as_loud():
    rng = np.random.default_rng(0)
    loud = tuple(np.abs(rng.normal(size=(1, 16 >> i, 16 >> i, 32))).astype(np.float32) for i in range(3))
    exchange = Exchange((32, 32, 32))
    untrained = jax.jit(lambda key: exchange.apply(exchange.init(key, loud), loud))(jax.random.key(0))
    for before, after in zip(loud, untrained, strict=True):
        assert 0.5 < np.std(after) / np.std(before) < 2


@pytest.mark.parametrize("by", [1, 2, 4])
def test_enlarge_repeats_cells(by):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
    np.testing.assert_array_equal(enlarge(jnp.array(x), by), x.repeat(by, axis=1).repeat(by, axis=2))


def test_the_finest_map_comes_out_and_no_layer_is_for_nothing():
    branches = Branches(WIDTHS, modules=2, blocks=1)

    @jax.jit
    def look(key):
        params = branches.init(key, maps())["params"]
        return branches.apply({"params": params}, maps()), jax.grad(loss)(params)

    def loss(params):
        return jnp.sum(branches.apply({"params": params}, maps()) ** 2)

    finest, gradient = look(jax.random.key(0))
    assert finest.shape == maps()[0].shape
    assert {name for name in gradient if name.endswith("exchange")} == {"module_0_exchange", "module_1_exchange"}
    assert set(gradient["module_1_exchange"]) == {"from_1_to_0", "from_2_to_0"}  # nothing reads the other branches
    assert len([name for name in gradient if "branch" in name]) == 2 * len(WIDTHS)
    assert [path for path, leaf in jax.tree.leaves_with_path(gradient) if not np.any(leaf)] == []
