"""How the people of known boxes are cut out and told of, as a plain dataclass that needs neither JAX nor NumPy."""

import dataclasses

MARGIN = 0.2
"""How much wider than the span of their joints people are taken to be whom another network finds, on each side, for a
network that is to see what the box shows and no more.

OKS-AP of Thunder on the people of MoveNet MultiPose, on each eighth of COCO's training pictures: 43.3 with 0.1, 44.2
with 0.2 and with 0.3, where far people fare worse.
"""

SAME_OKS = 0.4
"""How alike the pose that another network found of the same person a new one must be; else it is somebody else's.

OKS-AP of Thunder on the people of MoveNet MultiPose, on each eighth of COCO's training pictures: 37.8 with 0, from 38.7
to 38.9 with 0.1 to 0.5, 38.6 with 0.6. Of hrnet-lite 35.3 with 0 to 0.4, 35.0 with 0.6.
"""


@dataclasses.dataclass(frozen=True)
class TopDownConfig:
    """Around which part of a picture a crop lies, and which people and joints are told."""

    grow: float = 1.0  # sides of the crop, in sides of the smallest box of its aspect around the person's
    margin: float = MARGIN  # of a box made from joints that were found, beyond them: on each side, in its sides
    fill: int = 0  # grey that lies around the picture, 0 to 255: what the network was trained with
    joint_threshold: float = 0.05  # joints with a lower score are missing
    person_threshold: float = 0.0  # people with a lower score are left out
    duplicate_oks: float = 0.7  # of two people more alike than this the lesser one is left out
    same_oks: float = SAME_OKS  # a pose less alike the one that its box was made from does not take its place

    def __post_init__(self) -> None:
        if not 0 < self.grow <= 10:
            raise ValueError(f"`grow` must be above 0 and at most 10, got {self.grow}")
        if not 0 <= self.margin <= 10:
            raise ValueError(f"`margin` must be from 0 to 10, got {self.margin}")
        if not 0 <= self.fill <= 255:
            raise ValueError(f"`fill` must be from 0 to 255, got {self.fill}")
        for name in ("joint_threshold", "person_threshold", "duplicate_oks", "same_oks"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must be from 0 to 1, got {getattr(self, name)}")
