"""What an OpenPose network looks like and how thoroughly it looks, as plain dataclasses without JAX or NumPy."""

import dataclasses
from typing import Literal

from jaxpose.fields.config import SquaredErrorConfig
from jaxpose.nets.config import LiteBodyConfig


@dataclasses.dataclass(frozen=True)
class LightweightConfig:
    """The lightweight network (human-pose-estimation-0001): MobileNetV1 cut at stride 8, one refinement stage."""

    skeleton: str = "coco_18"
    refinements: int = 1  # refinement stages after the initial one
    width: int = 128  # channels of the stages


FieldName = Literal["pafs", "heatmaps"]


@dataclasses.dataclass(frozen=True)
class MultiStageConfig:
    """The multi-stage network of the paper (Fig. 3) and of its CVPR 2017 version; the defaults are BODY_25's."""

    skeleton: str = "body_25"
    order: Literal["pafs first", "heatmaps first", "together"] = "pafs first"  # together: both in each stage
    paf_stages: int = 4  # 0 for hands and faces, which have no limbs
    heatmap_stages: int = 2
    trunk: int = 10  # convolutions from the start of VGG-19
    bridge: int = 256  # channels of the 3x3 convolution between trunk and features; 0 for none
    features: int = 128  # channels that every stage reads
    block: Literal["dense", "7x7"] = "dense"  # three 3x3 convolutions, their outputs concatenated; or one 7x7
    first_blocks: int = 5  # blocks of a field's first stage, plain 3x3 convolutions where `block` is "7x7"
    blocks: int = 5  # blocks of each later stage
    first_width: int = 96  # channels of each convolution in a block
    width: int = 128
    first_hidden: int = 256  # channels of the 1x1 convolution between the blocks and the field
    hidden: int = 512
    prelu: bool = True  # PReLU from the trunk's last layer on; ReLU otherwise

    def __post_init__(self) -> None:
        if self.order not in ("pafs first", "heatmaps first", "together"):
            raise ValueError(f"`order` must be 'pafs first', 'heatmaps first' or 'together', got {self.order!r}")
        if self.block not in ("dense", "7x7"):
            raise ValueError(f"`block` must be 'dense' or '7x7', got {self.block!r}")
        if self.paf_stages < 0 or self.heatmap_stages < 1:
            raise ValueError(
                "`paf_stages` must be at least 0 and `heatmap_stages` at least 1, "
                f"got {self.paf_stages} and {self.heatmap_stages}"
            )
        if self.order == "together" and self.paf_stages != self.heatmap_stages:
            raise ValueError(
                "fields refined together have the same number of stages, "
                f"got `paf_stages` {self.paf_stages} and `heatmap_stages` {self.heatmap_stages}"
            )

    @property
    def schedule(self) -> tuple[tuple[FieldName, ...], ...]:
        """Which fields each stage predicts."""
        if self.order == "together":
            return (("pafs", "heatmaps"),) * self.paf_stages
        pafs: tuple[tuple[FieldName, ...], ...] = (("pafs",),) * self.paf_stages
        heatmaps: tuple[tuple[FieldName, ...], ...] = (("heatmaps",),) * self.heatmap_stages
        return pafs + heatmaps if self.order == "pafs first" else heatmaps + pafs


BODY_25 = MultiStageConfig()
COCO_18 = MultiStageConfig(
    "coco_18", "together", 6, 6, block="7x7", first_blocks=3, first_width=128, first_hidden=512, hidden=128, prelu=False
)
MPI_15 = dataclasses.replace(COCO_18, skeleton="mpi_15")
MPI_15_4 = dataclasses.replace(MPI_15, paf_stages=4, heatmap_stages=4)
HAND_21 = dataclasses.replace(
    COCO_18, skeleton="hand_21", order="heatmaps first", paf_stages=0, trunk=14, bridge=0, first_blocks=0
)
FACE_70 = dataclasses.replace(HAND_21, skeleton="face_70")

PUBLISHED = {
    "body_25": BODY_25, "coco_18": COCO_18, "mpi_15": MPI_15, "mpi_15_4": MPI_15_4, "hand_21": HAND_21,
    "face_70": FACE_70,
}  # fmt: skip
"""The networks whose weights were published, by name."""

TABLE_5 = {
    f"{pafs} PAF - {heatmaps} CM": dataclasses.replace(BODY_25, paf_stages=pafs, heatmap_stages=heatmaps)
    for pafs, heatmaps in ((5, 1), (4, 2), (3, 3), (4, 1), (3, 1))
} | {"3 CM - 3 PAF": dataclasses.replace(BODY_25, order="heatmaps first", paf_stages=3, heatmap_stages=3)}
"""The rows of the paper's Table 5: how many stages refine each field, and which field comes first."""


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """How often and in what forms each picture is given to the network; more people are found, in more time."""

    scales: tuple[float, ...] = (1.0,)  # sizes of the input by `size`; (0.5, 1, 1.5, 2), the paper (0.7, 1, 1.3)
    flip: bool = False  # the mirrored picture too
    turns: tuple[int, ...] = (0,)  # degrees that the picture is turned by: 180 finds people who are upside down
    duplicate_oks: float = 0.5  # of two people of different turns more alike than this the lesser one is left out

    def __post_init__(self) -> None:
        scales = self.scales
        if not scales or not all(0 < scale <= 8 for scale in scales) or len(set(scales)) < len(scales):
            raise ValueError(f"`scales` must be one or more numbers above 0, up to 8, each once, got {scales}")
        if not self.turns or not set(self.turns) <= {0, 90, 180, 270} or len(set(self.turns)) < len(self.turns):
            raise ValueError(f"`turns` must be one or more of 0, 90, 180 and 270, each once, got {self.turns}")
        if not 0 <= self.duplicate_oks <= 1:
            raise ValueError(f"`duplicate_oks` must be from 0 to 1, got {self.duplicate_oks}")


@dataclasses.dataclass(frozen=True)
class LiteConfig(LiteBodyConfig):
    """The fast network of this project: a published backbone, then a PAF block and a heatmap block."""

    @property
    def schedule(self) -> tuple[tuple[FieldName, ...], ...]:
        """Which fields each stage predicts."""
        return ("pafs",), ("heatmaps",)


@dataclasses.dataclass(frozen=True)
class LossConfig(SquaredErrorConfig):
    """What the networks learn (equations 1 to 6 and 8 to 9 of the paper) and how the losses of all stages add up."""

    taught: float = 1.0  # weight of what a teacher says, where there is one, beside what is labelled

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.taught < 0:
            raise ValueError(f"`taught` must be 0 or more, got {self.taught}")
