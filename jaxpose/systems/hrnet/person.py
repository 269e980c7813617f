"""[device] Crops to poses with a network of one person's heatmaps: what `topdown` runs on the people of known boxes."""

import dataclasses
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxpose.data.config import PersonCropConfig
from jaxpose.fields.single import Refinement, find_joints, unflip
from jaxpose.nets.normalization import variables
from jaxpose.skeletons import Skeleton
from jaxpose.systems.hrnet.lite import STRIDE
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.estimator import CropEstimator
from jaxpose.topdown.step import Read, Reading

CROPS = TopDownConfig(grow=PersonCropConfig().padding, margin=0.1)
"""As in training: a quarter of a labelled box's sides around it. A labelled box is about a tenth wider on each side
than the span of the joints."""

MIDDLE = (STRIDE - 1) / 2
"""The middle of the first cell, in pixels of the crop."""


def make_read(
    network: nn.Module,
    skeleton: Skeleton,
    *,
    flip: bool = False,
    refinement: Refinement = "quarter",
    sigma: float = 8.0,
    first_cell: float = MIDDLE,
) -> Read:
    """The pure function `(params, crops) -> (keypoints, finite)` of a network from crops to heatmaps.

    `params` are as in a weight file, with batch statistics among them where the network has such. `first_cell` is the
    pixel, in x and y, that the network was trained to tell of in its first cell.

    With `flip` the network also looks at the mirrored crops, and joints are found in the mean of both heatmaps: twice
    the work, and a little better. For `refinement` and `sigma` see `fields.single.find_joints`.
    """
    shift = round(2 * (MIDDLE - first_cell) / STRIDE)  # cells, between those of a crop and those of the mirrored one

    def read(params: Any, crops: Float[Array, "n h w 3"]) -> Reading:
        views = jnp.concatenate([crops, crops[:, :, ::-1]]) if flip else crops  # the network is compiled but once
        heatmaps: Any = network.apply(variables(params), views)
        if flip:
            heatmaps, mirrored = jnp.split(heatmaps, 2)
            heatmaps = (heatmaps + unflip(mirrored, skeleton, shift)) / 2
        keypoints = find_joints(heatmaps, STRIDE, refinement, sigma).at[..., :2].add(first_cell - MIDDLE)
        return keypoints, jnp.isfinite(heatmaps).all((1, 2, 3))

    return read


class HrnetPeople(CropEstimator):
    """Finds the poses of people whose boxes are known with one of HRNet's networks, in crops of its config's size."""

    def __init__(
        self,
        network: nn.Module,
        params: Any,
        skeleton: Skeleton,
        *,
        flip: bool = False,
        refinement: Refinement = "quarter",
        config: TopDownConfig | None = None,
    ) -> None:
        """`config` is `CROPS`, with what the network was trained to see around pictures, unless it is given."""
        about = network.config
        config = dataclasses.replace(CROPS, fill=about.fill) if config is None else config
        sigma = about.crop[0] / 32  # 8 pixels in crops of 256x192 and 12 in those of 384x288, as published
        read = make_read(network, skeleton, flip=flip, refinement=refinement, sigma=sigma, first_cell=about.first_cell)
        super().__init__(read, params, skeleton, size=about.crop, config=config, on_cpu=2)
