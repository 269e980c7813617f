"""The options of `track` that only OpenPose networks have; the others refuse them."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from tyro.conf import FlagCreatePairsOff

from jaxpose.association.config import ParserConfig, ParserMethod
from jaxpose.fields.config import ExactConfig
from jaxpose.systems.openpose.config import SearchConfig


@dataclasses.dataclass(frozen=True)
class OpenPoseOptions:
    """How an OpenPose network's maps become people."""

    decoding: Literal["fast", "exact"] = "fast"  # on the native grid, or on enlarged maps as the published program
    parser: ParserMethod = "greedy"  # how peaks become people
    scales: tuple[float, ...] = (1.0,)  # the picture in several sizes, by --size; slower, finds more
    flip: FlagCreatePairsOff[bool] = False  # the mirrored picture too
    turns: tuple[int, ...] = (0,)  # degrees that the picture is turned by: 180 finds people who are upside down

    def chosen(self, default: Callable[[str], Any]) -> dict[str, Any]:
        """What differs from the defaults, as options of `models.load`; `default` tells the model's own values of them.

        `ValueError` for a value out of range.
        """
        options: dict[str, Any] = {}
        if self.decoding == "exact":
            options["decode"] = ExactConfig()
        if self.parser != "greedy":
            options["parser"] = dataclasses.replace(default("parser") or ParserConfig(), method=self.parser)
        search = SearchConfig(tuple(self.scales), self.flip, tuple(self.turns))
        if search != SearchConfig():
            options["search"] = search
        return options
