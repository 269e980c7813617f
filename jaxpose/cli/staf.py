"""The options of `track` that only STAF's networks have, which keep ids by themselves; the others refuse them."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jaxpose.errors import OptionError
from jaxpose.systems.staf.tracker_config import TrackerConfig, Variant

if TYPE_CHECKING:
    from jaxpose.systems.staf.estimator import StafTracker
    from jaxpose.tracking import Tracker


@dataclasses.dataclass(frozen=True)
class StafOptions:
    """How a STAF network's fields become people with ids."""

    variant: Variant = "released"  # people first, then ids by votes; paper: both together, by its Algorithm 1
    reentry_seconds: float = 0.0  # who comes back so soon, to where they were last seen, has the old id; 0: never
    cuts: bool = True  # look for cuts: each starts a new scene, with new ids
    together: int = 1  # inputs that are tracked side by side, spread over all devices; the result is the same

    def chosen(self, default: Callable[[str], Any]) -> dict[str, Any]:
        """What differs from the defaults, as options of `models.load`; `default` tells the model's own values of them.

        `ValueError` for a value out of range.
        """
        if not self.deciding:
            return {}
        own: TrackerConfig = default("tracking") or TrackerConfig()
        cuts = own.cuts if self.cuts else None
        return {
            "tracking": dataclasses.replace(own, variant=self.variant, reentry_seconds=self.reentry_seconds, cuts=cuts)
        }

    @property
    def deciding(self) -> bool:
        """Whether something is given that has a say in the result."""
        return dataclasses.replace(self, together=1) != StafOptions()

    def check(self, *, alone: bool) -> None:
        """`OptionError` for what does not go together; `alone` tells of options that inputs side by side lack."""
        if self.together < 1:
            raise OptionError(f"--staf.together must be at least 1, got {self.together}")
        if self.together > 1 and alone:
            raise OptionError(
                "--staf.together looks at whole pictures and tells of everybody whom the model finds: leave out "
                "--region, --max-people, --refine, --detector and --boxes"
            )

    def side_by_side(self, tracker: "Tracker") -> "StafTracker":
        """The tracker, if it can track several inputs side by side, else `OptionError`."""
        from jaxpose.systems.staf.estimator import StafTracker

        if not isinstance(tracker, StafTracker):
            raise OptionError("--staf.together is for STAF's networks, such as staf-lite; leave it out")
        return tracker
