"""The reader of Caffe models, on small files written here in each form, and on damaged ones."""

import hashlib
from pathlib import Path

import caffe_models
import numpy as np
import pytest
from caffe_models import blob, caffemodel, field
from hypothesis import given
from hypothesis import strategies as st

from jaxpose.errors import WeightsError
from jaxpose.weights.caffe import read_caffe_model

KERNEL = np.arange(2 * 3 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 3) / 8 - 1
WEIGHTS = {"conv1_1": (KERNEL, np.array([0.5, -2], np.float32)), "prelu": (np.array([0.25, 3], np.float32),)}


def refuse(path: Path, content: bytes, match: str) -> None:
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=match) as caught:
        read_caffe_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("double", [False, True])
def test_every_form(tmp_path: Path, v1: bool, packed: bool, legacy: bool, double: bool) -> None:
    path = tmp_path / "tiny.caffemodel"
    path.write_bytes(caffemodel(WEIGHTS, name="net", v1=v1, packed=packed, legacy=legacy, double=double))
    model = read_caffe_model(path)
    assert (model.name, model.sha256) == ("net", hashlib.sha256(path.read_bytes()).hexdigest())
    assert [layer.name for layer in model.layers] == list(WEIGHTS)  # those without weights are left out
    for layer in model.layers:
        for found, wanted in zip(layer.blobs, WEIGHTS[layer.name], strict=True):
            assert found.dtype == np.float32
            assert found.shape == ((1, 1, 1, *wanted.shape)[-4:] if legacy else wanted.shape)
            np.testing.assert_array_equal(found.reshape(wanted.shape), wanted)


def test_a_file_names_its_network_where_the_model_does_not(tmp_path: Path) -> None:
    path = tmp_path / "pose_iter_584000.caffemodel"
    path.write_bytes(caffemodel(WEIGHTS))
    assert read_caffe_model(path).name == "pose_iter_584000"


def test_gradients_and_unknown_fields_are_passed_over(tmp_path: Path) -> None:
    values = blob(KERNEL) + field(6, b"\0" * 8) + field(9, b"\0" * 8) + field(200, 7)
    path = tmp_path / "x.caffemodel"
    path.write_bytes(field(100, field(1, b"a") + field(7, values) + field(106, field(1, 2))) + field(300, b"?"))
    np.testing.assert_array_equal(read_caffe_model(path).layers[0].blobs[0], KERNEL)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.caffemodel"
    with pytest.raises(WeightsError, match="no such weight file"):
        read_caffe_model(path)
    with pytest.raises(WeightsError, match="cannot read"):
        read_caffe_model(tmp_path)
    for content in (
        b"<!DOCTYPE html><html>Not Found</html>",
        b"\x89PNG\r\n\x1a\n",
        b"\xff" * 20,
        b"PK\x03\x04" + b"\0" * 40,
    ):
        refuse(path, content, "no Caffe model")
    for content in (b"", caffemodel({}, name="net"), caffemodel({"a": ()})):
        refuse(path, content, "is no Caffe model with weights: it has no layer that holds any")


def test_every_truncation_is_refused_or_lacks_whole_layers(tmp_path: Path) -> None:
    path, data = tmp_path / "x.caffemodel", caffemodel(WEIGHTS)
    for size in range(len(data)):
        path.write_bytes(data[:size])
        try:
            found = [layer.name for layer in read_caffe_model(path).layers]
        except WeightsError:
            continue
        assert found in (["conv1_1"], ["conv1_1", "prelu"])
    refuse(path, data[:200], "is cut short, damaged, or no Caffe model: field 100 ends .* bytes after its message")


def layer(body: bytes) -> bytes:
    return field(100, field(1, b"a") + field(7, body))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (layer(field(7, field(1, b"\x03")) + field(5, b"\0" * 8)), "layer 'a': an array of 3 values holds 2"),
        (layer(field(7, field(1, b"\x02")) + field(5, b"\0" * 7)), "layer 'a': an array of 2 values holds 1"),
        (layer(field(7, field(1, b"\xff" * 9 + b"\x01"))), "holds 0"),
        (layer(field(5, 3)), "a number stands where a message belongs"),
        (layer(field(1, b"12")), "a message stands where a number belongs"),
        (field(100, 3), "a number stands where a message belongs"),
        (field(100, field(1, b"a\nb") + field(7, blob(KERNEL))), "a name is no printable text"),
        (field(100, field(1, b"\xff\xfe") + field(7, blob(KERNEL))), "codec can't decode"),
        (b"\xff" * 11, "more than ten bytes"),
        (caffemodel(WEIGHTS) + caffemodel(WEIGHTS), "has several layers named 'conv1_1'"),
    ],
)
def test_damaged_content(tmp_path: Path, content: bytes, match: str) -> None:
    refuse(tmp_path / "x.caffemodel", content, match)


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("caffe") / "spoiled.caffemodel"


@given(place=st.integers(0, len(caffemodel(WEIGHTS)) - 1), value=st.integers(0, 255))
def test_a_spoiled_byte_never_ends_otherwise(spoiled: Path, place: int, value: int) -> None:
    data = bytearray(caffemodel(WEIGHTS))
    data[place] = value
    spoiled.write_bytes(data)
    try:
        model = read_caffe_model(spoiled)
    except WeightsError:
        return
    assert all(blob.dtype == np.float32 for layer in model.layers for blob in layer.blobs)


def test_the_writer_s_networks_have_the_published_sizes() -> None:
    shapes = caffe_models.shapes(caffe_models.graph("body_25"))
    sizes = {len(blobs): 0 for blobs in shapes.values()}
    for blobs in shapes.values():
        sizes[len(blobs)] += sum(int(np.prod(shape)) for shape in blobs)
    assert sizes == {2: 26_152_068, 1: 14_016}
