"""StafLite for BODY_21A: LiteOpenPose made recurrent, on clips of made-up people and of pictures that move.

Everything that it shares with LiteOpenPose may start from a trained one; the backbone, MoveNet's, stays as it is.
Data: the procedural people, whose videos have true ids, and COCO keypoints with pictures without people
(`jaxpose data build coco`), whose crops move, turn and grow evenly. Command:

    jaxpose train staf_lite --init openpose-lite --out runs/staf
"""

import dataclasses

from jaxpose.configs import lite_openpose
from jaxpose.data.config import ClipConfig, ColorConfig, CropConfig, MosaicConfig, PlaceConfig
from jaxpose.recipes.config import Procedural, Recipe, Share
from jaxpose.systems.staf.config import StafLiteConfig, StafLossConfig
from jaxpose.training.config import WarmupCosine


def get_config() -> Recipe:
    """The recipe."""
    images = lite_openpose.get_config()
    assert isinstance(images.crops, CropConfig)
    return dataclasses.replace(
        images,
        architecture="staf-lite",
        network=StafLiteConfig(),
        data=(Share("procedural", share=0.4), Share("coco", share=0.55), Share("coco", "train_empty", share=0.05)),
        procedural=Procedural(size=384, people=(1, 6)),
        crops=dataclasses.replace(
            images.crops,
            place=PlaceConfig(crop=320, rotation=20, target=0.6, scale=(0.2, 1.3), shift=40),
            color=ColorConfig(brightness=0.1, contrast=0.15, saturation=0.2, hue=4),
            mosaic=MosaicConfig(share=0.1),
            clip=ClipConfig(frames=3, skip=3, extra_shift=40.0, extra_rotation=5.0),
        ),
        batch=4,
        loss=StafLossConfig(reduction="mean", positive=4.0),
        training=dataclasses.replace(
            images.training,
            steps=10_000,
            optimizer=dataclasses.replace(
                images.training.optimizer, schedule=WarmupCosine(rate=1e-3, warmup=200), clip_norm=0.5
            ),
        ),
        provenance=(
            ("data", "procedural people of jaxpose, COCO 2017 keypoints (a part)"),
            ("backbone", "MoveNet MultiPose (Google, Apache-2.0)"),
            ("trained by", "jaxpose staf_lite"),
        ),
    )
