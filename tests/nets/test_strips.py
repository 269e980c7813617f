"""Layers in strips of rows give what they give on the whole map, at heights that strips divide and at others."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.nets.mobilenet import InvertedResidual, MobileNetV2
from jaxpose.nets.strips import ROWS

CHANNELS = (4, 3, 4, 4, *(5,) * 14)


def randomized(shapes: dict) -> dict:
    """Biases too, so that a map is not zero where it is padded."""
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda x: (0.5 * rng.normal(size=x.shape)).astype(np.float32), shapes)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("rows", [ROWS, ROWS + 1, 2 * ROWS, 3 * ROWS - 1])
def test_a_block(stride: int, rows: int) -> None:
    block = InvertedResidual(4, 4, stride, form="shift")
    x = jax.random.normal(jax.random.key(0), (2, stride * rows, 6, 4))
    variables = randomized(jax.eval_shape(block.init, jax.random.key(0), x))
    strips = jax.jit(lambda v, x: block.apply(v, x, method="in_strips"))
    assert ("while" in strips.lower(variables, x).as_text()) == (rows > ROWS)
    np.testing.assert_allclose(strips(variables, x), block.apply(variables, x), rtol=1e-4, atol=1e-5)


def test_an_odd_number_of_rows_at_stride_2() -> None:
    block = InvertedResidual(4, 5, 2, form="shift")
    x = jax.random.normal(jax.random.key(0), (1, 4 * ROWS + 1, 6, 4))
    variables = randomized(jax.eval_shape(block.init, jax.random.key(0), x))
    found = block.apply(variables, x, method="in_strips")
    np.testing.assert_allclose(found, block.apply(variables, x), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def trunk() -> dict:
    return randomized(jax.eval_shape(MobileNetV2(CHANNELS).init, jax.random.key(0), jnp.zeros((1, 32, 32, 3))))


@pytest.mark.parametrize("height", [4 * ROWS + 4, 8 * ROWS, 10 * ROWS + 12])
def test_the_start_of_a_trunk(trunk: dict, height: int) -> None:
    x = jax.random.normal(jax.random.key(0), (2, height, 16, 3))

    def start(form: str) -> jax.Array:
        return jax.jit(lambda v, x: MobileNetV2(CHANNELS, form).apply(v, x).block_2)(trunk, x)

    np.testing.assert_allclose(start("auto"), start("native"), rtol=1e-4, atol=1e-4)


def test_gradients() -> None:
    x = jax.random.normal(jax.random.key(0), (1, 2 * ROWS + 6, 6, 4))
    block = InvertedResidual(4, 4, form="shift")
    variables = randomized(jax.eval_shape(block.init, jax.random.key(0), x))

    @partial(jax.jit, static_argnames="method")
    def loss(variables: dict, x: jax.Array, method: str) -> jax.Array:
        return jnp.sum(jnp.sin(block.apply(variables, x, method=method)))

    strips, whole = (jax.grad(loss, argnums=(0, 1))(variables, x, method) for method in ("in_strips", "__call__"))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), strips, whole)
