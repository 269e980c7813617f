"""The options of `track` that only STAF's networks have, which keep ids by themselves; the others refuse them."""

import dataclasses
from collections.abc import Callable
from typing import Any

from jaxpose.systems.staf.tracker_config import TrackerConfig, Variant


@dataclasses.dataclass(frozen=True)
class StafOptions:
    """How a STAF network's fields become people with ids."""

    variant: Variant = "paper"  # people and ids together; or people first, then ids by votes, as released
    reentry_seconds: float = 0.0  # who comes back so soon, to where they were last seen, has the old id; 0: never
    cuts: bool = True  # look for cuts: each starts a new scene, with new ids

    def chosen(self, default: Callable[[str], Any]) -> dict[str, Any]:
        """What differs from the defaults, as options of `models.load`; `default` tells the model's own values of them.

        `ValueError` for a value out of range.
        """
        if self == StafOptions():
            return {}
        own: TrackerConfig = default("tracking") or TrackerConfig()
        cuts = own.cuts if self.cuts else None
        return {
            "tracking": dataclasses.replace(own, variant=self.variant, reentry_seconds=self.reentry_seconds, cuts=cuts)
        }
