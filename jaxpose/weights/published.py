"""How a published Caffe network's convolutions become parameters here: each by its name, in its shape, none left over.

A system lists its network's convolutions with their places among its own parameters; each is looked for in the file
and checked, so that the weights of another network are refused with the first thing that does not fit.
"""

import dataclasses
import itertools
from collections.abc import Collection, Iterable

import numpy as np
from jaxtyping import Float

from jaxpose.errors import WeightsError
from jaxpose.weights.caffe import CaffeModel


@dataclasses.dataclass(frozen=True)
class PublishedConv:
    """A published convolution: its name, its kernel's shape OIHW, and what follows from the way it was published."""

    name: str
    shape: tuple[int, int, int, int]
    prelu: str = ""  # the name of the PReLU layer behind it
    inputs: tuple[int, ...] = ()  # channels of the maps that it reads, where ours are concatenated the other way round

    def kernel(self, blob: Float[np.ndarray, "o i k k"]) -> Float[np.ndarray, "k k i o"]:
        """As HWIO, for the order of input channels here."""
        parts = np.split(blob, np.cumsum(self.inputs)[:-1], axis=1) if self.inputs else [blob]
        return np.ascontiguousarray(np.concatenate(parts[::-1], axis=1).transpose(2, 3, 1, 0))


def take_convolutions(
    model: CaffeModel, layers: Iterable[tuple[str, PublishedConv]], network: str
) -> tuple[dict[str, Float[np.ndarray, "..."]], list[str]]:
    """Parameters by their paths, from each convolution's place and what it was published as; and the layers left over.

    The first convolution reads BGR; its kernel is turned around, so that ours takes RGB. Raises `WeightsError` that
    `network` is another one.
    """
    blobs = {layer.name: layer.blobs for layer in model.layers}

    def take(name: str, *shapes: tuple[int, ...]) -> list[np.ndarray]:
        """Remove a layer's arrays and return them in the expected shapes."""
        if (found := blobs.pop(name, None)) is None:
            raise WeightsError(f"{model.name} is not {network}: it has no layer {name}")
        if [_bare(blob.shape) for blob in found] != [_bare(shape) for shape in shapes]:
            words = (" and ".join("x".join(map(str, s)) for s in sides) for sides in (shapes, (b.shape for b in found)))
            raise WeightsError("{}, layer {}: expected {}, found {}".format(model.name, name, *words))
        return [blob.reshape(shape) for blob, shape in zip(found, shapes, strict=True)]

    flat: dict[str, np.ndarray] = {}
    for place, layer in layers:
        kernel, bias = take(layer.name, layer.shape, layer.shape[:1])
        flat |= {f"{place}/kernel": layer.kernel(kernel), f"{place}/bias": bias}
        if layer.prelu:
            (flat[f"{place}/activation/slope"],) = take(layer.prelu, layer.shape[:1])
    first = next(iter(flat))
    flat[first] = flat[first][:, :, ::-1].copy()
    return flat, list(blobs)


def refuse_others(model: CaffeModel, others: Collection[str], network: str) -> None:
    """Raises `WeightsError` if there are layers that the network lacks."""
    if others:
        raise WeightsError(f"{model.name} has layers that {network} lacks: {_some(others)}")


def _bare(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without the sides of 1 in front, which Caffe's old form gives every array."""
    return shape[next((i for i, side in enumerate(shape) if side != 1), len(shape)) :]


def _some(names: Collection[str]) -> str:
    """The first three names."""
    return ", ".join(itertools.islice(names, 3)) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
