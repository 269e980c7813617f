"""STAF's published network, Model III on BODY_21A, on single pictures: the first half of its training (Raaj et al.).

Every picture is a first frame, which the network sees twice; TAFs learn that nothing moves. Data: COCO keypoints, MPII
and PoseTrack, built by `jaxpose data build coco`, `mpii` and `posetrack18`; the trunk starts as torchvision's VGG-19
(575 MB, BSD-3-Clause). The paper has 400,000 steps and an L2 loss; the rate, the batch and the shares of the data sets
are not published: these are BODY_25's. `staf_clips` goes on from it. Command:

    jaxpose train staf_images --out runs/images --start vgg19-dcbb9e9d.pth
"""

import dataclasses

from jaxpose.configs import openpose_body25
from jaxpose.recipes.config import Evaluation, Recipe, Share
from jaxpose.systems.staf.config import MODEL_III, StafLossConfig
from jaxpose.training.config import Multistep


def get_config() -> Recipe:
    """The recipe."""
    published = openpose_body25.get_config()
    optimizer = dataclasses.replace(published.training.optimizer, schedule=Multistep(falls=(200_000, 300_000)))
    return dataclasses.replace(
        published,
        architecture="staf-body21a",
        network=MODEL_III,
        data=(Share("coco", share=0.6), Share("mpii", share=0.2), Share("posetrack18", share=0.2)),
        loss=StafLossConfig(),
        training=dataclasses.replace(published.training, steps=400_000, optimizer=optimizer),
        evaluation=Evaluation((Share("coco", "val"),), pictures=500, size=656),
        provenance=(("data", "COCO 2017 keypoints, MPII, PoseTrack 2018"), ("trained by", "jaxpose staf_images")),
    )
