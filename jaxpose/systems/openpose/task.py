"""OpenPose's networks as a `task.Task`: what `training` needs to train them."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxpose.data.examples import Batch
from jaxpose.errors import OptionError
from jaxpose.skeletons import Skeleton
from jaxpose.systems.openpose.config import LossConfig
from jaxpose.systems.openpose.distillation import Teacher
from jaxpose.systems.openpose.losses import targets, terms
from jaxpose.task import Params, Term, started


class OpenPoseTask:
    """Trains a network that gives the fields of its stages; parameters start at random, but for those of `start`.

    The network's `config.schedule` tells which fields each stage predicts, and so has a loss for. `start` is a part of
    the network's parameters, such as a trunk that was trained for something else. With `remat` the backward pass
    computes the network a second time instead of keeping what it needs of the first. What a `teacher` says of the same
    crops is learnt beside what is labelled (`config.taught`).
    """

    def __init__(
        self,
        network: nn.Module,
        skeleton: Skeleton,
        stride: int,
        loss: LossConfig = LossConfig(),
        start: Params | None = None,
        remat: bool = False,
        teacher: Teacher | None = None,
    ) -> None:
        self.network, self.skeleton, self.stride = network, skeleton, stride
        self.config, self._start = loss, start or {}
        self._teacher = teacher
        self._apply: Any = jax.checkpoint(network.apply) if remat else network.apply

    def init(self, key: Array) -> tuple[Params, Params]:
        """Parameters; there are no batch statistics."""
        picture = jnp.zeros((1, 64, 64, 3), jnp.uint8)
        params: Any = jax.jit(self.network.init)(key, picture)["params"]
        return started(params, self._start), {}

    def loss(self, params: Params, state: Params, batch: Batch, key: Array) -> tuple[Mapping[str, Term], Params]:
        """The squared errors of all fields of all stages; `OptionError` for crops that are not for this network."""
        if batch.images.ndim != 4:
            raise OptionError("`crops.clip.frames` must be 1: the network looks at single pictures")
        if (cell := batch.images.shape[1] // batch.valid.shape[1]) != self.stride:
            raise OptionError(f"`crops.place.stride` must be {self.stride}, the network's, got {cell}")
        stages: Any = self._apply({"params": params}, batch.images)
        aims = targets(batch, self.skeleton, self.stride, self.config)
        schedule = self.network.config.schedule
        result = terms(stages, schedule, aims, self.config)
        if self._teacher is not None:
            taught = terms(stages, schedule, self._teacher.targets(batch.images), self.config)
            for name, term in taught.items():
                result[f"taught_{name}"] = term._replace(weight=term.weight * self.config.taught)
        return result, state
