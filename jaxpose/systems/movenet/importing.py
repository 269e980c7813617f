"""The published weights of MoveNet as parameters of the networks here: which layer goes where.

`weights.tfjs` reads the file; here its layers are recognised by name and checked one by one, so that the weights of
another network are refused with the first thing that does not fit.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxpose.errors import WeightsError
from jaxpose.nets.mobilenet import BLOCK_STRIDES, EXPANSION, MULTIPOSE_CHANNELS, OUT_CHANNELS, THUNDER_CHANNELS
from jaxpose.nets.multipose import HEAD_WIDTH, PYRAMID_CHANNELS
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.movenet.config import MoveNetConfig
from jaxpose.weights.store import Params, unflatten
from jaxpose.weights.tfjs import GraphModel, Node

Shape = tuple[int, ...]

_ROOT = "StatefulPartitionedCall/"
_EXTRACTOR = _ROOT + "center_net_mobile_net_v2fpn_feature_extractor/model_1/"
_MEAN, _SCALE, _SHIFT = (_ROOT + name for name in ("Reshape", "truediv", "sub_1/y"))
_DENSE, _DEPTHWISE = ("_FusedConv2D", "Conv2D"), ("FusedDepthwiseConv2dNative", "DepthwiseConv2dNative")


_CELL = _ROOT + "Reshape_13"
"""What Thunder's graph multiplies cells by."""

_JOINTS = len(SKELETONS[MoveNetConfig().skeleton].joints)


class Published(NamedTuple):
    """One of the published graph models: what tells it from the others."""

    name: str
    channels: tuple[int, ...]  # of the trunk
    heads: Mapping[str, tuple[str, int]]  # our name of each: its published name, and its channels; in the graph's order


MULTIPOSE = Published(
    "MoveNet MultiPose",
    MULTIPOSE_CHANNELS,
    {
        "centres": ("center", 1),
        "box_sizes": ("box_scale", 2),
        "box_offsets": ("box_offset", 2),
        "heatmaps": ("kpt_heatmap", _JOINTS),
        "displacements": ("kpt_regress", 2 * _JOINTS),
        "offsets": ("kpt_offset", 2 * _JOINTS),
    },
)
THUNDER = Published(
    "MoveNet Thunder",
    THUNDER_CHANNELS,
    {name: MULTIPOSE.heads[name] for name in ("centres", "heatmaps", "displacements", "offsets")},
)


def looks_published(model: GraphModel, published: Published) -> bool:
    """Whether a graph model is that one, by the names of its layers."""
    return {name for _, name, _ in _head_layers(published)} <= {node.name for node in model.nodes}


def published_params(model: GraphModel, published: Published) -> Params:
    """The parameters of `MoveNet`, or of `Thunder`, from the published graph model.

    The published maps hold (y, x); the last layers of their heads are turned around, so that ours hold (x, y).
    """
    nodes = {node.name: node for node in model.nodes}
    flat = _normalization(model, published)
    left = {name for name, array in model.arrays.items() if array.dtype.kind == "f" and array.ndim in (2, 4)}
    left -= {_MEAN, _SCALE, _CELL}
    for place, name, expected in _layers(published):
        if (node := nodes.get(name)) is None or node.op not in _DENSE + _DEPTHWISE:
            raise WeightsError(f"{model.name} is not {published.name}: it has no layer {name}")
        if missing := [source for source in node.inputs[1:] if source not in model.arrays]:
            raise WeightsError(f"{model.name}, layer {name}: the weights {missing[0]} are missing")
        kernel, *bias = (model.arrays[source] for source in node.inputs[1:])
        if (found := _form(node, kernel, *bias)) != expected:
            raise WeightsError(f"{model.name}, layer {name}: expected {expected}, found {found}")
        left -= set(node.inputs)
        flat[f"{place}/kernel"] = kernel[..., 0] if node.op in _DEPTHWISE else kernel
        flat |= {f"{place}/bias": values for values in bias}
    if left:
        raise WeightsError(f"{model.name} has weights that {published.name} lacks: {', '.join(sorted(left))}")
    for head in published.heads:
        if head not in ("centres", "heatmaps"):
            for key in (f"{head}/out/kernel", f"{head}/out/bias"):
                pairs = flat[key].reshape(*flat[key].shape[:-1], -1, 2)
                flat[key] = pairs[..., ::-1].reshape(flat[key].shape)
    return unflatten(flat)


def _normalization(model: GraphModel, published: Published) -> dict[str, np.ndarray]:
    """`(x - mean) * scale - shift` as one factor and one summand for each channel."""
    for name in (_MEAN, _SCALE, _SHIFT):
        if (values := model.arrays.get(name)) is None or values.size not in (1, 3):
            raise WeightsError(f"{model.name} is not {published.name}: it has no 1 or 3 values {name}")
    mean, scale, shift = (np.broadcast_to(model.arrays[name].reshape(-1), 3) for name in (_MEAN, _SCALE, _SHIFT))
    return {"normalize/scale": scale.copy(), "normalize/offset": -mean * scale - shift}


def _form(node: Node, kernel: np.ndarray, *bias: np.ndarray) -> str:
    """All that must agree, in words."""
    kind = "depthwise" if node.op in _DEPTHWISE else "dense"
    stride, dilation = (_both(node.attributes.get(key)) for key in ("strides", "dilations"))
    padding = "SAME" if kernel.shape[:2] == (1, 1) else node.attributes.get("padding")  # a 1x1 is never padded
    return _words(
        kind, kernel.shape, stride, dilation, padding, node.attributes.get("fused_ops", ()), *(b.shape for b in bias)
    )


def _both(axes: Any) -> str:
    """A stride or dilation of `(1, y, x, 1)`."""
    return f"{axes[1]}x{axes[2]}" if isinstance(axes, tuple) and len(axes) == 4 else repr(axes)


def _words(
    kind: str, kernel: Shape, stride: str, dilation: str, padding: Any, fused: Sequence[str], *bias: Shape
) -> str:
    biases = " ".join("x".join(map(str, shape)) for shape in bias)
    return (
        f"{kind} {'x'.join(map(str, kernel))} stride {stride} dilation {dilation} {padding} "
        f"bias {biases or 'none'} {'+'.join(fused) or 'linear'}"
    )


def _dense(into: int, out: int, activation: str = "", size: int = 1, stride: int = 1) -> str:
    fused = ("BiasAdd", activation) if activation else ("BiasAdd",)
    return _words("dense", (size, size, into, out), f"{stride}x{stride}", "1x1", "SAME", fused, (out,))


def _depthwise(channels: int, stride: int = 1) -> str:
    """A trunk's: with bias and activation."""
    kernel = (3, 3, channels, 1)
    return _words("depthwise", kernel, f"{stride}x{stride}", "1x1", "SAME", ("BiasAdd", "Relu6"), (channels,))


def _bare_depthwise(channels: int) -> str:
    """The first half of a light separable convolution."""
    return _words("depthwise", (3, 3, channels, 1), "1x1", "1x1", "SAME", ())


def _layers(published: Published) -> Iterator[tuple[str, str, str]]:
    """Each layer's place in our parameters, its published name, and its form."""
    yield from _trunk_layers(published.channels)
    yield from _pyramid_layers(published.channels)
    yield from _head_layers(published)


def _head_layers(published: Published) -> Iterator[tuple[str, str, str]]:
    for i, (head, (theirs, channels)) in enumerate(published.heads.items(), 3):
        name = f"{_ROOT}{theirs}_0/"
        depthwise = f"{name}separable_conv2d_{i}/separable_conv2d/depthwise"
        yield f"{head}/hidden/depthwise", depthwise, _bare_depthwise(PYRAMID_CHANNELS[-1])
        yield f"{head}/hidden/pointwise", f"{name}re_lu_{i}/Relu", _dense(PYRAMID_CHANNELS[-1], HEAD_WIDTH, "Relu")
        yield f"{head}/out", f"{name}conv2d_{i + 1}/BiasAdd", _dense(HEAD_WIDTH, channels)


def _trunk_layers(channels: Sequence[int]) -> Iterator[tuple[str, str, str]]:
    model = _EXTRACTOR + "model/"
    yield "trunk/stem", f"{model}Conv1_relu/Relu6", _dense(3, channels[0], "Relu6", 3, stride=2)
    into = channels[0]
    for i, (out, stride) in enumerate(zip(channels[1:], BLOCK_STRIDES, strict=True)):
        name, wide = f"{model}block_{i}_" if i else f"{model}expanded_conv_", EXPANSION * into if i else into
        if i:
            yield f"trunk/block_{i}/expand", f"{name}expand_relu/Relu6", _dense(into, wide, "Relu6")
        yield f"trunk/block_{i}/depthwise", f"{name}depthwise/depthwise", _depthwise(wide, stride)
        yield f"trunk/block_{i}/project", f"{name}project_BN/FusedBatchNormV3", _dense(wide, out)
        into = out
    yield "trunk/out", f"{model}out_relu/Relu6", _dense(into, OUT_CHANNELS, "Relu6")


def _pyramid_layers(channels: Sequence[int]) -> Iterator[tuple[str, str, str]]:
    maps = (OUT_CHANNELS, *(channels[block + 1] for block in (9, 5, 2)))  # the trunk's maps, coarsest first
    into = PYRAMID_CHANNELS[0]
    for i, (width, out) in enumerate(zip(maps, PYRAMID_CHANNELS, strict=True)):
        suffix = f"_{i}" if i else ""
        yield f"pyramid/lateral_{i}", f"{_EXTRACTOR}conv2d{suffix}/BiasAdd", _dense(width, into)
        if i:
            suffix = f"_{i - 1}" if i > 1 else ""
            name = f"{_EXTRACTOR}separable_conv2d{suffix}/separable_conv2d/depthwise"
            yield f"pyramid/join_{i}/depthwise", name, _bare_depthwise(into)
            yield f"pyramid/join_{i}/pointwise", f"{_EXTRACTOR}re_lu{suffix}/Relu", _dense(into, out, "Relu")
            into = out
