"""Pictures brought to the size that a network takes (`geometry.fit_input` says which)."""

import cv2
import numpy as np
from jaxtyping import UInt8

from jaxpose.geometry import Fit


def apply_fit(image: UInt8[np.ndarray, "h w 3"], fit: Fit) -> UInt8[np.ndarray, "H W 3"]:
    """The picture scaled into the top left of the input; mid grey fills the rest."""
    height, width = image.shape[:2]
    content = (
        min(fit.width, max(1, round(width * fit.scale))),
        min(fit.height, max(1, round(height * fit.scale))),
    )
    if content == (width, height):
        scaled = image
    else:
        scaled = cv2.resize(image, content, interpolation=cv2.INTER_AREA if fit.scale < 0.5 else cv2.INTER_LINEAR)
    if content == (fit.width, fit.height):
        return np.ascontiguousarray(scaled)
    padded = np.full((fit.height, fit.width, 3), 128, np.uint8)
    padded[: content[1], : content[0]] = scaled
    return padded
