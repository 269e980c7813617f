"""A recipe that trains in a moment: the smallest LiteOpenPose on small procedural pictures."""

from jaxpose.data.config import CropConfig, PlaceConfig
from jaxpose.recipes.config import Evaluation, Procedural, Recipe, Share
from jaxpose.systems.openpose.config import LiteConfig, LossConfig
from jaxpose.training.config import AdamW, Constant, Optimizer, TrainingConfig

NETWORK = LiteConfig(
    coarse=("block_6",), fine=("block_2",), context_width=8, dilations=(1,), width=8, paf_blocks=1, heatmap_blocks=1
)


def get_config() -> Recipe:
    """As a config file has it: `jaxpose train tests/tiny_recipe.py` works."""
    return Recipe(
        network=NETWORK,
        procedural=Procedural(pictures=6, held_out=2, size=64, people=(1, 2)),
        crops=CropConfig(place=PlaceConfig(crop=64)),
        batch=2,
        loss=LossConfig(reduction="mean"),
        training=TrainingConfig(
            steps=4,
            optimizer=Optimizer(AdamW(), Constant(1e-3), multipliers=(("(trunk|normalize)/.*", 0.0),)),
            log_every=1,
            evaluate_every=2,
            save_every=1,
        ),
        evaluation=Evaluation((Share("procedural", "val"),), pictures=2, size=64),
        provenance=(("data", "procedural people"),),
    )
