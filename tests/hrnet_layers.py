"""HRNet's tensors as the published checkpoints name them, with random values, and what other tasks' files hold beside.

Written from the checkpoints' layout alone, not from the importer: `experiments/hrnet_reference.py` fills the layers of
a PyTorch network with these, and the tests compare. Values come from a seed, so that nothing large needs to be kept.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

IMAGE = (128, 96)  # height and width
CHANNELS = 64, 256  # of the stem, of the first stage
BRANCHES = {2: 1, 3: 4, 4: 3}  # the later stages have as many branches as their number; and how many modules

Conv = tuple[str, str, int, int, int]  # names of a convolution and its normalization; channels out and in; size


def layers(width: int, *, classes: bool = False) -> Iterator[Conv]:
    """Every convolution that batch normalization follows, in the order of the checkpoints.

    `classes`: of a network for ImageNet, whose last exchange has all branches come out.
    """
    stem, first = CHANNELS
    yield "conv1", "bn1", stem, 3, 3
    yield "conv2", "bn2", stem, stem, 3
    for block in range(4):
        name, into = f"layer1.{block}", first if block else stem
        yield f"{name}.conv1", f"{name}.bn1", stem, into, 1
        yield f"{name}.conv2", f"{name}.bn2", stem, stem, 3
        yield f"{name}.conv3", f"{name}.bn3", first, stem, 1
        if not block:
            yield f"{name}.downsample.0", f"{name}.downsample.1", first, stem, 1
    for stage, modules in BRANCHES.items():
        widths = [width * 2**branch for branch in range(stage)]
        if stage == 2:
            yield "transition1.0.0", "transition1.0.1", width, first, 3
        name = f"transition{stage - 1}.{stage - 1}.0"
        yield f"{name}.0", f"{name}.1", widths[-1], first if stage == 2 else widths[-2], 3
        for module in range(modules):
            for branch, channels in enumerate(widths):
                for block in range(4):
                    name = f"stage{stage}.{module}.branches.{branch}.{block}"
                    yield f"{name}.conv1", f"{name}.bn1", channels, channels, 3
                    yield f"{name}.conv2", f"{name}.bn2", channels, channels, 3
            one = stage == 4 and module == modules - 1 and not classes
            for to in range(1 if one else stage):
                for source in range(stage):
                    name = f"stage{stage}.{module}.fuse_layers.{to}.{source}"
                    if source > to:
                        yield f"{name}.0", f"{name}.1", widths[to], widths[source], 1
                    for step in range(to - source):
                        out = widths[to] if step == to - source - 1 else widths[source]
                        yield f"{name}.{step}.0", f"{name}.{step}.1", out, widths[source], 3


def tensors(width: int, joints: int = 17, *, classes: bool = False) -> dict[str, np.ndarray]:
    """A checkpoint with random values, the same for everybody; `classes` as for `layers`, without a layer to joints.

    Kernels keep the size of what passes through them, sums grow a little.
    """
    random, found = np.random.default_rng(width), {}
    for conv, norm, out, into, size in layers(width, classes=classes):
        kernel = random.standard_normal((out, into, size, size), np.float32)
        found[f"{conv}.weight"] = kernel * np.float32(np.sqrt(2 / (into * size * size)))
        low, high = (0.1, 0.3) if norm.endswith(("bn3", "bn2")) or ".fuse_layers." in norm else (0.7, 1.3)
        found[f"{norm}.weight"] = random.uniform(low, high, out).astype(np.float32)
        found[f"{norm}.bias"] = random.normal(0, 0.2, out).astype(np.float32)
        found[f"{norm}.running_mean"] = random.normal(0, 0.2, out).astype(np.float32)
        found[f"{norm}.running_var"] = random.uniform(0.6, 1.6, out).astype(np.float32)
        found[f"{norm}.num_batches_tracked"] = np.array(7)
    if classes:
        for name in ("incre_modules.0.0.conv1.weight", "downsamp_modules.0.0.weight", "final_layer.0.weight"):
            found[name] = np.zeros((2, 2, 1, 1), np.float32)
        found["classifier.weight"], found["classifier.bias"] = np.zeros((3, 2), np.float32), np.zeros(3, np.float32)
    else:
        kernel = random.standard_normal((joints, width, 1, 1), np.float32)
        found["final_layer.weight"] = kernel / np.float32(np.sqrt(width))
        found["final_layer.bias"] = random.normal(0, 0.2, joints).astype(np.float32)
    return found


def checksum(found: dict[str, np.ndarray]) -> str:
    """Of all names and values."""
    digest = hashlib.sha256()
    for name, values in found.items():
        digest.update(name.encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def image() -> np.ndarray:
    """A picture of a few smooth shapes and noise: RGB, `[h, w, 3]`."""
    height, width = IMAGE
    random = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / across + y / down + phase) for across, down, phase in random.uniform(4, 20, (3, 3))]
    noise = random.normal(0, 10, (height, width, 3))
    return np.clip(128 + 90 * np.stack(waves, axis=-1) + noise, 0, 255).astype(np.uint8)
