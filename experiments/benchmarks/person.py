"""Time a person of MoveNet Thunder against onnxruntime in float32, eight people of one frame, in one run.

    pip install onnx onnxruntime
    python experiments/benchmarks/person.py movenet-thunder.onnx [--runs 15]

Ours is the whole step, crops and decoding too, in groups of some crops (one by one is what `topdown.estimator` has on
a CPU), and the network alone on a batch of eight; onnxruntime's is the published graph, which takes one crop at a time.
Both have as many threads as there are cores. The runs take turns; medians and minima are printed.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import onnxruntime

from jaxpose.geometry import crop_maps
from jaxpose.skeletons import COCO_17
from jaxpose.systems.movenet.person import make_read
from jaxpose.systems.movenet.thunder import SIDE, Thunder
from jaxpose.topdown.step import make_step
from jaxpose.weights import store

PEOPLE, SLOTS = 8, 16
FRAME = (720, 1280)
GROUPS = (1, 2, 4, 8, 16)


def onnxruntime_forward(file: Path, crops: np.ndarray) -> Callable[[], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    network = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda: [network.run(None, {"input:0": crop[None].astype(np.int32)}) for crop in crops]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    params = jax.device_put(store.load(store.path_of("movenet-thunder"))[0])
    frames = rng.integers(0, 256, (1, *FRAME, 3), np.uint8)
    boxes = np.concatenate([rng.uniform(0, 600, (PEOPLE, 2)), np.full((PEOPLE, 2), 300)], axis=1)
    maps = np.zeros((SLOTS, 2, 3), np.float32)
    maps[:PEOPLE] = crop_maps(boxes, SIDE, SIDE)
    crops = rng.integers(0, 256, (PEOPLE, SIDE, SIDE, 3), np.uint8)
    read = make_read(Thunder(), COCO_17)
    alone = jax.jit(read)

    def whole(group: int) -> Callable[[], object]:
        step = jax.jit(make_step(read, (SIDE, SIDE), fill=0, group=group))
        slots = np.zeros(SLOTS, np.int32), maps, np.int32(PEOPLE)
        return lambda: jax.block_until_ready(step(params, frames, *slots))

    contenders: dict[str, Callable[[], object]] = {
        "onnxruntime": onnxruntime_forward(options.file, crops),
        "the network on eight": lambda: jax.block_until_ready(alone(params, crops)),
        **{f"the step in groups of {group}": whole(group) for group in GROUPS},
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(options.runs + 2):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if turn >= 2:  # the first two warm up
                times[name].append(1000 * (time.perf_counter() - start) / PEOPLE)
    base = {f: f(times["onnxruntime"]) for f in (statistics.median, min)}
    print(f"ms a person, {PEOPLE} people, {len(os.sched_getaffinity(0))} cores")
    for name, values in times.items():
        told = ", ".join(f"{f.__name__} {f(values):.1f} ({f(values) / base[f]:.2f})" for f in base)
        print(f"{name:28s} {told}")


if __name__ == "__main__":
    main()
