"""HRNet's networks and what they learn, as plain dataclasses without JAX or NumPy."""

import dataclasses
from typing import ClassVar


def _check_crop(crop: tuple[int, ...]) -> None:
    if len(crop) != 2 or min(crop) < 32 or any(side % 32 for side in crop):
        raise ValueError(f"`crop` must be a height and a width that are multiples of 32, got {crop}")


@dataclasses.dataclass(frozen=True)
class HrnetLiteConfig:
    """The fast top-down network of this project: a published backbone, then branches at strides 4, 8, 16 and 32.

    Maps of the backbone are named as in `nets/multipose.py`. For each branch, finest first: its width, and what it
    reads. A crop shows one person, upright where possible, with a quarter of the box's sides around it.
    """

    skeleton: str = "coco_19"
    widths: tuple[int, ...] = (32, 64, 128, 256)  # channels of the branches
    reads: tuple[tuple[str, ...], ...] = (
        ("heatmaps", "pyramid_4"),
        ("expansion_6", "pyramid_8"),
        ("expansion_13", "pyramid_16"),
        ("out",),
    )
    modules: int = 3  # each ends with an exchange between the branches
    blocks: int = 1  # residual blocks on every branch of a module
    crop: tuple[int, int] = (192, 128)  # height and width of the crops, multiples of 32
    first_cell: ClassVar[float] = 1.5  # both as in `HrnetConfig`
    fill: ClassVar[int] = 128

    def __post_init__(self) -> None:
        object.__setattr__(self, "reads", tuple(map(tuple, self.reads)))  # lists in JSON; a config must be hashable
        for name in ("widths", "crop"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.widths) != len(self.reads):
            raise ValueError(f"`reads` must name maps for each of the {len(self.widths)} `widths`, got {self.reads}")
        if not all(self.reads):
            raise ValueError(f"`reads` must name a map for each branch, got {self.reads}")
        for name in ("modules", "blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}")
        _check_crop(self.crop)


@dataclasses.dataclass(frozen=True)
class HrnetConfig:
    """HRNet as published: W32 and W48 are its widths of 32 and 48 channels at stride 4."""

    skeleton: str = "coco_17"
    width: int = 32  # channels at stride 4; twice, four and eight times as many at 8, 16 and 32
    crop: tuple[int, int] = (256, 192)  # height and width of the crops that it was trained for, multiples of 32
    first_cell: float = 1.5  # pixel of the crop, in x and y, that the first cell tells of; 0 in the published weights
    fill: int = 128  # grey around the picture, as training here has it; 0 in the published weights

    def __post_init__(self) -> None:
        object.__setattr__(self, "crop", tuple(self.crop))  # a list in JSON
        if self.width < 1:
            raise ValueError(f"`width` must be at least 1, got {self.width}")
        _check_crop(self.crop)
        if not 0 <= self.first_cell <= 3:
            raise ValueError(f"`first_cell` must be from 0 to 3, got {self.first_cell}")
        if not 0 <= self.fill <= 255:
            raise ValueError(f"`fill` must be from 0 to 255, got {self.fill}")


@dataclasses.dataclass(frozen=True)
class HeatmapLossConfig:
    """What HRNet's networks learn: a Gaussian for each labelled joint, by the mean squared error."""

    sigma: float = 8.0  # of a joint's Gaussian in pixels of the crop; HRNet's 2 cells of 256x192, for 384x288 it has 12
    positive: float = 0.0  # a cell weighs 1 + this times the size of its target; HRNet has none
    taught: float = 1.0  # weight of what a teacher says of joints that nobody labelled, beside what is labelled
    taught_score: float = 0.3  # a teacher's joint counts from this score on

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise ValueError(f"`sigma` must be above 0, got {self.sigma}")
        for name in ("positive", "taught"):
            if getattr(self, name) < 0:
                raise ValueError(f"`{name}` must be 0 or more, got {getattr(self, name)}")
        if not 0 <= self.taught_score <= 1:
            raise ValueError(f"`taught_score` must be from 0 to 1, got {self.taught_score}")
