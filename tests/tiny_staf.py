"""A recurrent network of two small layers a field, whose every output depends on all that it may read; and clips."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import scenes

from jaxpose.data.examples import Batch
from jaxpose.skeletons import MPI_15, SKELETONS
from jaxpose.systems.staf.config import StafConfig
from jaxpose.systems.staf.fields import StafFields, channels
from jaxpose.systems.staf.recurrence import STRIDE, twice

CONFIG = StafConfig("mpi_15", tafs="after")


class TinyStaf(nn.Module):
    """Cells' mean colours as features; all fields see the features of both frames and the last fields."""

    config: StafConfig = CONFIG

    def setup(self) -> None:
        self.hidden = nn.Conv(6, (3, 3))
        self.outs = [nn.Conv(channels(self.config, name), (1, 1)) for name in StafFields._fields]

    def __call__(self, images: Any) -> tuple[StafFields, ...]:
        return twice(self, images)

    def encode(self, images: Any) -> Any:
        return nn.avg_pool(images / 255 - 0.5, (STRIDE, STRIDE), (STRIDE, STRIDE))

    def predict(self, features: Any, previous: Any, last: StafFields) -> tuple[StafFields, ...]:
        x = nn.tanh(self.hidden(jnp.concatenate([features, previous, *last], axis=-1)))
        fields = StafFields(*(out(x) for out in self.outs))
        return last._replace(pafs=fields.pafs), last._replace(pafs=fields.pafs, heatmaps=fields.heatmaps), fields


def clip_batch(clips: int, frames: int, people: int, *, size: tuple[int, int] = (32, 40), seed: int = 0) -> Batch:
    """Noise with people who move, all told apart, all joints known and all cells valid; one slot is empty."""
    rng = np.random.default_rng(seed)
    keypoints = np.zeros((clips, frames, people + 1, len(MPI_15.joints), 3), np.float32)
    for clip in keypoints:
        clip[:, :people] = scenes.crowd(rng, people, SKELETONS["mpi_15"], size[1], size[0])
        clip[:, :people, :, :2] += np.arange(frames)[:, None, None, None] * rng.uniform(-3, 3, (people, 1, 2))
    ids = np.where(np.arange(people + 1) < people, np.arange(people + 1), -1)
    return Batch(
        rng.integers(0, 256, (clips, frames, *size, 3), np.uint8),
        keypoints,
        np.broadcast_to(ids, (clips, frames, people + 1)),
        np.ones((clips, frames, len(MPI_15.joints)), bool),
        np.ones((clips, frames, size[0] // STRIDE, size[1] // STRIDE), np.uint8),
    )
