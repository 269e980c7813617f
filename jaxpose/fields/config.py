"""How fields are decoded into candidates, `fast` or `exact`; hashable, so that it can be static under jit."""

import dataclasses


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
