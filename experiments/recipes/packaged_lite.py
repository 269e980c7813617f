"""How `openpose-lite` is trained: the blocks of LiteOpenPose behind the packaged MoveNet, which stays as it is.

    export JAXPOSE_TEST_DATA=...          # the folder with coco/, lspet/, mpii/, videos/ and labels/
    jaxpose data build coco --source $JAXPOSE_TEST_DATA/coco    # likewise mpii and lspet
    python experiments/teacher_labels.py --out teachers         # then keypoint_folder, as that script says
    python experiments/standardized_start.py --as lite-start
    jaxpose train experiments/recipes/packaged_lite.py --init lite-start --out runs/lite

The packaged weights were made in two parts: 3,500 steps of crops of 320 pixels at a rate of 2e-3, without the maps of
the halved picture, then these steps from there (`standardized_start.py --known`). `--init openpose-lite` goes on from
them. On the pictures left out, at 512, OKS-AP was 21.2, 24.5, 25.9, 28.1, 28.6 after each 700 steps of the first part,
and 29.5, 31.9, 32.8, 33.0 after 1,400, 2,800, 4,200 and 4,600 of the second.

One example in fifteen of COCO's training part is left out, to judge by and to choose thresholds on. One core of a CPU
makes six crops a second. `experiments/package_lite.py` puts the result into the package.
"""

import dataclasses

from jaxpose.configs import lite_openpose
from jaxpose.data.config import ColorConfig, MosaicConfig, OccluderConfig
from jaxpose.recipes.config import Evaluation, Recipe, Share
from jaxpose.training.config import WarmupCosine

LEAVE_OUT = 15


def get_config() -> Recipe:
    """The recipe."""
    recipe = lite_openpose.get_config()
    return dataclasses.replace(
        recipe,
        data=(
            Share("coco", share=0.76, leave_out=LEAVE_OUT),
            Share("coco", "train_empty", share=0.04, leave_out=LEAVE_OUT),
            Share("mpii", share=0.06),
            Share("lspet", share=0.05),
            Share("lspet_people", share=0.03),
            Share("exercise", share=0.02),
            Share("athletes", share=0.02),
            Share("one_by_one", share=0.02),
        ),
        batch=8,
        crops=dataclasses.replace(
            recipe.crops,
            place=dataclasses.replace(recipe.crops.place, scale=(0.12, 1.7)),
            mosaic=MosaicConfig(share=0.08),
            color=ColorConfig(brightness=0.1, contrast=0.15, saturation=0.2, hue=4, grey=0.02),
            occluders=OccluderConfig(most=0),
        ),
        training=dataclasses.replace(
            recipe.training,
            steps=4600,
            accumulate=8,  # crop by crop: what a crop needs fits into a CPU's cache
            optimizer=dataclasses.replace(recipe.training.optimizer, schedule=WarmupCosine(rate=1.5e-3, warmup=50)),
            average=0.998,
            evaluate_every=1400,
            save_every=100,
            save_minutes=3,
        ),
        evaluation=Evaluation((Share("coco", leave_out=LEAVE_OUT),), pictures=150, size=512),
    )
