"""How `hrnet-lite` is trained: its branches behind the packaged MoveNet, which stays as it is, on crops of people.

    export JAXPOSE_TEST_DATA=...       # and the data sets built as `packaged_lite.py` says
    python experiments/standardized_start.py hrnet-lite --as hrnet-start
    jaxpose train experiments/recipes/packaged_hrnet.py --init hrnet-start --out runs/hrnet
    python experiments/package_lite.py runs/hrnet --config "crop=[192, 128]"

One example in fifteen of COCO's training part is left out, to judge by. On these, OKS-AP in true boxes by DARK is 44.5
in crops of 192x160 (height x width), with which it was trained, and 43.6 in those of 192x128, which take four fifths of
the time.

2,000 further steps at 8e-4 with Thunder as the teacher of all joints that nobody labelled, and an eighth of the crops
from videos whose people have poses on which two published networks agree (`experiments/teacher_labels.py`), did not
help: on all pictures left out 43.2 after 43.6, on each sixth of LSPET's training part PCK@0.2 57.5 after 58.1, and the
mean of both weights lies between. They were not taken.
"""

import dataclasses

from jaxpose.configs import hrnet_lite
from jaxpose.data.config import ColorConfig, OccluderConfig
from jaxpose.recipes.config import Evaluation, Procedural, Recipe, Share
from jaxpose.training.config import WarmupCosine

LEAVE_OUT = 15
CROP = (192, 160)


def get_config() -> Recipe:
    """The recipe."""
    recipe = hrnet_lite.get_config()
    return dataclasses.replace(
        recipe,
        network=dataclasses.replace(recipe.network, crop=CROP),
        data=(
            Share("coco", share=0.66, leave_out=LEAVE_OUT),
            Share("mpii", share=0.12),
            Share("lspet", share=0.16),
            Share("procedural", share=0.06),
        ),
        procedural=Procedural(size=384, people=(1, 3)),
        crops=dataclasses.replace(
            recipe.crops,
            crop=CROP,
            rotation=35.0,
            color=ColorConfig(brightness=0.1, contrast=0.15, saturation=0.2, hue=4, grey=0.02),
            occluders=OccluderConfig(most=1),
        ),
        batch=8,
        teacher=None,
        loss=dataclasses.replace(recipe.loss, sigma=6.0, positive=4.0),
        training=dataclasses.replace(
            recipe.training,
            steps=6000,
            accumulate=8,  # crop by crop: what a crop needs fits into a CPU's cache
            optimizer=dataclasses.replace(recipe.training.optimizer, schedule=WarmupCosine(rate=2e-3, warmup=100)),
            average=0.998,
            evaluate_every=1500,
            save_every=100,
            save_minutes=3,
        ),
        evaluation=Evaluation((Share("coco", leave_out=LEAVE_OUT),), pictures=100),
        provenance=(
            ("data", "parts of COCO 2017, MPII and LSPET; procedural people"),
            ("backbone", "MoveNet MultiPose (Google, Apache-2.0)"),
            ("trained by", "experiments/recipes/packaged_hrnet.py"),
            ("licence", "Apache-2.0"),
        ),
    )
