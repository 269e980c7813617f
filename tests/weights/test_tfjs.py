"""The reader of TensorFlow.js graph models, on small files written here in each precision, and on damaged ones."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxpose.errors import WeightsError
from jaxpose.weights.tfjs import read_graph_model

VALUES = np.array([[0.5, -1.25], [2.0, 3.75]], np.float32)


def entry(name: str, kind: str) -> tuple[dict[str, Any], bytes]:
    """VALUES as the manifest and the weight file hold them."""
    about: dict[str, Any] = {"name": name, "shape": [2, 2], "dtype": "float32"}
    if kind == "float32":
        return about, VALUES.tobytes()
    if kind == "float16":
        return about | {"quantization": {"dtype": kind, "original_dtype": "float32"}}, VALUES.astype("f2").tobytes()
    if kind == "int32":
        return about | {"dtype": "int32"}, (4 * VALUES).astype("i4").tobytes()
    steps = {"uint8": 20, "uint16": 4000}[kind]
    scale, least = 5 / steps, -1.25
    stored = np.round((VALUES - least) / scale).astype(kind)
    return about | {"quantization": {"dtype": kind, "scale": scale, "min": least}}, stored.tobytes()


def write(folder: Path, *kinds: str, files: tuple[str, ...] = ("tiny.bin",)) -> Path:
    entries, parts = zip(*(entry(f"weights/{kind}", kind) for kind in kinds), strict=True)
    data = b"".join(parts)
    for i, name in enumerate(files):  # cut anywhere, also inside an array
        (folder / name).write_bytes(data[len(data) * i // len(files) : len(data) * (i + 1) // len(files)])
    nodes = [{"name": f"weights/{kind}", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}} for kind in kinds] + [
        {
            "name": "convolution",
            "op": "_FusedConv2D",
            "input": ["picture", "weights/float32"],
            "attr": {
                "strides": {"list": {"i": ["1", "2", "2", "1"]}},
                "padding": {"s": base64.b64encode(b"SAME").decode()},
                "fused_ops": {"list": {"s": [base64.b64encode(op).decode() for op in (b"BiasAdd", b"Relu6")]}},
                "explicit_paddings": {"list": {}},
                "epsilon": {"f": 0.5},
                "num_args": {"i": "1"},
            },
        }
    ]
    manifest = [{"paths": list(files), "weights": list(entries)}]
    path = folder / "tiny.json"
    path.write_text(
        json.dumps({"format": "graph-model", "modelTopology": {"node": nodes}, "weightsManifest": manifest})
    )
    return path


def changed(path: Path, **fields: Any) -> Path:
    """The model file with fields of its first weight replaced, or left out where the new value is None."""
    model = json.loads(path.read_text())
    first = model["weightsManifest"][0]["weights"][0] | fields
    model["weightsManifest"][0]["weights"][0] = {key: value for key, value in first.items() if value is not None}
    path.write_text(json.dumps(model))
    return path


@pytest.mark.parametrize("kind", ["float32", "float16", "uint8", "uint16"])
@pytest.mark.parametrize("files", [("tiny.bin",), ("a.bin", "b.bin", "c.bin")])
def test_every_precision(tmp_path: Path, kind: str, files: tuple[str, ...]) -> None:
    model = read_graph_model(write(tmp_path, kind, "int32", files=files))
    found = model.arrays[f"weights/{kind}"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, VALUES, atol=1e-6)
    np.testing.assert_array_equal(model.arrays["weights/int32"], 4 * VALUES)
    assert model.arrays["weights/int32"].dtype == np.int32
    assert model.name == "tiny"
    assert model.sha256 == hashlib.sha256(b"".join((tmp_path / name).read_bytes() for name in files)).hexdigest()


def test_nodes(tmp_path: Path) -> None:
    *constants, node = read_graph_model(write(tmp_path, "float32", "uint8")).nodes
    assert [(n.name, n.op, n.inputs) for n in constants] == [
        ("weights/float32", "Const", ()), ("weights/uint8", "Const", ())
    ]  # fmt: skip
    assert (node.name, node.op, node.inputs) == ("convolution", "_FusedConv2D", ("picture", "weights/float32"))
    assert node.attributes == {
        "strides": (1, 2, 2, 1),
        "padding": "SAME",
        "fused_ops": ("BiasAdd", "Relu6"),
        "explicit_paddings": (),
        "epsilon": 0.5,
        "num_args": 1,
    }


def refuse(path: Path, match: str) -> None:
    with pytest.raises(WeightsError, match=match) as caught:
        read_graph_model(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    refuse(tmp_path / "none.json", "no such weight file")
    path = tmp_path / "model.json"
    for content in (b'{"modelTopology": {', b"\xff\xfe\x00", b"", b"[" * 100_000):
        path.write_bytes(content)
        refuse(path, "is not a TensorFlow.js model")
    for model in ([], 3, "x", {}, {"format": "layers-model", "modelTopology": {"class_name": "Model"}}):
        path.write_text(json.dumps(model))
        refuse(path, "is not a TensorFlow.js graph model")
    refuse(tmp_path, "is not a TensorFlow.js model")


def test_weight_files(tmp_path: Path) -> None:
    path = write(tmp_path, "float32")
    data = (tmp_path / "tiny.bin").read_bytes()
    (tmp_path / "tiny.bin").write_bytes(data[:-1])
    refuse(path, "its .bin holds 15 bytes, weight weights/float32 ends at 16")
    (tmp_path / "tiny.bin").write_bytes(data + b"x")
    refuse(path, "its .bin holds 17 bytes, its weights take 16")
    (tmp_path / "tiny.bin").unlink()
    refuse(path, "tiny.bin is missing")


@pytest.mark.parametrize("name", ["../tiny.bin", "/etc/hostname", "..", ".", "", "folder/tiny.bin"])
def test_weight_files_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "model" / "folder").mkdir(parents=True)
    path = write(tmp_path / "model", "float32")
    for place in (tmp_path, tmp_path / "model" / "folder"):
        (place / "tiny.bin").write_bytes(VALUES.tobytes())
    model = json.loads(path.read_text())
    model["weightsManifest"][0]["paths"] = [name]
    path.write_text(json.dumps(model))
    refuse(path, "must lie in the model's own folder")


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"dtype": "float64"}, "weight weights/float32: known types are float32, .* got 'float64'"),
        ({"quantization": {"dtype": "int4"}}, "got 'int4'"),
        ({"shape": [2, -2]}, r"a shape has whole sides, got \[2, -2\]"),
        ({"shape": [2, 1.5]}, r"a shape has whole sides, got \[2, 1.5\]"),
        ({"shape": [1 << 40, 1 << 40]}, "its .bin holds 16 bytes, weight weights/float32 ends at"),
        ({"shape": None}, "is damaged or of an unknown form of graph model"),
        ({"name": None}, "is damaged or of an unknown form of graph model"),
        ({"quantization": 3}, "is damaged or of an unknown form of graph model"),
        ({"quantization": {"dtype": "float32", "scale": 2}}, "is damaged or of an unknown form of graph model"),
    ],
)
def test_damaged_entries(tmp_path: Path, fields: dict[str, Any], match: str) -> None:
    refuse(changed(write(tmp_path, "float32"), **fields), match)


@pytest.mark.parametrize(
    "node",
    [3, {"name": "x"}, {"name": "x", "op": "y", "attr": {"a": 3}}, {"name": "x", "op": "y", "attr": {"a": {"s": "%"}}}],
)
def test_damaged_nodes(tmp_path: Path, node: Any) -> None:
    path = write(tmp_path, "float32")
    model = json.loads(path.read_text())
    model["modelTopology"]["node"].append(node)
    path.write_text(json.dumps(model))
    refuse(path, "is damaged or of an unknown form of graph model")
