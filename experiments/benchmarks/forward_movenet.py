"""Forward time of MoveNet MultiPose at 384x672 against onnxruntime in float32, in one run.

    pip install onnx onnxruntime
    python experiments/benchmarks/forward_movenet.py ../shared/data/teachers/movenet-multipose.onnx [--runs 15]

Both give their raw maps, with decoding cut off; onnxruntime has as many threads as there are cores. The runs take
turns; medians and minima are printed.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import onnx

from jaxpose.systems.movenet.network import MoveNet
from jaxpose.weights import store

sys.path.insert(0, str(Path(__file__).parents[1]))
from movenet_reference import session

HEIGHT, WIDTH = 384, 672


def onnxruntime_forward(file: Path, image: np.ndarray) -> Callable[[], object]:
    network = session(onnx.load(file), people=False, threads=len(os.sched_getaffinity(0)))
    x = image.astype(np.int32)
    return lambda: network.run(None, {"input:0": x})


def jax_forward(image: np.ndarray, form: str) -> Callable[[], object]:
    params = jax.device_put(store.load(store.path_of("movenet-multipose"))[0])
    network = MoveNet(form=form)
    forward = jax.jit(lambda params, images: network.apply({"params": params}, images))
    return lambda: jax.block_until_ready(forward(params, image))


def measure(file: Path, runs: int) -> dict[str, Any]:
    """Median and minimum of each in ms, and the ratio of its median to onnxruntime's."""
    image = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    contenders = {
        "onnxruntime": onnxruntime_forward(file, image),
        "jaxpose": jax_forward(image, "auto"),
        "jaxpose, native convolutions": jax_forward(image, "native"),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(runs + 2):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if turn >= 2:  # the first two warm up
                times[name].append(1000 * (time.perf_counter() - start))
    base = statistics.median(times["onnxruntime"])
    runtimes = {
        name: {
            "median": round(statistics.median(values), 1),
            "minimum": round(min(values), 1),
            "ratio": round(statistics.median(values) / base, 2),
        }
        for name, values in times.items()
    }
    return {"input": f"{HEIGHT}x{WIDTH}", "cores": len(os.sched_getaffinity(0)), "runtimes": runtimes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    measured = measure(options.file, options.runs)
    print(f"{measured['input']}, {measured['cores']} cores")
    for name, row in measured["runtimes"].items():
        print(f"{name:28s} median {row['median']} ms, {row['ratio']} of onnxruntime's, minimum {row['minimum']} ms")


if __name__ == "__main__":
    main()
