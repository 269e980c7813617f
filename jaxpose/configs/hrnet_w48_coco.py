"""HRNet-W48 on COCO in crops of 384x288, as published (Sun et al., CVPR 2019, section 4.1, and its program).

Data: COCO keypoints, built by `jaxpose data build coco`; the backbone starts as one trained on ImageNet. Published
result: 76.3 OKS-AP on COCO's validation set, with a person detector and the flip test (Table 1). Hardware: 24 crops a
step on each of four GPUs, about 330,000 steps: days. Command:

    jaxpose train hrnet_w48_coco --out runs/w48_coco --start hrnet_w48-8ef0771d.pth

An epoch of the published program goes through all of COCO's people with labelled joints; here, pictures are drawn alike
and their people within them (`data/people.py`), for as many crops.
"""

from jaxpose.data.config import PersonCropConfig
from jaxpose.recipes.config import Evaluation, Recipe, Share
from jaxpose.systems.hrnet.config import HeatmapLossConfig, HrnetConfig
from jaxpose.training.config import Adam, Multistep, Optimizer, TrainingConfig

BATCH = 96
EPOCH = 149_813 // BATCH
"""Steps through the people of COCO's training pictures who have a labelled joint."""


def get_config() -> Recipe:
    """The recipe."""
    network = HrnetConfig(skeleton="coco_17", width=48, crop=(384, 288))
    return Recipe(
        architecture="hrnet",
        network=network,
        data=(Share("coco"),),
        crops=PersonCropConfig(crop=network.crop),
        batch=BATCH,
        loss=HeatmapLossConfig(sigma=12.0),  # three cells
        training=TrainingConfig(
            steps=210 * EPOCH,
            optimizer=Optimizer(Adam(decay=0.0), Multistep(1e-3, 0.1, falls=(170 * EPOCH, 200 * EPOCH))),
            evaluate_every=10 * EPOCH,
        ),
        evaluation=Evaluation((Share("coco", "val"),), pictures=500),
        provenance=(("data", "COCO 2017 keypoints"), ("trained by", "jaxpose hrnet_w48_coco")),
    )
