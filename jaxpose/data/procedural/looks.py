"""How procedural people are dressed: skin, hair and clothes, of any colour and many patterns."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxpose.data.procedural.patterns import KINDS, Tile, colour, tile

SKIN, HAIR, SHIRT, TROUSERS, SHOES, LIPS = range(6)
"""What a part of a figure is made of: the places of `Looks.colours`."""

_SKINS = np.array(
    [[244, 208, 177], [230, 184, 143], [214, 160, 118], [190, 130, 90], [141, 85, 54], [96, 58, 40], [62, 40, 30.0]]
)
_HAIRS = np.array([[25, 20, 18], [60, 40, 28], [105, 70, 40], [190, 150, 90], [160, 160, 160], [120, 50, 25.0]])


class Looks(NamedTuple):
    """The clothes of `p` people."""

    colours: Float[np.ndarray, "p 6 3"]  # RGB
    sleeve: Float[np.ndarray, "p"]  # 0 none, 1 to the elbow, 2 to the wrist
    leg: Float[np.ndarray, "p"]  # of the trousers: 1 to the knee, 2 to the ankle
    skirt: Float[np.ndarray, "p"]  # how far it reaches from the hips to the knees and on; 0: none
    long_hair: Bool[np.ndarray, "p"]
    hairline: Float[np.ndarray, "p"]  # see `faces.hairline`
    cloths: tuple[tuple[Tile | None, Tile | None], ...]  # of shirt and trousers, to be multiplied (127: 1); None: plain


def dress(rng: np.random.Generator, count: int) -> Looks:
    """Random clothes."""
    colours = np.zeros((count, 6, 3))
    tone = rng.uniform(0, len(_SKINS) - 1, count)
    below = np.minimum(tone.astype(np.int64), len(_SKINS) - 2)
    share = (tone - below)[:, None]
    colours[:, SKIN] = _SKINS[below] * (1 - share) + _SKINS[below + 1] * share
    colours[:, HAIR] = _HAIRS[rng.integers(0, len(_HAIRS), count)] * rng.uniform(0.7, 1.3, (count, 1))
    colours[:, LIPS] = colours[:, SKIN] * [0.86, 0.62, 0.62]
    cloths = []
    for person in range(count):
        pair: list[Tile | None] = []
        for slot, plain in ((SHIRT, 0.4), (TROUSERS, 0.7)):
            first, second = colour(rng), colour(rng)
            if rng.random() < plain:
                colours[person, slot] = first
                pair.append(None)
                continue
            mean = (first + second) / 2  # what the pattern is multiplied with
            colours[person, slot] = mean
            shares = 127 * first / np.maximum(mean, 1), 127 * second / np.maximum(mean, 1)
            pair.append(tile(rng, KINDS[rng.integers(len(KINDS))], *shares))
        colours[person, SHOES] = colour(rng, 0.6) * rng.uniform(0.3, 1)
        cloths.append((pair[0], pair[1]))
    hats = rng.random(count) < 0.12
    colours[hats, HAIR] = rng.uniform(20, 235, (int(hats.sum()), 3))
    skirts = rng.random(count) < 0.14
    return Looks(
        np.clip(colours, 3, 250),
        sleeve=rng.choice([0.0, 0.35, 0.6, 1.0, 2.0], count, p=[0.1, 0.2, 0.25, 0.1, 0.35]),
        leg=np.where(skirts, 0.0, rng.choice([0.35, 0.9, 1.6, 2.0], count, p=[0.12, 0.18, 0.1, 0.6])),
        skirt=np.where(skirts, rng.uniform(0.6, 1.5, count), 0.0),
        long_hair=(rng.random(count) < 0.35) & ~hats,
        hairline=np.where(hats, rng.uniform(0.25, 0.4, count), rng.uniform(0.42, 0.75, count)),
        cloths=tuple(cloths),
    )
