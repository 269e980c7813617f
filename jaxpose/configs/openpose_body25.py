"""OpenPose BODY_25 as the released training settings have it (Cao et al., TPAMI 2019).

Data: COCO keypoints (95 % of the batches) and COCO's 6 foot joints (5 %, of which feet alone teach), built by
`jaxpose data build coco` and `coco_foot`; the trunk starts as torchvision's VGG-19 (575 MB, BSD-3-Clause). Published
result: 65.1 OKS-AP on COCO's validation set (Table 4). Hardware: the settings take 10 crops of 368 pixels a GPU of 12
GB and a million steps: weeks. Command:

    jaxpose train openpose_body25 --out runs/body25 --start vgg19-dcbb9e9d.pth

The published solver sums the squared errors of a batch, halves them and divides by the number of pictures;
`reduction="sum"` is that, so its rate and decay keep their meaning. New layers learn four times as fast as the trunk,
biases twice as fast again.
"""

from jaxpose.data.config import CropConfig
from jaxpose.recipes.config import Evaluation, Recipe, Share
from jaxpose.systems.openpose.config import BODY_25, LossConfig
from jaxpose.training.config import Adam, Multistep, Optimizer, TrainingConfig

FEET = "_(toe|heel)$"


def get_config() -> Recipe:
    """The recipe."""
    return Recipe(
        architecture="openpose-body25",
        network=BODY_25,
        data=(Share("coco", share=0.95), Share("coco_foot", share=0.05, joints=FEET)),
        crops=CropConfig(),
        batch=10,
        loss=LossConfig(),
        training=TrainingConfig(
            steps=1_000_000,
            optimizer=Optimizer(
                Adam(),
                Multistep(),
                multipliers=((".*", 4.0), (".*/bias", 8.0), ("trunk/.*", 1.0), ("trunk/.*/bias", 2.0)),
            ),
        ),
        evaluation=Evaluation((Share("coco", "val"),), pictures=500, size=656),
        provenance=(("data", "COCO 2017 keypoints, COCO foot annotations"), ("trained by", "jaxpose openpose_body25")),
    )
