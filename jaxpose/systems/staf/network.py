"""[device] The paper's Models I, II and III: a VGG-19 trunk, then stages that also read the previous frame's fields.

One module is all three (`config.py` has them). With features V, PAFs L, heatmaps K and TAFs R, and a prime for the
previous frame's:

- Model I refines within a frame, stage by stage: L_1 = psi(V, L'), L_2 = psi(V, L_1), ... L_5, then K_1 = psi(V, L_5,
  K') ... K_5, where L' and K' are the last of the previous frame. The text's "five previous frames" is read as this.
- Model II has one stage each: L = psi(V, L'), K = psi(V, L, K').
- Both have the TAFs last: R = psi(V, V', L, L', R').
- Model III, the published one, has PAFs and TAFs in one stage: (L, R) = psi(V, V', L', R'), then K = psi(V, L, R, K').
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from jaxpose.nets.activations import rectifier
from jaxpose.nets.layers import Conv, Form
from jaxpose.nets.stages import Stage
from jaxpose.nets.vgg import Vgg19
from jaxpose.systems.staf.config import MODEL_III, StafConfig
from jaxpose.systems.staf.fields import StafFields, channels
from jaxpose.systems.staf.recurrence import STRIDE, twice


class StafNetwork(nn.Module):
    """Frames of any size (multiples of 8) to fields; `recurrence.py` runs it over videos.

    `dtype` is that of the computation (bfloat16 on accelerators): parameters and fields are float32.
    """

    config: StafConfig = MODEL_III
    dtype: Any = jnp.float32
    form: Form = "auto"

    def setup(self) -> None:
        """The layers to the features, named as in OpenPose's networks, and the stages."""
        c = self.config
        self.trunk = Vgg19(c.trunk, STRIDE)
        self.bridge = Conv(c.bridge)
        self.features = Conv(c.features)
        self.stages = Stages(c, self.form)

    def __call__(self, images: UInt8[Array, "b H W 3"]) -> tuple[StafFields, ...]:
        """Fields after each stage for RGB pictures, each a first frame; cell (0, 0) covers the pixels 0..7."""
        return twice(self, images)

    def encode(self, images: UInt8[Array, "b H W 3"]) -> Float[Array, "b h w c"]:
        """See `recurrence.Recurrent`."""
        height, width = images.shape[1:3]
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"the picture's sides must be multiples of {STRIDE}, got {width}x{height}")
        features: Array = self.features(self.bridge(self.trunk(images.astype(self.dtype) / 256 - 0.5)))
        return features

    def predict(
        self, features: Float[Array, "b h w c"], previous: Float[Array, "b h w c"], last: StafFields
    ) -> tuple[StafFields, ...]:
        """See `recurrence.Recurrent`."""
        return self.stages(features, previous, last)


class Stages(nn.Module):
    """Everything behind the features; parameters lie by the fields that a stage predicts and its number."""

    config: StafConfig
    form: Form

    @nn.compact
    def __call__(
        self, features: Float[Array, "b h w c"], previous: Float[Array, "b h w c"], last: StafFields
    ) -> tuple[StafFields, ...]:
        """Fields after each stage. Concatenation is in the published network's order."""
        c = self.config
        brought = Conv(c.previous, 1, activation=rectifier(True), form=self.form, name="previous")(previous)
        latest, stages = last, []

        def stage(reads: tuple[Array, ...], features: int, width: int, name: str) -> Array:
            x = jnp.concatenate([field.astype(brought.dtype) for field in reads], axis=-1)
            field: Array = Stage(features, width, c.hidden, c.blocks, form=self.form, name=name)(x)
            return field.astype(jnp.float32)

        pafs, tafs, heatmaps = (channels(c, field) for field in ("pafs", "tafs", "heatmaps"))
        for i in range(c.paf_stages):
            if c.tafs == "with pafs":
                reads = features, brought, latest.pafs, latest.tafs
                both = stage(reads, pafs + tafs, c.paf_width, f"pafs_tafs_{i}")
                latest = latest._replace(pafs=both[..., :pafs], tafs=both[..., pafs:])
            else:
                latest = latest._replace(pafs=stage((features, latest.pafs), pafs, c.paf_width, f"pafs_{i}"))
            stages.append(latest)
        for i in range(c.heatmap_stages):
            fields = (latest.pafs, latest.tafs) if c.tafs == "with pafs" else (latest.pafs,)
            found = stage((features, *fields, latest.heatmaps), heatmaps, c.width, f"heatmaps_{i}")
            latest = latest._replace(heatmaps=found)
            stages.append(latest)
        if c.tafs == "after":
            found = stage((features, brought, latest.pafs, last.pafs, last.tafs), tafs, c.width, "tafs_0")
            stages.append(latest._replace(tafs=found))
        return tuple(stages)
