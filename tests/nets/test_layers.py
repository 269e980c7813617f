"""The shifted and the native forms of the convolutions agree, and both with a plain loop in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.nets.layers import Conv, Depthwise, Form, Padding, depthwise, identity, patches, pointwise


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


@pytest.mark.parametrize("form", ["auto", "shift", "native"])
@pytest.mark.parametrize(
    ("size", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (5, 2, 1), (3, 1, 2), (3, 2, 2), (1, 2, 1), (3, 3, 1)]
)
@pytest.mark.parametrize(("height", "width"), [(7, 10), (8, 5), (2, 1)])
def test_padding_of_tensorflow(form: Form, size: int, stride: int, dilation: int, height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, height, width, 3)).astype(np.float32)
    layers = {
        "dense": Conv(4, size, stride, dilation, "tensorflow", jnp.tanh, form),
        "depthwise": Depthwise(size, stride, dilation, "tensorflow", activation=jnp.tanh, form=form),
    }
    for kind, layer in layers.items():
        kernel = rng.normal(size=(size, size, 3, 4) if kind == "dense" else (size, size, 3)).astype(np.float32)
        bias = rng.normal(size=kernel.shape[-1]).astype(np.float32)
        found = layer.apply({"params": {"kernel": kernel, "bias": bias}}, x)
        expected = jax.lax.conv_general_dilated(
            x,
            kernel if kind == "dense" else kernel[:, :, None],
            (stride, stride),
            "SAME",
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=1 if kind == "dense" else 3,
        )
        np.testing.assert_allclose(found, jnp.tanh(expected + bias), rtol=1e-4, atol=1e-5)


def test_depthwise_without_bias() -> None:
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 3)).astype(np.float32)
    module = Depthwise(bias=False, activation=identity)
    variables = module.init(jax.random.key(0), x)
    assert set(variables["params"]) == {"kernel"}
    expected = loop(x, np.asarray(variables["params"]["kernel"], np.float64), 1, 1)
    np.testing.assert_allclose(module.apply(variables, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["auto", "native"])
@pytest.mark.parametrize("stride", [1, 2])
def test_rows_outside_the_picture_count_as_zeros(form: Form, stride: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 5, 3)).astype(np.float32)
    first = 1 if stride == 1 else 0  # of the picture's rows in the strip
    strip = np.full((2, 8, 5, 3), np.nan, np.float32)
    strip[:, first : first + 6] = x
    inside = np.isfinite(strip[0, :, 0, 0])
    for layer in (Conv(4, 3, stride, padding="tensorflow"), Depthwise(3, stride, padding="tensorflow", form=form)):
        variables = layer.init(jax.random.key(0), x)
        whole, cut = layer.apply(variables, x), layer.apply(variables, strip, inside)
        np.testing.assert_allclose(cut[:, : whole.shape[1]], whole, rtol=1e-5, atol=1e-6)


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


def test_patches_are_the_windows_row_by_row() -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 9, 4)).astype(np.float32)
    found = patches(x, 3)
    assert found.shape == (2, 2, 3, 36)
    for row in range(2):
        for column in range(3):
            window = x[:, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
            np.testing.assert_array_equal(found[:, row, column], window.reshape(2, 36))


def convolutions(layer: Conv, x: np.ndarray, inside: np.ndarray | None = None) -> int:
    """How many of XLA's convolutions a layer is made of."""
    variables = layer.init(jax.random.key(0), x)
    return str(jax.make_jaxpr(lambda x: layer.apply(variables, x, inside))(x)).count("conv_general_dilated")


@pytest.mark.parametrize(
    ("size", "padding", "height", "width"),
    [(2, "symmetric", 6, 8), (2, "tensorflow", 6, 8), (3, "tensorflow", 6, 9), (4, "tensorflow", 4, 8)],
)
def test_windows_side_by_side_are_a_matrix_product(size: int, padding: Padding, height: int, width: int) -> None:
    """Values and gradients, in float64, against XLA's convolution."""
    rng = np.random.default_rng(size)
    with jax.enable_x64(True):
        x, kernel = rng.normal(size=(2, height, width, 3)), rng.normal(size=(size, size, 3, 5))
        bias = rng.normal(size=5)
        layer = Conv(5, size, size, padding=padding, activation=jnp.tanh)

        def ours(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
            result: jax.Array = layer.apply({"params": {"kernel": kernel, "bias": bias}}, x)
            return result

        def theirs(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
            numbers = ("NHWC", "HWIO", "NHWC")
            y = jax.lax.conv_general_dilated(x, kernel, (size, size), "VALID", dimension_numbers=numbers)
            return jnp.tanh(y + bias)

        assert convolutions(layer, x) == 0
        assert ours(x, kernel, bias).dtype == jnp.float64
        np.testing.assert_allclose(ours(x, kernel, bias), theirs(x, kernel, bias), rtol=1e-12, atol=1e-13)
        weights = rng.normal(size=theirs(x, kernel, bias).shape)
        grads = [
            jax.grad(lambda *args, f=f: jnp.sum(weights * f(*args)), argnums=(0, 1, 2))(x, kernel, bias)
            for f in (ours, theirs)
        ]
        for a, b in zip(*grads, strict=True):
            assert float(jnp.abs(b).max()) > 0.1
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_windows_that_overlap_or_reach_out_stay_a_convolution() -> None:
    def x(height: int, width: int) -> np.ndarray:
        return np.zeros((1, height, width, 3), np.float32)

    inside = np.ones(6, bool)
    assert convolutions(Conv(4, 2, 2, form="native"), x(6, 8)) == 1
    assert convolutions(Conv(4, 3, 3), x(6, 9)) == 1  # is padded
    assert convolutions(Conv(4, 3, 2, padding="tensorflow"), x(6, 8)) == 1
    assert convolutions(Conv(4, 2, 2, dilation=2, padding="tensorflow"), x(6, 8)) == 1
    for height, width in ((7, 8), (6, 7), (7, 7)):
        for padding in ("symmetric", "tensorflow"):
            assert convolutions(Conv(4, 2, 2, padding=padding), x(height, width)) == 1
    assert convolutions(Conv(4, 2, 2, padding="tensorflow"), x(6, 8), inside) == 0  # a strip too
    assert convolutions(Conv(4, 2, 2, padding="tensorflow"), x(7, 8), np.ones(7, bool)) == 1


@pytest.mark.parametrize(("height", "width"), [(7, 8), (6, 7), (7, 7)])
def test_odd_sides_give_what_the_convolution_gives(height: int, width: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype(np.float32)
    for padding, pads in (("symmetric", "VALID"), ("tensorflow", "SAME")):
        layer = Conv(4, 2, 2, padding=padding, activation=identity)
        variables = layer.init(jax.random.key(0), x)
        kernel = variables["params"]["kernel"]
        expected = jax.lax.conv_general_dilated(x, kernel, (2, 2), pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        np.testing.assert_allclose(layer.apply(variables, x), expected, rtol=1e-5, atol=1e-6)


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
