"""[device] Crops to poses with MoveNet Thunder: what `topdown` runs on the people of known boxes, flip test and all."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxpose.skeletons import Skeleton
from jaxpose.systems.movenet.thunder import SIDE, Thunder, find_pose, mirror
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.estimator import CropEstimator
from jaxpose.topdown.step import Read, Reading


def make_read(network: Thunder, skeleton: Skeleton, *, flip: bool = False) -> Read:
    """The pure function `(params, crops) -> (keypoints, finite)` of Thunder, which takes whole numbers.

    With `flip` the network also looks at the mirrored crops, and what counts is the mean of both looks' maps: slower by
    half and better by a point of OKS-AP (the mean of both looks' joints is not: where one look errs, it errs too).
    """

    def read(params: Any, crops: Float[Array, "n h w 3"]) -> Reading:
        pixels = jnp.round(crops)
        maps: Any = network.apply({"params": params}, pixels)
        if flip:
            mirrored: Any = network.apply({"params": params}, pixels[:, :, ::-1])
            maps = jax.tree.map(lambda one, other: (one + other) / 2, maps, mirror(mirrored, skeleton.flip))
        finite = jnp.stack([jnp.isfinite(leaf).all((1, 2, 3)) for leaf in jax.tree.leaves(maps)]).all(0)
        return find_pose(maps), finite

    return read


class ThunderPeople(CropEstimator):
    """Finds the poses of people whose boxes are known with MoveNet Thunder."""

    def __init__(
        self,
        network: Thunder,
        params: Any,
        skeleton: Skeleton,
        *,
        flip: bool = False,
        config: TopDownConfig = TopDownConfig(),
    ) -> None:
        read = make_read(network, skeleton, flip=flip)
        super().__init__(read, params, skeleton, size=(SIDE, SIDE), config=config)
