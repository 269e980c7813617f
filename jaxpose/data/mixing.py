"""Which example stands where in an endless row of batches: pure functions of (seed, number of the batch), no state.

Every batch comes from one source, drawn by its share (a hash of the batch's number, so that any number can be asked
for). The batches of one source go through it epoch by epoch, each epoch in another order that follows from the seed.
What was worked out is kept by functions' caches, which lie beside an `Order` and not in it.
"""

import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64, UInt64

BLOCK = 1 << 14
"""Batches whose sources are drawn at one go."""


class Order:
    """The order of the examples of several sources."""

    def __init__(self, lengths: Sequence[int], shares: Sequence[float], batch: int, seed: int) -> None:
        if not lengths or len(lengths) != len(shares):
            raise ValueError(f"every source needs a share, got {len(lengths)} sources and {len(shares)} shares")
        if min(lengths) < 1:
            raise ValueError(f"every source needs an example, got lengths {list(lengths)}")
        if min(shares) < 0 or sum(shares) <= 0:
            raise ValueError(f"shares must be 0 or more and not all 0, got {list(shares)}")
        bounds = np.cumsum(shares)
        self._bounds = tuple((bounds / bounds[-1]).tolist())
        self._lengths, self._batch, self._seed = tuple(lengths), batch, seed

    def source(self, number: int) -> int:
        """The source of a batch."""
        return int(_sources(self._seed, self._bounds, number // BLOCK)[number % BLOCK])

    def indices(self, number: int) -> Int64[np.ndarray, "b"]:
        """The examples of a batch, as indices of its source."""
        block, place = divmod(number, BLOCK)
        source = self.source(number)
        before = sum(_counts(self._seed, self._bounds, earlier)[source] for earlier in range(block))
        before += int((_sources(self._seed, self._bounds, block)[:place] == source).sum())
        length = self._lengths[source]
        epochs, places = np.divmod(before * self._batch + np.arange(self._batch), length)
        orders = {epoch: _permutation(self._seed, source, epoch, length) for epoch in set(epochs.tolist())}
        return np.array([orders[epoch][at] for epoch, at in zip(epochs.tolist(), places, strict=True)])


def uniform(seed: int, numbers: UInt64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
    """A number from 0 to 1 for each of `numbers`, by the finalizer of splitmix64 (Steele et al., OOPSLA 2014)."""
    step = np.uint64(0x9E3779B97F4A7C15)
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    z = start + (numbers + np.uint64(1)) * step
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 2.0**53


@functools.lru_cache(maxsize=8)
def _sources(seed: int, bounds: tuple[float, ...], block: int) -> Int64[np.ndarray, "n"]:
    draws = uniform(seed, np.arange(block * BLOCK, (block + 1) * BLOCK, dtype=np.uint64))
    return np.searchsorted(bounds, draws, side="right")


@functools.cache
def _counts(seed: int, bounds: tuple[float, ...], block: int) -> list[int]:
    """How many batches of a block come from each source."""
    return np.bincount(_sources(seed, bounds, block), minlength=len(bounds)).tolist()


@functools.lru_cache(maxsize=16)
def _permutation(seed: int, source: int, epoch: int, length: int) -> Int64[np.ndarray, "n"]:
    return np.random.default_rng((seed, source, epoch)).permutation(length)
