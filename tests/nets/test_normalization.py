"""A convolution with batch normalization against float64: by running statistics, by a batch's, by many devices'."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.nets.normalization import AXIS, STATS, ConvNorm, variables

LAYER = ConvNorm(5)
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(0.5, 2, (8, 6, 4, 3)).astype(np.float32)
TREE = {
    "kernel": RNG.normal(0, 0.3, (3, 3, 3, 5)).astype(np.float32),
    "norm": {"scale": RNG.uniform(0.5, 2, 5).astype(np.float32), "bias": RNG.normal(0, 1, 5).astype(np.float32)},
    STATS: {"norm": {"mean": RNG.normal(0, 1, 5).astype(np.float32), "var": RNG.uniform(1, 3, 5).astype(np.float32)}},
}


def convolved() -> np.ndarray:
    padded = np.pad(IMAGES.astype(float), ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [
        padded[:, row : row + 6, column : column + 4] @ TREE["kernel"][row, column].astype(float)
        for row in range(3)
        for column in range(3)
    ]
    return np.sum(taps, axis=0)


def normalized(mean: np.ndarray, var: np.ndarray) -> np.ndarray:
    y = (convolved() - mean) / np.sqrt(var + 1e-5) * TREE["norm"]["scale"] + TREE["norm"]["bias"]
    return np.maximum(y, 0)


def test_running_statistics() -> None:
    running = TREE[STATS]["norm"]
    found = jax.jit(lambda images: LAYER.apply(variables(TREE), images))(IMAGES)
    wanted = normalized(running["mean"].astype(float), running["var"].astype(float))
    assert (wanted > 0).mean() > 0.3
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("devices", [1, 4])
def test_statistics_of_all_devices_in_training(devices: int) -> None:
    def train(images: jax.Array) -> tuple:
        return LAYER.apply(variables(TREE), images, train=True, mutable=[STATS])

    parts = jnp.reshape(IMAGES, (devices, -1, *IMAGES.shape[1:]))
    found, after = jax.jit(jax.vmap(train, axis_name=AXIS))(parts)
    mean, var = convolved().mean((0, 1, 2)), convolved().var((0, 1, 2))
    np.testing.assert_allclose(np.reshape(found, (*IMAGES.shape[:3], 5)), normalized(mean, var), atol=1e-4)
    for name, new in (("mean", mean), ("var", var)):
        for own in after[STATS]["norm"][name]:
            np.testing.assert_allclose(own, 0.9 * TREE[STATS]["norm"][name] + 0.1 * new, rtol=1e-4, atol=1e-5)


def test_bfloat16_keeps_parameters_and_statistics_in_float32() -> None:
    found, after = jax.eval_shape(
        jax.vmap(lambda images: LAYER.apply(variables(TREE), images, train=True, mutable=[STATS]), axis_name=AXIS),
        jax.ShapeDtypeStruct((2, *IMAGES.shape), jnp.bfloat16),
    )
    assert found.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(after)} == {jnp.dtype(jnp.float32)}


def test_a_tree_of_a_network_without_statistics() -> None:
    assert variables({"out": {}}) == {"params": {"out": {}}}
    assert variables(TREE) == {"params": {name: TREE[name] for name in ("kernel", "norm")}, STATS: TREE[STATS]}
