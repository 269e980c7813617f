"""The published OpenPose weights (Caffe) as parameters of `MultiStageNetwork`: which layer goes where.

`weights.caffe` reads the file; here its layers are recognised by name and checked one by one against the network's
config, so that the weights of another network are refused with the first thing that does not fit.
"""

from collections.abc import Iterator

from jaxpose.nets.vgg import LAYERS
from jaxpose.systems.openpose.config import FieldName, MultiStageConfig
from jaxpose.systems.openpose.network import channels
from jaxpose.weights.caffe import CaffeModel
from jaxpose.weights.published import PublishedConv, refuse_others, take_convolutions
from jaxpose.weights.store import Params, unflatten

_BRANCHES: dict[FieldName, str] = {"pafs": "L1", "heatmaps": "L2"}
_DENSE_BRANCHES: dict[FieldName, str] = {"pafs": "L2", "heatmaps": "L1"}  # BODY_25 numbers them the other way round


def looks_published(model: CaffeModel, config: MultiStageConfig) -> bool:
    """Whether a Caffe model is the published network of `config`, by the last layers of its fields.

    The shapes must fit too: COCO's and MPI's layers have the same names, and so have the hand's and the face's.
    """
    found = {layer.name: layer.blobs[0].shape for layer in model.layers}
    outputs = {layer.name: layer.shape for place, layer in _layers(config) if place.endswith("/out")}
    return outputs.items() <= found.items() and not any(name.startswith("Mconv7") for name in found.keys() - outputs)


def published_params(model: CaffeModel, config: MultiStageConfig) -> Params:
    """The parameters of `MultiStageNetwork(config)` from a published `.caffemodel`.

    The published networks take BGR; their first kernel is turned around, so that ours takes RGB. A file with more
    stages than `config` is cut: MPI_15 in 4 stages was published as the first stages of the file of MPI_15 in 6.
    """
    flat, others = take_convolutions(model, _layers(config), config.skeleton)
    stages = range(config.paf_stages + 1, 7) if config.order == "together" else ()
    later = tuple(f"_stage{stage}_{branch}" for stage in stages for branch in _BRANCHES.values())
    refuse_others(model, [name for name in others if not name.endswith(later)], config.skeleton)
    return unflatten(flat)


def _layers(config: MultiStageConfig) -> Iterator[tuple[str, PublishedConv]]:
    """Each convolution's place in our parameters, and how it was published."""
    into = 3
    for i, (name, out) in enumerate(LAYERS[: config.trunk]):
        prelu = name.replace("conv", "prelu") if config.prelu and i == config.trunk - 1 else ""
        yield f"trunk/{name}", PublishedConv(name, (out, into, 3, 3), prelu)
        into = out
    names = ("conv4_3_CPM", "conv4_4_CPM") if config.bridge else ("", "conv5_3_CPM")
    for place, name, out in zip(("bridge", "features"), names, (config.bridge, config.features), strict=True):
        if name:
            prelu = name.replace("conv", "prelu") if config.prelu else ""
            yield place, PublishedConv(name, (out, into, 3, 3), prelu)
            into = out
    known: dict[FieldName, int] = {}  # the maps of the fields that a stage reads
    done: dict[FieldName, int] = {"pafs": 0, "heatmaps": 0}
    for fields in config.schedule:
        reads = (config.features, known.get("heatmaps", 0), known.get("pafs", 0))
        for field in fields:
            form = _dense_branch if config.block == "dense" else _branch
            for place, layer in form(config, field, done[field], reads):
                yield f"{field}_{done[field]}/{place}", layer
            done[field] += 1
            known[field] = channels(config, field)


def _dense_branch(
    c: MultiStageConfig, field: FieldName, stage: int, reads: tuple[int, ...]
) -> Iterator[tuple[str, PublishedConv]]:
    """BODY_25: stages count from 0; features are concatenated first, and PAFs last."""
    width, hidden, blocks = (c.width, c.hidden, c.blocks) if stage else (c.first_width, c.first_hidden, c.first_blocks)
    end, into, inputs = f"stage{stage}_{_DENSE_BRANCHES[field]}", sum(reads), reads
    for block in range(blocks):
        for i in range(3):
            name = f"{block + 1}_{end}_{i}"
            shape = (width, into, 3, 3)
            yield f"block_{block}/conv_{i}", PublishedConv(f"Mconv{name}", shape, f"Mprelu{name}", inputs)
            into, inputs = width, ()
        into = 3 * width
    yield "hidden", PublishedConv(f"Mconv{blocks + 1}_{end}", (hidden, into, 1, 1), f"Mprelu{blocks + 1}_{end}")
    yield "out", PublishedConv(f"Mconv{blocks + 2}_{end}", (channels(c, field), hidden, 1, 1))


def _branch(
    c: MultiStageConfig, field: FieldName, stage: int, reads: tuple[int, ...]
) -> Iterator[tuple[str, PublishedConv]]:
    """All others: stages count from 1, the first with names of its own; channels are in our order."""
    branch = f"_{_BRANCHES[field]}" if c.paf_stages else ""
    if stage:
        width, hidden, blocks, size = c.width, c.hidden, c.blocks, 7
        names = [f"Mconv{i + 1}_stage{stage + 1}{branch}" for i in range(blocks + 2)]
    else:
        width, hidden, blocks, size = c.first_width, c.first_hidden, c.first_blocks, 3
        block = 5 if blocks else 6
        names = [f"conv{block}_{i + 1}_CPM{branch}" for i in range(blocks + 2)]
    into = sum(reads)
    for i in range(blocks):
        yield f"block_{i}", PublishedConv(names[i], (width, into, size, size))
        into = width
    yield "hidden", PublishedConv(names[-2], (hidden, into, 1, 1))
    yield "out", PublishedConv(names[-1], (channels(c, field), hidden, 1, 1))
