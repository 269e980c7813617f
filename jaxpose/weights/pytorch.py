"""Reads the tensors in a PyTorch checkpoint (`.safetensors`, `.pth`, `.pt`) without PyTorch.

A `.pth` file is a pickle, and a pickle can call any function of the machine that opens it. Here it can not: the
unpickler knows the few names that tensors are made of, none of which does anything, and refuses every other one by its
name. Both containers are read: the zip archive of PyTorch 1.6 and later, and the run of pickles of before, in which
torchvision's files still are. Which tensor goes where in a network of ours is each system's own knowledge.
"""

import dataclasses
import hashlib
import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors

from jaxpose.errors import WeightsError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_BFLOAT16 = "bfloat16"  # NumPy has none: read as integers, made float32
_STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": _BFLOAT16,
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "?",
}  # fmt: skip
_SAFETENSORS = {
    "F32": "<f4", "F64": "<f8", "F16": "<f2", "BF16": _BFLOAT16,
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_WRAPPERS = ("state_dict", "model")  # what training scripts keep a model's tensors under, beside other things


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The tensors of a checkpoint by name, in its order, and who it is."""

    name: str
    tensors: Mapping[str, np.ndarray]
    sha256: str  # of the file


def read_checkpoint(path: Path) -> Checkpoint:
    """The tensors of the checkpoint at `path`; `WeightsError` if it is none, is damaged, or holds code."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"no such weight file: {path}") from None
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error}") from None
    try:
        tensors = _read_safetensors(data) if path.suffix.lower() == ".safetensors" else _read_pickled(data)
    except _Refused as refused:
        raise WeightsError(
            f"{path} is a pickle that wants {refused}: only tensors are read, nothing was run; "
            "save the model's state_dict, or a .safetensors file"
        ) from None
    except Exception as error:  # a damaged or hostile file can fail in any way
        raise WeightsError(f"{path} is damaged or no PyTorch checkpoint: {_line(error)}") from None
    if not tensors:
        raise WeightsError(f"{path} holds no tensors by name: it must be a state_dict")
    return Checkpoint(path.stem, tensors, hashlib.sha256(data).hexdigest())


def _line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(f"{type(error).__name__} {error}".split())


def _read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    return {
        name: _decoded(about["data"], _SAFETENSORS[about["dtype"]]).reshape(about["shape"])
        for name, about in safetensors.deserialize(data)
    }


def _decoded(data: bytes, dtype: str) -> np.ndarray:
    if dtype == _BFLOAT16:  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(data, dtype)


# -- pickled checkpoints ---------------------------------------------------------------------------------------------


class _Refused(Exception):
    """A pickle names something that is not part of a tensor."""


class _Storage(NamedTuple):
    """The values of one or several tensors: where they lie in the file, their type and number."""

    key: str
    dtype: str
    size: int


class _Tensor(NamedTuple):
    """A view of a storage: first value, sides and steps, all counted in values."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __setstate__(self, state: object) -> None:
        """Leave out what an old `Parameter` carries along: whether it has a gradient, and hooks."""

    def array(self, values: np.ndarray) -> np.ndarray:
        """The tensor, copied out of its storage's values; `ValueError` if it reaches outside them."""
        if min(*self.shape, *self.strides, self.offset, 0) < 0 or len(self.shape) != len(self.strides):
            raise ValueError(f"a tensor of sides {self.shape} and steps {self.strides} from {self.offset} on")
        last = self.offset + sum((side - 1) * step for side, step in zip(self.shape, self.strides, strict=True))
        if math.prod(self.shape) and last >= len(values):
            raise ValueError(f"a tensor reads value {last} of a storage of {len(values)}")
        if math.prod(self.shape) > len(values):
            raise ValueError(f"a tensor of sides {self.shape} has more values than its storage, {len(values)}")
        strides = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides).copy()


class _TensorUnpickler(pickle.Unpickler):
    """Makes `_Tensor`s and plain containers; every other name is refused before anything is made of it."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

        # A class of each reader's own, so that no file can leave anything behind in one that the next file sees.
        class Parameter:
            def __new__(cls, data: _Tensor, *_: object) -> Any:
                return _checked(data, _Tensor)

        self._known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch", "Size"): tuple,
            ("torch._utils", "_rebuild_tensor"): self._tensor,
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            ("torch._utils", "_rebuild_parameter"): self._parameter,
            ("torch.nn.parameter", "Parameter"): Parameter,
        } | {("torch", name): name for name in _STORAGES}

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for."""
        if (module, name) not in self._known:
            raise _Refused(f"{module}.{name}")
        return self._known[module, name]

    def persistent_load(self, key: Any) -> _Storage:
        """A storage, which lies outside the pickle: its kind, type, place, device, number of values, and view."""
        kind, dtype, place, _, size, *view = key
        if kind != "storage" or any(view) or not isinstance(place, str):
            raise ValueError(f"a storage of unknown form: {key!r:.100}")
        self.storages[place] = storage = _Storage(place, _STORAGES[dtype], int(size))
        return storage

    def _tensor(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: object) -> _Tensor:
        return _Tensor(_checked(storage, _Storage), int(offset), tuple(map(int, shape)), tuple(map(int, strides)))

    def _parameter(self, data: Any, *_: object) -> _Tensor:
        return _checked(data, _Tensor)


def _checked(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"a {type(value).__name__} stands where a {kind.__name__.strip('_').lower()} belongs")
    return value


def _read_pickled(data: bytes) -> dict[str, np.ndarray]:
    file = io.BytesIO(data)
    content, read = _read_zip(file) if data.startswith(b"PK\x03\x04") else _read_legacy(file)
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}, not tensors by name")
    found = {str(name): tensor for name, tensor in content.items() if isinstance(tensor, _Tensor)}
    values = {storage: read(storage) for storage in dict.fromkeys(tensor.storage for tensor in found.values())}
    return {name: tensor.array(values[tensor.storage]) for name, tensor in found.items()}


_ReadStorage = Callable[[_Storage], np.ndarray]


def _read_zip(file: io.BytesIO) -> tuple[Any, _ReadStorage]:
    """The pickle `data.pkl` of the archive, and a reader of its files of values."""
    archive = zipfile.ZipFile(file)
    (pickled,) = (name for name in archive.namelist() if name.endswith("data.pkl") and name.count("/") <= 1)
    folder = pickled.removesuffix("data.pkl")
    if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
        raise ValueError("its values are big-endian")

    def read(storage: _Storage) -> np.ndarray:
        member = archive.getinfo(f"{folder}data/{storage.key}")
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"the values {member.filename} are compressed")
        return _values(archive.read(member), storage)

    return _TensorUnpickler(io.BytesIO(archive.read(pickled))).load(), read


def _read_legacy(file: io.BytesIO) -> tuple[Any, _ReadStorage]:
    """The fourth of a run of pickles, and a reader of the values behind the fifth, which lists the storages."""
    if _TensorUnpickler(file).load() != _LEGACY_MAGIC:
        raise ValueError("it is neither a zip archive nor starts as an older checkpoint does")
    _, system = _TensorUnpickler(file).load(), _TensorUnpickler(file).load()
    if not system["little_endian"]:
        raise ValueError("its values are big-endian")
    unpickler = _TensorUnpickler(file)
    content, storages = unpickler.load(), unpickler.storages
    places = {}
    for key in _TensorUnpickler(file).load():
        size = int.from_bytes(file.read(8), "little") * _itemsize(storages[key].dtype)
        places[key] = slice(file.tell(), file.tell() + size)
        file.seek(size, io.SEEK_CUR)
    data = file.getvalue()
    return content, lambda storage: _values(data[places[storage.key]], storage)


def _itemsize(dtype: str) -> int:
    return 2 if dtype == _BFLOAT16 else np.dtype(dtype).itemsize


def _values(data: bytes, storage: _Storage) -> np.ndarray:
    if len(data) != storage.size * _itemsize(storage.dtype):
        raise ValueError(f"storage {storage.key} has {len(data)} bytes for {storage.size} values")
    return _decoded(data, storage.dtype)
