"""[device and host] Pictures to people with OpenPose: the jitted step, and the host's half behind it.

The flow `picture -> fields -> candidates -> people` in one place: `make_step` is the device's pure function for scans
and for a user's own jit; `OpenPose` is the `estimation.Estimator` around it.
"""

from typing import Any

import flax.linen as nn
import numpy as np
from jaxtyping import Array, Float, UInt8

from jaxpose.association.config import ParserConfig
from jaxpose.association.parsing import parse
from jaxpose.errors import OptionError
from jaxpose.fields.candidates import find_candidates
from jaxpose.fields.config import DecodeConfig, ExactConfig
from jaxpose.fields.exact import find_exact_candidates
from jaxpose.inference import Carry, Step, StepEstimator
from jaxpose.records import Candidates
from jaxpose.skeletons import Skeleton
from jaxpose.systems.openpose.fields import Fields

Decoding = DecodeConfig | ExactConfig
"""Which decoding, and its thresholds: `fast` on the native grid, or `exact` as the published program's."""


def decode_fields(fields: Fields, skeleton: Skeleton, stride: int, config: Decoding) -> Candidates:
    """The candidates in a stage's fields, by the decoding that the config belongs to; pure and jittable."""
    joints = len(skeleton.joints)
    if isinstance(config, ExactConfig):
        return find_exact_candidates(fields.heatmaps, fields.pafs, skeleton.limbs, joints, stride, config)
    return find_candidates(fields.heatmaps, fields.pafs, skeleton.limbs, joints, stride, config)


def make_step(
    network: nn.Module, skeleton: Skeleton, stride: int, config: Decoding = DecodeConfig()
) -> Step[Candidates]:
    """The pure function `(params, carry, images) -> (carry, candidates)` of a network that returns `Fields` by stage.

    Images are RGB uint8 `[b, h, w, 3]` with sides that are multiples of the stride. Shapes are static, so it runs under
    `jax.jit`, `lax.scan`, `pmap` and `jax.export`.
    """

    def step(params: Any, carry: Carry, images: UInt8[Array, "b h w 3"]) -> tuple[Carry, Candidates]:
        stages: Any = network.apply({"params": params}, images)
        return carry, decode_fields(stages[-1], skeleton, stride, config)

    return step


class OpenPose(StepEstimator[Candidates]):
    """Finds people in single pictures with an OpenPose network.

    `size` is the long side of the network's input.
    """

    def __init__(
        self,
        network: nn.Module,
        params: Any,
        skeleton: Skeleton,
        stride: int,
        *,
        size: int = 656,
        decode: Decoding = DecodeConfig(),
        parser: ParserConfig = ParserConfig(),
    ) -> None:
        if not isinstance(decode, Decoding):
            raise OptionError(f"OpenPose's `decode` is a `DecodeConfig` or an `ExactConfig`, got {decode!r}")
        super().__init__(make_step(network, skeleton, stride, decode), params, skeleton, size=size, stride=stride)
        self._parser = parser

    def parse(self, result: Candidates) -> tuple[Float[np.ndarray, "p j 3"], Float[np.ndarray, "p"]]:
        """See `inference.StepEstimator.parse`."""
        return parse(result, self.skeleton, self._parser)

    def overflow(self, result: Candidates) -> str | None:
        """See `inference.StepEstimator.overflow`."""
        most, slots = result.found.max(), result.score.shape[-1]
        if most <= slots:
            return None
        joint = self.skeleton.joints[int(result.found.argmax())]
        return f"a picture has {most} candidates for {joint}, only the best {slots} of a joint are used"
