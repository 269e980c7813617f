"""[device] Crops to poses with MoveNet Thunder: what `topdown` runs on the people of known boxes, flip test and all."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from jaxpose.skeletons import Skeleton
from jaxpose.systems.movenet.thunder import SIDE, Thunder, find_pose
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.estimator import CropEstimator
from jaxpose.topdown.step import Read, Reading


def make_read(network: Thunder, skeleton: Skeleton, *, flip: bool = False) -> Read:
    """The pure function `(params, crops) -> (keypoints, finite)` of Thunder, which takes whole numbers.

    With `flip` the network also looks at the mirrored crops, and places and scores are the means of both: slower by
    half and a little better.
    """

    def look(params: Any, crops: Num[Array, "n h w 3"]) -> Reading:
        maps: Any = network.apply({"params": params}, jnp.round(crops))
        leaves = jax.tree.leaves(maps)
        finite = jnp.stack([jnp.isfinite(leaf).all((1, 2, 3)) for leaf in leaves]).all(0)
        return find_pose(maps), finite

    def read(params: Any, crops: Float[Array, "n h w 3"]) -> Reading:
        keypoints, finite = look(params, crops)
        if not flip:
            return keypoints, finite
        mirrored, also_finite = look(params, crops[:, :, ::-1])
        mirrored = mirrored.at[..., 0].set(crops.shape[2] - 1 - mirrored[..., 0])
        return (keypoints + mirrored[:, jnp.array(skeleton.flip)]) / 2, finite & also_finite

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
