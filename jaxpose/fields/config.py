"""How fields are decoded into candidates; hashable, so that it can be static under jit."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class DecodeConfig:
    """Thresholds and sizes of the `fast` decoding on the network's native grid (OpenPose, sections 3.3 and 3.5)."""

    peak_threshold: float = 0.1  # a heatmap's cell is a peak above this
    candidates: int = 64  # slots for the peaks of a joint; more peaks are counted, the weakest left out
    partners: int = 16  # connections scored for each peak: to its nearest peaks of the other joint
    samples: int = 10  # points of the line integral between two peaks
    sample_threshold: float = 0.05  # a point counts when the field along the limb is above this
    sample_share: float = 0.8  # a connection needs at least this share of its points to count
