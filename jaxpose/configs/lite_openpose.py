"""LiteOpenPose for BODY_21A on the packaged MoveNet, which stays as it is: hours on a CPU, minutes on a GPU.

Data: COCO keypoints with pictures without people, MPII and LSPET (head top and upper neck, poses that COCO lacks), all
built by `jaxpose data build`. Expected, from a first trial of this kind: about 31 OKS-AP on 300 COCO pictures at 512
pixels after 18,000 crops of 384 pixels. Command:

    jaxpose train lite_openpose --out runs/lite
"""

from jaxpose.data.config import ColorConfig, CropConfig, MosaicConfig, OccluderConfig, PlaceConfig
from jaxpose.recipes.config import Evaluation, Recipe, Share
from jaxpose.systems.openpose.config import LiteConfig, LossConfig
from jaxpose.training.config import AdamW, Optimizer, TrainingConfig, WarmupCosine


def get_config() -> Recipe:
    """The recipe."""
    return Recipe(
        architecture="openpose-lite",
        network=LiteConfig(),
        start="movenet-multipose",
        data=(
            Share("coco", share=0.76),
            Share("coco", "train_empty", share=0.04),
            Share("mpii", share=0.08),
            Share("lspet", share=0.12),
        ),
        crops=CropConfig(
            place=PlaceConfig(crop=384, rotation=25, target=0.7, scale=(0.15, 1.3), shift=40),
            color=ColorConfig(brightness=0.15, contrast=0.25, saturation=0.3, hue=8, grey=0.05, blur=0.05, jpeg=0.1),
            occluders=OccluderConfig(most=1),
            mosaic=MosaicConfig(share=0.15),
        ),
        batch=8,
        loss=LossConfig(reduction="mean", positive=4.0),
        training=TrainingConfig(
            steps=20_000,
            optimizer=Optimizer(
                AdamW(),
                WarmupCosine(rate=2e-3, warmup=200),
                multipliers=(("(normalize|trunk|pyramid|heatmaps)/.*", 0.0),),
                clip_norm=1.0,
            ),
            average=0.998,
            evaluate_every=1000,
            save_every=200,
            save_minutes=5,
        ),
        evaluation=Evaluation((Share("coco", "val"),), pictures=100, size=512),
        provenance=(
            ("data", "COCO 2017 keypoints (a part), MPII (a part), LSPET (a part)"),
            ("backbone", "MoveNet MultiPose (Google, Apache-2.0)"),
            ("trained by", "jaxpose lite_openpose"),
        ),
    )
