"""A recipe: one training from its network to its schedule, as a plain dataclass. `configs` has the packaged ones.

`prepare` makes a `training.run.Run` of it. Imports neither JAX nor NumPy.
"""

import dataclasses
from typing import Any, Literal

from jaxpose.data.config import CropConfig, PersonCropConfig
from jaxpose.systems.hrnet.config import HeatmapLossConfig, HrnetConfig, HrnetLiteConfig
from jaxpose.systems.openpose.config import LiteConfig, LossConfig, MultiStageConfig
from jaxpose.systems.staf.config import StafConfig, StafLiteConfig, StafLossConfig
from jaxpose.training.config import TrainingConfig

Network = LiteConfig | MultiStageConfig | StafLiteConfig | StafConfig | HrnetLiteConfig | HrnetConfig


def _at_least_1(config: Any, *names: str) -> None:
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"`{name}` must be at least 1, got {getattr(config, name)}")


@dataclasses.dataclass(frozen=True)
class Share:
    """A data set, and how many of the batches come from it."""

    data: str  # a data set that `jaxpose data build` has built, a folder of shards, or `procedural`
    split: str = "train"
    share: float = 1.0  # in the shares' sum
    joints: str = ""  # a regular expression: of what the data set labels, these joints alone teach; none: all
    leave_out: int = 0  # each so-many-th example is left out of training; in `evaluation.data` these are all; 0: none

    def __post_init__(self) -> None:
        if self.leave_out < 0 or self.leave_out == 1:
            raise ValueError(f"`leave_out` must be 0 or at least 2, got {self.leave_out}")


@dataclasses.dataclass(frozen=True)
class Procedural:
    """The package's own pictures of made-up people, where a data set is named `procedural`."""

    pictures: int = 20_000  # different ones in the train split
    held_out: int = 200  # and in any other split, which has pictures of its own
    size: int = 368  # pixels of their sides
    people: tuple[int, int] = (1, 6)  # fewest and most in a picture
    seed: int = 0

    def __post_init__(self) -> None:
        _at_least_1(self, "pictures", "held_out")


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How the network in training is judged: OKS-AP of the people that it finds in held-out pictures.

    One that looks at one person at a time looks into the true boxes.
    """

    data: tuple[Share, ...] = (Share("procedural", "val"),)
    pictures: int = 200  # the first so many of each data set
    size: int = 368  # long side of the input of a network that finds people; pictures are padded to squares

    def __post_init__(self) -> None:
        _at_least_1(self, "pictures")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Which network learns what from which pictures, and how."""

    architecture: str = "openpose-lite"  # a kind of network, as `jaxpose models` shows
    network: Network = dataclasses.field(default_factory=LiteConfig)
    start: str | None = None  # what parameters are taken from: a model, a training's folder, a backbone's file (.pth)
    data: tuple[Share, ...] = (Share("procedural"),)
    procedural: Procedural = Procedural()
    crops: CropConfig | PersonCropConfig = dataclasses.field(default_factory=CropConfig)
    batch: int = 10  # crops a step, over all devices and processes
    compute: Literal["auto", "float32", "bfloat16"] = "auto"  # of the network; auto: bfloat16 but on CPUs
    remat: bool = False  # save memory: what the backward pass needs of the network is computed a second time
    teacher: str | None = None  # an installed model of the same kind, which is learnt from too (`loss.taught`)
    loss: LossConfig | StafLossConfig | HeatmapLossConfig = LossConfig()
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    evaluation: Evaluation = Evaluation()
    provenance: tuple[tuple[str, str], ...] = ()  # what a model card should tell: data, licences

    def precision(self, backend: str) -> Literal["float32", "bfloat16"]:
        """What the network computes in on the devices of a backend, as JAX names them."""
        if self.compute == "auto":
            return "float32" if backend == "cpu" else "bfloat16"
        return self.compute

    def as_json(self) -> dict[str, Any]:
        """All of it, to be stored beside checkpoints."""
        return dataclasses.asdict(self)
