"""STAF's published network on clips, from `staf_images`: the second half of its training (Raaj et al. 2019).

PoseTrack's videos with up to three frames left out, run forwards and backwards, and clips made of single pictures whose
crop moves, turns and grows evenly. The trunk stays as it is. Steps, rate and the length of clips are not published, but
chosen here. Command:

    jaxpose train staf_clips --init runs/images --out runs/clips
"""

import dataclasses

from jaxpose.configs import staf_images
from jaxpose.data.config import ClipConfig, CropConfig
from jaxpose.recipes.config import Recipe, Share
from jaxpose.training.config import Multistep


def get_config() -> Recipe:
    """The recipe."""
    images = staf_images.get_config()
    assert isinstance(images.crops, CropConfig)
    optimizer = dataclasses.replace(
        images.training.optimizer,
        schedule=Multistep(rate=5e-5, falls=(60_000, 90_000)),
        multipliers=(*images.training.optimizer.multipliers, ("trunk/.*", 0.0)),
        clip_norm=1.0,
    )
    return dataclasses.replace(
        images,
        data=(Share("posetrack18", share=0.6), Share("coco", share=0.4)),
        crops=dataclasses.replace(
            images.crops, clip=ClipConfig(frames=4, skip=3, extra_shift=100.0, extra_rotation=10.0)
        ),
        batch=4,
        remat=True,
        training=dataclasses.replace(images.training, steps=120_000, optimizer=optimizer),
        provenance=(("data", "COCO 2017 keypoints, PoseTrack 2018"), ("trained by", "jaxpose staf_clips")),
    )
