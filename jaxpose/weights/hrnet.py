"""HRNet's published weights (PyTorch) as parameters of `nets.hrnet.HrnetBackbone`: which tensor goes where.

The authors' programs for poses and for ImageNet, and timm, name the backbone's tensors alike. `weights.pytorch` reads
the file; here each tensor is looked for by name and checked, so that the weights of another network are refused with
the first thing that does not fit.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from jaxpose.errors import WeightsError
from jaxpose.nets.hrnet import BLOCKS, BOTTLENECK, MODULES, STEM
from jaxpose.weights.pytorch import Checkpoint
from jaxpose.weights.store import Params, unflatten

_NORM = {"scale": "weight", "bias": "bias"}
_STATS = {"mean": "running_mean", "var": "running_var"}
_LAST = "stage4.2.fuse_layers."
_WIDTH = "stage2.0.branches.0.0.conv1.weight"


class PublishedBackbone(NamedTuple):
    """A published backbone, and what else its file holds."""

    width: int
    params: Params
    stats: Params  # running statistics of the batch normalization
    others: dict[str, np.ndarray]  # tensors that are not the backbone's, by name


def looks_published(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is an HRNet of three to four branches, by two of its tensors."""
    names = _bare(checkpoint).keys()
    return {_WIDTH, "stage4.0.branches.3.0.conv1.weight"} <= names


def published_backbone(checkpoint: Checkpoint) -> PublishedBackbone:
    """The backbone of an HRNet of any width; `WeightsError` names the first tensor that does not fit.

    The last exchange of a file for ImageNet, or for segmentation, has all branches come out: those that a pose does
    not need are left out, and are not among `others`.
    """
    tensors = {name: tensor for name, tensor in _bare(checkpoint).items() if not name.endswith("num_batches_tracked")}
    if (probe := tensors.get(_WIDTH)) is None:
        raise WeightsError(f"{checkpoint.name} is not HRNet: it has no tensor {_WIDTH}")
    width = probe.shape[0]

    def take(name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Remove a tensor and return it."""
        if (tensor := tensors.pop(name, None)) is None:
            raise WeightsError(f"{checkpoint.name} is not HRNet: it has no tensor {name}")
        if tensor.shape != shape:
            raise WeightsError(f"{checkpoint.name}, tensor {name}: expected {shape}, found {tensor.shape}")
        return tensor.astype(np.float32)

    params: dict[str, np.ndarray] = {}
    stats: dict[str, np.ndarray] = {}
    for place, conv, norm, shape in _layers(width):
        params[f"{place}/kernel"] = np.ascontiguousarray(take(f"{conv}.weight", shape).transpose(2, 3, 1, 0))
        for into, names in ((params, _NORM), (stats, _STATS)):
            into |= {f"{place}/norm/{ours}": take(f"{norm}.{theirs}", shape[:1]) for ours, theirs in names.items()}
    unread = tuple(f"{_LAST}{target}." for target in range(1, len(MODULES) + 1))
    others = {name: tensor for name, tensor in tensors.items() if not name.startswith(unread)}
    return PublishedBackbone(width, unflatten(params), unflatten(stats), others)


def _bare(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """The tensors by their names without what training on several devices puts before them."""
    return {name.removeprefix("module."): tensor for name, tensor in checkpoint.tensors.items()}


def _layers(width: int) -> Iterator[tuple[str, str, str, tuple[int, int, int, int]]]:
    """Each layer's place in our parameters, its convolution's and its normalization's published name, and OIHW."""
    yield "stem_0", "conv1", "bn1", (STEM, 3, 3, 3)
    yield "stem_1", "conv2", "bn2", (STEM, STEM, 3, 3)
    into = STEM
    for i in range(BLOCKS):
        ours, theirs = f"stage_1_block_{i}", f"layer1.{i}"
        yield f"{ours}/narrow", f"{theirs}.conv1", f"{theirs}.bn1", (STEM, into, 1, 1)
        yield f"{ours}/conv", f"{theirs}.conv2", f"{theirs}.bn2", (STEM, STEM, 3, 3)
        yield f"{ours}/widen", f"{theirs}.conv3", f"{theirs}.bn3", (BOTTLENECK, STEM, 1, 1)
        if into != BOTTLENECK:
            name = f"{theirs}.downsample"
            yield f"{ours}/shortcut", f"{name}.0", f"{name}.1", (BOTTLENECK, into, 1, 1)
        into = BOTTLENECK
    yield "transition_2_0", "transition1.0.0", "transition1.0.1", (width, BOTTLENECK, 3, 3)
    for stage, modules in enumerate(MODULES, 2):
        new = stage - 1
        into = BOTTLENECK if stage == 2 else width << (new - 1)
        name = f"transition{stage - 1}.{new}.0"
        yield f"transition_{stage}_{new}", f"{name}.0", f"{name}.1", (width << new, into, 3, 3)
        for module in range(modules):
            last = stage == len(MODULES) + 1 and module == modules - 1
            place = f"stage_{stage}_module_{module}", f"stage{stage}.{module}"
            yield from _module_layers(*place, [width << branch for branch in range(stage)], 1 if last else stage)


def _module_layers(
    ours: str, theirs: str, widths: list[int], targets: int
) -> Iterator[tuple[str, str, str, tuple[int, int, int, int]]]:
    for branch, width in enumerate(widths):
        for block in range(BLOCKS):
            place, name = f"{ours}/branch_{branch}_block_{block}", f"{theirs}.branches.{branch}.{block}"
            for i in range(2):
                yield f"{place}/conv_{i}", f"{name}.conv{i + 1}", f"{name}.bn{i + 1}", (width, width, 3, 3)
    for target in range(targets):
        for source, width in enumerate(widths):
            place, name = f"{ours}/exchange/from_{source}_to_{target}", f"{theirs}.fuse_layers.{target}.{source}"
            if source > target:
                yield place, f"{name}.0", f"{name}.1", (widths[target], width, 1, 1)
            for step in range(target - source):
                last = step == target - source - 1
                layer, out = f"{name}.{step}", widths[target] if last else width
                yield (place if last else f"{place}_{step}"), f"{layer}.0", f"{layer}.1", (out, width, 3, 3)
