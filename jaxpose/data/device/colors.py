"""[device] Colours as `data.colors` changes them: one affine map, then blur and noise; JPEG's traces are not made here.

The host codes a picture as JPEG once more, for which there is nothing on a device.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxpose.data.colors import LUMA, MIDDLE
from jaxpose.data.config import ColorConfig
from jaxpose.data.device.placing import between


def recolor(key: Array, image: Float[Array, "h w 3"], config: ColorConfig) -> Float[Array, "h w 3"]:
    """A picture in RGB, of 255 levels, with drawn colours; what the config has no share of costs nothing."""
    chances = jax.random.uniform(key, (9,))
    if any((config.brightness, config.contrast, config.saturation, config.hue, config.grey)):
        most = jnp.array([config.brightness, config.contrast, config.saturation, config.hue])
        brightness, contrast, saturation, hue = between(chances[:4], -1, 1) * most
        grey = chances[4] < config.grey
        colors = color_map(brightness, contrast, jnp.where(grey, -1.0, saturation), hue)
        red, green, blue = (image[..., channel, None] for channel in range(3))
        changed = red * colors[:, 0] + green * colors[:, 1] + blue * colors[:, 2] + colors[:, 3]
        image = jnp.clip(changed, 0, 255)
    if config.blur:
        sigma, reach = chances[6] * config.blur_sigma, round(3 * config.blur_sigma)
        image = jax.lax.cond(chances[5] < config.blur, lambda: blurred(image, sigma, reach), lambda: image)
    if config.noise:

        def noisy() -> Array:
            noise = jax.random.normal(jax.random.fold_in(key, 1), image.shape)
            return jnp.clip(image + noise * chances[8] * config.noise_sigma, 0, 255)

        image = jax.lax.cond(chances[7] < config.noise, noisy, lambda: image)
    return image


def color_map(
    brightness: Float[Array, ""], contrast: Float[Array, ""], saturation: Float[Array, ""], hue: Float[Array, ""]
) -> Float[Array, "3 4"]:
    """The map of `data.colors.color_map` from (R, G, B, 1)."""
    turn = jnp.radians(hue)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    around = jnp.cos(turn) * np.eye(3) + jnp.sin(turn) * axis + (1 - jnp.cos(turn)) / 3
    saturated = (1 + saturation) * np.eye(3) - saturation * LUMA
    linear = (1 + contrast) * jnp.matmul(saturated, around, precision=jax.lax.Precision.HIGHEST)
    shift = MIDDLE - linear.sum(axis=1) * MIDDLE + 255 * brightness
    return jnp.concatenate([linear, shift[:, None]], axis=1).astype(jnp.float32)


def blurred(image: Float[Array, "h w 3"], sigma: Float[Array, ""], reach: int) -> Float[Array, "h w 3"]:
    """Smoothed by a Gaussian of `sigma` pixels, cut off at `reach`; the picture is mirrored at its edges."""
    away = jnp.arange(-reach, reach + 1)
    weights = jnp.exp(-jnp.square(away) / (2 * jnp.square(jnp.maximum(sigma, 1e-3))))
    weights /= weights.sum()
    for axis in (0, 1):
        pads = [(reach, reach) if each == axis else (0, 0) for each in range(3)]
        padded, size = jnp.pad(image, pads, mode="reflect"), image.shape[axis]
        image = sum(
            (weights[i] * jax.lax.slice_in_dim(padded, i, i + size, axis=axis) for i in range(2 * reach + 1)),
            jnp.zeros_like(image),
        )
    return image
