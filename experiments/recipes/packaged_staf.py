"""How `staf-lite` is trained: openpose-lite made recurrent, on clips; its backbone, MoveNet's, stays as it is.

    export JAXPOSE_TEST_DATA=...       # and the data sets built as `packaged_lite.py` says
    jaxpose train experiments/recipes/packaged_staf.py --init openpose-lite --out runs/staf

Image mode, with which the paper's training begins, is openpose-lite's own. Clips are single pictures that move, turn
and grow evenly, three videos whose people have ids by linking what two published networks found
(`experiments/teacher_labels.py`), run forwards and backwards with up to two frames left out, and made-up people with
exact ids. One example in fifteen of COCO's training part is left out, as for openpose-lite.

Its `min_score` and `strong_score` were chosen as openpose-lite's were (`experiments/choose_decoding.py`, with its peaks
alone), after a first measurement with openpose-lite's own gave a mean MOTA of 56.3 on the three videos.

The packaged weights are four fifths of the trained ones and one fifth of openpose-lite's, from which they came
(`package_lite.py --blend openpose-lite=0.2`; Wortsman et al., CVPR 2022): on COCO's pictures left out OKS-AP is 31.2
after 31.0, on each sixth of LSPET's training part PCK@0.2 is 31.6 after 31.7, and on LSPET val 32.8 after 32.4.
Shares up to a half do not differ on the former two.

440 further steps at 6e-4, with LSPET's share four times as large, found more of COCO's people left out (OKS-AP 29.9 at
512, after 28.0) but no more of COCO val's (32.2), and fewer of LSPET val's joints (PCK@0.2 31.6). The mean of both
parts' weights had 32.5 there, and a HOTA of 57.3 on eight synthetic clips, after 58.7. Neither was taken.
"""

import dataclasses

from jaxpose.configs import staf_lite
from jaxpose.data.config import ClipConfig, ColorConfig, MosaicConfig, OccluderConfig, PlaceConfig
from jaxpose.recipes.config import Evaluation, Procedural, Recipe, Share
from jaxpose.training.config import WarmupCosine

LEAVE_OUT = 15


def get_config() -> Recipe:
    """The recipe."""
    recipe = staf_lite.get_config()
    return dataclasses.replace(
        recipe,
        data=(
            Share("coco", share=0.56, leave_out=LEAVE_OUT),
            Share("coco", "train_empty", share=0.05, leave_out=LEAVE_OUT),
            Share("mpii", share=0.05),
            Share("lspet", share=0.04),
            Share("exercise", share=0.08),
            Share("athletes", share=0.06),
            Share("one_by_one", share=0.06),
            Share("procedural", share=0.10),
        ),
        procedural=Procedural(size=384, people=(1, 6)),
        crops=dataclasses.replace(
            recipe.crops,
            place=PlaceConfig(crop=320, rotation=20, target=0.6, scale=(0.15, 1.6), shift=30),
            color=ColorConfig(brightness=0.1, contrast=0.15, saturation=0.2, hue=4, grey=0.02),
            occluders=OccluderConfig(most=0),
            mosaic=MosaicConfig(share=0.08),
            clip=ClipConfig(frames=4, skip=2, extra_shift=60.0, extra_rotation=4.0, zoom=1.4),
        ),
        batch=4,
        training=dataclasses.replace(
            recipe.training,
            steps=1600,
            accumulate=4,  # clip by clip: what a clip needs fits into a CPU's cache
            optimizer=dataclasses.replace(
                recipe.training.optimizer,
                schedule=WarmupCosine(rate=2e-3, warmup=60),
                multipliers=(*recipe.training.optimizer.multipliers, ("blocks/.*", 0.3)),
                clip_norm=0.5,
            ),
            average=0.996,
            evaluate_every=1600,
            save_every=50,
            save_minutes=3,
        ),
        evaluation=Evaluation((Share("coco", leave_out=LEAVE_OUT),), pictures=60, size=512),
        provenance=(
            ("data", "parts of COCO 2017, MPII and LSPET; three videos with linked poses; procedural people"),
            ("backbone", "MoveNet MultiPose (Google, Apache-2.0)"),
            ("trained by", "experiments/recipes/packaged_staf.py"),
            ("licence", "Apache-2.0"),
        ),
    )
