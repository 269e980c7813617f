"""A depthwise convolution as shifted products, with a gradient of its own: what a CPU runs.

XLA derives from nine shifted products a gradient with nine reductions over the whole map, one for each weight of the
kernel. Here one scan over the rows of the result collects all nine at once while a row is in the cache, and the input's
gradient is again a convolution of shifted products, with the kernel turned around.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Pads = tuple[tuple[int, int], tuple[int, int]]
"""Zeros before and after the rows, and the columns."""


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def shifted(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c"], stride: int, dilation: int, pads: Pads
) -> Float[Array, "b H W c"]:
    """Convolve each channel with its own kernel. Reverse-mode derivatives only (`jax.grad`, not `jax.jvp`)."""
    return _products(_padded(x, pads), kernel, stride, dilation)


def _forward(x: Array, kernel: Array, stride: int, dilation: int, pads: Pads) -> tuple[Array, tuple[Array, Array]]:
    return shifted(x, kernel, stride, dilation, pads), (x, kernel)


def _backward(
    stride: int, dilation: int, pads: Pads, saved: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    x, kernel = saved
    return (
        _input_gradient(x, kernel, stride, dilation, pads, cotangent),
        _kernel_gradient(_padded(x, pads), len(kernel), stride, dilation, cotangent).astype(kernel.dtype),
    )


shifted.defvjp(_forward, _backward)


def _padded(x: Array, pads: Pads) -> Array:
    # The barrier keeps XLA from recomputing the padding inside each of the nine products.
    return lax.optimization_barrier(jnp.pad(x, ((0, 0), *pads, (0, 0))))


def _products(padded: Array, kernel: Array, stride: int, dilation: int) -> Array:
    size = len(kernel)
    height, width = ((side - (size - 1) * dilation - 1) // stride + 1 for side in padded.shape[1:3])
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


def _input_gradient(x: Array, kernel: Array, stride: int, dilation: int, pads: Pads, cotangent: Array) -> Array:
    """The cotangent, its cells `stride` apart, convolved with the kernel turned around."""
    reach = (len(kernel) - 1) * dilation
    spread = [(0, 0, 0)]
    for side, cells, (before, after) in zip(x.shape[1:3], cotangent.shape[1:3], pads, strict=True):
        unread = side + before + after - ((cells - 1) * stride + reach + 1)  # at the end, where the stride steps over
        spread.append((reach - before, reach - after + unread, stride - 1))
    wide = lax.optimization_barrier(lax.pad(cotangent, jnp.zeros((), cotangent.dtype), [*spread, (0, 0, 0)]))
    return _products(wide, kernel[::-1, ::-1], 1, dilation)


def _kernel_gradient(padded: Array, size: int, stride: int, dilation: int, cotangent: Array) -> Array:
    """For each weight the sum over all cells of what it was multiplied with, times the cotangent."""
    _, height, width, channels = cotangent.shape
    span = (width - 1) * stride + 1

    def add(totals: list[Array], row: Array) -> tuple[list[Array], None]:
        above = lax.dynamic_index_in_dim(cotangent, row, 1, keepdims=False)
        sums = []
        for i in range(size):
            read = lax.dynamic_index_in_dim(padded, row * stride + i * dilation, 1, keepdims=False)
            for j in range(size):
                tap = read[:, j * dilation : j * dilation + span : stride]
                sums.append(totals[i * size + j] + (tap * above).astype(jnp.float32))
        return sums, None

    zeros = [jnp.zeros((len(padded), width, channels), jnp.float32)] * size**2
    totals, _ = lax.scan(add, zeros, jnp.arange(height))
    return jnp.stack([total.sum((0, 1)) for total in totals]).reshape(size, size, channels)
