"""The reader of OpenVINO IRs, on small files written here in each precision, and on damaged ones."""

from pathlib import Path

import numpy as np
import pytest

from jaxpose.errors import WeightsError
from jaxpose.weights.openvino import read_graph

KERNEL = np.array([[[[1, -2, 3], [4, 5, -6], [7, 8, 9]]]], np.float32) / 8  # 1 output, 1 input
BIAS = np.array([0.25], np.float32)


class Writer:
    """Builds an IR of constants and layers, in the order they are given."""

    def __init__(self) -> None:
        self.layers, self.edges, self.constants = [], [], b""

    def constant(self, values: np.ndarray, kind: str) -> int:
        values = np.asarray(values, {"f32": "f4", "f16": "f2", "i8": "i1", "i64": "i8"}[kind])
        shape = ",".join(map(str, values.shape))
        offset, size = len(self.constants), values.nbytes
        self.constants += values.tobytes()
        return self.layer("Const", f'element_type="{kind}" offset="{offset}" size="{size}" shape="{shape}"')

    def layer(self, kind: str, data: str = "", *sources: int) -> int:
        i = len(self.layers)
        self.layers.append(f'<layer id="{i}" name="{kind}_{i}" type="{kind}"><data {data}/></layer>')
        self.edges += [
            f'<edge from-layer="{source}" from-port="9" to-layer="{i}" to-port="{port}"/>'
            for port, source in enumerate(sources)
        ]
        return i

    def write(self, path: Path) -> Path:
        body = f"<layers>{''.join(self.layers)}</layers><edges>{''.join(self.edges)}</edges>"
        path.write_text(f'<net name="tiny" version="11">{body}</net>')
        path.with_suffix(".bin").write_bytes(self.constants)
        return path


def weights(writer: Writer, precision: str) -> int:
    """KERNEL as each precision stores it."""
    if precision == "fp32":
        return writer.constant(KERNEL, "f32")
    if precision == "fp16":  # compressed, converted when loaded
        return writer.layer("Convert", 'destination_type="f32"', writer.constant(KERNEL, "f16"))
    if precision == "int8":  # (q - zero) * scale
        stored = writer.constant(KERNEL * 8 + 2, "i8")
        shifted = writer.layer(
            "Subtract", "", writer.layer("Convert", 'destination_type="f16"', stored), writer.constant([2], "f16")
        )
        return writer.layer("Multiply", "", shifted, writer.constant([0.125], "f16"))
    limits = [writer.constant([[[[value]]]], "f32") for value in (-16, 15.875, -16, 15.875)]
    return writer.layer("FakeQuantize", 'levels="256"', writer.constant(KERNEL + 0.01, "f32"), *limits)


def tiny(path: Path, precision: str, *, depthwise: bool = False) -> Path:
    writer = Writer()
    x = writer.layer("Parameter", 'element_type="f32" shape="1,3,8,8"')
    x = writer.layer("Multiply", "", x, writer.constant([[[[0.5]]]], "f32"))
    x = writer.layer("Add", "", x, writer.constant([[[[-1]], [[-2]], [[-3]]]], "f32"))
    kernel = weights(writer, precision)
    if depthwise:
        kernel = writer.layer("Reshape", "", kernel, writer.constant([1, 1, 1, 3, 3], "i64"))
    geometry = 'strides="2,2" dilations="2,2" pads_begin="2,2" pads_end="2,2"'
    x = writer.layer("GroupConvolution" if depthwise else "Convolution", geometry, x, kernel)
    x = writer.layer("Add", "", x, writer.constant(BIAS.reshape(1, 1, 1, 1), "f32"))
    limits = [writer.constant([value], "f32") for value in (0, 1, 0, 1)]
    x = writer.layer("FakeQuantize", 'levels="256"', x, *limits)  # of activations: read past
    writer.layer("Result", "", writer.layer("Elu", 'alpha="1"', x))
    return writer.write(path)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "fake_quantized"])
@pytest.mark.parametrize("depthwise", [False, True])
def test_every_precision_is_folded_to_the_same_floats(tmp_path: Path, precision: str, depthwise: bool) -> None:
    graph = read_graph(tiny(tmp_path / "tiny.xml", precision, depthwise=depthwise))
    (layer,) = graph.layers
    np.testing.assert_allclose(layer.kernel, KERNEL, atol=1e-6)
    np.testing.assert_array_equal(layer.bias, BIAS)
    assert layer.kernel.dtype == layer.bias.dtype == np.float32
    assert (layer.stride, layer.dilation, layer.depthwise, layer.activation) == (2, 2, depthwise, "Elu")
    np.testing.assert_array_equal(graph.scale, [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(graph.offset, [-1, -2, -3])


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "not an OpenVINO IR"), ("<net/>", "must hold <net> with <layers>"), ("\x00\xff", "not an OpenVINO IR")],
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "x.xml"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(WeightsError, match=message):
        read_graph(path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no such weight file: .*x\.xml"):
        read_graph(tmp_path / "x.xml")
    path = tiny(tmp_path / "x.xml", "fp32")
    path.with_suffix(".bin").unlink()
    with pytest.raises(WeightsError, match=r"x\.bin is missing"):
        read_graph(path)


def test_truncated_constants_are_refused(tmp_path: Path) -> None:
    path = tiny(tmp_path / "x.xml", "fp32")
    constants = path.with_suffix(".bin")
    constants.write_bytes(constants.read_bytes()[:40])
    with pytest.raises(WeightsError, match="damaged"):
        read_graph(path)
