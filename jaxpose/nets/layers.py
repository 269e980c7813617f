"""The convolutions that every network here is made of, each in the form that is fast where it runs.

A depthwise 3x3 convolution as the sum of nine shifted products gives the same values as XLA's own and is 10 to 50 times
faster on a CPU; on GPU and TPU, and for export to ONNX, the native convolution is the one to use. A 1x1 convolution is
a matrix product everywhere but in ONNX. `form` chooses: "auto" decides when the function is lowered, by the platform it
is lowered for; "native" is for export to ONNX.
Everything is NHWC; padding keeps the size at stride 1 and is symmetric (Caffe's and PyTorch's, not TensorFlow's).
"""

from collections.abc import Callable
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Form = Literal["auto", "shift", "native"]
Activation = Callable[[Array], Array]


def depthwise(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "k k c"],
    *,
    stride: int = 1,
    dilation: int = 1,
    form: Form = "auto",
) -> Float[Array, "b H W c"]:
    """Convolve each channel with its own k x k kernel."""

    def shift(x: Array, kernel: Array) -> Array:
        return _depthwise_shift(x, kernel, stride, dilation)

    def native(x: Array, kernel: Array) -> Array:
        return _convolution(x, kernel[:, :, None, :], stride, dilation, groups=x.shape[-1])

    if form == "auto":
        result: Array = lax.platform_dependent(x, kernel, cpu=shift, default=native)
        return result
    return shift(x, kernel) if form == "shift" else native(x, kernel)


def _depthwise_shift(x: Array, kernel: Array, stride: int, dilation: int) -> Array:
    size = kernel.shape[0]
    pad = (size - 1) // 2 * dilation
    height, width = ((side - 1) // stride + 1 for side in x.shape[1:3])
    # The barrier keeps XLA from recomputing the padding inside each of the nine products.
    padded = lax.optimization_barrier(jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0))))
    total = None
    for row in range(size):
        for column in range(size):
            top, left = row * dilation, column * dilation
            tap = padded[
                :,
                top : top + (height - 1) * stride + 1 : stride,
                left : left + (width - 1) * stride + 1 : stride,
            ]
            product = tap * kernel[row, column]
            total = product if total is None else total + product
    assert total is not None
    return total


def pointwise(
    x: Float[Array, "b h w c"], kernel: Float[Array, "c d"], *, form: Form = "auto"
) -> Float[Array, "b h w d"]:
    """A 1x1 convolution."""
    if form == "native":
        return _convolution(x, kernel[None, None], 1, 1)
    return jnp.dot(x.reshape(-1, x.shape[-1]), kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def _convolution(x: Array, kernel: Array, stride: int, dilation: int, groups: int = 1) -> Array:
    pad = (kernel.shape[0] - 1) // 2 * dilation
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        [(pad, pad), (pad, pad)],
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def identity(x: Array) -> Array:
    """No activation."""
    return x


class Conv(nn.Module):
    """A dense convolution with bias and activation; `size` 1 is a matrix product."""

    features: int
    size: int = 3
    stride: int = 1
    dilation: int = 1
    activation: Activation = jax.nn.relu
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        """Apply to a map."""
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape).astype(x.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,)).astype(x.dtype)
        if self.size == 1 and self.stride == 1:
            return self.activation(pointwise(x, kernel[0, 0], form=self.form) + bias)
        return self.activation(_convolution(x, kernel, self.stride, self.dilation) + bias)


class Depthwise(nn.Module):
    """A depthwise convolution with bias and activation."""

    size: int = 3
    stride: int = 1
    dilation: int = 1
    activation: Activation = jax.nn.relu
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
        """Apply to a map."""
        initializer = nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal", in_axis=(0, 1), out_axis=())
        kernel = self.param("kernel", initializer, (self.size, self.size, x.shape[-1])).astype(x.dtype)
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],)).astype(x.dtype)
        y = depthwise(x, kernel, stride=self.stride, dilation=self.dilation, form=self.form)
        return self.activation(y + bias)


class Separable(nn.Module):
    """A depthwise 3x3 convolution, then a 1x1 convolution, each with bias and activation (MobileNetV1's layer)."""

    features: int
    stride: int = 1
    dilation: int = 1
    activation: Activation = jax.nn.relu
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        """Apply to a map."""
        x = Depthwise(3, self.stride, self.dilation, self.activation, self.form, name="depthwise")(x)
        return Conv(self.features, 1, activation=self.activation, form=self.form, name="pointwise")(x)
