"""Weights as whole numbers of one byte with a scale for each output channel: half of fp16's size, for packaged files.

`store` writes an `Int8` among a model's arrays as it is, and gives float32 back when the file is loaded: networks run
in floating point, nothing but the file is smaller.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32
from jaxtyping import Int8 as Bytes

SCALE = ":scale"
"""Behind an array's name: the name of its scales in a file."""


class Int8(NamedTuple):
    """An array as `values * scale`; the scale belongs to the last axis, which is that of a kernel's output channels."""

    values: Bytes[np.ndarray, "*n c"]
    scale: Float32[np.ndarray, "c"]


def quantize(array: Float32[np.ndarray, "*n c"]) -> Int8:
    """The nearest whole steps, 127 of them to each channel's largest value."""
    largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return Int8(np.round(array / scale).astype(np.int8), scale)


def to_file(flat: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Arrays by name as a file holds them: two for each `Int8`."""
    stored: dict[str, np.ndarray] = {}
    for key, value in flat.items():
        parts = {key: value.values, key + SCALE: value.scale} if isinstance(value, Int8) else {key: value}
        stored |= {name: np.ascontiguousarray(part) for name, part in parts.items()}
    return stored


def from_file(stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays by name, as float32; `KeyError` for scales without their values."""
    flat = {key: value.astype(np.float32) for key, value in stored.items() if not key.endswith(SCALE)}
    for key, scale in stored.items():
        if key.endswith(SCALE):
            flat[key.removesuffix(SCALE)] *= scale
    return flat
