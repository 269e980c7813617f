"""VGG-19's published weights (torchvision's `vgg19`) as parameters of `nets.vgg.Vgg19`: which tensor goes where.

What a multi-stage network's training starts from; the file is https://download.pytorch.org/models/vgg19-dcbb9e9d.pth
(575 MB, BSD-3-Clause), read by `weights.pytorch`.
"""

import numpy as np

from jaxpose.errors import WeightsError
from jaxpose.nets.vgg import BLOCKS, LAYERS
from jaxpose.weights.pytorch import Checkpoint
from jaxpose.weights.store import Params, unflatten

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""What torchvision subtracts from RGB in 0..1, and divides it by."""


def _indices() -> tuple[int, ...]:
    """The place of each convolution in torchvision's `features`: a ReLU follows each, a pooling each block."""
    places, at = [], 0
    for _, count in BLOCKS:
        places += [at + 2 * i for i in range(count)]
        at += 2 * count + 1
    return tuple(places)


def vgg19_params(checkpoint: Checkpoint, layers: int = len(LAYERS)) -> Params:
    """The parameters of `Vgg19(layers)` from a checkpoint of torchvision's `vgg19`, for pictures `x / 256 - 0.5`.

    The published network takes RGB `(x / 255 - mean) / std`; the difference is folded into the first layer. It is exact
    inside a picture; at its edge, zeros of padding mean medium grey here and the mean colour there. `WeightsError`
    names the first tensor that does not fit; the tensors of later layers may be missing, unknown ones not be there.
    """
    tensors, flat, into = dict(checkpoint.tensors), {}, 3
    for i, ((name, out), index) in enumerate(zip(LAYERS, _indices(), strict=True)):
        for kind, shape in (("weight", (out, into, 3, 3)), ("bias", (out,))):
            key = f"features.{index}.{kind}"
            tensor = tensors.pop(key, None)
            if i >= layers:
                continue
            if tensor is None:
                raise WeightsError(f"{checkpoint.name} is not torchvision's vgg19: it has no tensor {key}")
            if tensor.shape != shape:
                raise WeightsError(f"{checkpoint.name}, tensor {key}: expected {shape}, found {tensor.shape}")
            flat[f"{name}/{'kernel' if kind == 'weight' else kind}"] = tensor.astype(np.float32)
        into = out
    extra = [key for key in tensors if not key.startswith("classifier.")]
    if extra:
        raise WeightsError(f"{checkpoint.name} has tensors that torchvision's vgg19 lacks, the first is {extra[0]}")
    kernel, bias = flat["conv1_1/kernel"].astype(np.float64), flat["conv1_1/bias"]
    mean, std = np.array(MEAN)[:, None, None], np.array(STD)[:, None, None]
    flat["conv1_1/bias"] = (bias + (kernel * (128 / 255 - mean) / std).sum((1, 2, 3))).astype(np.float32)
    flat["conv1_1/kernel"] = (kernel * (256 / 255) / std).astype(np.float32)
    for name, _ in LAYERS[:layers]:
        flat[f"{name}/kernel"] = np.ascontiguousarray(flat[f"{name}/kernel"].transpose(2, 3, 1, 0))
    return unflatten(flat)
