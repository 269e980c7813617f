"""[device and host] Pictures to people with MoveNet: the jitted step, and the host's half behind it.

The flow `picture -> maps -> poses -> people` in one place: `make_step` is the device's pure function for scans and for
a user's own jit; `MoveNetPeople` is the `estimation.Estimator` around it.
"""

from typing import Any

import flax.linen as nn
import numpy as np
from jaxtyping import Array, Float, UInt8

from jaxpose.association.matching import BOX_MARGIN, distinct
from jaxpose.errors import OptionError
from jaxpose.inference import Carry, Step, StepEstimator
from jaxpose.skeletons import Skeleton
from jaxpose.systems.movenet.config import PoseConfig
from jaxpose.systems.movenet.decode import Poses, find_poses
from jaxpose.systems.movenet.network import INPUT_STRIDE


def make_step(network: nn.Module, config: PoseConfig = PoseConfig()) -> Step[Poses]:
    """The pure function `(params, carry, images) -> (carry, poses)` of a network that returns `Maps`.

    Images are RGB uint8 `[b, h, w, 3]` with sides that are multiples of 32. Shapes are static, so it runs under
    `jax.jit`, `lax.scan`, `pmap` and `jax.export`.
    """

    def step(params: Any, carry: Carry, images: UInt8[Array, "b h w 3"]) -> tuple[Carry, Poses]:
        maps: Any = network.apply({"params": params}, images)
        return carry, find_poses(maps, config)

    return step


class MoveNetPeople(StepEstimator[Poses]):
    """Finds people in single pictures with a MoveNet for several people.

    `size` is the long side of the network's input.
    """

    def __init__(
        self, network: nn.Module, params: Any, skeleton: Skeleton, *, size: int, decode: PoseConfig = PoseConfig()
    ) -> None:
        if not isinstance(decode, PoseConfig):
            raise OptionError(f"MoveNet's `decode` is a `PoseConfig`, got {decode!r}, which reads other maps")
        super().__init__(make_step(network, decode), params, skeleton, size=size, stride=INPUT_STRIDE)
        self._config = decode

    def parse(self, result: Poses) -> tuple[Float[np.ndarray, "p j 3"], Float[np.ndarray, "p"]]:
        """See `inference.StepEstimator.parse`."""
        config = self._config
        good = (result.score >= config.person_threshold) & (result.keypoints[..., 2] > 0).any(1)
        keypoints, scores = result.keypoints[good], result.score[good]
        stays = distinct(keypoints, scores, np.array(self.skeleton.sigmas), BOX_MARGIN, config.duplicate_oks)
        return keypoints[stays], scores[stays]

    def overflow(self, result: Poses) -> str | None:
        """See `inference.StepEstimator.overflow`."""
        slots = len(result.score)
        return f"a picture has {result.found} people, only the best {slots} are used" if result.found > slots else None
