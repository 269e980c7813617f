"""HRNet-W48 on PoseTrack's 15 joints, from `hrnet_w48_coco`: the pose network of HRNet's tracker, and of clips'.

Sun et al., CVPR 2019, section 4.3: 20 epochs, the rate at a tenth of COCO's, and again at a tenth from epochs 10 and 15
on; crops, targets and augmentation as there. 3D HRNet (Wang et al., CVPR 2020) starts from such a network. Data:
PoseTrack 2018, built by `jaxpose data build posetrack18`. Published result, on PoseTrack 2017's test set with
HRNet's tracker: 74.9 mAP, 57.9 MOTA. Hardware: four GPUs, hours. Command:

    jaxpose train hrnet_w48_posetrack --init runs/w48_coco --out runs/w48_posetrack

The last layer starts anew, as its joints are others.
"""

import dataclasses

from jaxpose.configs import hrnet_w48_coco
from jaxpose.recipes.config import Evaluation, Recipe, Share
from jaxpose.systems.hrnet.config import HrnetConfig
from jaxpose.training.config import Multistep

EPOCH = 97_000 // hrnet_w48_coco.BATCH
"""Steps through the people of PoseTrack 2018's training videos, about."""


def get_config() -> Recipe:
    """The recipe."""
    images = hrnet_w48_coco.get_config()
    optimizer = dataclasses.replace(
        images.training.optimizer, schedule=Multistep(1e-4, 0.1, falls=(10 * EPOCH, 15 * EPOCH))
    )
    return dataclasses.replace(
        images,
        network=HrnetConfig(skeleton="posetrack_15", width=48, crop=(384, 288)),
        data=(Share("posetrack18"),),
        training=dataclasses.replace(images.training, steps=20 * EPOCH, optimizer=optimizer, evaluate_every=2 * EPOCH),
        evaluation=Evaluation((Share("posetrack18", "val"),), pictures=500),
        provenance=(("data", "COCO 2017 keypoints, PoseTrack 2018"), ("trained by", "jaxpose hrnet_w48_posetrack")),
    )
