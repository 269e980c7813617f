"""The shifted and the native forms of the convolutions agree, and both with a plain loop in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.nets.layers import Conv, Depthwise, Form, depthwise, pointwise


def loop(x: np.ndarray, kernel: np.ndarray, stride: int, dilation: int) -> np.ndarray:
    size = len(kernel)
    pad = (size - 1) // 2 * dilation
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    height, width = -(-x.shape[1] // stride), -(-x.shape[2] // stride)
    out = np.zeros((len(x), height, width, x.shape[-1]))
    for row in range(height):
        for column in range(width):
            for i in range(size):
                for j in range(size):
                    tap = padded[:, row * stride + i * dilation, column * stride + j * dilation]
                    out[:, row, column] += tap * kernel[i, j]
    return out


@pytest.mark.parametrize("form", ["auto", "shift", "native"])
@pytest.mark.parametrize(("size", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (3, 1, 2), (5, 1, 1), (3, 2, 2)])
def test_depthwise(form: Form, size: int, stride: int, dilation: int) -> None:
    rng = np.random.default_rng(0)
    for height, width in ((7, 10), (8, 5)):
        x, kernel = rng.normal(size=(2, height, width, 3)), rng.normal(size=(size, size, 3))
        expected = loop(x, kernel, stride, dilation)
        found = jax.jit(depthwise, static_argnames=("stride", "dilation", "form"))(
            x.astype(np.float32), kernel.astype(np.float32), stride=stride, dilation=dilation, form=form
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["auto", "native"])
def test_pointwise(form: Form) -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(5, 6))
    found = pointwise(x.astype(np.float32), kernel.astype(np.float32), form=form)
    np.testing.assert_allclose(found, x @ kernel, rtol=1e-4, atol=1e-5)


def test_gradients_of_the_forms_agree() -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(1, 6, 7, 4)).astype(np.float32), rng.normal(size=(3, 3, 4)).astype(np.float32)

    def loss(x: jax.Array, kernel: jax.Array, form: Form) -> jax.Array:
        return jnp.sum(jnp.sin(depthwise(x, kernel, form=form)))

    grads = [jax.grad(loss, argnums=(0, 1))(x, kernel, form) for form in ("auto", "shift", "native")]
    for other in grads[1:]:
        for a, b in zip(grads[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_forms_share_their_parameters() -> None:
    x = jnp.ones((1, 8, 8, 4))
    for module in (Depthwise, lambda form: Conv(6, 1, form=form)):
        params = module(form="shift").init(jax.random.key(0), x)
        shift, native = module(form="shift").apply(params, x), module(form="native").apply(params, x)
        np.testing.assert_allclose(shift, native, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_lowers_for_every_platform(platform: str) -> None:
    shape = (jax.ShapeDtypeStruct((1, 8, 8, 4), jnp.float32), jax.ShapeDtypeStruct((3, 3, 4), jnp.float32))
    text = jax.export.export(jax.jit(depthwise), platforms=[platform])(*shape).mlir_module()
    assert ("stablehlo.convolution" in text) == (platform != "cpu")
