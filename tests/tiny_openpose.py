"""A network of one small layer for each field, in any precision, and batches of made-up people for `OpenPoseTask`."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import scenes

from jaxpose.data.examples import Batch
from jaxpose.skeletons import SKELETONS, Skeleton
from jaxpose.systems.openpose.config import MultiStageConfig
from jaxpose.systems.openpose.fields import Fields

STRIDE = 8


class TinyNetwork(nn.Module):
    """Cells' mean colours to fields, stage by stage, each with the help of those before."""

    config: MultiStageConfig

    @nn.compact
    def __call__(self, images: Any) -> tuple[Fields, ...]:
        skeleton = SKELETONS[self.config.skeleton]
        widths = {"pafs": 2 * len(skeleton.limbs), "heatmaps": len(skeleton.joints) + 1}
        features = nn.avg_pool(images / 255 - 0.5, (STRIDE, STRIDE), (STRIDE, STRIDE))
        none = features[..., :0]
        latest, stages = Fields(none, none), []
        for number, names in enumerate(self.config.schedule):
            x = jnp.concatenate([latest.pafs, latest.heatmaps, features], axis=-1)
            x = nn.softplus(nn.Conv(5, (3, 3), name=f"hidden_{number}")(x))
            found = {name: nn.Conv(widths[name], (1, 1), name=f"{name}_{number}")(x) for name in names}
            latest = latest._replace(**found)
            stages.append(latest)
        return tuple(stages)


def people_batch(
    skeleton: Skeleton, counts: Sequence[int], *, size: tuple[int, int] = (64, 80), slots: int = 4, seed: int = 0
) -> Batch:
    """Noise with so many people in each picture, all joints known, all cells valid; `size` is height and width."""
    rng = np.random.default_rng(seed)
    keypoints = np.zeros((len(counts), slots, len(skeleton.joints), 3), np.float32)
    for row, count in enumerate(counts):
        keypoints[row, :count] = scenes.crowd(rng, count, skeleton, size[1], size[0])
    return Batch(
        rng.integers(0, 256, (len(counts), *size, 3), np.uint8),
        keypoints,
        np.where(np.arange(slots) < np.array(counts)[:, None], np.arange(slots), -1),
        np.ones((len(counts), len(skeleton.joints)), bool),
        np.ones((len(counts), size[0] // STRIDE, size[1] // STRIDE), np.uint8),
    )


def uneven(batch: Batch) -> Batch:
    """The same with few known joints in the first rows and few valid cells in the last."""
    known, valid = batch.known.copy(), batch.valid.copy()
    known[: len(known) // 3] &= np.arange(known.shape[1]) % 3 == 0
    known[0] = False
    valid[-len(valid) // 3 :, 2:] = 0
    valid[-1, :, 1:] = 0
    return batch._replace(known=known, valid=valid)
