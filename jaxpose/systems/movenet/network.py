"""[device] MoveNet: a MobileNetV2, a pyramid up to stride 4, and heads on its finest map; six for many people.

First step of the flow `picture -> maps -> people`. A person is found as the peak of the centre map; from there one map
points to each joint roughly, the heatmaps say where a joint is seen, and the offsets give its place inside its cell.
It is the network published by Google as MoveNet MultiPose Lightning (2021), after Zhou et al., "Objects as Points",
2019 (section 6.2). `thunder.py` has the one for a single person, which is wider and has fewer heads.
"""

from typing import Any, NamedTuple

import flax.linen as nn
from jaxtyping import Array, Float, Num

from jaxpose.nets.layers import Form, Inside
from jaxpose.nets.mobilenet import MULTIPOSE_CHANNELS, MobileNetV2, Normalize
from jaxpose.nets.multipose import PYRAMID_CHANNELS, PYRAMID_READS, Head
from jaxpose.nets.pyramid import Pyramid
from jaxpose.nets.strips import in_strips
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.movenet.config import MoveNetConfig

STRIDE = 4
"""Input pixels per cell of the maps."""

INPUT_STRIDE = 32
"""The sides of the input are multiples of this."""


class Maps(NamedTuple):
    """What the network predicts. Lengths are in cells, and (x, y); cell (0, 0) covers the pixels 0..3 of both axes."""

    centres: Float[Array, "b h w 1"]  # logits: is a person's centre here
    box_sizes: Float[Array, "b h w 2"]  # width and height of the box of a person centred here
    box_offsets: Float[Array, "b h w 2"]  # from the cell to that box's centre
    heatmaps: Float[Array, "b h w j"]  # logits: is this joint here, anybody's
    displacements: Float[Array, "b h w 2*j"]  # from a person's centre cell to each joint, x and y of each joint in turn
    offsets: Float[Array, "b h w 2*j"]  # from a joint's cell to the joint, likewise


class MoveNet(nn.Module):
    """Pictures of any number to the maps: a head for each field of `maps`."""

    config: MoveNetConfig = MoveNetConfig()
    form: Form = "auto"
    channels: tuple[int, ...] = MULTIPOSE_CHANNELS  # the trunk's
    maps: Any = Maps

    def setup(self) -> None:
        """The parts; a head is named for its map."""
        self.normalize = Normalize()
        self.trunk = MobileNetV2(self.channels, self.form)
        self.pyramid = Pyramid(PYRAMID_CHANNELS, self.form)
        joints = len(SKELETONS[self.config.skeleton].joints)
        features = {"centres": 1, "box_sizes": 2, "box_offsets": 2, "heatmaps": joints}
        for name in self.maps._fields:
            setattr(self, name, Head(features.get(name, 2 * joints), self.form))

    def __call__(self, images: Num[Array, "b H W 3"]) -> Any:
        """The maps of RGB pictures, 0 to 255; `ValueError` unless their sides are multiples of 32."""
        height, width = images.shape[1:3]
        if height % INPUT_STRIDE or width % INPUT_STRIDE:
            raise ValueError(f"the picture's sides must be multiples of {INPUT_STRIDE}, got {width}x{height}")
        features = self.trunk(self.normalize(images))
        x = self.pyramid([getattr(features, name) for name in PYRAMID_READS])[-1]
        return in_strips(self, x, method="heads", form=self.form, stride=1, before=1, after=1)

    def heads(self, x: Float[Array, "b h w c"], inside: Inside = None) -> Any:
        """All heads on the pyramid's finest map, or on a strip of it with the rows around it."""
        return self.maps(*(getattr(self, name)(x, inside) for name in self.maps._fields))
