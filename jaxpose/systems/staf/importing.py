"""Turns STAF's published `.caffemodel` (BODY_21A, Model III) into parameters of `StafNetwork`.

The published layers are named by block, stage and branch; PAFs and TAFs come out of one layer, the PAFs first. Each is
looked for by its name and checked (`weights/published.py`).
"""

from collections.abc import Iterator

from jaxpose.nets.vgg import LAYERS
from jaxpose.systems.staf.config import MODEL_III
from jaxpose.systems.staf.fields import channels
from jaxpose.weights.caffe import CaffeModel
from jaxpose.weights.published import PublishedConv, refuse_others, take_convolutions
from jaxpose.weights.store import Params, unflatten


def looks_published(model: CaffeModel) -> bool:
    """Whether a Caffe model is the published network, by the last layers of its fields."""
    found = {layer.name: layer.blobs[0].shape for layer in model.layers}
    outputs = {layer.name: layer.shape for place, layer in _layers() if place.endswith("/out")}
    return outputs.items() <= found.items()


def published_params(model: CaffeModel) -> Params:
    """The parameters of `StafNetwork(MODEL_III)`, which takes RGB; `WeightsError` for another network's file."""
    flat, others = take_convolutions(model, _layers(), MODEL_III.skeleton)
    refuse_others(model, others, MODEL_III.skeleton)
    return unflatten(flat)


def _layers() -> Iterator[tuple[str, PublishedConv]]:
    """Each convolution's place in our parameters, and how it was published."""
    c, into = MODEL_III, 3
    for name, out in LAYERS[: c.trunk]:
        yield f"trunk/{name}", PublishedConv(name, (out, into, 3, 3))
        into = out
    yield "bridge", PublishedConv("conv4_3_CPM", (c.bridge, into, 3, 3))
    yield "features", PublishedConv("conv4_4_CPM", (c.features, c.bridge, 3, 3))
    compressed = PublishedConv("Prevconv1_stage3_L0_cont2", (c.previous, c.features, 1, 1), "Prevrelu1_3_CPM_L1")
    yield "stages/previous", compressed
    pafs_tafs, heatmaps = channels(c, "pafs") + channels(c, "tafs"), channels(c, "heatmaps")
    reads = c.features + c.previous + pafs_tafs
    yield from _stage("stages/pafs_tafs_0", "stage3_L2_cont2", reads, c.paf_width, pafs_tafs)
    yield from _stage("stages/heatmaps_0", "stage4_L1_cont2", c.features + pafs_tafs + heatmaps, c.width, heatmaps)


def _stage(place: str, end: str, into: int, width: int, out: int) -> Iterator[tuple[str, PublishedConv]]:
    """Dense blocks of three convolutions, then two 1x1 ones."""
    for block in range(MODEL_III.blocks):
        for i in range(3):
            name = f"{block + 1}_{end}_{i}"
            conv = PublishedConv(f"Mconv{name}", (width, into, 3, 3), f"Mrelu{name}")
            yield f"{place}/block_{block}/conv_{i}", conv
            into = width
        into = 3 * width
    yield f"{place}/hidden", PublishedConv(f"Mconv6_{end}", (MODEL_III.hidden, into, 1, 1), f"Mrelu6_{end}")
    yield f"{place}/out", PublishedConv(f"Mconv7_{end}", (out, MODEL_III.hidden, 1, 1))
