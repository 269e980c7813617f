"""Writes single pictures: PNGs of overlays, samples, plots and strips."""

import os
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from jaxpose.errors import writing


def write_png(path: str | os.PathLike[str], image: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write an RGB picture; raises `OutputError` if it cannot be written."""
    _, data = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))
    with writing(path):
        Path(path).write_bytes(data.tobytes())
