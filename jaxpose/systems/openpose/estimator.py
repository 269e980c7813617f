"""[device and host] Pictures to people with OpenPose: the jitted step, and the host's half behind it.

The flow `picture -> fields -> candidates -> people` in one place: `make_step` is the device's pure function for scans
and for a user's own jit; `OpenPose` is the `tracking.Estimator` around it.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from jaxtyping import Array, UInt8

from jaxpose.association import greedy
from jaxpose.association.config import ParserConfig
from jaxpose.errors import JaxposeWarning, NonFiniteError
from jaxpose.fields.candidates import find_candidates
from jaxpose.fields.config import DecodeConfig
from jaxpose.geometry import Fit, fit_input, to_source
from jaxpose.records import Candidates, People, make_people
from jaxpose.skeletons import Skeleton
from jaxpose.video.resize import apply_fit

Carry = tuple[()]
"""What the step hands from one batch of frames to the next: nothing, for a network of single pictures."""

Step = Callable[[Any, Carry, UInt8[Array, "b h w 3"]], tuple[Carry, Candidates]]


def make_step(network: nn.Module, skeleton: Skeleton, stride: int, config: DecodeConfig = DecodeConfig()) -> Step:
    """The pure function `(params, carry, images) -> (carry, candidates)` of a network that returns `Fields` by stage.

    Images are RGB uint8 `[b, h, w, 3]` with sides that are multiples of the stride. Shapes are static, so it runs under
    `jax.jit`, `lax.scan`, `pmap` and `jax.export`.
    """

    def step(params: Any, carry: Carry, images: UInt8[Array, "b h w 3"]) -> tuple[Carry, Candidates]:
        stages: Any = network.apply({"params": params}, images)
        heatmaps, pafs = stages[-1]
        return carry, find_candidates(heatmaps, pafs, skeleton.limbs, len(skeleton.joints), stride, config)

    return step


class Work(NamedTuple):
    """A batch in work on the device."""

    candidates: Candidates
    fit: Fit
    pictures: int  # in the batch, without its padding


class OpenPose:
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
        decode: DecodeConfig = DecodeConfig(),
        parser: ParserConfig = ParserConfig(),
    ) -> None:
        if size < stride:
            raise ValueError(f"`size` must be at least the network's stride {stride}, got {size}")
        self.skeleton, self.stride, self.size = skeleton, stride, size
        self.step = jax.jit(make_step(network, skeleton, stride, decode))
        self._params = jax.device_put(params)
        self._parser = parser
        self._overflow_told = False

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], pad_to: int) -> Work:
        """See `tracking.Estimator.dispatch`."""
        height, width = images[0].shape[:2]
        fit = fit_input(width, height, self.size, self.stride)
        batch = np.zeros((max(pad_to, len(images)), fit.height, fit.width, 3), np.uint8)
        for slot, image in zip(batch, images, strict=False):
            slot[:] = apply_fit(image, fit)
        _, candidates = self.step(self._params, (), batch)
        return Work(candidates, fit, len(images))

    def collect(self, work: Work) -> list[People]:
        """See `tracking.Estimator.collect`. Raises `NonFiniteError` if a map holds NaN or infinity."""
        candidates = jax.device_get(work.candidates)
        return [self._people(Candidates(*(field[i] for field in candidates)), work.fit) for i in range(work.pictures)]

    def _people(self, candidates: Candidates, fit: Fit) -> People:
        if not candidates.finite:
            raise NonFiniteError("a map of the network holds NaN or infinity: its weights are damaged, or overflow")
        if not self._overflow_told and candidates.found.max() > candidates.score.shape[-1]:
            joint = self.skeleton.joints[int(candidates.found.argmax())]
            warnings.warn(
                f"a picture has {candidates.found.max()} candidates for {joint}, "
                f"only the best {candidates.score.shape[-1]} of a joint are used (said once)",
                JaxposeWarning,
                stacklevel=2,
            )
            self._overflow_told = True
        keypoints, scores = greedy.parse(candidates, self.skeleton.limbs, len(self.skeleton.joints), self._parser)
        there = keypoints[..., 2:] > 0
        keypoints[..., :2] = np.where(there, to_source(keypoints[..., :2], fit), 0)
        return make_people(keypoints, scores)
