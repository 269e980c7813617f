"""What a MoveNet looks like and how its maps become people, as plain dataclasses that need neither JAX nor NumPy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class MoveNetConfig:
    """MoveNet MultiPose Lightning: the network published under that name."""

    skeleton: str = "coco_17"


@dataclasses.dataclass(frozen=True)
class PoseConfig:
    """Which peaks become people and which joints they have; hashable, so that it can be static under jit.

    Chosen on COCO's training pictures and, for `joint_threshold`, on the videos `vtest` and `stadtmitte`. For OKS-AP
    alone the thresholds are best near 0: `experiments/coco_ap.py` sets them so.
    """

    people: int = 64  # slots for the people of a picture; more are counted, the weakest left out
    centre_threshold: float = 0.1  # a cell of the centre map is a person's centre above this
    person_threshold: float = 0.05  # people with a lower score are left out
    joint_threshold: float = 0.05  # joints whose heat, weighted by distance, is lower are missing
    person_spread: float = 0.2  # joints are looked for at least this share of a person's size about; 0: as published
    duplicate_oks: float = 0.7  # of two people more alike than this the lesser one is left out

    def __post_init__(self) -> None:
        if not 1 <= self.people <= 64:
            raise ValueError(f"`people` must be 1 to 64, got {self.people}")
        for name in ("centre_threshold", "joint_threshold"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be between 0 and 1, got {getattr(self, name)}")
        for name in ("person_threshold", "person_spread", "duplicate_oks"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must be from 0 to 1, got {getattr(self, name)}")
