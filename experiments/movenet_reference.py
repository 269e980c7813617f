"""Runs MoveNet MultiPose in onnxruntime, as the independent truth for the network and the decoding here.

    python experiments/movenet_reference.py runs/movenet [--data ../shared/data]

Needs an environment with onnx, onnxruntime, opencv-python, numpy and jaxtyping (not jax). Every picture's file holds
the `image` as the network takes it, the six maps in the graph's own order ((y, x), `displacements` for instance), and
`people`, the graph's own six: 17 joints (y, x, score), ymin, xmin, ymax, xmax, score, as parts of the input's sides.
`runs/movenet/*.npz` are the COCO fixture pictures at two long sides, for `experiments/movenet_parity.py`;
`tests/systems/movenet/reference.npz`, two parts of frames of `vtest.avi` (OpenCV, Apache-2.0), is for the suite. There
the maps are rounded to 2^-12, so that they pack well.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime

from jaxpose.geometry import fit_input
from jaxpose.video.resize import apply_fit

SUITE = Path(__file__).parents[1] / "tests" / "systems" / "movenet" / "reference.npz"

HEADS = {
    "centres": "center_0/re_lu_3/Relu",
    "box_sizes": "box_scale_0/re_lu_4/Relu",
    "box_offsets": "box_offset_0/re_lu_5/Relu",
    "heatmaps": "kpt_heatmap_0/re_lu_6/Relu",
    "displacements": "kpt_regress_0/re_lu_7/Relu",
    "offsets": "kpt_offset_0/re_lu_8/Relu",
}
"""The layer before the last convolution of each head."""

PARTS = ((636, (212, 356), (512, 704), 128), (576, (336, 576), (130, 290), 96))
"""Frame of vtest.avi, rows, columns, and the long side that they get. Two people in each."""


def session(file: Path, *, people: bool = True, threads: int = 0) -> onnxruntime.InferenceSession:
    """The graph with the raw maps (NCHW) as outputs, and its people unless they are left out, decoding and all."""
    model = onnx.load(file)
    consumers = {source: node for node in model.graph.node for source in node.input if node.op_type == "Conv"}
    if not people:
        del model.graph.output[:]
    for layer in HEADS.values():
        last = consumers[f"StatefulPartitionedCall/{layer}:0"].output[0]
        model.graph.output.append(onnx.helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(network: onnxruntime.InferenceSession, image: np.ndarray) -> dict[str, np.ndarray]:
    """Maps [h, w, c] and people [6, 56] of one RGB picture."""
    people, *maps = network.run(None, {"input:0": image[None].astype(np.int32)})
    named = {name: values[0].transpose(1, 2, 0) for name, values in zip(HEADS, maps, strict=True)}
    return {"image": image, "people": people[0], **named}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    network = session(options.data / "teachers" / "movenet-multipose.onnx")

    for path in sorted((options.data / "coco_fixtures" / "coco").glob("*.jpg")):
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        for size in (416, 672):
            image = apply_fit(picture, fit_input(picture.shape[1], picture.shape[0], size, 32))
            np.savez(options.out / f"{path.stem}_{size}.npz", **run(network, image))

    small = {}
    for i, (number, rows, columns, size) in enumerate(PARTS):
        video = cv2.VideoCapture(str(options.data / "videos" / "vtest.avi"))
        frame = [video.read()[1] for _ in range(number)][-1]
        picture = cv2.cvtColor(frame[slice(*rows), slice(*columns)], cv2.COLOR_BGR2RGB)
        found = run(network, apply_fit(picture, fit_input(picture.shape[1], picture.shape[0], size, 32)))
        found |= {name: np.round(found[name] * 4096) / 4096 for name in HEADS}
        small |= {f"{key}_{i}": value for key, value in found.items()}
    SUITE.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(SUITE, **small)
    print(f"wrote {options.out} and {SUITE}")


if __name__ == "__main__":
    main()
