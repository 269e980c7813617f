"""Random colours and textures for procedural scenes: cloth, floors, walls. RGB, 0 to 255."""

import colorsys

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Tile = UInt8[np.ndarray, "h w 3"]


def colour(rng: np.random.Generator, most: float = 0.9) -> Float[np.ndarray, "3"]:
    """Any colour; greys and dull ones as often as strong ones."""
    hue, strong, light = rng.random(), rng.random() ** 1.7 * most, rng.uniform(0.08, 0.97)
    return 255 * np.array(colorsys.hsv_to_rgb(hue, strong, light))


def noise(rng: np.random.Generator, height: int, width: int, cells: int) -> UInt8[np.ndarray, "h w"]:
    """Smooth noise around 128 that repeats at the tile's edges, with about `cells` lumps along its width."""
    cells = max(2, min(cells, width))
    rows = max(2, cells * height // width)
    grid = wrapped(rng.integers(0, 256, (rows, cells), np.uint8))
    large = cv2.resize(grid, (width * (cells + 1) // cells + 1, height * (rows + 1) // rows + 1))
    top, left = height // (2 * rows), width // (2 * cells)
    return large[top : top + height, left : left + width]


def wrapped(texture: UInt8[np.ndarray, "h w *c"]) -> UInt8[np.ndarray, "h+1 w+1 *c"]:
    """The texture with its first row and column once more at its end."""
    return cv2.copyMakeBorder(texture, 0, 1, 0, 1, cv2.BORDER_WRAP)


_SIDE = 64
_WAVE = 2 * np.pi * np.arange(_SIDE) / _SIDE


def tile(rng: np.random.Generator, kind: str, first: np.ndarray, second: np.ndarray) -> Tile:
    """A square texture of two colours that repeats without seams."""
    times = int(rng.integers(2, 7))
    wave = np.sin(times * _WAVE)
    if kind in ("stripes", "bars", "checks"):
        line = _hard(wave + rng.uniform(-0.6, 0.6))
        share = (line[:, None] + line) / 2 if kind == "checks" else line[:, None] if kind == "stripes" else line[None]
    elif kind == "dots":
        share = _hard(wave[:, None] * wave - rng.uniform(0.2, 0.6))
    elif kind == "noise":
        cells = int(rng.integers(2, 30))
        grains = noise(rng, _SIDE, _SIDE, cells).astype(np.float32) + noise(rng, _SIDE, _SIDE, 2 * cells)
        share = grains / 255 - 0.5
    elif kind == "fade":
        share = 0.5 + 0.5 * np.sin(_WAVE + rng.uniform(0, 2 * np.pi))[:, None]
    else:
        share = noise(rng, _SIDE, _SIDE, 24) / 1600
    level = cv2.merge([(255 * np.clip(np.broadcast_to(share, (_SIDE, _SIDE)), 0, 1)).astype(np.uint8)] * 3)
    ramp = first + (second - first) * np.linspace(0, 1, 256)[:, None]
    return cv2.LUT(level, ramp.astype(np.uint8)[None])


KINDS = ("stripes", "bars", "checks", "dots", "noise", "fade", "plain")
"""The kinds of tiles."""


def _hard(wave: np.ndarray) -> np.ndarray:
    """A soft-edged square wave, 0 to 1."""
    return np.clip(0.5 + 3 * wave, 0, 1)


def _rough(
    rng: np.random.Generator, height: int, width: int, layers: tuple[tuple[int, float], ...]
) -> UInt8[np.ndarray, "h w 3"]:
    """Grey noise of several layers (lumps along the width, strength) around 128, to be multiplied."""
    total: cv2.typing.MatLike = np.full((height, width), 128, np.uint8)
    for cells, strength in layers:
        if strength > 0:
            total = cv2.addWeighted(total, 1, noise(rng, height, width, cells), strength, -128 * strength)
    return cv2.merge([total, total, total])


def ground(rng: np.random.Generator) -> Tile:
    """A floor: tiles, planks, gravel, grass, carpet."""
    strength = rng.uniform(0.05, 0.35)
    rough = _rough(rng, 256, 256, ((6, 0.7 * strength), (24, 0.5 * strength), (128, 0.7 * strength)))
    first = colour(rng, 0.5)
    kind = KINDS[rng.integers(4)] if rng.random() < 0.55 else "plain"
    flat = cv2.resize(tile(rng, kind, first, first * rng.uniform(0.35, 0.95, 3)), (256, 256))
    return cv2.multiply(flat, rough, scale=1 / 128)


def wall(rng: np.random.Generator, height: int, width: int) -> Tile:
    """What stands around a scene: a gradient, noise, and windows, doors, posters, pipes, leaves, or just clutter."""
    ends = np.array([[colour(rng, 0.6)], [colour(rng, 0.6)]]).astype(np.uint8)
    strength = rng.uniform(0.03, 0.4)
    layers = ((int(rng.integers(3, 12)), strength), (96, strength * rng.uniform(0, 0.7)))
    result = cv2.multiply(cv2.resize(ends, (width, height)), _rough(rng, height, width, layers), scale=1 / 128)
    for _ in range(int(rng.integers(0, 26))):
        _clutter(rng, result)
    if rng.random() < 0.35:
        grain = rng.integers(0, 256, (height, width), np.uint8)
        result = cv2.addWeighted(result, 0.85, cv2.merge([grain, grain, grain]), 0.15, 0)
    return result


def _clutter(rng: np.random.Generator, picture: Tile) -> None:
    """One thing on a wall."""
    height, width = picture.shape[:2]
    x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
    wide, high = int(width * rng.uniform(0.01, 0.2)), int(height * rng.uniform(0.02, 0.6))
    paint = tuple(colour(rng).tolist())
    kind = rng.integers(6)
    if kind == 0:
        cv2.rectangle(picture, (x, y), (x + wide, y + high), paint, -1)
        cv2.rectangle(picture, (x, y), (x + wide, y + high), tuple(colour(rng).tolist()), int(rng.integers(1, 4)))
    elif kind == 1:
        cv2.ellipse(
            picture, (x, y), (wide // 2 + 1, high // 3 + 1), rng.uniform(0, 180), 0, 360, paint, -1, cv2.LINE_AA
        )
    elif kind == 2:
        end = (int(x + rng.normal(0, wide)), int(y + rng.normal(0, high)))
        cv2.line(picture, (x, y), end, paint, int(rng.integers(1, 7)), cv2.LINE_AA)
    elif kind == 3:  # shelves, fences, blinds
        for step in range(int(rng.integers(3, 9))):
            start = (x + step * wide // 3, y)
            cv2.rectangle(picture, start, (start[0] + max(1, wide // 8), y + high), paint, -1)
    elif kind == 4:  # foliage
        spots = rng.normal(0, 0.35, (14, 2)) * (wide, high) + (x, y)
        for spot in spots.astype(np.int32).tolist():
            cv2.circle(picture, spot, int(rng.integers(1, 9)), paint, -1, cv2.LINE_AA)
    else:
        corners = (rng.normal(0, 0.5, (4, 2)) * (wide, high) + (x, y)).astype(np.int32)
        cv2.fillConvexPoly(picture, cv2.convexHull(corners), paint, cv2.LINE_AA)
