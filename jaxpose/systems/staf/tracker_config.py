"""Settings of the tracker behind the network; plain dataclasses without JAX or NumPy."""

import dataclasses
from typing import Literal, get_args

from jaxpose.association.config import ParserConfig, SiftConfig

Variant = Literal["paper", "released"]
"""How people and ids come from the fields: by the paper's Algorithm 1, or as in the published program."""

LEAST_VOTES = {"paper": 1, "released": 5}


@dataclasses.dataclass(frozen=True)
class CutConfig:
    """When two pictures in a row belong to different scenes (`cuts.CutDetector` says what is compared)."""

    least: float = 0.18  # the smallest difference that is a cut
    ratio: float = 3.0  # and how many times that of the frames before it must be
    memory: int = 8  # differences that this is compared with

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise ValueError(f"`least` must be above 0 and at most 1, got {self.least}")
        for name in ("ratio", "memory"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}")


@dataclasses.dataclass(frozen=True)
class TrackerConfig(SiftConfig):
    """How candidates become people with ids, and which of them are told; ids are never used again."""

    variant: Variant = "released"  # people from PAFs alone, then ids by votes; paper: people and ids together
    parser: ParserConfig = ParserConfig()  # who is kept; its method must be greedy
    min_votes: int | None = None  # joints that must name an id; none: 1 in the paper's variant, 5 in the released one
    motion: float = 30.0  # weight of the likeness to the expected pose beside the share of joints; 0: votes alone

    # birth and occlusions
    birth_hits: int = 3  # sights in a row before a new person is told; results wait for them
    max_missed: int = 45  # a person missed for more frames than this is not continued; 0 bridges nothing
    min_similarity: float = 0.2  # lowest mean of OKS and box IoU with the expected pose that alone continues a person
    min_weak_similarity: float = 0.4  # the same where a weak person is what continues them
    blur_growth: float = 0.02  # a person missed for n frames is compared as if 1 + n times this nearer
    position_gain: float = 0.5  # share of the distance from the expected to the found place that a track moves
    velocity_gain: float = 0.15  # share of the same distance by which its velocity changes

    # beyond the paper
    reentry_seconds: float = 0.0  # who comes back so soon, to where they were last seen, has the old id; 0: never
    cuts: CutConfig | None = CutConfig()  # a cut starts a new scene, with new ids; none: cuts are not looked for

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in get_args(Variant):
            raise ValueError(f"`variant` must be one of {', '.join(get_args(Variant))}, got {self.variant!r}")
        if self.parser.method != "greedy":
            raise ValueError(f"`parser.method` must be 'greedy' in this system, got {self.parser.method!r}")
        if self.min_votes is not None and self.min_votes < 1:
            raise ValueError(f"`min_votes` must be at least 1, got {self.min_votes}")
        if self.birth_hits < 1:
            raise ValueError(f"`birth_hits` must be at least 1, got {self.birth_hits}")
        for name in ("motion", "max_missed", "reentry_seconds", "blur_growth"):
            if getattr(self, name) < 0:
                raise ValueError(f"`{name}` must be 0 or more, got {getattr(self, name)}")
        for name in ("min_similarity", "min_weak_similarity", "position_gain", "velocity_gain"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must be above 0 and at most 1, got {getattr(self, name)}")

    @property
    def votes(self) -> int:
        """Joints that must name an id."""
        return LEAST_VOTES[self.variant] if self.min_votes is None else self.min_votes
