"""LiteOpenPose on the packaged trunk and the procedural people: a first training run, minutes on a CPU.

Data: the procedural data set, made while training; nothing is fetched. Hardware: two CPU cores. Command:

    jaxpose train tiny_synthetic --out runs/tiny
"""

from jaxpose.data.config import CropConfig, OccluderConfig, PlaceConfig
from jaxpose.recipes.config import Evaluation, Procedural, Recipe, Share
from jaxpose.systems.openpose.config import LiteConfig, LossConfig
from jaxpose.training.config import AdamW, Optimizer, TrainingConfig, WarmupCosine


def get_config() -> Recipe:
    """The recipe."""
    return Recipe(
        architecture="openpose-lite",
        network=LiteConfig(coarse=("expansion_10",), fine=("block_2", "expansion_6")),
        start="movenet-multipose",
        data=(Share("procedural"),),
        procedural=Procedural(pictures=2000, held_out=40, size=256, people=(1, 4)),
        crops=CropConfig(
            place=PlaceConfig(crop=256, rotation=20, target=0.7, scale=(0.6, 1.2), shift=20),
            occluders=OccluderConfig(most=1),
        ),
        batch=8,
        loss=LossConfig(reduction="mean", positive=4.0),
        training=TrainingConfig(
            steps=400,
            optimizer=Optimizer(
                AdamW(),
                WarmupCosine(rate=2e-3, warmup=40),
                multipliers=(("(trunk|normalize)/.*", 0.0),),
                clip_norm=1.0,
            ),
            average=0.98,
            log_every=20,
            evaluate_every=200,
            save_every=200,
        ),
        evaluation=Evaluation((Share("procedural", "val"),), pictures=40, size=256),
        provenance=(("data", "procedural people of jaxpose, no pictures of anybody"), ("licence", "Apache-2.0")),
    )
