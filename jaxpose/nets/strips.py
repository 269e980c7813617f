"""[device] Wide maps in strips of rows: how a CPU computes the part of a network where maps are largest.

A map of 192x336 cells and 144 channels is 37 MB: it leaves the cache between one layer and the next, and the memory for
it is fetched from the system anew in every run. In strips a few layers run over some rows at a time, from their input
to their output, and the wide maps between them never exist as a whole. The values are the same; the rows around a strip
are computed twice. On a GPU or TPU the layers run over the whole map.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxpose.nets.layers import Form, Inside

ROWS = 16
"""Rows of a strip's output."""


def in_strips(
    module: nn.Module,
    x: Float[Array, "b h w c"],
    *,
    method: str = "__call__",
    form: Form,
    stride: int,
    before: int,
    after: int,
) -> Any:
    """What `module.method(x)` gives, computed in strips where that is faster: a tree of maps `[b, h / stride, W, d]`.

    The method is also to take strips, `(x, inside)`: rows with all the rows around them that its layers read, and which
    of them lie in the picture; those outside hold no meaning and must count as zeros in every layer (`nets/layers.py`
    sees to it). An output row `r` reads the rows `stride * r - before` to `stride * r + stride - 1 + after` of `x`.
    """
    height = x.shape[1] // stride
    if module.is_initializing() or form == "native" or height <= ROWS or x.shape[1] % stride:
        return getattr(module, method)(x)
    # A bound module cannot be called inside a loop or a branch: an unbound one takes the parameters as an argument.
    unbound, params = module.clone(parent=None, name=None), module.variables["params"]

    def whole(params: Any, x: Array) -> Any:
        return unbound.apply({"params": params}, x, method=method)

    def strips(params: Any, x: Array) -> Any:
        count, need = -(-height // ROWS), stride * ROWS + before + after
        bottom = max(stride * ROWS * (count - 1) + need - before - x.shape[1], 0)
        padded = jnp.pad(x, ((0, 0), (before, bottom), (0, 0), (0, 0)))

        def strip(first: Array) -> Any:
            row = first - before + jnp.arange(need)
            rows = lax.dynamic_slice_in_dim(padded, first, need, axis=1)
            return unbound.apply({"params": params}, rows, (row >= 0) & (row < x.shape[1]), method=method)

        def join(parts: Array) -> Array:
            rows = jnp.moveaxis(parts, 0, 1)
            return rows.reshape(len(x), count * ROWS, *rows.shape[3:])[:, :height]

        return jax.tree.map(join, lax.map(strip, stride * ROWS * jnp.arange(count)))

    if form == "shift":
        return strips(params, x)
    return lax.platform_dependent(params, x, cpu=strips, default=whole)


def thin(inside: Inside, stride: int = 1) -> Inside:
    """Which rows of a strip lie in the picture after a 3x3 convolution that is padded as TensorFlow does.

    At stride 2 the picture has an even number of rows, and the strip begins with an even one.
    """
    if inside is None:
        return None
    return inside[1:-1] if stride == 1 else inside[:-1:2]
