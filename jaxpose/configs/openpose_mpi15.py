"""OpenPose MPI, the CVPR 2017 network for MPII's 15 joints.

Data: MPII, built by `jaxpose data build mpii`; the trunk starts as torchvision's VGG-19. Published result: 75.6 mAP
(PCKh) on MPII's full multi-person test set, 72.5 at one scale (TPAMI 2019, Table 1). The solver is `openpose_coco18`'s,
the first paper's, as no other was released. Hardware: one GPU of 12 GB, days. Command:

    jaxpose train openpose_mpi15 --out runs/mpi15 --start vgg19-dcbb9e9d.pth
"""

import dataclasses

from jaxpose.configs import openpose_coco18
from jaxpose.recipes.config import Evaluation, Recipe, Share
from jaxpose.systems.openpose.config import MPI_15


def get_config() -> Recipe:
    """The recipe."""
    return dataclasses.replace(
        openpose_coco18.get_config(),
        architecture="openpose-mpi",
        network=MPI_15,
        data=(Share("mpii"),),
        evaluation=Evaluation(()),
        provenance=(("data", "MPII Human Pose"), ("trained by", "jaxpose openpose_mpi15")),
    )
