"""[device and host] Looking more than once: several scales, the mirrored picture, the picture turned.

In place of the one forward pass of `estimator`, for pictures rather than videos. The fields of all scales and of the
mirrored picture are averaged, as the released program does for scales and the paper for its results (section 5.1). The
turns are not: a network that cannot see somebody upside down sees nothing there, or something false, so each turn has
its own people, and of those alike the best stay, as the paper proposes for such pictures. `experiments/search.py`
measures what each is worth (averaging two turns costs 1.2 OKS-AP against that, a grid of scale 1 for the scales 0.5 to
2 costs 3.6).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from jaxpose.association.config import ParserConfig
from jaxpose.association.matching import BOX_MARGIN, distinct
from jaxpose.fields.bicubic import resize
from jaxpose.fields.config import DecodeConfig
from jaxpose.geometry import Fit, fit_input
from jaxpose.inference import Carry, Step, fitted_batch
from jaxpose.records import Candidates
from jaxpose.skeletons import Skeleton
from jaxpose.systems.openpose.config import SearchConfig
from jaxpose.systems.openpose.estimator import Decoding, OpenPose, decode_fields
from jaxpose.systems.openpose.fields import Fields


def mirror_fields(fields: Fields, skeleton: Skeleton) -> Fields:
    """The fields of a mirrored picture as those of the picture itself, left and right told apart anew.

    Columns run the other way, each joint and limb takes the channels of its counterpart, and x in the vectors changes
    sign. `ValueError` for a skeleton with a limb whose counterpart is none.
    """
    flip = skeleton.flip
    heatmaps, pafs = (field[:, :, ::-1] for field in fields)
    joints = [*flip, *range(len(flip), heatmaps.shape[-1])]
    limbs = [skeleton.limbs.index((flip[a], flip[b])) for a, b in skeleton.limbs]
    vectors = pafs.reshape(*pafs.shape[:3], -1, 2)[..., np.array(limbs, int), :] * jnp.array([-1, 1], pafs.dtype)
    return Fields(heatmaps[..., np.array(joints)], vectors.reshape(pafs.shape))


def turn_fields(fields: Fields, quarters: int) -> Fields:
    """The fields of a picture, turned counterclockwise by quarters of a circle: cells and vectors (y points down)."""
    heatmaps, pafs = (jnp.rot90(field, quarters, axes=(1, 2)) for field in fields)
    x, y = pafs[..., ::2], pafs[..., 1::2]
    for _ in range(quarters % 4):
        x, y = y, -x
    return Fields(heatmaps, jnp.stack([x, y], axis=-1).reshape(pafs.shape))


def search_fields(
    apply: Callable[[UInt8[Array, "b H W 3"]], Fields],
    images: Sequence[UInt8[Array, "b H W 3"]],
    skeleton: Skeleton,
    config: SearchConfig,
    degrees: int,
) -> Fields:
    """The mean of the fields of all scales and of the mirrored pictures, for pictures turned by `degrees`.

    `images` has the same pictures for each of `config.scales`, upright, their top left corners at the same place. The
    fields come back upright, on the grid of the largest scale: on a coarser one the peaks of small people, which that
    scale is there for, would fall between the cells.
    """
    largest = max(config.scales)
    order = sorted(range(len(images)), key=lambda i: -config.scales[i])
    found: list[Fields] = []
    for scale, pictures in ((config.scales[i], images[i]) for i in order):
        turned = jnp.rot90(pictures, degrees // 90, axes=(1, 2))
        if config.flip:  # in one batch, for the network is compiled for each call
            both = apply(jnp.concatenate([turned, turned[:, :, ::-1]]))
            ahead, mirrored = (Fields(*part) for part in zip(*(jnp.split(maps, 2) for maps in both), strict=True))
            each = [ahead, mirror_fields(mirrored, skeleton)]
        else:
            each = [apply(turned)]
        for fields in each:
            upright = turn_fields(fields, -(degrees // 90))
            if scale != largest:
                height, width = found[0].heatmaps.shape[1:3]
                upright = Fields(*(resize(maps, height, width, largest / scale) for maps in upright))
            found.append(upright)
    return Fields(*(jnp.stack(maps).mean(0) for maps in zip(*found, strict=True)))


def make_search_step(
    network: nn.Module, skeleton: Skeleton, stride: int, config: Decoding, search: SearchConfig
) -> Step[Candidates]:
    """The pure function `(params, carry, images) -> (carry, candidates)` that looks at each picture more than once.

    `images` is a tuple with RGB uint8 `[b, h, w, 3]` for each of `search.scales`, sides multiples of the stride, the
    picture at the top left, its size exactly by scale. The candidates have an axis for `search.turns` behind the
    batch's, but for `finite`; they are all upright, in pixels of the input of the largest scale.
    """

    def step(params: Any, carry: Carry, images: tuple[UInt8[Array, "b H W 3"], ...]) -> tuple[Carry, Candidates]:
        def apply(pictures: UInt8[Array, "b H W 3"]) -> Fields:
            stages: Any = network.apply({"params": params}, pictures)
            return Fields(*stages[-1])

        turns = [search_fields(apply, images, skeleton, search, degrees) for degrees in search.turns]
        together = Fields(*(jnp.concatenate(maps) for maps in zip(*turns, strict=True)))
        found = decode_fields(together, skeleton, stride, config)
        split = (field.reshape(len(search.turns), -1, *field.shape[1:]).swapaxes(0, 1) for field in found)
        candidates = Candidates(*split)
        return carry, candidates._replace(finite=candidates.finite.all(1))

    return step


class SearchingOpenPose(OpenPose):
    """Finds people in single pictures with an OpenPose network that looks more than once.

    `size` is the long side of the input of scale 1.
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
        search: SearchConfig = SearchConfig(),
    ) -> None:
        super().__init__(network, params, skeleton, stride, size=size, decode=decode, parser=parser)
        self.step = jax.jit(make_search_step(network, skeleton, stride, decode, search))
        self._search = search

    def prepare(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], batch: int) -> tuple[Any, Fit]:
        """See `inference.StepEstimator.prepare`: the pictures at each scale, and the fit of the largest."""
        height, width = images[0].shape[:2]
        largest = max(self._search.scales)
        base = fit_input(width, height, max(round(self.size * largest), self.stride), self.stride)
        fits = []
        for scale in (base.scale * scale / largest for scale in self._search.scales):
            fit_w, fit_h = (math.ceil(side * scale / self.stride - 1e-6) * self.stride for side in (width, height))
            fits.append(Fit(fit_w, fit_h, scale))
        fits[self._search.scales.index(largest)] = base
        return tuple(fitted_batch(images, batch, fit) for fit in fits), base

    def parse(self, result: Candidates) -> tuple[Float[np.ndarray, "p j 3"], Float[np.ndarray, "p"]]:
        """See `inference.StepEstimator.parse`: the people of all turns, the best of those alike."""
        turns = (result._replace(**{f: getattr(result, f)[i] for f in TURNED}) for i in range(len(result.xy)))
        keypoints, scores = (np.concatenate(parts) for parts in zip(*map(super().parse, turns), strict=True))
        stays = distinct(keypoints, scores, np.array(self.skeleton.sigmas), BOX_MARGIN, self._search.duplicate_oks)
        order = np.flatnonzero(stays)[np.argsort(-scores[stays], kind="stable")]
        return keypoints[order], scores[order]

    def overflow(self, result: Candidates) -> str | None:
        """See `inference.StepEstimator.overflow`."""
        return super().overflow(result._replace(found=result.found.max(0)))


TURNED = tuple(field for field in Candidates._fields if field != "finite")
"""The fields of the candidates that each turn has its own of."""
