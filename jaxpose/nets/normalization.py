"""[device] A dense convolution with batch normalization, as published networks are trained, and its statistics' place.

Layers that are trained from the start need it; most networks here do not have it, since they stand on a trunk whose
normalization is folded into its convolutions. It stays a layer of its own here, so that published weights can be
trained on; by running statistics it is one multiplication and addition, which XLA fuses with the activation.
Flax keeps the statistics beside the parameters. In weight files, and in the trees that estimators get, they stand among
them as `batch_stats` (`variables` takes such a tree apart).

Ioffe & Szegedy, "Batch Normalization: Accelerating Deep Network Training", ICML 2015.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
from jaxtyping import Array, Float

from jaxpose.nets.layers import Activation, Form, dense

STATS = "batch_stats"
"""The name of the statistics among parameters, in checkpoints and weight files; Flax's name of their collection."""

AXIS = "data"
"""The axis of devices that training maps over (`training.step`): statistics are those of the whole batch."""


def variables(tree: Mapping[str, Any]) -> dict[str, Any]:
    """What a network's `apply` takes, of the tree that its weight file holds."""
    params = {name: part for name, part in tree.items() if name != STATS}
    return {"params": params} | ({STATS: tree[STATS]} if STATS in tree else {})


class ConvNorm(nn.Module):
    """A dense convolution without bias, batch normalization, activation.

    In training it normalizes by the batch's statistics, those of all devices, and moves the running ones a tenth of the
    way there; else by the running ones.
    """

    features: int
    size: int = 3
    stride: int = 1
    activation: Activation = jax.nn.relu
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], train: bool = False) -> Float[Array, "b H W d"]:
        """Apply to a map; in training within a `pmap` or `vmap` over `AXIS`."""
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape).astype(x.dtype)
        y = dense(x, kernel, stride=self.stride, form=self.form)
        norm = nn.BatchNorm(not train, momentum=0.9, dtype=x.dtype, axis_name=AXIS if train else None, name="norm")
        return self.activation(norm(y))
