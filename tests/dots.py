"""People of three coloured dots, and a stand-in for a network for one person that finds the dots of a crop."""

from collections.abc import Sequence
from typing import Any

import cv2
import jax.numpy as jnp
import numpy as np

from jaxpose.records import NO_ID, Boxes, Frame
from jaxpose.skeletons import Skeleton
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.estimator import CropEstimator
from jaxpose.topdown.step import Reading

DOTS = Skeleton("dots", ("nose", "left_ear", "right_ear"), ((0, 1), (0, 2)), (0.1, 0.1, 0.1))
SIZE = (48, 36)
"""Height and width of the crops."""


def read(params: Any, crops: jnp.ndarray) -> Reading:
    """The middle of each channel's light, and the share of full light that its brightest pixel has."""
    light = crops * params["gain"]
    total = jnp.maximum(light.sum((1, 2)), 1e-6)
    x = (light * jnp.arange(crops.shape[2])[:, None]).sum((1, 2)) / total
    y = (light * jnp.arange(crops.shape[1])[:, None, None]).sum((1, 2)) / total
    return jnp.stack([x, y, light.max((1, 2)) / 255], axis=-1), jnp.isfinite(light).all((1, 2, 3))


def looker(config: TopDownConfig = TopDownConfig(), gain: float = 1.0) -> CropEstimator:
    return CropEstimator(read, {"gain": np.float32(gain)}, DOTS, size=SIZE, config=config)


def paint(height: int, width: int, people: np.ndarray) -> np.ndarray:
    """A picture of people `[p, 3, 2]`: their dots are 3x3 pixels, red, green, blue."""
    image = np.zeros((height, width, 3), np.uint8)
    for person in people:
        for channel, (x, y) in enumerate(person):
            image[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2, channel] = 250
    return image


def boxes_around(people: np.ndarray, frame: int = 0) -> Boxes:
    """Boxes 6 pixels beyond the dots."""
    low, high = people.min(axis=1) - 6, people.max(axis=1) + 6
    boxes = np.concatenate([low, high - low], axis=1).astype(np.float32)
    return Boxes(frame, 0.0, boxes, np.full(len(people), 0.8, np.float32), np.full(len(people), NO_ID, np.int64))


class Finder:
    """Finds the boxes of people whose dots lie near each other (see `detection.BoxFinder`)."""

    def dispatch(self, images: Sequence[np.ndarray], pad_to: int) -> list[np.ndarray]:
        assert 1 <= len(images) <= pad_to
        return list(images)

    def collect(self, work: list[np.ndarray]) -> list[Boxes]:
        return [self._boxes(image) for image in work]

    def _boxes(self, image: np.ndarray) -> Boxes:
        near = cv2.dilate(image.max(axis=2), np.ones((13, 13), np.uint8))
        stats = cv2.connectedComponentsWithStats(near)[2][1:, :4].astype(np.float32)
        return Boxes(0, 0.0, stats, np.full(len(stats), 0.8, np.float32), np.full(len(stats), NO_ID, np.int64))


def row(count: int, x: int = 20, y: int = 20, step: int = 40) -> np.ndarray:
    """People side by side, each of other proportions."""
    rng = np.random.default_rng(count)
    middles = np.stack([x + step * np.arange(count), np.full(count, y)], axis=1)
    return middles[:, None] + rng.integers(-7, 8, (count, 3, 2))


def strollers(frames: int) -> list[Frame]:
    """Two people walking apart, a third from frame 4 on; the pictures' height changes in the middle."""
    shapes = row(3)
    result = []
    for i in range(frames):
        moves = np.array([[60 - i, 5], [60 + 2 * i, 3], [200, 9]])
        people = (shapes + moves[:, None])[: 2 + (i >= 4)]
        result.append(Frame(i, i / 25, paint(64 if i < frames // 2 else 72, 400, people)))
    return result


def walk(frames: int, width: int = 640, height: int = 60) -> tuple[list[Frame], list[np.ndarray]]:
    """A video in which people come and go, none to nine of them; and the dots of each frame."""
    everybody = [row(i % 10, x=20 + i) for i in range(frames)]
    return [Frame(i, i / 25, paint(height, width, people)) for i, people in enumerate(everybody)], everybody
