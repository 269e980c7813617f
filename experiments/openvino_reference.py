"""Runs human-pose-estimation-0001 in OpenVINO, as the independent truth for the network here.

    python experiments/openvino_reference.py runs/openvino [--data ../shared/data]

Needs an environment with openvino, opencv-python, numpy and jaxtyping (not jax). Writes, for the four COCO fixture
pictures at long side 656, `int8_<id>.npz` (the file untouched) and `float_<id>.npz` (the same file with the
quantization of activations taken out), both computed in float32; `tests/systems/openpose/lightweight_maps.npz`, a part
of a `vtest.avi` frame at two sizes with its float maps, is what the suite reads. `experiments/parity.py` compares.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import openvino as ov

from jaxpose.geometry import fit_input
from jaxpose.video.resize import apply_fit

SUITE = Path(__file__).parents[1] / "tests" / "systems" / "openpose" / "lightweight_maps.npz"


def without_activation_quantization(model: ov.Model) -> ov.Model:
    """The float network: every FakeQuantize goes (this file's weights are plain int8 constants with scales)."""
    for op in model.get_ordered_ops():
        if op.get_type_name() == "FakeQuantize":
            source = op.input_value(0)
            if source.get_node().get_type_name() == "Constant":
                raise SystemExit("expected activations only, found a quantized weight")
            op.output(0).replace(source)
    return model


def run(model: ov.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    """Heatmaps and PAFs [h, w, c] of one RGB picture."""
    model.reshape({0: [1, 3, *image.shape[:2]]})
    net = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    result = net(image[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32))
    maps = {out.shape[1]: result[out][0].transpose(1, 2, 0) for out in net.outputs}
    return {"image": image, "heatmaps": maps[19], "pafs": maps[38]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.data / "teachers" / "human-pose-estimation-0001.xml"
    networks = {"int8": ov.Core().read_model(file)}
    networks["float"] = without_activation_quantization(ov.Core().read_model(file))

    pictures = sorted((options.data / "coco_fixtures" / "coco").glob("*.jpg"))
    for path in pictures:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        image = apply_fit(image, fit_input(image.shape[1], image.shape[0], 656, 8))
        for name, model in networks.items():
            np.savez(options.out / f"{name}_{path.stem}.npz", **run(model, image))

    video = cv2.VideoCapture(str(options.data / "videos" / "vtest.avi"))  # OpenCV's own, Apache-2.0
    frame = [video.read()[1] for _ in range(636)][-1]
    image = cv2.cvtColor(frame[360:568, 296:424], cv2.COLOR_BGR2RGB)  # one walker
    small = {}
    for size in (144, 208):
        picture = apply_fit(image, fit_input(image.shape[1], image.shape[0], size, 8))
        small |= {f"{key}_{size}": value for key, value in run(networks["float"], picture).items()}
    SUITE.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(SUITE, **small)
    print(f"wrote {options.out} and {SUITE}")


if __name__ == "__main__":
    main()
