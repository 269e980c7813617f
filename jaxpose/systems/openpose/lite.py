"""[device] LiteOpenPose, this project's fast network: the body of `nets/lite.py`, picture by picture.

First step of the flow `picture -> fields -> candidates -> people`.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from jaxpose.nets.lite import STRIDE, Backbone
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.systems.openpose.fields import Fields


class LiteOpenPose(Backbone):
    """Pictures of any size (multiples of 8) and number to the fields of two stages.

    The first stage has the affinity fields alone, the second both. The returned fields are float32.
    """

    config: LiteConfig = LiteConfig()

    def __call__(self, images: UInt8[Array, "b H W 3"]) -> tuple[Fields, ...]:
        """Fields of each stage for RGB pictures; cell (0, 0) covers the pixels 0..7 of both axes."""
        height, width = images.shape[1] // STRIDE, images.shape[2] // STRIDE
        stages = self.fields(self.normalized(images))
        return jax.tree.map(lambda x: x[:, :height, :width].astype(jnp.float32), stages)

    def fields(self, pictures: Float[Array, "b H W 3"]) -> tuple[Fields, ...]:
        """Fields of each stage for normalized pictures whose sides are multiples of `input_stride`."""
        heatmaps, pafs = self.blocks(self.features(pictures))
        return Fields(heatmaps[..., :0], pafs), Fields(heatmaps, pafs)
