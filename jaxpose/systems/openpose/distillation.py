"""[device] What a trained network says of a picture, as further targets for one in training: distillation.

A teacher tells of every cell of every crop, also where nobody was labelled. It teaches the joints and limbs that both
skeletons have, by name; a limb that it has the other way round is turned.
"""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

from jaxpose.skeletons import Skeleton
from jaxpose.systems.openpose.fields import Fields
from jaxpose.systems.openpose.losses import Targets
from jaxpose.task import Params


class Teacher:
    """A network of this system with its parameters, which stay as they are, and how its channels are the student's.

    Raises `ValueError` for a network of another system, and for one that shares no joint with the student.
    """

    def __init__(self, network: nn.Module, params: Params, skeleton: Skeleton, student: Skeleton) -> None:
        picture = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.uint8)
        stages: Any = jax.eval_shape(network.apply, {"params": params}, picture)
        if not isinstance(stages[-1], Fields):
            raise ValueError(f"a teacher must give heatmaps and affinity fields, and {type(network).__name__} does not")
        self._network, self._params = network, params
        joints = [skeleton.joints.index(joint) if joint in skeleton.joints else -1 for joint in student.joints]
        background = len(skeleton.joints) if -1 not in joints else -1
        self._heatmaps = np.array([*joints, background])
        self._pafs, self._signs = _limb_channels(skeleton, student)
        if not (self._heatmaps >= 0).any():
            raise ValueError(f"a teacher of {skeleton.name} has no joint of {student.name}")

    def targets(self, images: UInt8[Array, "b H W 3"]) -> Targets:
        """The fields of its last stage in the student's channels, and which of these it has."""
        stages: Any = self._network.apply({"params": self._params}, images)
        last = jax.lax.stop_gradient(stages[-1])
        fields = Fields(_pick(last.heatmaps, self._heatmaps), _pick(last.pafs, self._pafs) * self._signs)
        known = (
            jnp.broadcast_to(channels >= 0, maps.shape)
            for maps, channels in zip(fields, (self._heatmaps, self._pafs), strict=True)
        )
        return Targets(fields, Fields(*known))


def _pick(maps: Float[Array, "b h w c"], channels: Int[np.ndarray, "d"]) -> Float[Array, "b h w d"]:
    """Channels by their places; 0 for -1."""
    return jnp.where(channels >= 0, maps[..., np.maximum(channels, 0)], 0)


def _limb_channels(teacher: Skeleton, student: Skeleton) -> tuple[Int[np.ndarray, "2*l"], Float[np.ndarray, "2*l"]]:
    """For each channel of the student's affinity fields the teacher's, or -1, and the sign that turns it."""
    known = {named: place for place, named in enumerate(_named(teacher))}
    channels, signs = [], []
    for start, end in _named(student):
        place = known.get((start, end), known.get((end, start)))
        channels += [-1, -1] if place is None else [2 * place, 2 * place + 1]
        signs += [1.0 if (start, end) in known else -1.0] * 2
    return np.array(channels, int), np.array(signs, np.float32)


def _named(skeleton: Skeleton) -> Sequence[tuple[str, str]]:
    return [(skeleton.joints[a], skeleton.joints[b]) for a, b in skeleton.limbs]
