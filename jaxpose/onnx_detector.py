"""People's boxes from a detector in an ONNX file, run by onnxruntime: YOLOX or RTMDet, as their projects export them.

A `detection.BoxFinder` that knows two kinds of outputs. YOLOX's own export has one, `[1, n, 5 + classes]`: for each
cell of the maps at strides 8, 16 and 32, row by row, the box's centre and the logarithm of its size in cells, how sure
it is that something is there, and of what class (Ge et al., arXiv:2107.08430). An export with the suppression inside,
as MMDeploy writes of both, has boxes `dets [1, n, 5]`, as left, top, right, bottom, score in pixels of the input, and
`labels [1, n]`. The class of people is the first, as in COCO.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from jaxpose.association.matching import keep_best
from jaxpose.errors import NonFiniteError, OptionError, WeightsError
from jaxpose.geometry import Fit, fit_input, iou
from jaxpose.records import NO_ID, Boxes
from jaxpose.video.resize import apply_fit

STRIDES = (8, 16, 32)

MEAN, SPREAD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
"""Of blue, green and red: RTMDet takes pixels less the mean, over the spread; YOLOX takes them as they are."""

PERSON = 0
"""The class of people."""


class _Work(NamedTuple):
    """Pictures of one size in work."""

    outputs: list[Future[list[Any]]]
    fit: Fit


class OnnxDetector:
    """The people in single pictures, by their boxes (see `detection.BoxFinder`).

    Which network it is follows from the file's name, which has `yolox` or `rtmdet` in it. `size` is the long side of
    its input where the file leaves that open. People with a score below `min_score` are left out, and so is the
    lesser of two whose boxes overlap by an IoU of more than `duplicate_iou`.
    """

    def __init__(self, path: Path, *, size: int = 640, min_score: float = 0.1, duplicate_iou: float = 0.65) -> None:
        """`WeightsError` for a file that is no such detector, `OptionError` without onnxruntime or with a bad name."""
        try:
            import onnxruntime
        except ImportError:
            raise OptionError(f"{path}: an ONNX detector needs onnxruntime: pip install 'jaxpose[onnx]'") from None
        name = path.name.lower()
        if ("yolox" in name) == ("rtmdet" in name):
            raise OptionError(f"{path}: the file's name tells what it is; it must contain yolox or rtmdet")
        if not path.is_file():
            raise WeightsError(f"{path}: no such file")
        try:
            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no base class of its errors
            raise WeightsError(f"{path} is no ONNX network that can be run: {error}") from None
        taken, given = self._session.get_inputs(), self._session.get_outputs()
        if len(taken) != 1 or len(taken[0].shape) != 4 or taken[0].type != "tensor(float)" or len(given) not in (1, 2):
            shapes = ", ".join(f"{each.type} {each.shape}" for each in taken)
            raise WeightsError(
                f"{path}: a detector takes one picture, tensor(float) [1, 3, h, w], and has 1 or 2 outputs; "
                f"this network takes {shapes} and has {len(given)}"
            )
        self._path, self._normalized = path, "rtmdet" in name
        self._sides = [side if isinstance(side, int) else None for side in taken[0].shape[2:]]
        self._size, self._min_score, self._duplicate_iou = size, min_score, duplicate_iou
        self._thread = ThreadPoolExecutor(1)

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], pad_to: int) -> _Work:
        """See `estimation.Halves.dispatch`; a thread runs the network on one picture after another."""
        fit = self._fit(*images[0].shape[:2])
        return _Work([self._thread.submit(self._run, image, fit) for image in images], fit)

    def collect(self, work: _Work) -> list[Boxes]:
        """See `estimation.Halves.collect`. Raises `NonFiniteError` if the network gives a NaN or infinite box."""
        return [self._boxes(future.result(), work.fit) for future in work.outputs]

    def _fit(self, height: int, width: int) -> Fit:
        if None in self._sides:
            return fit_input(width, height, self._size, STRIDES[-1])
        high, wide = (int(side or 0) for side in self._sides)
        return Fit(wide, high, min(wide / width, high / height))

    def _run(self, image: UInt8[np.ndarray, "h w 3"], fit: Fit) -> list[Any]:
        pixels = apply_fit(image, fit)[..., ::-1].astype(np.float32)
        if self._normalized:
            pixels = ((pixels - MEAN) / SPREAD).astype(np.float32)
        feed = {self._session.get_inputs()[0].name: np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])}
        return list(self._session.run(None, feed))

    def _boxes(self, outputs: list[Any], fit: Fit) -> Boxes:
        if not all(np.isfinite(output).all() for output in outputs):
            raise NonFiniteError(f"{self._path.name} gives NaN or infinity: its weights are damaged")
        corners, scores = self._suppressed(*outputs) if len(outputs) == 2 else self._raw(outputs[0], fit)
        good = (scores >= self._min_score) & (corners[:, 2:] > corners[:, :2]).all(axis=1)
        corners, scores = corners[good] / fit.scale - 0.5, scores[good]  # networks count from the outer corner
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).astype(np.float32)
        stays = keep_best(iou(boxes, boxes), scores, self._duplicate_iou)
        ids = np.full(int(stays.sum()), NO_ID, np.int64)
        return Boxes(0, 0.0, boxes[stays], np.clip(scores[stays], 0, 1).astype(np.float32), ids)

    def _suppressed(
        self, dets: Float32[np.ndarray, "1 n 5"], labels: Int[np.ndarray, "1 n"]
    ) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, "n"]]:
        if dets.ndim != 3 or dets.shape[2] != 5 or labels.shape != dets.shape[:2]:
            raise WeightsError(
                f"{self._path}: the outputs of a detector with the suppression inside are dets [1, n, 5] and "
                f"labels [1, n], got {list(dets.shape)} and {list(labels.shape)}"
            )
        people = dets[0][labels[0] == PERSON]
        return people[:, :4], people[:, 4]

    def _raw(
        self, output: Float32[np.ndarray, "1 n c"], fit: Fit
    ) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, "n"]]:
        corners, sides = [], []
        for stride in STRIDES:
            rows, columns = np.mgrid[: fit.height // stride, : fit.width // stride]
            corners.append(np.stack([columns, rows], axis=-1).reshape(-1, 2) * stride)
            sides.append(np.full((rows.size, 1), stride))
        corner, stride_of = np.concatenate(corners), np.concatenate(sides)
        if output.ndim != 3 or output.shape[1] != len(corner) or output.shape[2] < 6:
            raise WeightsError(
                f"{self._path}: YOLOX's output for an input of {fit.width}x{fit.height} is [1, {len(corner)}, 5 + "
                f"classes], got {list(output.shape)}"
            )
        middle, half = output[0, :, :2] * stride_of + corner, np.exp(output[0, :, 2:4]) * stride_of / 2
        scores = output[0, :, 4] * output[0, :, 5 + PERSON]
        return np.concatenate([middle - half, middle + half], axis=1), scores
