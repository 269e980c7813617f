"""Published weights of OpenPose networks as parameters of the networks here: which layer goes where.

`weights.openvino` reads the file; here its layers are recognised by name and checked one by one, so that the weights of
another network are refused with the first thing that does not fit.
"""

from collections.abc import Iterator

import numpy as np

from jaxpose.errors import WeightsError
from jaxpose.systems.openpose.config import LightweightConfig
from jaxpose.systems.openpose.lightweight import BACKBONE_BLOCKS
from jaxpose.weights.openvino import Graph, Layer
from jaxpose.weights.store import Params, unflatten


def looks_lightweight(graph: Graph) -> bool:
    """Whether an IR is the lightweight OpenPose network, by the names of its layers."""
    names = {layer.name for layer in graph.layers}
    return {"conv4_3_CPM/al", "conv5_5_CPM_L1", "Mconv7_stage2_L2"} <= names


def lightweight_params(graph: Graph, config: LightweightConfig = LightweightConfig()) -> Params:
    """The parameters of `LightweightOpenPose` from the IR of human-pose-estimation-0001.

    The published network takes BGR; its first kernel and normalization are turned around, so that ours takes RGB.
    """
    layers = {layer.name: layer for layer in graph.layers}
    flat = {"normalize/scale": graph.scale[::-1].copy(), "normalize/offset": graph.offset[::-1].copy()}
    for place, name, expected in _lightweight_layers(config):
        if (layer := layers.pop(name, None)) is None:
            raise WeightsError(f"{graph.name} is not the lightweight OpenPose network: it has no layer {name}")
        if (found := _form(layer)) != expected:
            raise WeightsError(f"{graph.name}, layer {name}: expected {expected}, found {found}")
        flat |= {f"{place}/kernel": _kernel(layer), f"{place}/bias": layer.bias}
    if layers:
        raise WeightsError(f"{graph.name} has layers that the lightweight OpenPose network lacks: {', '.join(layers)}")
    flat["backbone/stem/kernel"] = flat["backbone/stem/kernel"][:, :, ::-1].copy()
    return unflatten(flat)


def _kernel(layer: Layer) -> np.ndarray:
    """OIHW as HWIO; O1HW of a depthwise convolution as HWC."""
    kernel = layer.kernel
    return np.ascontiguousarray(kernel[:, 0].transpose(1, 2, 0) if layer.depthwise else kernel.transpose(2, 3, 1, 0))


def _form(layer: Layer) -> str:
    """All that must agree, in words."""
    kind = "depthwise" if layer.depthwise else "dense"
    out, into, size, _ = layer.kernel.shape
    return (
        f"{kind} {size}x{size} {out if layer.depthwise else into}->{out} stride {layer.stride} "
        f"dilation {layer.dilation} {layer.activation or 'linear'}"
    )


def _dense(into: int, out: int, size: int = 1, stride: int = 1, dilation: int = 1, activation: str = "ReLU") -> str:
    return f"dense {size}x{size} {into}->{out} stride {stride} dilation {dilation} {activation}"


def _depthwise(channels: int, stride: int = 1, dilation: int = 1, activation: str = "ReLU") -> str:
    return f"depthwise 3x3 {channels}->{channels} stride {stride} dilation {dilation} {activation}"


def _lightweight_layers(config: LightweightConfig) -> Iterator[tuple[str, str, str]]:
    """Each layer's place in our parameters, its published name, and its form."""
    yield "backbone/stem", "conv1", _dense(3, 32, 3, stride=2)
    channels = 32
    published = ("2_1", "2_2", "3_1", "3_2", "4_1", "4_2", "5_1", "5_2", "5_3", "5_4", "5_5")
    for i, ((features, stride, dilation), name) in enumerate(zip(BACKBONE_BLOCKS, published, strict=True)):
        yield f"backbone/block_{i}/depthwise", f"conv{name}/dw", _depthwise(channels, stride, dilation)
        yield f"backbone/block_{i}/pointwise", f"conv{name}/sep", _dense(channels, features)
        channels = features
    d = config.width
    yield "bridge/align", "conv4_3_CPM/al", _dense(channels, d, activation="Elu")
    yield "bridge/reduce", "conv4_3_CPM/red", _dense(d, d, activation="Elu")
    for i, last in enumerate(("dw1/1x1", "dw2/1x1", "inc")):
        yield f"bridge/depthwise_{i}", f"conv4_3_CPM/dw{i + 1}", _depthwise(d, activation="Elu")
        yield f"bridge/pointwise_{i}", f"conv4_3_CPM/{last}", _dense(d, d, activation="Elu")
    yield "bridge/out", "conv4_4_CPM", _dense(d, d, 3)
    for i in range(3):
        yield f"initial_{i}", f"conv5_{i + 1}_CPM_L1", _dense(d, d, 3)
    yield from _head_layers("initial_heads", "conv5_4_CPM", "conv5_5_CPM", d, 512)
    for stage in range(config.refinements):
        ours, theirs = f"refinement_{stage}", f"stage{stage + 2}"
        for i in range(5):
            into = d + 57 if i == 0 else d
            yield f"{ours}_{i}/squeeze", f"Mconv{i + 1}_{theirs}_L1/sq", _dense(into, d)
            yield f"{ours}_{i}/conv_0", f"Mconv{i + 1}_{theirs}_L1/3x3", _dense(d, d, 3)
            yield f"{ours}_{i}/conv_1", f"Mconv{i + 1}_{theirs}_L1/3x3/2", _dense(d, d, 3, dilation=2)
        yield from _head_layers(f"{ours}_heads", f"Mconv6_{theirs}", f"Mconv7_{theirs}", d, d)


def _head_layers(place: str, inner: str, outer: str, width: int, hidden: int) -> Iterator[tuple[str, str, str]]:
    """The two layers to each field of a stage; the published names end in L1 for PAFs, in L2 for heatmaps."""
    for field, branch, maps in (("pafs", "L1", 38), ("heatmaps", "L2", 19)):
        yield f"{place}/{field}_hidden", f"{inner}_{branch}", _dense(width, hidden)
        yield f"{place}/{field}", f"{outer}_{branch}", _dense(hidden, maps, activation="linear")
