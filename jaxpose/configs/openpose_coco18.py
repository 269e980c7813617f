"""OpenPose COCO, the network of the CVPR 2017 paper (Cao et al.): six stages that refine both fields together.

Data: COCO keypoints, built by `jaxpose data build coco`; the trunk starts as torchvision's VGG-19. Published result:
58.4 OKS-AP on COCO's validation set (TPAMI 2019, Table 4, "Ours [3]"). Only BODY_25's solver was released with its
network; this is the first paper's (SGD with momentum 0.9 and decay 5e-4, rate 4e-5 falling to a third every 136,106
steps, later stages four times as fast). Hardware: one GPU of 12 GB, days. Command:

    jaxpose train openpose_coco18 --out runs/coco18 --start vgg19-dcbb9e9d.pth
"""

from jaxpose.data.config import CropConfig, OccluderConfig, PlaceConfig
from jaxpose.recipes.config import Evaluation, Recipe, Share
from jaxpose.systems.openpose.config import COCO_18, LossConfig
from jaxpose.training.config import Multistep, Optimizer, Sgd, TrainingConfig

FALL = 136_106


def get_config() -> Recipe:
    """The recipe."""
    return Recipe(
        architecture="openpose-coco",
        network=COCO_18,
        data=(Share("coco"),),
        crops=CropConfig(place=PlaceConfig(rotation=40, scale=(0.5, 1.1)), occluders=OccluderConfig(most=0)),
        batch=10,
        loss=LossConfig(),
        training=TrainingConfig(
            steps=600_000,
            optimizer=Optimizer(
                Sgd(),
                Multistep(rate=4e-5, factor=0.333, falls=tuple(FALL * i for i in range(1, 5))),
                multipliers=((".*/bias", 2.0), (".*s_[1-5]/.*", 4.0), (".*s_[1-5]/.*/bias", 8.0)),
            ),
        ),
        evaluation=Evaluation((Share("coco", "val"),), pictures=500, size=656),
        provenance=(("data", "COCO 2017 keypoints"), ("trained by", "jaxpose openpose_coco18")),
    )
