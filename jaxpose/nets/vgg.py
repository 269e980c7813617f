"""[device] VGG-19's convolutions, whole or cut after any of them, at the stride where a network's own layers begin.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015. Layers are named by
block and place, `conv1_1` to `conv5_4`; their parameters are those that `weights.vgg` reads from a file.
"""

import flax.linen as nn
from jaxtyping import Array, Float

from jaxpose.nets.activations import rectifier
from jaxpose.nets.layers import Conv

BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels and number of the convolutions of each block; a pooling stands before each block but the first."""

LAYERS = tuple(
    (f"conv{block}_{place}", channels)
    for block, (channels, count) in enumerate(BLOCKS, 1)
    for place in range(1, count + 1)
)
"""Name and channels of all 16 convolutions, in order."""


class Vgg19(nn.Module):
    """The first `layers` convolutions of VGG-19 with ReLU.

    Pooling stops at `stride`: OpenPose's trunks keep stride 8, the fourth pooling of VGG-19 is left out. With
    `prelu_last` the last layer has a PReLU.
    """

    layers: int = len(LAYERS)
    stride: int = 16
    prelu_last: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "b H W 3"]) -> Float[Array, "b h w c"]:
        """Apply to normalized pictures, whose sides must be multiples of the stride."""
        stride = 1
        for i, (name, channels) in enumerate(LAYERS[: self.layers]):
            if name.endswith("_1") and i > 0 and stride < self.stride:
                x, stride = nn.max_pool(x, (2, 2), (2, 2)), 2 * stride
            x = Conv(channels, activation=rectifier(self.prelu_last and i == self.layers - 1), name=name)(x)
        return x
