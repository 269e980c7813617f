"""The convolutions that every network here is made of, each in the form that is fast where it runs.

A depthwise 3x3 convolution as the sum of nine shifted products (`nets/depthwise_vjp.py`) gives the same values as XLA's
own and is 10 to 50 times faster on a CPU, its gradient too; on GPU and TPU, and for export to ONNX, the native
convolution is the one to use. A 1x1 convolution, and one whose windows lie side by side, is a matrix product everywhere
but in ONNX: the gradient of a 2x2 convolution of stride 2 takes half of a whole training step on a CPU. `form` chooses:
"auto" decides when the function is lowered, by the platform it is lowered for; "native" is for export to ONNX, and for
forward derivatives (`jax.jvp`), which the shifted form does not have.
Everything is NHWC, and padding keeps the size at stride 1. `padding` says on which side it lies: "symmetric" is
Caffe's and PyTorch's; "tensorflow" is that library's SAME, which pads no more than the last window needs, and an odd
rest after the picture, so that a stride of 2 on an even side pads nothing before it. A strip of rows cut out of a map
(`nets/strips.py`) brings its padding along, as rows of which `inside` says that they lie outside the picture.
"""

from collections.abc import Callable
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from jaxpose.nets.depthwise_vjp import Pads, shifted

Form = Literal["auto", "shift", "native"]
Padding = Literal["symmetric", "tensorflow"]
Activation = Callable[[Array], Array]
Inside = Bool[Array, "h"] | None  # which rows of a strip lie in the picture; None for a whole map


def depthwise(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "k k c"],
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: Padding = "symmetric",
    inside: Inside = None,
    form: Form = "auto",
) -> Float[Array, "b H W c"]:
    """Convolve each channel with its own k x k kernel."""
    x, pads = _padded_by(x, kernel.shape[0], stride, dilation, padding, inside)

    def shift(x: Array, kernel: Array) -> Array:
        return shifted(x, kernel, stride, dilation, pads)

    def native(x: Array, kernel: Array) -> Array:
        return _convolution(x, kernel[:, :, None, :], stride, dilation, pads, groups=x.shape[-1])

    if form == "auto":
        result: Array = lax.platform_dependent(x, kernel, cpu=shift, default=native)
        return result
    return shift(x, kernel) if form == "shift" else native(x, kernel)


def pointwise(
    x: Float[Array, "b h w c"], kernel: Float[Array, "c d"], *, form: Form = "auto"
) -> Float[Array, "b h w d"]:
    """A 1x1 convolution."""
    if form == "native":
        return _convolution(x, kernel[None, None], 1, 1, ((0, 0), (0, 0)))
    return jnp.dot(x.reshape(-1, x.shape[-1]), kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def dense(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "k k c d"],
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: Padding = "symmetric",
    inside: Inside = None,
    form: Form = "auto",
) -> Float[Array, "b H W d"]:
    """A convolution of all channels; of size 1, or with windows that lie side by side, it is a matrix product."""
    size = kernel.shape[0]
    if size == 1 and stride == 1:
        return pointwise(x, kernel[0, 0], form=form)
    x, pads = _padded_by(x, size, stride, dilation, padding, inside)
    if form != "native" and size == stride and not (np.any(pads) or any(np.mod(x.shape[1:3], size))):
        return pointwise(patches(x, size), kernel.reshape(-1, kernel.shape[-1]), form=form)
    return _convolution(x, kernel, stride, dilation, pads)


def patches(x: Float[Array, "b h w c"], size: int) -> Float[Array, "b h/k w/k k*k*c"]:
    """Each window of size x size cells as one cell, row by row; the sides are multiples of `size`."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // size, size, width // size, size, channels).swapaxes(2, 3)
    return x.reshape(batch, height // size, width // size, size * size * channels)


def _padded_by(x: Array, size: int, stride: int, dilation: int, padding: Padding, inside: Inside) -> tuple[Array, Pads]:
    """How many zeros stand before and after the rows and the columns; a strip's own padding rows become zeros."""
    reach = (size - 1) * dilation

    def pads(side: int) -> tuple[int, int]:
        if padding == "symmetric":
            return reach // 2, reach // 2
        needed = max((side - 1) // stride * stride + reach + 1 - side, 0)
        return needed // 2, needed - needed // 2

    if inside is None:
        return x, (pads(x.shape[1]), pads(x.shape[2]))
    return jnp.where(inside[:, None, None], x, 0), ((0, 0), pads(x.shape[2]))


def _convolution(x: Array, kernel: Array, stride: int, dilation: int, pads: Pads, groups: int = 1) -> Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        pads,
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
    padding: Padding = "symmetric"
    activation: Activation = jax.nn.relu
    form: Form = "auto"
    gain: float = 1.0  # of the kernel at random, by He et al.'s

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], inside: Inside = None) -> Float[Array, "b H W d"]:
        """Apply to a map, or to a strip with the rows around it."""
        initializer = nn.initializers.variance_scaling(2 * self.gain**2, "fan_in", "truncated_normal")
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", initializer, shape).astype(x.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,)).astype(x.dtype)
        y = dense(
            x,
            kernel,
            stride=self.stride,
            dilation=self.dilation,
            padding=self.padding,
            inside=inside,
            form=self.form,
        )
        return self.activation(y + bias)


class Depthwise(nn.Module):
    """A depthwise convolution with bias (unless `bias` is false) and activation."""

    size: int = 3
    stride: int = 1
    dilation: int = 1
    padding: Padding = "symmetric"
    bias: bool = True
    activation: Activation = jax.nn.relu
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], inside: Inside = None) -> Float[Array, "b H W c"]:
        """Apply to a map, or to a strip with the rows around it."""
        initializer = nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal", in_axis=(0, 1), out_axis=())
        kernel = self.param("kernel", initializer, (self.size, self.size, x.shape[-1])).astype(x.dtype)
        y = depthwise(
            x,
            kernel,
            stride=self.stride,
            dilation=self.dilation,
            padding=self.padding,
            inside=inside,
            form=self.form,
        )
        if self.bias:
            y = y + self.param("bias", nn.initializers.zeros, (x.shape[-1],)).astype(x.dtype)
        return self.activation(y)


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
        x = Depthwise(3, self.stride, self.dilation, activation=self.activation, form=self.form, name="depthwise")(x)
        return Conv(self.features, 1, activation=self.activation, form=self.form, name="pointwise")(x)
