"""STAF's networks as a `task.Task`: what `training` needs to train them, on single pictures and then on clips."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxpose.data.examples import Batch
from jaxpose.errors import OptionError
from jaxpose.skeletons import Skeleton
from jaxpose.systems.staf.config import StafLossConfig
from jaxpose.systems.staf.losses import targets, terms
from jaxpose.systems.staf.recurrence import STRIDE, Carry, advance, start
from jaxpose.task import Params, Term, started


class StafTask:
    """Trains a recurrent network; parameters start at random, but for those of `start`, a part of them.

    The paper's order is image mode, where every picture is a first frame (batches without an axis of time), then clips,
    with the trunk frozen (a multiplier of 0 in the optimizer's configuration). A clip runs through `lax.scan` from a
    reset to its end, and gradients go back through all of it. With `remat` the backward pass computes each frame a
    second time instead of keeping what it needs of the first; without, the scan is unrolled, which a CPU runs faster.
    There is no learning from a `teacher`.
    """

    def __init__(
        self,
        network: nn.Module,
        skeleton: Skeleton,
        loss: StafLossConfig = StafLossConfig(),
        start: Params | None = None,
        remat: bool = False,
        teacher: object | None = None,
    ) -> None:
        """`OptionError` for a teacher, or another system's loss."""
        if teacher is not None:
            raise OptionError("`teacher` is for networks of single pictures: STAF's learn from labels alone")
        if not isinstance(loss, StafLossConfig):
            raise OptionError(f"`loss` of a STAF network must be a StafLossConfig, got {type(loss).__name__}")
        self.stride = STRIDE
        self.network: Any = network
        self.skeleton, self.config, self._start = skeleton, loss, start or {}
        self._remat = remat

    def init(self, key: Array) -> tuple[Params, Params]:
        """Parameters; there are no batch statistics."""
        params: Any = jax.jit(self.network.init)(key, jnp.zeros((1, 64, 64, 3), jnp.uint8))["params"]
        return started(params, self._start), {}

    def loss(self, params: Params, state: Params, batch: Batch, key: Array) -> tuple[Mapping[str, Term], Params]:
        """The squared errors of all fields of all stages and frames; `OptionError` for crops that do not fit."""
        if batch.images.ndim == 4:
            batch = Batch(*(array[:, None] for array in batch))
        if (cell := batch.images.shape[2] // batch.valid.shape[2]) != STRIDE:
            raise OptionError(f"`crops.place.stride` must be {STRIDE}, the network's, got {cell}")

        def frame(carry: Carry, images: Array) -> Any:
            return advance(self.network, params, carry, images)

        images = jnp.swapaxes(jnp.asarray(batch.images), 0, 1)
        carry = start(self.network, params, images[0])
        _, stages = jax.lax.scan(jax.checkpoint(frame) if self._remat else frame, carry, images, unroll=not self._remat)
        stages = jax.tree.map(lambda field: jnp.swapaxes(field, 0, 1), stages)
        config = self.network.config
        aims = targets(batch, self.skeleton, config.topology, STRIDE, self.config)
        return terms(stages, config.schedule, aims, self.config), state
