"""Runs MoveNet in onnxruntime, as the independent truth for the networks and the decodings here.

    python experiments/movenet_reference.py runs/movenet --thunder movenet-thunder.onnx [--data ../shared/data]

Needs an environment with onnx, onnxruntime, opencv-python, numpy, safetensors and jaxtyping (not jax). Every picture's
file holds the `image` as the network takes it, the maps in the graph's own order ((y, x), `displacements` for
instance), and `people`, the graph's own six: 17 joints (y, x, score), ymin, xmin, ymax, xmax, score, as parts of the
input's sides; or `person`, Thunder's: 17 joints. `runs/movenet/*.npz` are the COCO fixture pictures at two long sides,
and as squares for Thunder (`thunder_*.npz`), for `experiments/movenet_parity.py`;
`tests/systems/movenet/*reference.npz`, parts of frames of `vtest.avi` (OpenCV, Apache-2.0), are for the suite. There
the maps are rounded to 2^-12, and every eighth row of Thunder's is kept, so that they pack well; and Thunder's graph
has the packaged weights, which are not quite the published ones.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime

from jaxpose.geometry import fit_input
from jaxpose.video.resize import apply_fit
from jaxpose.weights.quantization import quantize

SUITE = Path(__file__).parents[1] / "tests" / "systems" / "movenet"

HEADS = {
    "centres": "center_0/re_lu_3/Relu",
    "box_sizes": "box_scale_0/re_lu_4/Relu",
    "box_offsets": "box_offset_0/re_lu_5/Relu",
    "heatmaps": "kpt_heatmap_0/re_lu_6/Relu",
    "displacements": "kpt_regress_0/re_lu_7/Relu",
    "offsets": "kpt_offset_0/re_lu_8/Relu",
}
"""The layer before the last convolution of each head."""

THUNDER_HEADS = {
    "centres": "center_0/re_lu_3/Relu",
    "heatmaps": "kpt_heatmap_0/re_lu_4/Relu",
    "displacements": "kpt_regress_0/re_lu_5/Relu",
    "offsets": "kpt_offset_0/re_lu_6/Relu",
}
SIDE = 256
LARGE = 50_000  # of experiments/package_movenet.py

PARTS = ((636, (212, 356), (512, 704), 128), (576, (336, 576), (130, 290), 96))
"""Frame of vtest.avi, rows, columns, and the long side that they get. Two people in each."""


def session(
    model: onnx.ModelProto, *, people: bool = True, threads: int = 0, heads: dict[str, str] = HEADS
) -> onnxruntime.InferenceSession:
    """The graph with the raw maps (NCHW) as outputs, and its people unless they are left out, decoding and all."""
    consumers = {source: node for node in model.graph.node for source in node.input if node.op_type == "Conv"}
    if not people:
        del model.graph.output[:]
    for layer in heads.values():
        last = consumers[f"StatefulPartitionedCall/{layer}:0"].output[0]
        model.graph.output.append(onnx.helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def in_bytes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Thunder's graph with the kernels that `experiments/package_movenet.py` stores in bytes, as they are then."""
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.ndim == 4 and values.size >= LARGE:
            stored = quantize(values.transpose(2, 3, 1, 0))
            rounded = (stored.values * stored.scale).transpose(3, 2, 0, 1)
            tensor.CopyFrom(onnx.numpy_helper.from_array(rounded.copy(), tensor.name))
    return model


def run(network: onnxruntime.InferenceSession, image: np.ndarray) -> dict[str, np.ndarray]:
    """Maps [h, w, c] and people [6, 56] of one RGB picture."""
    people, *maps = network.run(None, {"input:0": image[None].astype(np.int32)})
    named = {name: values[0].transpose(1, 2, 0) for name, values in zip(HEADS, maps, strict=True)}
    return {"image": image, "people": people[0], **named}


def run_thunder(network: onnxruntime.InferenceSession, image: np.ndarray) -> dict[str, np.ndarray]:
    """Maps [h, w, c] and the person [17, 3] of one RGB picture of 256x256."""
    person, *maps = network.run(None, {"input:0": image[None].astype(np.int32)})
    named = {name: values[0].transpose(1, 2, 0) for name, values in zip(THUNDER_HEADS, maps, strict=True)}
    return {"image": image, "person": person[0, 0], **named}


def squared(picture: np.ndarray) -> np.ndarray:
    """A picture in the top left of a square of 256x256."""
    side = max(picture.shape[:2])
    whole = np.zeros((side, side, 3), np.uint8)
    whole[: picture.shape[0], : picture.shape[1]] = picture
    return cv2.resize(whole, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--thunder", type=Path, required=True, help="the graph as ONNX")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    network = session(onnx.load(options.data / "teachers" / "movenet-multipose.onnx"))
    thunder = session(onnx.load(options.thunder), heads=THUNDER_HEADS)
    packaged = session(in_bytes(onnx.load(options.thunder)), heads=THUNDER_HEADS)

    for path in sorted((options.data / "coco_fixtures" / "coco").glob("*.jpg")):
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        for size in (416, 672):
            image = apply_fit(picture, fit_input(picture.shape[1], picture.shape[0], size, 32))
            np.savez(options.out / f"{path.stem}_{size}.npz", **run(network, image))
        np.savez(options.out / f"thunder_{path.stem}.npz", **run_thunder(thunder, squared(picture)))

    small = {}
    for i, (number, rows, columns, size) in enumerate(PARTS):
        video = cv2.VideoCapture(str(options.data / "videos" / "vtest.avi"))
        frame = [video.read()[1] for _ in range(number)][-1]
        picture = cv2.cvtColor(frame[slice(*rows), slice(*columns)], cv2.COLOR_BGR2RGB)
        found = run(network, apply_fit(picture, fit_input(picture.shape[1], picture.shape[0], size, 32)))
        small |= {f"{key}_{i}": _rounded(value) if key in HEADS else value for key, value in found.items()}
        if i == 0:
            found = run_thunder(packaged, squared(picture))
            of_one = {key: _rounded(value)[::8] if key in HEADS else value for key, value in found.items()}
    np.savez_compressed(SUITE / "reference.npz", **small)
    np.savez_compressed(SUITE / "thunder_reference.npz", **of_one)
    print(f"wrote {options.out} and {SUITE}")


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.round(values * 4096) / 4096


if __name__ == "__main__":
    main()
