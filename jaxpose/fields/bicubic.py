"""Bicubic resizing of maps, as OpenCV's `INTER_CUBIC` does it: for the `exact` decoding and maps of several scales.

The kernel is Keys' with a = -0.75 (`jax.image.resize` has a = -0.5, which is up to 0.07 apart on a peak); what lies
beyond a map is its outermost cell. Each axis is one product with a constant matrix.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Float32

A = -0.75
"""The kernel's slope at distance 1."""


def cubic_weights(ahead: Any) -> tuple[Any, Any, Any, Any]:
    """The weights of the cells -1, 0, 1 and 2 at points that lie `ahead` (0 to 1) of cell 0; they sum to 1.

    `ahead` is an array of any shape, of JAX or NumPy, and so is each weight.

    Keys, "Cubic convolution interpolation for digital image processing", 1981, equation 4 with its free constant A.
    """
    first, last = ahead + 1, 2 - ahead
    rest = 1 - ahead
    before = ((A * first - 5 * A) * first + 8 * A) * first - 4 * A
    here = ((A + 2) * ahead - (A + 3)) * ahead * ahead + 1
    after = ((A + 2) * rest - (A + 3)) * rest * rest + 1
    behind = ((A * last - 5 * A) * last + 8 * A) * last - 4 * A
    return before, here, after, behind


def cubic_matrix(source: int, target: int, scale: float) -> Float32[np.ndarray, "t s"]:
    """The matrix that makes `target` cells of `source` ones; one of the latter is as long as `scale` of the former.

    The outer corners of the first cells coincide, so cell i lies at (i + 0.5) / scale - 0.5 of the source. A scale
    below 1 picks values without smoothing them first, as OpenCV does.
    """
    place = (np.arange(target) + 0.5) / scale - 0.5
    cell = np.floor(place).astype(int)
    matrix = np.zeros((target, source))
    for step, weight in zip((-1, 0, 1, 2), cubic_weights(place - cell), strict=True):
        np.add.at(matrix, (np.arange(target), np.clip(cell + step, 0, source - 1)), weight)
    return matrix.astype(np.float32)


def resize(maps: Float[Array, "b h w c"], height: int, width: int, scale: float) -> Float[Array, "b H W c"]:
    """Maps on a grid of `height` x `width` cells, `scale` of which are as long as one of theirs."""
    h, w = maps.shape[1:3]
    down, across = cubic_matrix(h, height, scale), cubic_matrix(w, width, scale)
    rows = jnp.einsum("bhwc,Ww->bhWc", maps, across, precision=lax.Precision.HIGHEST)
    return jnp.einsum("Hh,bhWc->bHWc", down, rows, precision=lax.Precision.HIGHEST)
