"""Reads the weights in a Caffe model (`.caffemodel`): each layer's arrays, by the layer's name.

The file is one protobuf message. Caffe's schema is public and old, and little of it matters here, so this file reads
protobuf's wire format itself: numbered fields, each a number or a run of bytes. Layers come in the form of today
(`LayerParameter`) or of Caffe before 2015 (`V1LayerParameter`), arrays with their shape or with four legacy sides,
float32 or float64, packed or one value at a time. Which layer goes where in a network of ours is each system's own
knowledge.
"""

import dataclasses
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from jaxpose.errors import WeightsError

# Field numbers of caffe.proto.
_NET_NAME = 1
_LAYER_FORMS = {2: (4, 6), 100: (1, 7)}  # layers of a network: the fields of their name and their arrays (V1, today)
_BLOB_SIDES, _BLOB_SHAPE = (1, 2, 3, 4), 7  # number, channels, height, width; shape, whose field 1 are the sides
_BLOB_VALUES = {5: "<f4", 8: "<f8"}

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # protobuf's ways to write a value


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer that has weights: its arrays in Caffe's order (a convolution's kernel OIHW, then its bias)."""

    name: str
    blobs: tuple[Float[np.ndarray, "..."], ...]


@dataclasses.dataclass(frozen=True)
class CaffeModel:
    """What is needed of a Caffe model: its layers with weights, in order, and who it is."""

    name: str
    layers: tuple[Layer, ...]
    sha256: str  # of the file


def read_caffe_model(path: Path) -> CaffeModel:
    """The layers of the `.caffemodel` at `path`; `WeightsError` if it is none, is cut short or is damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"no such weight file: {path}") from None
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error}") from None
    name, layers = path.stem, []
    try:
        for field, value in _fields(memoryview(data)):
            if field == _NET_NAME:
                name = _text(value) or name
            elif field in _LAYER_FORMS and (layer := _layer(_message(value), *_LAYER_FORMS[field])).blobs:
                layers.append(layer)
    except ValueError as error:
        raise WeightsError(f"{path} is cut short, damaged, or no Caffe model: {error}") from None
    if not layers:
        raise WeightsError(f"{path} is no Caffe model with weights: it has no layer that holds any")
    names = [layer.name for layer in layers]
    if (twice := next((n for n in names if names.count(n) > 1), None)) is not None:
        raise WeightsError(f"{path} has several layers named {twice!r}")
    return CaffeModel(name, tuple(layers), hashlib.sha256(data).hexdigest())


def _layer(data: memoryview, name_field: int, blob_field: int) -> Layer:
    name, blobs = "", []
    for field, value in _fields(data):
        if field == name_field:
            name = _text(value)
        elif field == blob_field:
            blobs.append(_message(value))
    try:
        return Layer(name, tuple(map(_blob, blobs)))
    except ValueError as error:
        raise ValueError(f"layer {name!r}: {error}") from None


def _blob(data: memoryview) -> Float[np.ndarray, "..."]:
    """An array as float32."""
    legacy, shape = [0, 0, 0, 0], None
    values = {field: bytearray() for field in _BLOB_VALUES}
    for field, value in _fields(data):
        if field in _BLOB_SIDES:
            legacy[field - 1] = _number(value)
        elif field == _BLOB_SHAPE:
            shape = [side for inner, sides in _fields(_message(value)) if inner == 1 for side in _numbers(sides)]
        elif field in values:
            values[field] += _message(value)  # all of them, or one
    sides = legacy if shape is None else shape
    dtype, stored = next(
        ((dtype, values[field]) for field, dtype in _BLOB_VALUES.items() if values[field]), ("<f4", b"")
    )
    found, odd = divmod(len(stored), np.dtype(dtype).itemsize)
    if odd or found != math.prod(sides):
        raise ValueError(f"an array of {'x'.join(map(str, sides))} values holds {found}")
    return np.frombuffer(stored, dtype).reshape(sides).astype(np.float32)


# -- protobuf's wire format ------------------------------------------------------------------------------------------

_Value = int | memoryview


def _fields(data: memoryview) -> Iterator[tuple[int, _Value]]:
    """The fields of a message in order: their number, and an integer or the bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, way = key >> 3, key & 7
        if way == _VARINT:
            number, at = _varint(data, at)
            yield field, number
            continue
        if way == _BYTES:
            size, at = _varint(data, at)
        elif way in (_FOUR, _EIGHT):
            size = 4 if way == _FOUR else 8
        else:
            raise ValueError(f"field {field} is written in an unknown way ({way})")
        if at + size > len(data):
            raise ValueError(f"field {field} ends {at + size - len(data)} bytes after its message")
        yield field, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """An integer of seven bits a byte, the lowest first, and where the next thing starts."""
    number = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            raise ValueError("it ends within a number")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a number has more than ten bytes")


def _message(value: _Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message belongs")
    return value


def _number(value: _Value) -> int:
    if not isinstance(value, int):
        raise ValueError("a message stands where a number belongs")
    return value


def _numbers(value: _Value) -> Iterator[int]:
    """A repeated integer, packed or one of them."""
    if isinstance(value, int):
        yield value
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield number


def _text(value: _Value) -> str:
    text = bytes(_message(value)).decode()
    if not text.isprintable():
        raise ValueError(f"a name is no printable text ({text!r})")
    return text
