"""HRNet's networks as a `task.Task`: what `training` needs to train them, on crops of one person each."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxpose.data.examples import Batch
from jaxpose.errors import OptionError
from jaxpose.nets.normalization import STATS, variables
from jaxpose.skeletons import Skeleton
from jaxpose.systems.hrnet.config import HeatmapLossConfig
from jaxpose.systems.hrnet.distillation import Teacher
from jaxpose.systems.hrnet.lite import STRIDE, HrnetLite
from jaxpose.systems.hrnet.losses import terms
from jaxpose.systems.hrnet.network import Hrnet
from jaxpose.systems.hrnet.person import MIDDLE
from jaxpose.task import Params, Term, started


class HrnetTask:
    """Trains a network of heatmaps; parameters start at random, but for those of `start`, a part of them.

    A part of the batch statistics may stand in `start` too, as in a weight file. The network's `config.first_cell`
    tells where in a crop its cells lie.

    Batches are those of `data.people`: the person as labelled, and as a teacher says, in the axis of people. A
    `teacher` says it of the crops themselves while training, in place of what is there. With `remat` the backward pass
    computes the network a second time instead of keeping what it needs of the first.
    """

    def __init__(
        self,
        network: HrnetLite | Hrnet,
        skeleton: Skeleton,
        loss: HeatmapLossConfig = HeatmapLossConfig(),
        start: Params | None = None,
        remat: bool = False,
        teacher: Teacher | None = None,
    ) -> None:
        """`OptionError` for another system's loss."""
        if not isinstance(loss, HeatmapLossConfig):
            raise OptionError(f"`loss` of HRNet's networks must be a HeatmapLossConfig, got {type(loss).__name__}")
        self.network, self.skeleton, self.stride, self.config = network, skeleton, STRIDE, loss
        self._start, self._teacher = start or {}, teacher
        self._look: Any = jax.checkpoint(self._heatmaps) if remat else self._heatmaps

    def init(self, key: Array) -> tuple[Params, Params]:
        """Parameters, and running statistics for a network with batch normalization."""
        made: Any = jax.jit(self.network.init)(key, jnp.zeros((1, 64, 64, 3), jnp.uint8))
        start = variables(self._start)
        return started(made["params"], start["params"]), started(made.get(STATS, {}), start.get(STATS, {}))

    def loss(self, params: Params, state: Params, batch: Batch, key: Array) -> tuple[Mapping[str, Term], Params]:
        """The squared errors of the heatmaps; `OptionError` for crops that are not for this network."""
        if batch.keypoints.ndim != 4 or batch.keypoints.shape[1] != 2:
            raise OptionError(f"crops must be of one person each, got keypoints of shape {batch.keypoints.shape}")
        if (cell := batch.images.shape[1] // batch.valid.shape[1]) != STRIDE:
            raise OptionError(f"`crops.stride` must be {STRIDE}, the network's, got {cell}")
        slots = jnp.asarray(batch.keypoints)
        if self._teacher is not None:
            slots = slots.at[:, 1].set(self._teacher.joints(batch.images, slots[:, 0]))
        found, state = self._look(params, state, batch.images)
        seen = slots.at[..., :2].add(MIDDLE - self.network.config.first_cell)  # as if the cells stood in the middle
        return terms(found, seen, STRIDE, self.config), state

    def _heatmaps(self, params: Params, state: Params, images: Array) -> tuple[Array, Params]:
        """What the network says of crops, and the new state; batch normalization is by the whole batch's statistics."""
        if not state:
            found: Any = self.network.apply({"params": params}, images)
            return found, state
        found, after = self.network.apply({"params": params, STATS: state}, images, train=True, mutable=[STATS])
        return found, after[STATS]
