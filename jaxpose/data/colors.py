"""Colours: one affine map for brightness, contrast, saturation and hue; then blur, noise and JPEG's traces.

`draw_look` decides once for a sample, so that the frames of a clip look alike; `apply` also turns OpenCV's BGR to RGB.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from jaxpose.data.config import ColorConfig

LUMA = np.array([0.299, 0.587, 0.114])  # of red, green, blue (ITU-R BT.601)
MIDDLE = 127.5


class Look(NamedTuple):
    """What happens to the colours of all frames of a sample."""

    colors: Float64[np.ndarray, "3 4"] | None  # from (R, G, B, 1) to (R, G, B), of 255 levels
    blur: float  # sigma in pixels, 0: none
    noise: float  # sigma in levels, 0: none
    jpeg: int  # quality, 0: none


def draw_look(rng: np.random.Generator, config: ColorConfig) -> Look:
    """Drawn amounts. Each is drawn, used or not, so that one setting does not change what others come out as."""
    brightness, contrast, saturation, hue = rng.uniform(-1, 1, 4) * (
        config.brightness, config.contrast, config.saturation, config.hue,
    )  # fmt: skip
    grey, blur, noise, jpeg = rng.random(4) < (config.grey, config.blur, config.noise, config.jpeg)
    blur_sigma, noise_sigma = rng.random(2) * (config.blur_sigma, config.noise_sigma)
    quality = rng.integers(*config.jpeg_quality, endpoint=True)
    colors = color_map(brightness, contrast, -1.0 if grey else saturation, hue)
    plain = np.array_equal(colors, np.eye(3, 4))
    return Look(
        None if plain else colors,
        float(blur_sigma) if blur else 0.0,
        float(noise_sigma) if noise else 0.0,
        int(quality) if jpeg else 0,
    )


def color_map(brightness: float, contrast: float, saturation: float, hue: float) -> Float64[np.ndarray, "3 4"]:
    """The map from (R, G, B, 1): hue turns by degrees, -1 of saturation gives grey, -1 of contrast one level."""
    turn = math.radians(hue)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)  # the turn around grey, as a cross product
    around = math.cos(turn) * np.eye(3) + math.sin(turn) * axis + (1 - math.cos(turn)) / 3
    saturated = (1 + saturation) * np.eye(3) - saturation * LUMA
    linear = (1 + contrast) * saturated @ around
    return np.column_stack([linear, MIDDLE - linear.sum(axis=1) * MIDDLE + 255 * brightness])


def apply(look: Look, image: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """A BGR picture as RGB with that look; the noise is another in each frame."""
    if look.colors is None:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    else:
        image = cv2.transform(image, look.colors[:, [2, 1, 0, 3]])
    if look.blur > 0:
        image = cv2.GaussianBlur(image, (0, 0), look.blur)
    if look.noise > 0:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(look.noise)
        image = np.clip(np.round(image + noise), 0, 255).astype(np.uint8)
    if look.jpeg > 0:
        _, coded = cv2.imencode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, look.jpeg))
        image = cv2.cvtColor(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
    return image
