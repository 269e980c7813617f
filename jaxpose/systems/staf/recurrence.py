"""[device] From frame to frame: what a recurrent network carries over, and one step of it, for scans and for streams.

A network of this system has two methods. `encode(images)` gives a frame's features, which depend on this frame alone;
`predict(features, previous, last)` gives the fields stage by stage, from the features, those of the frame before, and
the last fields of that frame. Everything that goes from one frame to the next is in the `Carry`, so that a step is a
pure function `(params, carry, images) -> (carry, fields)` of static shapes for `lax.scan`, `pmap` and export.

The first frame of a video runs twice on itself: first from nothing (zeros, also in the place of the previous features:
the published program is silent about those), then from what that gave. `Carry.reset` says for which videos of a batch
the next frame is a first one; a scene cut is a reset.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, UInt8

from jaxpose.systems.staf.config import StafConfig, StafLiteConfig
from jaxpose.systems.staf.fields import StafFields, nothing

STRIDE = 8
"""Input pixels per cell of the fields."""

Params = Any
"""A network's tree of parameters, as Flax has it."""


class Carry(NamedTuple):
    """What a step leaves for the next; of frames of one size. Where a network continues pictures, maps are larger."""

    features: Float[Array, "b h w c"]  # of the previous frame
    fields: StafFields  # the last of the previous frame
    reset: Bool[Array, "b"]  # the next frame is the first of its video: all else is ignored


class Recurrent(Protocol):
    """A network of this system."""

    @property
    def config(self) -> StafConfig | StafLiteConfig:
        """What it looks like."""
        ...

    @property
    def apply(self) -> Any:
        """As Flax has it."""
        ...

    def encode(self, images: UInt8[Array, "b H W 3"]) -> Float[Array, "b h w c"]:
        """A frame's features."""
        ...

    def predict(
        self, features: Float[Array, "b h w c"], previous: Float[Array, "b h w c"], last: StafFields
    ) -> tuple[StafFields, ...]:
        """All fields after each stage, float32; one that no stage has predicted yet is the last of the frame before."""
        ...


def twice(network: Recurrent, images: UInt8[Array, "b H W 3"]) -> tuple[StafFields, ...]:
    """The stages of a bound network's second run on pictures that are first frames."""
    features = network.encode(images)
    first = network.predict(features, jnp.zeros_like(features), nothing(network.config, features))
    return covering(network.predict(features, features, first[-1]), images)


def start(network: Recurrent, params: Params, images: UInt8[Array, "b H W 3"]) -> Carry:
    """The carry before the first frame of videos of this number and size; of `images` only the shape matters."""
    shape = jax.eval_shape(lambda params, images: _encode(network, params, images), params, images)
    features = jnp.zeros(shape.shape, shape.dtype)
    return Carry(features, nothing(network.config, features), jnp.ones(len(features), bool))


def advance(
    network: Recurrent, params: Params, carry: Carry, images: UInt8[Array, "b H W 3"]
) -> tuple[Carry, tuple[StafFields, ...]]:
    """One frame of each video: the new carry, and the fields after each stage, for training."""
    features = _encode(network, params, images)

    def begun() -> tuple[Array, StafFields]:
        """The same run from nothing, in the place of the carry of those videos that begin."""
        empty = jax.tree.map(jnp.zeros_like, (carry.features, carry.fields))
        first = features, _predict(network, params, features, *empty)[-1]

        def choose(new: Array, old: Array) -> Array:
            return jnp.where(carry.reset[:, None, None, None], new, old)

        return jax.tree.map(choose, first, (carry.features, carry.fields))

    previous, last = jax.lax.cond(carry.reset.any(), begun, lambda: (carry.features, carry.fields))
    stages = _predict(network, params, features, previous, last)
    return Carry(features, stages[-1], jnp.zeros_like(carry.reset)), covering(stages, images)


def step(network: Recurrent, params: Params, carry: Carry, images: UInt8[Array, "b H W 3"]) -> tuple[Carry, StafFields]:
    """One frame of each video: the new carry, and the frame's fields. Images are RGB, sides are multiples of 8."""
    carry, stages = advance(network, params, carry, images)
    return carry, stages[-1]


def covering(stages: tuple[StafFields, ...], images: UInt8[Array, "b H W 3"]) -> tuple[StafFields, ...]:
    """The fields without the cells by which a network has continued the pictures."""
    height, width = images.shape[1] // STRIDE, images.shape[2] // STRIDE
    return jax.tree.map(lambda field: field[:, :height, :width], stages)


def _encode(network: Recurrent, params: Params, images: Array) -> Array:
    features: Array = network.apply({"params": params}, images, method="encode")
    return features


def _predict(
    network: Recurrent, params: Params, features: Array, previous: Array, last: StafFields
) -> tuple[StafFields, ...]:
    stages: tuple[StafFields, ...] = network.apply({"params": params}, features, previous, last, method="predict")
    return stages
