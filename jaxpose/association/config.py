"""Settings of the host's association; plain dataclasses, so that a command line can show them without NumPy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ParserConfig:
    """Which persons the greedy parser keeps (OpenPose, section 3.5 and its released thresholds)."""

    min_joints: int = 3  # persons with fewer joints are dropped
    min_score: float = 0.4  # persons whose score per joint is below this are dropped


@dataclasses.dataclass(frozen=True)
class IdentityConfig:
    """The baseline tracker of ids."""
