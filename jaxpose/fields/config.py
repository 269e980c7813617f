"""How fields are decoded into candidates, `fast` or `exact`, and how far they are from what they should be.

All are hashable, so that they can be static under jit.
"""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class DecodeConfig:
    """Thresholds and sizes of the `fast` decoding on the network's native grid.

    Chosen by human-pose-estimation-0001's OKS-AP on COCO's training pictures at an input of 656 pixels
    (`experiments/coco_ap.py --split train --every 5` gives 42.6; peaks above 0.1, points above 0.05: 1.5 worse).
    They are looser than the published program's, which works on maps enlarged eight times: there peaks are above 0.05,
    and 95 % of 5 to 25 points above 0.05. In the 109 training pictures with nine and more people the own partner of
    every joint was among its 8 nearest.
    """

    peak_threshold: float = 0.05  # a heatmap's cell is a peak above this
    candidates: int = 64  # slots for the peaks of a joint; more peaks are counted, the weakest left out
    partners: int = 8  # connections scored for each peak: to its nearest peaks of the other joint
    samples: int = 10  # points of the line integral between two peaks
    sample_threshold: float = 0.02  # a point counts when the field along the limb is above this
    sample_share: float = 0.8  # a connection needs at least this share of its points to count

    def __post_init__(self) -> None:
        if not 1 <= self.candidates <= 64:
            raise ValueError(f"`candidates` must be 1 to 64, got {self.candidates}")
        for name in ("partners", "samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}")


@dataclasses.dataclass(frozen=True)
class ExactConfig:
    """Thresholds of the `exact` decoding on maps enlarged to the network's input: the published program's own.

    Its other setting, for more people of whom more are false, is 0.02, 0.01 and 0.75; for MPI_15 it takes 0.6 (its
    four-stage variant 0.3), 0.01 and 0.95.
    """

    peak_threshold: float = 0.05  # an enlarged heatmap's pixel is a peak above this
    candidates: int = 127  # slots for the peaks of a joint; more peaks are counted, the weakest left out
    sample_threshold: float = 0.05  # a point counts when the field along the limb is above this
    sample_share: float = 0.95  # more than this share of a connection's points must count

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"`candidates` must be at least 1, got {self.candidates}")


@dataclasses.dataclass(frozen=True)
class SquaredErrorConfig:
    """What fields should look like, and how their squared errors become a loss.

    The defaults are those of OpenPose's training: Gaussians of 7 pixels, limbs one cell wide to each side, and the
    squared error summed over everything known and halved, per picture (Caffe's EuclideanLoss). `mean` divides by what
    is known instead, so that the rate does not depend on the size of crops; its losses are about 100,000 times smaller.
    """

    sigma: float = 7.0  # of a joint's Gaussian, in pixels
    limb_width: float = 1.0  # of a limb's field to each side, in cells
    reduction: Literal["sum", "mean"] = "sum"  # per picture, halved; or over all known cells and channels
    positive: float = 0.0  # a cell weighs 1 + this times the size of its target: most cells have none
    background: float = 1.0  # weight of the background's map beside those of the joints

    def __post_init__(self) -> None:
        for name in ("sigma", "limb_width"):
            if not getattr(self, name) > 0:
                raise ValueError(f"`{name}` must be above 0, got {getattr(self, name)}")
        if self.reduction not in ("sum", "mean"):
            raise ValueError(f"`reduction` must be 'sum' or 'mean', got {self.reduction!r}")
        for name in ("positive", "background"):
            if getattr(self, name) < 0:
                raise ValueError(f"`{name}` must be 0 or more, got {getattr(self, name)}")
