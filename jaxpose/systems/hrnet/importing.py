"""Published HRNet weights as parameters of `Hrnet`: of the pose network whole, of another one the backbone.

`weights.pytorch` reads the file, `weights.hrnet` knows the backbone's tensors; here is the pose's last layer, and what
the files do not say: how large crops are, and where in a crop their cells lie.
"""

import re
import warnings

import numpy as np

from jaxpose.errors import JaxposeWarning, WeightsError
from jaxpose.nets.normalization import STATS
from jaxpose.systems.hrnet.config import HrnetConfig
from jaxpose.weights.hrnet import PublishedBackbone, published_backbone
from jaxpose.weights.pytorch import Checkpoint
from jaxpose.weights.store import Params

SKELETONS_OF = {17: "coco_17", 16: "mpii_16"}
"""What the published networks for poses were trained on, by their number of joints."""

CROPS = {17: (256, 192), 16: (256, 256)}
"""The smaller of the crops that they were trained on."""

_LAST = "final_layer."
"""Where the layer to the joints lies in a file for poses; in one for ImageNet, another layer."""


def published_config(checkpoint: Checkpoint) -> HrnetConfig:
    """The config of a published pose network.

    Width and joints are those of its tensors, the crop's height and width stand in the file's name, as in
    `pose_hrnet_w48_384x288.pth`; a `JaxposeWarning` tells which are taken if they do not.
    """
    backbone = published_backbone(checkpoint)
    joints = len(_to_joints(checkpoint, backbone)["bias"])
    if joints not in SKELETONS_OF:
        raise WeightsError(f"{checkpoint.name} has {joints} joints: known are 17 (COCO's) and 16 (MPII's)")
    if (sides := re.search(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)", checkpoint.name)) is None:
        height, width = CROPS[joints]
        told = f"{checkpoint.name} does not say how large its crops are: {height}x{width} pixels are taken"
        warnings.warn(
            f"{told}; other heights and widths go into the file's name (384x288)", JaxposeWarning, stacklevel=2
        )
    else:
        height, width = map(int, sides.groups())
    try:
        return HrnetConfig(SKELETONS_OF[joints], backbone.width, (height, width), first_cell=0, fill=0)
    except ValueError as error:
        raise WeightsError(f"{checkpoint.name}: the file's name says that {error}") from None


def published_params(checkpoint: Checkpoint) -> Params:
    """The parameters of `Hrnet` with running statistics, from a published pose network's file.

    `WeightsError` names the first tensor that does not fit, or says that the file is a backbone.
    """
    backbone = published_backbone(checkpoint)
    out = _to_joints(checkpoint, backbone)
    if extra := [name for name in backbone.others if not name.startswith(_LAST)]:
        raise WeightsError(f"{checkpoint.name} has tensors that HRNet lacks, the first is {extra[0]}")
    return {"backbone": backbone.params, "out": out, STATS: {"backbone": backbone.stats}}


def backbone_params(checkpoint: Checkpoint, config: HrnetConfig) -> Params:
    """The part of `Hrnet(config)`'s parameters, and of its running statistics, that a file for any purpose gives.

    A `JaxposeWarning` tells what lies behind the backbone and is not used, such as ImageNet's classes, or the layer to
    another skeleton's joints; ours starts at random.
    """
    backbone = published_backbone(checkpoint)
    if backbone.width != config.width:
        raise WeightsError(f"{checkpoint.name} is an HRNet of width {backbone.width}: `width` must be that")
    params: Params = {"backbone": backbone.params, STATS: {"backbone": backbone.stats}}
    bias = backbone.others.get(f"{_LAST}bias")
    if bias is not None and SKELETONS_OF.get(len(bias)) == config.skeleton:
        return {**params, "out": _to_joints(checkpoint, backbone)}
    unused = ", ".join(dict.fromkeys(name.partition(".")[0] for name in backbone.others))
    told = f"{checkpoint.name} gives the backbone, the layer to the joints starts at random"
    warnings.warn(f"{told}; not used: {unused}" if unused else told, JaxposeWarning, stacklevel=2)
    return params


def _to_joints(checkpoint: Checkpoint, backbone: PublishedBackbone) -> dict[str, np.ndarray]:
    """The layer to the joints; `WeightsError` if it is not there."""
    kernel, bias = (backbone.others.get(f"{_LAST}{kind}") for kind in ("weight", "bias"))
    if kernel is None or bias is None:
        raise WeightsError(
            f"{checkpoint.name} is an HRNet without a layer to joints: it finds none, but training can start from it"
        )
    if kernel.shape != (len(bias), backbone.width, 1, 1):
        expected = (len(bias), backbone.width, 1, 1)
        raise WeightsError(f"{checkpoint.name}, tensor {_LAST}weight: expected {expected}, found {kernel.shape}")
    return {"kernel": np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)), "bias": bias}
