"""The depthwise convolution's own gradient against the one that JAX derives from XLA's convolution."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxpose.nets.layers import Padding, depthwise


def native(x: jax.Array, kernel: jax.Array, stride: int, dilation: int, padding: Padding) -> jax.Array:
    same = (len(kernel) - 1) * dilation // 2
    return lax.conv_general_dilated(
        x,
        kernel[:, :, None],
        (stride, stride),
        "SAME" if padding == "tensorflow" else [(same, same)] * 2,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


def arrays(height: int, width: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, height, width, 4)), rng.normal(size=(size, size, 4))
    return x.astype(np.float32), kernel.astype(np.float32)


def gradients(function: Any, x: np.ndarray, kernel: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """Of a loss whose derivative is different everywhere."""
    return jax.jit(jax.grad(lambda x, kernel: jnp.sum(jnp.sin(function(x, kernel))), argnums=(0, 1)))(x, kernel)


def same(found: Any, expected: Any) -> None:
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), found, expected)


@pytest.mark.parametrize("padding", ["symmetric", "tensorflow"])
@pytest.mark.parametrize(
    ("size", "stride", "dilation"),
    [(3, 1, 1), (3, 2, 1), (3, 1, 2), (3, 2, 2), (5, 1, 1), (5, 2, 1), (1, 2, 1), (3, 3, 1)],
)
@pytest.mark.parametrize(("height", "width"), [(7, 10), (8, 5), (6, 6), (2, 1)])
def test_gradient(padding: Padding, size: int, stride: int, dilation: int, height: int, width: int) -> None:
    x, kernel = arrays(height, width, size)
    own = partial(depthwise, stride=stride, dilation=dilation, padding=padding, form="shift")
    reference = partial(native, stride=stride, dilation=dilation, padding=padding)
    same(gradients(own, x, kernel), gradients(reference, x, kernel))


@pytest.mark.parametrize("stride", [1, 2])
def test_gradient_of_a_strip(stride: int) -> None:
    x, kernel = arrays(9, 6, 3)
    inside = np.array([False] + [True] * 7 + [False])
    own = partial(depthwise, stride=stride, padding="tensorflow", inside=inside, form="shift")
    reference = partial(depthwise, stride=stride, padding="tensorflow", inside=inside, form="native")
    found = gradients(own, x, kernel)
    same(found, gradients(reference, x, kernel))
    assert not np.asarray(found[0])[:, ~inside].any()  # nothing outside the picture was read


def test_gradient_of_a_gradient() -> None:
    x, kernel = arrays(5, 4, 3)

    def norm(function: Any, x: jax.Array, kernel: jax.Array) -> jax.Array:
        dx, dk = jax.grad(lambda x, k: jnp.sum(jnp.sin(function(x, k))), argnums=(0, 1))(x, kernel)
        return jnp.sum(dx**2) + jnp.sum(dk**2)

    own, reference = (
        jax.grad(partial(norm, function), argnums=(0, 1))(x, kernel)
        for function in (partial(depthwise, form="shift"), partial(depthwise, form="native"))
    )
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-3), own, reference)


def test_gradients_of_many_kernels() -> None:
    x, _ = arrays(6, 5, 3)
    kernels = np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32)
    of = partial(gradients, partial(depthwise, form="shift"))
    together = jax.vmap(of, in_axes=(None, 0))(x, kernels)
    for i, kernel in enumerate(kernels):
        same([field[i] for field in together], list(of(x, kernel)))


def test_gradient_keeps_the_precision_of_what_it_belongs_to() -> None:
    x, kernel = arrays(6, 5, 3)
    half = jnp.asarray(x, jnp.bfloat16), jnp.asarray(kernel, jnp.bfloat16)
    found = gradients(partial(depthwise, form="shift"), *half)
    assert [field.dtype for field in found] == [jnp.bfloat16] * 2
    for field, expected in zip(found, gradients(partial(depthwise, form="native"), x, kernel), strict=True):
        np.testing.assert_allclose(field.astype(np.float32), expected, rtol=0, atol=0.03 * np.abs(expected).max())


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_gradient_lowers_for_every_platform(platform: str) -> None:
    shapes = (jax.ShapeDtypeStruct((1, 8, 8, 4), jnp.float32), jax.ShapeDtypeStruct((3, 3, 4), jnp.float32))
    step = jax.jit(jax.grad(lambda x, kernel: jnp.sum(jnp.sin(depthwise(x, kernel))), argnums=(0, 1)))
    text = jax.export.export(step, platforms=[platform])(*shapes).mlir_module()
    assert ("stablehlo.convolution" in text) == (platform != "cpu")
