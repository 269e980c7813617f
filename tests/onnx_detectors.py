"""Small detectors as ONNX files: their outputs are constants, or follow the picture, in both forms that are known."""

from pathlib import Path

import numpy as np
import onnx


def save(path: Path, nodes: list, outputs: dict[str, tuple[list, int]], sides: tuple[int | str, int | str]) -> Path:
    """A network that takes `images` `[1, 3, h, w]`."""
    taken = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [1, 3, *sides])
    given = [onnx.helper.make_tensor_value_info(name, kind, shape) for name, (shape, kind) in outputs.items()]
    graph = onnx.helper.make_graph(nodes, "detector", [taken], given)
    opset = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def constant(name: str, values: np.ndarray) -> object:
    return onnx.helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(values))


def suppressed(path: Path, rows: list[tuple[float, ...]], labels: list[int]) -> Path:
    """Boxes (left, top, right, bottom, score) whatever the picture shows."""
    dets = np.array([rows], np.float32).reshape(1, -1, 5)
    nodes = [constant("dets", dets), constant("labels", np.array([labels], np.int64))]
    kinds = {
        "dets": ([1, len(rows), 5], onnx.TensorProto.FLOAT),
        "labels": ([1, len(rows)], onnx.TensorProto.INT64),
    }
    return save(path, nodes, kinds, (96, 128))


def raw(path: Path, people: dict[tuple[int, int, int], tuple[float, ...]], classes: int = 80) -> Path:
    """YOLOX's maps for an input of 128x96: at (stride, row, column) the values of x, y, log w, log h, there, person."""
    cells = [(stride, y, x) for stride in (8, 16, 32) for y in range(96 // stride) for x in range(128 // stride)]
    output = np.zeros((1, len(cells), 5 + classes), np.float32)
    for cell, values in people.items():
        output[0, cells.index(cell), :6] = values
    kinds = {"output": (list(output.shape), onnx.TensorProto.FLOAT)}
    return save(path, [constant("output", output)], kinds, (96, 128))


def mirror_of_pixels(path: Path) -> Path:
    """Tells the mean of each channel of its input as the boxes' left, top and right."""
    nodes = [
        onnx.helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        constant("rest", np.array([[500, 0.9]], np.float32)),
        onnx.helper.make_node("Concat", ["means", "rest"], ["row"], axis=1),
        constant("axes", np.array([0], np.int64)),
        onnx.helper.make_node("Unsqueeze", ["row", "axes"], ["dets"]),
        constant("labels", np.zeros((1, 1), np.int64)),
    ]
    kinds = {"dets": ([1, 1, 5], onnx.TensorProto.FLOAT), "labels": ([1, 1], onnx.TensorProto.INT64)}
    return save(path, nodes, kinds, ("h", "w"))
