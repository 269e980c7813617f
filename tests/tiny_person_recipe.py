"""A recipe that trains a top-down network in a moment: the smallest HrnetLite on small procedural people."""

from jaxpose.data.config import OccluderConfig, PersonCropConfig
from jaxpose.recipes.config import Evaluation, Procedural, Recipe, Share
from jaxpose.systems.hrnet.config import HeatmapLossConfig, HrnetLiteConfig
from jaxpose.training.config import AdamW, Constant, Optimizer, TrainingConfig

NETWORK = HrnetLiteConfig(widths=(4, 6), reads=(("block_2",), ("expansion_6",)), modules=1, crop=(64, 32))


def get_config() -> Recipe:
    """As a config file has it: `jaxpose train tests/tiny_person_recipe.py` works."""
    return Recipe(
        architecture="hrnet-lite",
        network=NETWORK,
        procedural=Procedural(pictures=6, held_out=2, size=96, people=(1, 2)),
        crops=PersonCropConfig(crop=NETWORK.crop, occluders=OccluderConfig(most=1)),
        batch=2,
        loss=HeatmapLossConfig(),
        training=TrainingConfig(
            steps=4,
            optimizer=Optimizer(AdamW(), Constant(1e-3), multipliers=(("(trunk|normalize)/.*", 0.0),)),
            log_every=1,
            evaluate_every=2,
            save_every=1,
        ),
        evaluation=Evaluation((Share("procedural", "val"),), pictures=2),
        provenance=(("data", "procedural people"),),
    )
