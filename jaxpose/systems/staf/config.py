"""What a STAF network looks like and what it learns, as plain dataclasses without JAX or NumPy.

Raaj et al., "Efficient Online Multi-Person 2D Pose Tracking with Recurrent Spatio-Temporal Affinity Fields", CVPR 2019.
"""

import dataclasses
from typing import Literal

from jaxpose.fields.config import SquaredErrorConfig
from jaxpose.nets.config import LiteBodyConfig

FieldName = Literal["heatmaps", "pafs", "tafs"]
Topology = Literal["A", "B", "C"]  # of `Skeleton.temporal_links`, named here too as skeletons need NumPy


def _check_topology(topology: str) -> None:
    if topology not in ("A", "B", "C"):
        raise ValueError(f'`topology` must be "A", "B" or "C", got {topology!r}')


@dataclasses.dataclass(frozen=True)
class StafConfig:
    """The paper's three networks behind a VGG-19 trunk; the defaults are those of Model III as published, BODY_21A.

    Of Models I and II no sizes were published. Theirs are chosen as OpenPose's later stages have them: 128 channels in
    five dense blocks, then 512. Their TAF stage reads the previous frame's features as Model III does, through a 1x1
    convolution to 64 channels.
    """

    skeleton: str = "body_21a"
    topology: Topology = "B"
    tafs: Literal["with pafs", "after"] = "with pafs"  # in the stages of the PAFs, or in one of their own at the end
    paf_stages: int = 1  # each reads what the one before says; the first, what was said of the previous frame
    heatmap_stages: int = 1
    trunk: int = 10  # convolutions from the start of VGG-19
    bridge: int = 256  # channels of the 3x3 convolution between trunk and features
    features: int = 128  # channels that every stage reads
    previous: int = 64  # channels that the previous frame's features are brought to
    blocks: int = 5  # dense blocks of a stage
    paf_width: int = 160  # channels of each convolution in the blocks that lead to PAFs
    width: int = 128  # and of those that lead to the other fields
    hidden: int = 512  # channels of the 1x1 convolution between the blocks and the field

    def __post_init__(self) -> None:
        _check_topology(self.topology)
        if self.tafs not in ("with pafs", "after"):
            raise ValueError(f"`tafs` must be 'with pafs' or 'after', got {self.tafs!r}")
        if min(self.paf_stages, self.heatmap_stages) < 1:
            raise ValueError(
                f"`paf_stages` and `heatmap_stages` must be at least 1, got {self.paf_stages} and {self.heatmap_stages}"
            )

    @property
    def schedule(self) -> tuple[tuple[FieldName, ...], ...]:
        """Which fields each stage predicts."""
        heatmaps: tuple[tuple[FieldName, ...], ...] = (("heatmaps",),) * self.heatmap_stages
        if self.tafs == "with pafs":
            return (("pafs", "tafs"),) * self.paf_stages + heatmaps
        return (("pafs",),) * self.paf_stages + heatmaps + (("tafs",),)


MODEL_III = StafConfig()
MODEL_II = StafConfig(tafs="after", paf_width=128)
MODEL_I = dataclasses.replace(MODEL_II, paf_stages=5, heatmap_stages=5)


@dataclasses.dataclass(frozen=True)
class StafLiteConfig(LiteBodyConfig):
    """The fast network of this project: openpose-lite's body made recurrent, and a TAF block behind it.

    It is a Model II: one pass each to the PAFs, the heatmaps and the TAFs. All of its sizes but those of the TAF block
    are the body's, so that it starts from openpose-lite's weights.
    """

    topology: Topology = "B"
    taf_dilations: tuple[int, ...] = (2, 4)  # of the TAF block's residual blocks: with them a cell sees 8 more each way

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_topology(self.topology)
        object.__setattr__(self, "taf_dilations", tuple(self.taf_dilations))
        if not self.taf_dilations:
            raise ValueError("`taf_dilations` must have at least one entry")

    @property
    def schedule(self) -> tuple[tuple[FieldName, ...], ...]:
        """Which fields each stage predicts."""
        return ("pafs",), ("heatmaps",), ("tafs",)


@dataclasses.dataclass(frozen=True)
class StafLossConfig(SquaredErrorConfig):
    """What the networks learn: OpenPose's fields, and TAFs as wide as limbs; the errors of all stages add up."""

    tafs: float = 1.0  # weight of the errors of TAFs beside those of the other fields

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tafs < 0:
            raise ValueError(f"`tafs` must be 0 or more, got {self.tafs}")
