"""[device] What other networks read of the packaged MoveNet: its trunk's maps, its pyramid's, and its joints' heatmaps.

The pyramid and the heatmaps were trained on far more people than are at hand here, and say much of where joints are.
Maps are named: the trunk's as in `mobilenet.py`, the pyramid's by their stride; `half_` before a name is that map of
the picture at half its size, where a person twice as large looks like one. `systems/movenet` is the whole network.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
from jaxtyping import Array, Float

from jaxpose.nets import mobilenet
from jaxpose.nets.layers import Conv, Form, Inside, identity
from jaxpose.nets.pyramid import LightSeparable, Pyramid
from jaxpose.nets.strips import in_strips

PYRAMID_CHANNELS = (64, 32, 24, 24)
"""Of the pyramid's maps, from stride 32 to 4."""

PYRAMID_READS = ("out", "block_9", "block_5", "block_2")
"""The trunk's maps that the pyramid joins."""

HEAD_WIDTH = 96
JOINTS = 17

FIELDS = {"pyramid_16": 16, "pyramid_8": 8, "pyramid_4": 4, "heatmaps": 4}
"""The maps behind the trunk, in the order of computation, and the input pixels per cell of each."""

HALF = "half_"
"""Before the names of a halved picture's maps."""

MAPS = (*mobilenet.MAPS, *FIELDS)
"""Every map that can be read, of the picture and of the halved picture."""


def stride(name: str) -> int:
    """Input pixels per cell of a map."""
    if name.startswith(HALF):
        return 2 * stride(name.removeprefix(HALF))
    return FIELDS.get(name) or mobilenet.stride(name)


def reach(name: str, cells: int = 1) -> int:
    """How many pixels in a row so many neighbouring cells of a map see; at most, behind the trunk (see `doubled`)."""
    if name.startswith(HALF):
        return 2 * reach(name.removeprefix(HALF), cells)
    if name not in FIELDS:
        return (cells - 1) * mobilenet.stride(name) + mobilenet.reach(name)
    if name == "heatmaps":
        return reach("pyramid_4", cells + 2)
    level = [*FIELDS].index(name)
    coarser = ("out", *FIELDS)[level]
    return max(reach(coarser, doubled(cells + 2)), reach(PYRAMID_READS[level + 1], cells + 2))


def doubled(cells: int) -> int:
    """How many cells of a map so many of the doubled map read; one less, by their place, where their number is even."""
    return cells // 2 + 2


class Head(nn.Module):
    """A light separable convolution and a 1x1 convolution to one kind of map."""

    features: int
    form: Form = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], inside: Inside = None) -> Float[Array, "b h w d"]:
        """Apply to the pyramid's finest map, or to a strip of it with the rows around it."""
        x = LightSeparable(HEAD_WIDTH, self.form, name="hidden")(x, inside)
        return Conv(self.features, 1, activation=identity, form=self.form, name="out")(x)


def read(
    trunk: mobilenet.MobileNetV2,
    pyramid: Pyramid,
    heatmaps: Head,
    pictures: Float[Array, "b H W 3"],
    names: Sequence[str],
) -> dict[str, Float[Array, "b h w c"]]:
    """Some of `MAPS`, by name, of normalized pictures whose sides are multiples of `sides_of` these names.

    What lies behind the last map has no parameters.
    """
    own, halved = _sizes(names)
    needed = _of_trunk(own)
    maps = dict(zip(needed, trunk.read(pictures, needed), strict=True)) if own else {}
    if any(name in FIELDS for name in own):
        joined = pyramid([maps[name] for name in PYRAMID_READS])
        maps |= dict(zip(FIELDS, joined[1:], strict=False))
    if "heatmaps" in own:
        maps["heatmaps"] = in_strips(heatmaps, joined[-1], form=heatmaps.form, stride=1, before=1, after=1)
    if halved:
        of_half = read(trunk, pyramid, heatmaps, nn.avg_pool(pictures, (2, 2), (2, 2)), halved)
        maps |= {HALF + name: field for name, field in of_half.items()}
    return {name: maps[name] for name in names}


def sides_of(names: Sequence[str]) -> int:
    """What the sides of pictures are multiples of, for some maps: the coarsest stride that must be computed."""
    own, halved = _sizes(names)
    return max((2 * sides_of(halved) if halved else 1, *map(mobilenet.stride, _of_trunk(own))))


def params_read(params: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """What a network that reads some maps takes from the packaged `movenet-multipose`'s parameters."""
    names = [name for size in _sizes(names) for name in size]
    taken = mobilenet.trunk_params(params, _of_trunk(names))
    if any(name in FIELDS for name in names):
        taken["pyramid"] = dict(params["pyramid"])
    if "heatmaps" in names:
        taken["heatmaps"] = dict(params["heatmaps"])
    return taken


def _sizes(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The maps of the picture, and those of the halved picture without the word before them."""
    halved = [name.removeprefix(HALF) for name in names if name.startswith(HALF)]
    return [name for name in names if not name.startswith(HALF)], halved


def _of_trunk(names: Sequence[str]) -> tuple[str, ...]:
    """The trunk's maps that must be computed."""
    behind = PYRAMID_READS if any(name in FIELDS for name in names) else ()
    return tuple(dict.fromkeys((*(name for name in names if name not in FIELDS), *behind)))
