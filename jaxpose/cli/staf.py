"""The options of `track` that only STAF's networks have, which keep ids by themselves; the others refuse them."""

import dataclasses
from typing import Any

from tyro.conf import FlagCreatePairsOff

from jaxpose.systems.staf.tracker_config import TrackerConfig, Variant


@dataclasses.dataclass(frozen=True)
class StafOptions:
    """How a STAF network's fields become people with ids."""

    variant: Variant = "paper"  # people and ids together; or people first, then ids by votes, as released
    reentry_seconds: float = 0.0  # who comes back so soon, to where they were last seen, has the old id; 0: never
    no_cuts: FlagCreatePairsOff[bool] = False  # do not look for cuts; else each starts a new scene, with new ids

    def chosen(self) -> dict[str, Any]:
        """What differs from the defaults, as options of `models.load`. `ValueError` for a value out of range."""
        default = TrackerConfig()
        config = dataclasses.replace(
            default,
            variant=self.variant,
            reentry_seconds=self.reentry_seconds,
            cuts=None if self.no_cuts else default.cuts,
        )
        return {} if config == default else {"tracking": config}
