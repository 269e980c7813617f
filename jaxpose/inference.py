"""[device and host] A network's jitted step as an `estimation.Estimator`: what all systems of single pictures share.

Pictures are fitted to the network's input, padded to a batch of one size and handed to the step; what it leaves on the
device is copied back when it is wanted, checked, and made people by the system's own `parse`.
"""

import abc
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import jax
import numpy as np
from jaxtyping import Float, UInt8

from jaxpose.errors import JaxposeWarning, NonFiniteError
from jaxpose.geometry import Fit, fit_input, to_source
from jaxpose.records import People, make_people
from jaxpose.skeletons import Skeleton
from jaxpose.video.resize import apply_fit

Carry = tuple[()]
"""What the step hands from one batch of frames to the next: nothing, for a network of single pictures."""

LARGEST = 16384
"""Pixels of an input's long side, above any camera's."""

R = TypeVar("R", bound=Any)  # a NamedTuple of arrays with the batch first, `finite` among them

Step = Callable[[Any, Carry, Any], tuple[Carry, R]]
"""Parameters, carry and pictures (RGB uint8 `[b, h, w, 3]`, or what a system makes of them) to carry and results."""


class _Work(NamedTuple):
    """A batch in work on the device."""

    results: Any
    fit: Fit
    pictures: int  # in the batch, without its padding


class StepEstimator(abc.ABC, Generic[R]):
    """Finds people in single pictures with a step `(params, carry, images) -> (carry, results)`.

    `size` is the long side of the network's input, whose sides are multiples of `stride`.
    """

    def __init__(self, step: Step[R], params: Any, skeleton: Skeleton, *, size: int, stride: int) -> None:
        if size < stride:
            raise ValueError(f"`size` must be at least the network's stride {stride}, got {size}")
        if size > LARGEST:
            raise ValueError(f"`size` must be at most {LARGEST}, got {size}")
        self.skeleton, self.size, self.stride = skeleton, size, stride
        self.step = jax.jit(step)
        self._params = jax.device_put(params)
        self._overflow_told = False

    def update(self, params: Any) -> None:
        """Take other parameters of the same shapes; nothing is compiled again."""
        self._params = jax.device_put(params)

    @abc.abstractmethod
    def parse(self, result: R) -> tuple[Float[np.ndarray, "p j 3"], Float[np.ndarray, "p"]]:
        """[host] Keypoints (x, y, score in pixels of the network's input) and scores of one picture's people."""

    @abc.abstractmethod
    def overflow(self, result: R) -> str | None:
        """What of one picture was too much for the step's fixed shapes, in words; None if nothing was."""

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], pad_to: int) -> _Work:
        """See `estimation.Estimator.dispatch`."""
        inputs, fit = self.prepare(images, max(pad_to, len(images)))
        _, results = self.step(self._params, (), inputs)
        return _Work(results, fit, len(images))

    def prepare(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], batch: int) -> tuple[Any, Fit]:
        """[host] What the step takes for pictures of one size, padded to `batch`; and the fit of the step's pixels."""
        height, width = images[0].shape[:2]
        fit = fit_input(width, height, self.size, self.stride)
        return fitted_batch(images, batch, fit), fit

    def collect(self, work: _Work) -> list[People]:
        """See `estimation.Estimator.collect`. Raises `NonFiniteError` if a map holds NaN or infinity."""
        results = jax.device_get(work.results)
        return [self._people(type(results)(*(field[i] for field in results)), work.fit) for i in range(work.pictures)]

    def _people(self, result: R, fit: Fit) -> People:
        if not result.finite:
            raise NonFiniteError("a map of the network holds NaN or infinity: its weights are damaged, or overflow")
        if not self._overflow_told and (told := self.overflow(result)):
            warnings.warn(f"{told} (said once)", JaxposeWarning, stacklevel=2)
            self._overflow_told = True
        keypoints, scores = self.parse(result)
        there = keypoints[..., 2:] > 0
        keypoints[..., :2] = np.where(there, to_source(keypoints[..., :2], fit), 0)
        return make_people(keypoints, scores)


def fitted_batch(images: Sequence[UInt8[np.ndarray, "h w 3"]], batch: int, fit: Fit) -> UInt8[np.ndarray, "b H W 3"]:
    """Pictures of one size in the network's input, and black ones after them up to `batch`."""
    result = np.zeros((batch, fit.height, fit.width, 3), np.uint8)
    for slot, image in zip(result, images, strict=False):
        slot[:] = apply_fit(image, fit)
    return result
