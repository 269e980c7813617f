"""Forward time of the lightweight network at 368x656 against OpenVINO in float32, in one run.

    pip install openvino
    python experiments/benchmarks/forward.py ../shared/data/teachers/human-pose-estimation-0001.xml [--runs 15]

OpenVINO runs the published file (INT8 where it can) with `INFERENCE_PRECISION_HINT=f32`, and the float network (the
same file without the quantization of activations), which is what ours computes; the ratio is to the latter. The runs
take turns; medians are printed.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import openvino as ov

from jaxpose.systems.openpose.importing import lightweight_params
from jaxpose.systems.openpose.lightweight import LightweightOpenPose
from jaxpose.weights.openvino import read_graph

sys.path.insert(0, str(Path(__file__).parents[1]))
from openvino_reference import without_activation_quantization

HEIGHT, WIDTH = 368, 656


def openvino_forward(file: Path, image: np.ndarray, *, quantized: bool) -> Callable[[], object]:
    model = ov.Core().read_model(file)
    if not quantized:
        model = without_activation_quantization(model)
    model.reshape({0: [1, 3, HEIGHT, WIDTH]})
    net = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    x = image[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    return lambda: net(x)


def jax_forward(file: Path, image: np.ndarray, form: str) -> Callable[[], object]:
    params = jax.device_put(lightweight_params(read_graph(file)))
    network = LightweightOpenPose(form=form)
    forward = jax.jit(lambda params, images: network.apply({"params": params}, images)[-1])
    return lambda: jax.block_until_ready(forward(params, image))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    image = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    contenders = {
        "OpenVINO float32": openvino_forward(options.file, image, quantized=False),
        "OpenVINO INT8 file": openvino_forward(options.file, image, quantized=True),
        "jaxpose (auto)": jax_forward(options.file, image, "auto"),
        "jaxpose (shift)": jax_forward(options.file, image, "shift"),
        "jaxpose (native)": jax_forward(options.file, image, "native"),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(options.runs + 2):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if turn >= 2:  # the first two warm up
                times[name].append(1000 * (time.perf_counter() - start))
    base = statistics.median(times["OpenVINO float32"])
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"{name:20s} {middle:7.1f} ms  {middle / base:5.2f} of OpenVINO float32  (min {min(values):.1f})")


if __name__ == "__main__":
    main()
