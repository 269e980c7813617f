"""[device] The joints of one person from heatmaps: what top-down networks do in place of looking for many peaks.

Each joint lies at its map's highest cell, moved within it by one of two rules. `quarter` goes a quarter of a cell
towards the higher neighbour, in x and in y (HRNet, Sun et al., CVPR 2019, section 4.1). `dark` takes the map for a
Gaussian and goes to its top by the first two derivatives of the logarithm there, after smoothing (Zhang et al.,
"Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020, Eq. 5 to 10).
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int

from jaxpose.skeletons import Skeleton

Refinement = Literal["quarter", "dark"]

TINY = 1e-6
"""Below this, logarithms are not taken."""


def find_joints(
    heatmaps: Float[Array, "n h w j"], stride: int, refinement: Refinement = "quarter", sigma: float = 8.0
) -> Float32[Array, "n j 3"]:
    """Each joint's x, y in pixels of the crop, and its score: the height of the map, 0 at least.

    Cell (x, y) stands at stride / 2 - 0.5 + stride * (x, y). `sigma` is that of the Gaussians that the network was
    trained on, in pixels: what `dark` smooths by. Pure and jittable, with all but the maps static.
    """
    n, h, w, j = heatmaps.shape
    flat = heatmaps.reshape(n, h * w, j)
    best = flat.argmax(1)  # [n j]
    score = jnp.take_along_axis(flat, best[:, None], axis=1)[:, 0]
    x, y = best % w, best // w
    dark = refinement == "dark"
    moved = _dark(_smoothed(heatmaps, sigma / stride), x, y) if dark else _quarter(heatmaps, x, y)
    places = (jnp.stack([x, y], axis=-1) + moved) * stride + (stride - 1) / 2
    return jnp.concatenate([places, jnp.maximum(score, 0)[..., None]], axis=-1).astype(jnp.float32)


def unflip(heatmaps: Float[Array, "n h w j"], skeleton: Skeleton, shift: int = 0) -> Float[Array, "n h w j"]:
    """Heatmaps of mirrored crops as those of the crops themselves: turned back, with left and right exchanged.

    The flip test is the mean of the two. `shift` moves the maps by so many cells to the right, the left column staying
    as it is: 0 for a network whose cells stand where `find_joints` says, since these are mirrored onto each other, and
    1 for one that was trained with the first cell at pixel 0, as HRNet's program does. Its mirrored maps come back
    1 - 1 / stride of a cell too far to the left.
    """
    turned = heatmaps[:, :, ::-1, jnp.array(skeleton.flip)]
    if not shift:
        return turned
    return jnp.concatenate([turned[:, :, :shift], turned[:, :, :-shift]], axis=2)


def _at(heatmaps: Float[Array, "n h w j"], x: Int[Array, "n j"], y: Int[Array, "n j"]) -> Float[Array, "n j"]:
    """One cell of each map; beyond the border the nearest."""
    n, h, w, j = heatmaps.shape
    cell = jnp.clip(y, 0, h - 1) * w + jnp.clip(x, 0, w - 1)
    return jnp.take_along_axis(heatmaps.reshape(n, h * w, j), cell[:, None], axis=1)[:, 0]


def _quarter(heatmaps: Float[Array, "n h w j"], x: Int[Array, "n j"], y: Int[Array, "n j"]) -> Float[Array, "n j 2"]:
    """A quarter of a cell towards the higher neighbour; none at the border, where one neighbour is missing."""
    _, h, w, _ = heatmaps.shape
    across = jnp.sign(_at(heatmaps, x + 1, y) - _at(heatmaps, x - 1, y)) * ((x > 0) & (x < w - 1))
    down = jnp.sign(_at(heatmaps, x, y + 1) - _at(heatmaps, x, y - 1)) * ((y > 0) & (y < h - 1))
    return 0.25 * jnp.stack([across, down], axis=-1)


def _smoothed(heatmaps: Float[Array, "n h w j"], sigma: float) -> Float[Array, "n h w j"]:
    """By a Gaussian of `sigma` cells, cut off at three of them, each map as high as before."""
    reach = max(1, round(3 * sigma))
    weights = np.exp(-np.square(np.arange(-reach, reach + 1)) / (2 * sigma**2))
    weights /= weights.sum()
    smooth = heatmaps
    for axis in (1, 2):
        pads = [(reach, reach) if each == axis else (0, 0) for each in range(4)]
        padded, size = jnp.pad(smooth, pads), heatmaps.shape[axis]
        parts = [
            float(weight) * jax.lax.slice_in_dim(padded, i, i + size, axis=axis) for i, weight in enumerate(weights)
        ]
        smooth = sum(parts[1:], parts[0])
    peak, before = (jnp.maximum(maps.max((1, 2), keepdims=True), TINY) for maps in (smooth, heatmaps))
    return smooth * before / peak


def _dark(smooth: Float[Array, "n h w j"], x: Int[Array, "n j"], y: Int[Array, "n j"]) -> Float[Array, "n j 2"]:
    """The way to the top of the Gaussian by its logarithm; none within a cell of the border, or where it has no top."""
    _, h, w, _ = smooth.shape

    def log(across: int, down: int) -> Float[Array, "n j"]:
        return jnp.log(jnp.maximum(_at(smooth, x + across, y + down), TINY))

    here = log(0, 0)
    dx, dy = 0.5 * (log(1, 0) - log(-1, 0)), 0.5 * (log(0, 1) - log(0, -1))
    dxx, dyy = log(1, 0) - 2 * here + log(-1, 0), log(0, 1) - 2 * here + log(0, -1)
    dxy = 0.25 * (log(1, 1) - log(-1, 1) - log(1, -1) + log(-1, -1))
    determinant = dxx * dyy - dxy**2
    top = (dxx < 0) & (determinant > 0) & (x > 0) & (x < w - 1) & (y > 0) & (y < h - 1)
    safe = jnp.where(top, determinant, 1)
    way = jnp.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], axis=-1) / safe[..., None]
    return jnp.where(top[..., None], jnp.clip(way, -1, 1), 0)
