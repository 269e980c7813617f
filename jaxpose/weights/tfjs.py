"""Reads a TensorFlow.js graph model (`model.json` with its `.bin` files beside it) as nodes and plain arrays.

Weights stored as float16, or as uint8 or uint16 with a scale, come out in the type that the graph works in. Which
layer goes where in a network of ours is each system's own knowledge.
"""

import base64
import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.errors import WeightsError

_DTYPES = {
    "float32": np.float32, "float16": np.float16, "int32": np.int32, "uint8": np.uint8, "uint16": np.uint16,
    "bool": np.bool_,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Node:
    """One operation: its inputs are names of nodes, its attributes plain values (strings, numbers, tuples of them)."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class GraphModel:
    """What is needed of a graph model: its operations in order, its constants by name, and who it is."""

    name: str
    nodes: tuple[Node, ...]
    arrays: Mapping[str, np.ndarray]
    sha256: str  # of the weight files, one after the other


def read_graph_model(path: Path) -> GraphModel:
    """The graph model at `path` (the `.json`); `WeightsError` if it is none or is damaged."""
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"no such weight file: {path}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not a TensorFlow.js model: {error}") from None
    try:
        nodes, manifest = model["modelTopology"]["node"], model["weightsManifest"]
    except (LookupError, TypeError):
        raise WeightsError(
            f"{path} is not a TensorFlow.js graph model: it must hold `modelTopology` with nodes, and `weightsManifest`"
        ) from None
    try:
        files = [_weight_file(path, name) for group in manifest for name in group["paths"]]
        entries = [entry for group in manifest for entry in group["weights"]]
        data = b"".join(file.read_bytes() for file in files)
        return GraphModel(
            path.stem, tuple(map(_node, nodes)), _arrays(path, entries, data), hashlib.sha256(data).hexdigest()
        )
    except OSError as error:
        raise WeightsError(f"cannot read the weights of {path}: {error}") from None
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} is damaged or of an unknown form of graph model ({error!r})") from None


def _weight_file(path: Path, name: str) -> Path:
    """A weight file, which must lie beside the model: a model from elsewhere is not to open other files."""
    if name in ("", "..") or Path(name).name != name:
        raise WeightsError(f"{path} names the weight file {name!r}: it must lie in the model's own folder")
    if not (file := path.with_name(name)).is_file():
        raise WeightsError(f"{path.name} needs its weights beside it: {file} is missing")
    return file


def _arrays(path: Path, entries: list[dict[str, Any]], data: bytes) -> dict[str, np.ndarray]:
    arrays, at = {}, 0
    for entry in entries:
        how = entry.get("quantization", {})
        stored, dtype = (
            _dtype(path, entry["name"], kind) for kind in (how.get("dtype", entry["dtype"]), entry["dtype"])
        )
        shape = tuple(entry["shape"])
        if any(not isinstance(n, int) or n < 0 for n in shape):
            raise WeightsError(f"{path}, weight {entry['name']}: a shape has whole sides, got {entry['shape']}")
        end = at + math.prod(shape) * stored.itemsize
        if end > len(data):
            raise WeightsError(f"{path}: its .bin holds {len(data)} bytes, weight {entry['name']} ends at {end}")
        values = np.frombuffer(data, stored, math.prod(shape), at).reshape(shape)
        if "scale" in how:  # affine: the integer counts steps above the least value
            values = values.astype(np.float32) * np.float32(how["scale"]) + np.float32(how["min"])
        arrays[entry["name"]] = values.astype(dtype)
        at = end
    if at != len(data):
        raise WeightsError(f"{path}: its .bin holds {len(data)} bytes, its weights take {at}")
    return arrays


def _dtype(path: Path, name: str, kind: str) -> np.dtype[Any]:
    if kind not in _DTYPES:
        raise WeightsError(f"{path}, weight {name}: known types are {', '.join(_DTYPES)}, got {kind!r}")
    return np.dtype(_DTYPES[kind]).newbyteorder("<")


def _node(node: dict[str, Any]) -> Node:
    attributes = {key: _value(value) for key, value in node.get("attr", {}).items()}
    return Node(node["name"], node["op"], tuple(node.get("input", ())), attributes)


def _value(value: dict[str, Any]) -> Any:
    """An attribute as plain values: protobuf's JSON writes strings as base64 and long integers as strings."""
    ((kind, content),) = value.items()
    if kind == "list":
        return tuple(_value({of: item}) for of, items in content.items() for item in items)
    if kind == "s":
        return base64.b64decode(content, validate=True).decode()
    return int(content) if kind == "i" else content
