"""Settings of the host's association; plain dataclasses, so that a command line can show them without NumPy."""

import dataclasses
from typing import Literal, get_args

ParserMethod = Literal["greedy", "greedy-tree", "hungarian-tree", "integer-tree", "integer-graph"]
"""How peaks become people: with all limbs, or with those of the tree, without the redundant ones."""

Matching = Literal["hungarian", "greedy"]
"""How people are paired with tracks: so that all pairs together are most alike, or the most alike pair first."""


@dataclasses.dataclass(frozen=True)
class ParserConfig:
    """How peaks become people and who is kept (OpenPose, section 3.5 and its released thresholds)."""

    method: ParserMethod = "greedy"  # the others are for comparison; the integer programs, for small scenes
    min_joints: int = 3  # persons with fewer joints are dropped
    min_score: float = 0.4  # persons whose score per joint is below this are dropped
    max_seconds: float = 10.0  # the longest that the integer programs may take for a picture

    def __post_init__(self) -> None:
        if self.method not in get_args(ParserMethod):
            raise ValueError(f"`method` must be one of {', '.join(get_args(ParserMethod))}, got {self.method!r}")
        if not self.max_seconds > 0:
            raise ValueError(f"`max_seconds` must be above 0, got {self.max_seconds}")


@dataclasses.dataclass(frozen=True)
class SiftConfig:
    """Which of a frame's people a tracker counts.

    The strong ones start tracks and are in the result, weak ones keep tracks alive, the rest is left out.
    """

    weak_joints: float = 0.2  # least share of the skeleton's joints that a weak person has
    weak_score: float = 0.2  # least mean score of a weak person's joints
    strong_joints: float = 0.4  # least share of the skeleton's joints that a strong person has
    strong_score: float | None = None  # least mean score of a strong person's joints; none: the model's own
    duplicate_iou: float = 0.7  # of two people whose boxes overlap more, the lesser one is left out
    box_margin: float = 0.25  # boxes are widened on each side by this share of their longer side

    def __post_init__(self) -> None:
        for name in ("weak_joints", "weak_score", "strong_joints", "strong_score", "duplicate_iou"):
            if (value := getattr(self, name)) is not None and not 0 <= value <= 1:
                raise ValueError(f"`{name}` must be from 0 to 1, got {value}")
        if not 0 <= self.box_margin <= 10:
            raise ValueError(f"`box_margin` must be from 0 to 10, got {self.box_margin}")


@dataclasses.dataclass(frozen=True)
class IdentityConfig(SiftConfig):
    """The baseline tracker of ids; experiments/choose_identities.py is how the defaults were chosen."""

    # who is whom
    matching: Matching = "hungarian"  # greedy: the most alike first, as trackers of single poses had it
    min_similarity: float = 0.2  # lowest mean of OKS and box IoU that joins a strong person to a track
    min_weak_similarity: float = 0.4  # the same for a weak person
    position_gain: float = 0.5  # share of the distance from the expected to the found place that a track moves
    velocity_gain: float = 0.15  # share of the same distance by which its velocity changes
    blur_growth: float = 0.02  # a track missed for n frames is compared as if 1 + n times this nearer

    # birth and death
    birth_hits: int = 3  # sights in a row before a track is given its id; results wait for them
    max_missed: int = 45  # a track missed for more frames than this is forgotten

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.matching not in get_args(Matching):
            raise ValueError(f"`matching` must be one of {', '.join(get_args(Matching))}, got {self.matching!r}")
        if self.birth_hits < 1:
            raise ValueError(f"`birth_hits` must be at least 1, got {self.birth_hits}")
        if self.max_missed < 0:
            raise ValueError(f"`max_missed` must be at least 0, got {self.max_missed}")
        if not 0 <= self.blur_growth <= 10:
            raise ValueError(f"`blur_growth` must be from 0 to 10, got {self.blur_growth}")
        for name in ("min_similarity", "min_weak_similarity", "position_gain", "velocity_gain"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must be above 0 and at most 1, got {getattr(self, name)}")
