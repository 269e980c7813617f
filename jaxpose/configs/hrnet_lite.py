"""HrnetLite for COCO_19 on the packaged MoveNet, which stays as it is, learning from MoveNet Thunder too.

Data: COCO keypoints, MPII and LSPET (head top and upper neck, poses that COCO lacks), all built by
`jaxpose data build`, and procedural people. Thunder says where the joints of COCO's skeleton are that nobody labelled.
Hardware: one GPU, or a CPU and patience: most of the time is Thunder's. Command:

    jaxpose train hrnet_lite --out runs/hrnet_lite
    jaxpose export-weights runs/hrnet_lite --as mine && jaxpose track clip.mp4 --model mine --out people.jsonl
"""

from jaxpose.data.config import ColorConfig, OccluderConfig, PersonCropConfig
from jaxpose.recipes.config import Evaluation, Procedural, Recipe, Share
from jaxpose.systems.hrnet.config import HeatmapLossConfig, HrnetLiteConfig
from jaxpose.training.config import AdamW, Optimizer, TrainingConfig, WarmupCosine


def get_config() -> Recipe:
    """The recipe."""
    network = HrnetLiteConfig()
    return Recipe(
        architecture="hrnet-lite",
        network=network,
        start="movenet-multipose",
        data=(
            Share("coco", share=0.65),
            Share("mpii", share=0.13),
            Share("lspet", share=0.15),
            Share("procedural", share=0.07),
        ),
        procedural=Procedural(people=(1, 3)),
        crops=PersonCropConfig(
            crop=network.crop,
            shift=0.06,
            color=ColorConfig(brightness=0.12, contrast=0.2, saturation=0.25, hue=6, grey=0.03, blur=0.1, noise=0.05),
            occluders=OccluderConfig(most=1),
        ),
        batch=64,
        teacher="movenet-thunder",
        loss=HeatmapLossConfig(taught=0.5),
        training=TrainingConfig(
            steps=40_000,
            optimizer=Optimizer(
                AdamW(decay=0.01),
                WarmupCosine(rate=2e-3, warmup=200),
                multipliers=(("(normalize|trunk|pyramid|heatmaps)/.*", 0.0),),
                clip_norm=1.0,
            ),
            average=0.998,
            evaluate_every=2000,
        ),
        evaluation=Evaluation((Share("coco", "val"),), pictures=200),
        provenance=(
            ("data", "COCO 2017 keypoints, MPII, LSPET, procedural people of jaxpose"),
            ("backbone", "MoveNet MultiPose (Google, Apache-2.0)"),
            ("teacher", "MoveNet Thunder (Google, Apache-2.0)"),
            ("trained by", "jaxpose hrnet_lite"),
        ),
    )
