"""[device] StafLite, this project's fast recurrent network: openpose-lite's body, and a TAF block behind it.

It is a Model II of the paper with features V, PAFs L, heatmaps K, TAFs R, and primes for the previous frame's:
L = psi(V, L'), K = psi(V, L, K'), R = psi(V, V', L, L', K, K', R'). The heatmaps are an addition of ours to what the
TAFs are found from: they say where each end of a link is. V is the body's map at stride 8. L' and K' are added to what
the body's own blocks read, through a linear layer each that starts near zero: with openpose-lite's weights the network
says at first what that says. The parameters that it shares with openpose-lite have the same names and shapes.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from jaxpose.nets.layers import Conv, Form, identity
from jaxpose.nets.lite import FIELD_GAIN, Backbone, Residual, linear
from jaxpose.systems.staf.config import StafLiteConfig
from jaxpose.systems.staf.fields import StafFields, channels
from jaxpose.systems.staf.recurrence import twice


class StafLite(Backbone):
    """Frames of any size (multiples of 8) to fields, which are float32; `recurrence.py` runs it over videos."""

    config: StafLiteConfig = StafLiteConfig()

    def setup(self) -> None:
        """The body, what goes from the previous frame's fields into it, and the TAF block."""
        super().setup()
        recall = functools.partial(Conv, self.config.width, 1, activation=identity, form=self.form, gain=FIELD_GAIN)
        self.recall_pafs, self.recall_heatmaps = recall(), recall()
        self.tafs = ToTafs(self.config.taf_dilations, channels(self.config, "tafs"), self.form)

    def __call__(self, images: UInt8[Array, "b H W 3"]) -> tuple[StafFields, ...]:
        """Fields after each stage for RGB pictures, each a first frame; cell (0, 0) covers the pixels 0..7."""
        return twice(self, images)

    def encode(self, images: UInt8[Array, "b H W 3"]) -> Float[Array, "b h w c"]:
        """See `recurrence.Recurrent`; the map covers the picture with what continues it."""
        features: Array = self.blocks.gathering(self.features(self.normalized(images)))
        return features

    def predict(
        self, features: Float[Array, "b h w c"], previous: Float[Array, "b h w c"], last: StafFields
    ) -> tuple[StafFields, ...]:
        """See `recurrence.Recurrent`."""
        was = jax.tree.map(lambda field: field.astype(features.dtype), last)
        x, pafs = self.blocks.to_pafs(jax.nn.relu(features + self.recall_pafs(was.pafs)))
        _, heatmaps = self.blocks.to_heatmaps(x + self.recall_heatmaps(was.heatmaps), pafs)
        tafs = self.tafs(features, previous, StafFields(heatmaps, pafs, was.tafs), was)
        with_pafs = last._replace(pafs=pafs.astype(jnp.float32))
        with_heatmaps = with_pafs._replace(heatmaps=heatmaps.astype(jnp.float32))
        return with_pafs, with_heatmaps, with_heatmaps._replace(tafs=tafs.astype(jnp.float32))


class ToTafs(nn.Module):
    """One linear layer over all that is known of both frames, then residual blocks to the temporal affinity fields."""

    dilations: tuple[int, ...]
    features: int
    form: Form

    @nn.compact
    def __call__(
        self, features: Float[Array, "b h w c"], previous: Float[Array, "b h w c"], now: StafFields, was: StafFields
    ) -> Float[Array, "b h w 2*k"]:
        """Apply to this frame's features, the previous frame's, and the fields of both; TAFs are the previous ones."""
        width = features.shape[-1]
        fields = jnp.concatenate([now.pafs, now.heatmaps, *was], axis=-1)
        reads = {"now": features, "previous": previous, "fields": fields}
        x = jax.nn.relu(sum(linear(maps, width, f"read_{name}", self.form) for name, maps in reads.items()))
        for i, dilation in enumerate(self.dilations):
            x = Residual(dilation, self.form, name=f"block_{i}")(x)
        return linear(x, self.features, "out", self.form, gain=FIELD_GAIN)
