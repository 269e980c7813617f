"""The reader of PyTorch checkpoints, on files written here opcode by opcode in each container; and what is refused."""

import hashlib
import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from jaxpose.errors import WeightsError
from jaxpose.weights.pytorch import read_checkpoint

MAGIC, PROTOCOL, SYSTEM = 0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}
STORAGES = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long", "i4": "Int", "i2": "Short", "i1": "Char",
            "u1": "Byte", "b1": "Bool"}  # fmt: skip


class Name(NamedTuple):
    """A global."""

    module: str
    name: str


class Call(NamedTuple):
    """A call of a global, and what the result is to be built with."""

    function: Name
    arguments: tuple
    state: Any = None


class Storage(NamedTuple):
    key: str
    values: np.ndarray
    kind: str = ""  # as named by PyTorch; else from the values' type

    @property
    def id(self) -> tuple:
        kind = self.kind or STORAGES[self.values.dtype.str[1:]]
        return ("storage", Name("torch", f"{kind}Storage"), self.key, "cpu", self.values.size)


class Tensor(NamedTuple):
    storage: Storage
    offset: int
    shape: tuple
    strides: tuple
    rebuild: str = "_rebuild_tensor_v2"


def opcodes(value: Any, *, legacy: bool) -> bytes:
    """A value as pickle opcodes of protocol 2."""
    if isinstance(value, Name):
        return b"c" + f"{value.module}\n{value.name}\n".encode()
    if isinstance(value, Call):
        parts = opcodes(value.function, legacy=legacy) + opcodes(value.arguments, legacy=legacy) + b"R"
        return parts if value.state is None else parts + opcodes(value.state, legacy=legacy) + b"b"
    if isinstance(value, Storage):
        return opcodes((*value.id, None) if legacy else value.id, legacy=legacy) + b"Q"
    if isinstance(value, Tensor):
        hooks = Call(Name("collections", "OrderedDict"), ())
        rest = (False, hooks) if value.rebuild.endswith("v2") else ()
        arguments = (value.storage, value.offset, value.shape, value.strides, *rest)
        return opcodes(Call(Name("torch._utils", value.rebuild), arguments), legacy=legacy)
    if isinstance(value, dict):
        items = b"".join(opcodes(x, legacy=legacy) for item in value.items() for x in item)
        return b"}(" + items + b"u"
    if isinstance(value, (tuple, list)):
        items = b"".join(opcodes(x, legacy=legacy) for x in value)
        return b"(" + items + (b"t" if isinstance(value, tuple) else b"l")
    return pickle.dumps(value, 2)[2:-1]


def pickled(value: Any, *, legacy: bool) -> bytes:
    return b"\x80\x02" + opcodes(value, legacy=legacy) + b"."


def zipped(content: Any, *storages: Storage, raw: bytes | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    """A checkpoint of PyTorch 1.6 and later; `raw` in the place of its pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled(content, legacy=False) if raw is None else raw)
        archive.writestr("archive/byteorder", "little")
        for storage in storages:
            archive.writestr(f"archive/data/{storage.key}", storage.values.tobytes())
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def legacy(content: Any, *storages: Storage, raw: bytes | None = None) -> bytes:
    """A checkpoint of before; `raw` in the place of its pickle."""
    start = b"".join(pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, SYSTEM))
    middle = pickled(content, legacy=True) if raw is None else raw
    keys = pickle.dumps([storage.key for storage in storages], 2)
    values = b"".join(struct.pack("<q", s.values.size) + s.values.tobytes() for s in storages)
    return start + middle + keys + values


CONTAINERS = pytest.mark.parametrize("container", [zipped, legacy])
FIRST = Storage("0", np.arange(24, dtype="<f4") / 4 - 2)
SECOND = Storage("140_7", np.array([7, -8, 9], "<i8"))
TENSORS = {
    "layer.weight": Tensor(FIRST, 0, (2, 3, 2, 2), (12, 4, 2, 1)),
    "layer.transposed": Tensor(FIRST, 4, (4, 5), (1, 4)),
    "layer.old": Tensor(FIRST, 23, (1,), (1,), "_rebuild_tensor"),
    "steps": Tensor(SECOND, 1, (), ()),
    "none": Tensor(SECOND, 0, (0, 2), (2, 1)),
}
VALUES = {
    "layer.weight": FIRST.values.reshape(2, 3, 2, 2),
    "layer.transposed": FIRST.values[4:].reshape(5, 4).T,
    "layer.old": FIRST.values[23:],
    "steps": np.array(-8),
    "none": np.zeros((0, 2), np.int64),
}


def read(folder: Path, data: bytes, name: str = "net.pth") -> dict[str, np.ndarray]:
    path = folder / name
    path.write_bytes(data)
    checkpoint = read_checkpoint(path)
    assert (checkpoint.name, checkpoint.sha256) == ("net", hashlib.sha256(data).hexdigest())
    return dict(checkpoint.tensors)


def same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


@CONTAINERS
def test_tensors_of_every_layout(tmp_path: Path, container: Any) -> None:
    ordered = Call(Name("collections", "OrderedDict"), (), {"_metadata": {"": {"version": 1}}})
    same(read(tmp_path, container(TENSORS, FIRST, SECOND)), VALUES)
    data = container(None, FIRST, SECOND, raw=pickled(TENSORS, legacy=container is legacy))
    same(read(tmp_path, data), VALUES)
    for wrapper in ("state_dict", "model"):
        same(read(tmp_path, container({"epoch": 3, wrapper: TENSORS, "meta": ordered}, FIRST, SECOND)), VALUES)


@CONTAINERS
def test_ordered_dicts_and_parameters(tmp_path: Path, container: Any) -> None:
    tensor = Tensor(SECOND, 0, (3,), (1,))
    old = Call(Name("torch.nn.parameter", "Parameter"), (tensor,), (True, False, {}))
    new = Call(Name("torch._utils", "_rebuild_parameter"), (tensor, True, {}))
    pairs = [("old", old), ("new", new)]
    content = Call(Name("collections", "OrderedDict"), ([*pairs],), {"_metadata": {}})
    same(read(tmp_path, container(content, SECOND)), {"old": SECOND.values, "new": SECOND.values})


@CONTAINERS
@pytest.mark.parametrize("kind", STORAGES)
def test_every_type(tmp_path: Path, container: Any, kind: str) -> None:
    storage = Storage("a", np.array([0, 1, 1], kind))
    same(read(tmp_path, container({"x": Tensor(storage, 0, (3,), (1,))}, storage)), {"x": storage.values})


@CONTAINERS
def test_bfloat16(tmp_path: Path, container: Any) -> None:
    values = np.array([1.5, -0.25, 3e30], np.float32)
    upper = Storage("a", (values.view(np.uint32) >> 16).astype(np.uint16), "BFloat16")
    found = read(tmp_path, container({"x": Tensor(upper, 0, (3,), (1,))}, upper))["x"]
    np.testing.assert_allclose(found, values, rtol=2**-8)
    assert found[0] == 1.5


def test_safetensors(tmp_path: Path) -> None:
    wanted = {name: VALUES[name].copy() for name in ("layer.old", "layer.weight", "steps")}
    found = read(tmp_path, save(wanted), "net.safetensors")
    same({name: found[name] for name in wanted}, wanted)
    header = b'{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    data = struct.pack("<Q", len(header)) + header + b"\xc0\x3f\x80\xbe"
    same(read(tmp_path, data, "net.safetensors"), {"x": np.array([1.5, -0.25], np.float32)})


def refuse(path: Path, data: bytes, match: str) -> None:
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=match) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)


TOUCH = "touch executed"
CODE = {
    "call": b"\x80\x02cos\nsystem\n(X\x0e\x00\x00\x00touch executedtR.",
    "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93(\x8c\x0etouch executedtR.",
    "instance": b"\x80\x02(X\x0e\x00\x00\x00touch executedios\nsystem\n.",
    "object": b"\x80\x02(cos\nsystem\nX\x0e\x00\x00\x00touch executedo.",
    "new object": b"\x80\x02csubprocess\nPopen\n(X\x0e\x00\x00\x00touch executedt\x81.",
}


@CONTAINERS
@pytest.mark.parametrize("form", CODE)
def test_code_is_refused_by_name_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container: Any, form: str
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "subprocess.Popen" if form == "new object" else "os.system"
    path = tmp_path / "net.pth"
    refuse(path, container(None, raw=CODE[form]), f"is a pickle that wants {name}: only tensors are read, nothing was")
    refuse(path, container({"x": TENSORS["steps"], "y": None}, SECOND, raw=CODE[form]), name)
    assert [file.name for file in tmp_path.iterdir()] == ["net.pth"]


def test_code_before_the_magic_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refuse(tmp_path / "net.pth", CODE["call"], "wants os.system")
    start = b"".join(pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, SYSTEM, {}))
    refuse(tmp_path / "net.pth", start + CODE["call"], "wants os.system")  # in the list of storages
    assert [file.name for file in tmp_path.iterdir()] == ["net.pth"]


@CONTAINERS
@pytest.mark.parametrize(
    "name",
    [
        ("builtins", "eval"), ("builtins", "getattr"), ("builtins", "__import__"), ("torch", "load"),
        ("torch.serialization", "load"), ("collections", "OrderedDict.clear"), ("collections", "namedtuple"),
        ("numpy.core.multiarray", "scalar"), ("torch.nn.modules.conv", "Conv2d"),
        ("jaxpose.weights.pytorch", "_Tensor"),
    ],
)  # fmt: skip
def test_every_other_name_is_refused(tmp_path: Path, container: Any, name: tuple[str, str]) -> None:
    content = {"x": Call(Name(*name), ("1",))}
    refuse(tmp_path / "net.pth", container(content), f"wants {'.'.join(name)}: only tensors are read")


def test_a_file_leaves_nothing_behind_for_the_next(tmp_path: Path) -> None:
    """A pickle may set attributes of whatever it names; what the next file sees must not change by it."""
    parameter = Name("torch.nn.parameter", "Parameter")
    spoil = b"\x80\x02" + opcodes(parameter, legacy=False) + opcodes((None, {"__new__": None}), legacy=False) + b"b."
    path = tmp_path / "net.pth"
    refuse(path, zipped(None, raw=spoil), "damaged or no PyTorch checkpoint")
    tensor = Call(parameter, (Tensor(SECOND, 0, (3,), (1,)),))
    same(read(tmp_path, zipped({"x": tensor}, SECOND)), {"x": SECOND.values})


@pytest.mark.parametrize(
    ("tensor", "match"),
    [
        (Tensor(SECOND, 0, (4,), (1,)), "a tensor reads value 3 of a storage of 3"),
        (Tensor(SECOND, 3, (1,), (1,)), "a tensor reads value 3 of a storage of 3"),
        (Tensor(SECOND, 0, (2, 2), (2, 1)), "a tensor reads value 3 of a storage of 3"),
        (Tensor(SECOND, -1, (1,), (1,)), "from -1 on"),
        (Tensor(SECOND, 2, (2,), (-1,)), "steps \\(-1,\\)"),
        (Tensor(SECOND, 0, (2, 2), (1,)), "sides \\(2, 2\\) and steps \\(1,\\)"),
        (Tensor(SECOND, 0, (1 << 40,), (0,)), "more values than its storage"),
        (Tensor("0", 0, (1,), (1,)), "a str stands where a storage belongs"),
    ],
)
@CONTAINERS
def test_tensors_outside_their_storage(tmp_path: Path, container: Any, tensor: Tensor, match: str) -> None:
    refuse(tmp_path / "net.pth", container({"x": tensor}, SECOND), match)


@CONTAINERS
def test_truncated_files(tmp_path: Path, container: Any) -> None:
    data = container(TENSORS, FIRST, SECOND)
    for size in (*range(0, len(data), 7), len(data) - 1):
        refuse(tmp_path / "net.pth", data[:size], "is damaged or no PyTorch checkpoint")


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    with pytest.raises(WeightsError, match="no such weight file"):
        read_checkpoint(path)
    with pytest.raises(WeightsError, match="cannot read"):
        read_checkpoint(tmp_path)
    for content in (b"<!DOCTYPE html>", b"\x89PNG\r\n\x1a\n", pickle.dumps([1, 2])):
        refuse(path, content, "is damaged or no PyTorch checkpoint")
    refuse(path, zipped([1, 2]), "it holds a list, not tensors by name")
    for content in ({}, {"epoch": 3}):
        refuse(path, zipped(content), "holds no tensors by name: it must be a state_dict")
    refuse(
        path, zipped(TENSORS, FIRST, SECOND, compression=zipfile.ZIP_DEFLATED), "values archive/data/0 are compressed"
    )
    refuse(path, zipped(TENSORS, FIRST, SECOND).replace(b"little", b"big!!!"), "is damaged")
    other = b"".join(pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, {"little_endian": False}))
    refuse(path, other, "its values are big-endian")
    refuse(tmp_path / "net.safetensors", b"\x10" + b"\0" * 30, "is damaged or no PyTorch checkpoint")


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pytorch") / "spoiled.pth"


@given(place=st.integers(0, len(legacy(TENSORS, FIRST, SECOND)) - 1), value=st.integers(0, 255))
def test_a_spoiled_byte_never_ends_otherwise(spoiled: Path, place: int, value: int) -> None:
    data = bytearray(legacy(TENSORS, FIRST, SECOND))
    data[place] = value
    spoiled.write_bytes(data)
    try:
        tensors = read_checkpoint(spoiled).tensors
    except WeightsError:
        return
    assert all(isinstance(tensor, np.ndarray) for tensor in tensors.values())
