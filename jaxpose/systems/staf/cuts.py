"""[host] Scene cuts: where two pictures in a row have nothing to do with each other, so that the carry must be reset.

What is compared is how the pictures look from afar, in two ways. A cut must show in both, since each is blind to what
the other is misled by: a moving camera keeps the colours, a flash or a fade keeps what is bright beside what is dark.
And it must stand out from the pictures before, of which a fast camera makes each a little new.
"""

import math
from collections import deque
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from jaxpose.systems.staf.tracker_config import CutConfig

SIZE, COARSE = (64, 36), (32, 18)
"""Width and height of the pictures whose colours, and whose brightness, are compared."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue in brightness (ITU-R BT.601)."""


class Look(NamedTuple):
    """A picture from afar: brightness cell by cell, its mean taken away, and the share of each of 64 colours."""

    brightness: Float32[np.ndarray, "h w"]
    colors: Float64[np.ndarray, "64"]


def look(image: UInt8[np.ndarray, "h w 3"]) -> Look:
    """A picture from afar. Colours are told apart to a quarter of each channel."""
    small = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
    brightness = cv2.resize(small.astype(np.float32) @ LUMA, COARSE, interpolation=cv2.INTER_AREA)
    color = (small // 64) @ np.array([16, 4, 1], np.uint8)
    colors = np.bincount(color.ravel(), minlength=64) / color.size
    return Look(brightness - brightness.mean(), colors)


def difference(a: Look, b: Look) -> float:
    """How different two pictures look, 0 (alike) to 1: the lesser one of two differences.

    One is 1 less the correlation of their brightness cell by cell, at most 1 (two flat pictures are alike). The other
    is the share of the picture whose colour is another, wherever it lies: half the sum of the differences of shares.
    """
    noise = float(a.brightness.size)  # a deviation of one grey level
    energies = (float(np.square(one.brightness).sum()) + noise for one in (a, b))
    correlation = (float((a.brightness * b.brightness).sum()) + noise) / math.sqrt(math.prod(energies))
    colors = float(np.abs(a.colors - b.colors).sum()) / 2
    return min(1 - correlation, colors, 1.0)


class CutDetector:
    """Tells of each picture of a video whether it begins another scene; its only state are the last few differences.

    A picture does where its difference to the one before is at least `config.least`, and `config.ratio` times the
    median of the `config.memory` differences before. In seven real videos without cuts (standing and moving cameras)
    nothing is one at every, every second, third or fifth frame; joined to each other, every joint is found, at every
    frame and at every fifth, where the least difference was 0.22. Dissolves are not looked for.
    """

    def __init__(self, config: CutConfig = CutConfig()) -> None:
        self.config = config
        self._before: deque[float] = deque(maxlen=config.memory)
        self._last: Look | None = None

    def push(self, image: UInt8[np.ndarray, "h w 3"]) -> bool:
        """Take the next picture; whether it begins another scene than the last one's. The first one does not."""
        last, self._last = self._last, look(image)
        if last is None:
            return False
        new = difference(last, self._last)
        usual = float(np.median(self._before)) if self._before else 0.0
        self._before.append(new)
        return new >= max(self.config.least, self.config.ratio * usual)

    def reset(self) -> None:
        """Forget the video so far."""
        self._before.clear()
        self._last = None
