"""Reads the layers of an OpenVINO IR (`.xml` with its `.bin` beside it) as plain float arrays.

FP32, FP16 and FP16-INT8 files alike: whatever constants stand before a convolution (conversions, zero points, scales,
fake quantization of weights, reshapes) are folded into one float kernel. Quantization of activations is ignored: what
comes out is the float network. Which layer goes where in a network of ours is each system's own knowledge.
"""

import dataclasses
import hashlib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from jaxpose.errors import WeightsError

_DTYPES = {"f32": np.float32, "f16": np.float16, "i8": np.int8, "u8": np.uint8, "i32": np.int32, "i64": np.int64}


@dataclasses.dataclass(frozen=True)
class Layer:
    """One convolution: its folded kernel (OIHW; depthwise O1HW), bias, geometry, and the activation behind it."""

    name: str
    kernel: Float[np.ndarray, "o i k k"]
    bias: Float[np.ndarray, "o"]
    stride: int
    dilation: int
    depthwise: bool
    activation: str  # "ReLU", "Elu" or "" for none


@dataclasses.dataclass(frozen=True)
class Graph:
    """What is needed of an IR: its convolutions in order, the `x * scale + offset` before them, and who it is."""

    name: str
    layers: tuple[Layer, ...]
    scale: Float[np.ndarray, "c"]
    offset: Float[np.ndarray, "c"]
    sha256: str  # of the file of constants


def read_graph(path: Path) -> Graph:
    """The convolutions of the IR at `path` (the `.xml`); `WeightsError` if it is none or is damaged."""
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError:
        raise WeightsError(f"no such weight file: {path}") from None
    except (ElementTree.ParseError, UnicodeDecodeError, OSError) as error:
        raise WeightsError(f"{path} is not an OpenVINO IR: {error}") from None
    if root.tag != "net" or root.find("layers") is None or root.find("edges") is None:
        raise WeightsError(f"{path} is not an OpenVINO IR: it must hold <net> with <layers> and <edges>")
    constants = path.with_suffix(".bin")
    if not constants.is_file():
        raise WeightsError(f"{path.name} needs its constants beside it: {constants} is missing")
    try:
        return _Reader(root.get("name", path.stem), root, constants.read_bytes()).graph()
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} is damaged or of an unknown form of OpenVINO IR ({error!r})") from None


class _Reader:
    """The graph by layer id, with constant subgraphs evaluated on demand."""

    def __init__(self, name: str, root: ElementTree.Element, constants: bytes) -> None:
        self.name, self.constants = name, constants
        self.layers = {layer.attrib["id"]: layer for layer in root.iterfind("layers/layer")}
        self.inputs: dict[str, list[str]] = {i: [] for i in self.layers}
        self.outputs: dict[str, list[str]] = {i: [] for i in self.layers}
        for edge in sorted(root.iterfind("edges/edge"), key=lambda e: int(e.attrib["to-port"])):
            source, target = edge.attrib["from-layer"], edge.attrib["to-layer"]
            self.inputs[target].append(source)
            self.outputs[source].append(target)

    def graph(self) -> Graph:
        layers = tuple(self.convolution(i) for i, layer in self.layers.items() if layer.get("type") in _CONVOLUTIONS)
        scale, offset = np.ones(3, np.float32), np.zeros(3, np.float32)
        (current,) = (i for i, layer in self.layers.items() if layer.get("type") == "Parameter")
        while (step := self.step_after(current)) is not None:
            kind, values, current = step
            if kind == "Multiply":
                scale, offset = scale * values, offset * values
            elif kind in ("Add", "Subtract"):
                offset = offset + values if kind == "Add" else offset - values
        return Graph(self.name, layers, scale, offset, hashlib.sha256(self.constants).hexdigest())

    def step_after(self, i: str) -> tuple[str, np.ndarray, str] | None:
        """The elementwise step on the way from the input to the first convolution, or None when that is reached."""
        for follower in self.outputs[i]:
            kind = self.kind(follower)
            if kind in ("FakeQuantize", "Convert"):
                return kind, np.zeros(0), follower
            if kind in ("Multiply", "Add", "Subtract"):
                values = self.value(self.inputs[follower][1]).astype(np.float32)
                return kind, np.broadcast_to(values.reshape(-1), 3), follower
            if kind not in _CONVOLUTIONS:
                raise ValueError(f"a layer of type {kind} stands before the first convolution")
        return None

    def kind(self, i: str) -> str:
        return self.layers[i].get("type", "")

    def convolution(self, i: str) -> Layer:
        data = self.data(i)
        kernel = self.value(self.inputs[i][1])
        depthwise = self.kind(i) == "GroupConvolution"
        if depthwise:  # [groups, out, in, h, w]
            if kernel.shape[1:3] != (1, 1):
                raise ValueError(f"grouped convolution {kernel.shape} is not depthwise")
            kernel = kernel[:, 0]
        stride, dilation = (_one(data[key]) for key in ("strides", "dilations"))
        if _one(data["pads_begin"]) != (kernel.shape[-1] - 1) // 2 * dilation or data["pads_end"] != data["pads_begin"]:
            raise ValueError(f"padding {data['pads_begin']} does not keep the size")
        bias, activation = np.zeros(len(kernel), np.float32), ""
        for follower in self.followers(i):
            if self.kind(follower) == "Add" and self.constant(self.inputs[follower][1]):
                bias = self.value(self.inputs[follower][1]).reshape(-1)
                activation = next((self.kind(f) for f in self.followers(follower) if self.kind(f) in _ACTIVATIONS), "")
            elif self.kind(follower) in _ACTIVATIONS:
                activation = self.kind(follower)
        name = self.layers[i].get("name", i).removesuffix("/WithoutBiases")
        kernel, bias = kernel.astype(np.float32), np.broadcast_to(bias, len(kernel)).astype(np.float32)
        return Layer(name, kernel, bias, stride, dilation, depthwise, activation)

    def followers(self, i: str) -> list[str]:
        """The layers behind `i`, seen through activation quantization."""
        return [g for f in self.outputs[i] for g in (self.followers(f) if self.kind(f) == "FakeQuantize" else [f])]

    def data(self, i: str) -> dict[str, str]:
        element = self.layers[i].find("data")
        return {} if element is None else dict(element.attrib)

    def constant(self, i: str) -> bool:
        """Whether layer `i` depends on constants alone."""
        if self.kind(i) == "Const":
            return True
        return bool(self.inputs[i]) and all(self.constant(source) for source in self.inputs[i])

    def value(self, i: str) -> np.ndarray:
        """The value of a constant subgraph, computed in the file's own precision, as OpenVINO does."""
        kind, data = self.kind(i), self.data(i)
        if kind == "Const":
            return self.stored(data)
        if kind in ("Convert", "FakeQuantize", "Reshape", *_ARITHMETIC):
            values = [self.value(source) for source in self.inputs[i]]
            if kind in _ARITHMETIC:
                return _ARITHMETIC[kind](*values)
            if kind == "FakeQuantize":
                return _fake_quantize(*values, levels=int(data["levels"]))
            if kind == "Convert":
                return values[0].astype(_DTYPES[data["destination_type"]])
            return values[0].reshape(values[1])
        raise ValueError(f"cannot fold a layer of type {kind} into weights")

    def stored(self, data: dict[str, str]) -> np.ndarray:
        dtype = np.dtype(_DTYPES[data["element_type"]])
        shape = [int(n) for n in data["shape"].split(",") if n]
        offset, size = int(data["offset"]), int(data["size"])
        if offset + size > len(self.constants):
            raise ValueError(f"its .bin holds {len(self.constants)} bytes, a constant ends at {offset + size}")
        values = np.frombuffer(self.constants, dtype, size // dtype.itemsize, offset)
        return values.reshape(shape)


_CONVOLUTIONS = ("Convolution", "GroupConvolution")
_ACTIVATIONS = ("ReLU", "Elu")
_ARITHMETIC: dict[str, Callable[..., np.ndarray]] = {"Add": np.add, "Subtract": np.subtract, "Multiply": np.multiply}


def _one(pair: str) -> int:
    """Both axes alike: `"2,2"` is 2."""
    first, *others = {int(n) for n in pair.split(",")}
    if others:
        raise ValueError(f"the axes must be alike, got {pair}")
    return first


def _fake_quantize(
    x: np.ndarray, in_low: np.ndarray, in_high: np.ndarray, out_low: np.ndarray, out_high: np.ndarray, *, levels: int
) -> np.ndarray:
    """OpenVINO's FakeQuantize-1 on values."""
    inside = np.round((np.clip(x, in_low, in_high) - in_low) / (in_high - in_low) * (levels - 1))
    return inside / (levels - 1) * (out_high - out_low) + out_low
