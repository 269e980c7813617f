"""ONNX detectors made for the tests, in both known forms."""

import sys
from pathlib import Path

import numpy as np
import pytest

from jaxpose.errors import NonFiniteError, OptionError, WeightsError
from jaxpose.estimation import Pipeline
from jaxpose.onnx_detector import MEAN, SPREAD, OnnxDetector
from jaxpose.records import NO_ID, Boxes, Frame

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx_detectors import constant, mirror_of_pixels, raw, save, suppressed  # noqa: E402 (needs onnx)

PICTURE = np.full((48, 64, 3), 90, np.uint8)


def find(path: Path, image: np.ndarray = PICTURE, **options: float) -> Boxes:
    detector = OnnxDetector(path, **options)
    (found,) = detector.collect(detector.dispatch([image], 1))
    return found


@pytest.mark.parametrize("name", ["yolox_m.onnx", "RTMDet-nano.onnx"])
def test_boxes_with_the_suppression_inside(tmp_path: Path, name: str) -> None:
    rows = [(10, 20, 50, 80, 0.9), (0, 0, 30, 30, 0.8), (60, 20, 90, 80, 0.05), (70, 20, 60, 80, 0.7)]
    found = find(suppressed(tmp_path / name, rows, [0, 16, 0, 0]))
    # the picture of 64x48 fills the input of 128x96 twice as large; no dog, nobody unsure, no box inside out
    np.testing.assert_allclose(found.boxes, [[4.5, 9.5, 20, 30]])
    np.testing.assert_allclose(found.scores, [0.9])
    assert (found.boxes.dtype, found.scores.dtype, found.ids.tolist()) == (np.float32, np.float32, [NO_ID])


def test_yolox_s_own_maps(tmp_path: Path) -> None:
    people = {
        (8, 3, 4): (0.5, 0.25, np.log(4), np.log(6), 0.9, 0.8),  # middle (36, 26), 32x48
        (16, 1, 2): (0.25, 0.6, np.log(2.1), np.log(3), 0.9, 0.5),  # nearly the same once more
        (32, 1, 3): (0.5, 0.5, 0.0, np.log(1.5), 1.0, 0.6),  # middle (112, 48), 32x48
        (32, 0, 0): (0.5, 0.5, 0.0, 0.0, 0.1, 0.6),
    }
    found = find(raw(tmp_path / "yolox.onnx", people))
    np.testing.assert_allclose(found.boxes, [[9.5, 0.5, 16, 24], [47.5, 11.5, 16, 24]], atol=1e-5)
    np.testing.assert_allclose(found.scores, [0.72, 0.6], rtol=1e-6)
    assert find(raw(tmp_path / "yolox.onnx", people), min_score=0.7).total == 1
    assert find(raw(tmp_path / "yolox.onnx", people), duplicate_iou=1.0).total == 3


def test_what_the_networks_are_given(tmp_path: Path) -> None:
    image = np.zeros((64, 128, 3), np.uint8)
    image[:] = (200, 20, 10)  # red, green, blue
    for name, mean, spread in (("yolox", (0, 0, 0), (1, 1, 1)), ("rtmdet", MEAN, SPREAD)):
        found = find(mirror_of_pixels(tmp_path / f"{name}.onnx"), image, size=128)
        x, y, w, _ = found.boxes[0]
        told = np.array([x + 0.5, y + 0.5, x + 0.5 + w])  # blue, green, red as the network saw them
        np.testing.assert_allclose(told, (np.array([10, 20, 200]) - mean) / spread, rtol=1e-3)


def test_any_size_where_the_file_leaves_it_open(tmp_path: Path) -> None:
    frames = [Frame(i, i / 25, np.full((48 + 8 * (i > 2), 64, 3), 100, np.uint8)) for i in range(5)]
    pipeline = Pipeline(OnnxDetector(mirror_of_pixels(tmp_path / "yolox.onnx"), size=64), 2)
    found = [boxes for frame in frames for boxes in pipeline.push(frame)] + pipeline.flush()
    assert [(boxes.frame, boxes.time, boxes.total) for boxes in found] == [(i, i / 25, 0) for i in range(5)]


def test_what_is_not_finite_is_an_error(tmp_path: Path) -> None:
    path = suppressed(tmp_path / "yolox.onnx", [(1, 1, np.nan, 5, 0.5)], [0])
    pipeline = Pipeline(OnnxDetector(path))
    pipeline.push(Frame(0, 0.0, PICTURE))
    with pytest.raises(NonFiniteError, match=r"frame 0: yolox\.onnx gives NaN or infinity"):
        pipeline.flush()


def test_what_is_no_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="it must contain yolox or rtmdet"):
        OnnxDetector(tmp_path / "detector.onnx")
    with pytest.raises(WeightsError, match="no such file"):
        OnnxDetector(tmp_path / "yolox.onnx")
    (tmp_path / "yolox.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsError, match="is no ONNX network that can be run"):
        OnnxDetector(tmp_path / "yolox.onnx")
    flat = save(
        tmp_path / "yolox.onnx", [constant("a", np.zeros(1, np.float32))], {"a": ([1], onnx.TensorProto.FLOAT)}, (8, 8)
    )
    with pytest.raises(WeightsError, match=r"for an input of 8x8 is \[1, 1, 5 \+ classes\], got \[1\]"):
        find(flat)
    wrong = suppressed(tmp_path / "rtmdet.onnx", [(1, 2, 3, 4, 0.5)], [0, 0])
    with pytest.raises(WeightsError, match=r"got \[1, 1, 5\] and \[1, 2\]"):
        find(wrong)


def test_without_onnxruntime_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(OptionError, match=r"needs onnxruntime: pip install 'jaxpose\[onnx\]'"):
        OnnxDetector(tmp_path / "yolox.onnx")
