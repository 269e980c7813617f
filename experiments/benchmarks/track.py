"""Frame rate of `jaxpose track` against that of the network's forward alone, in one run.

    jaxpose import ../shared/data/teachers/human-pose-estimation-0001.xml --as lightweight
    python experiments/benchmarks/track.py ../shared/data/videos/street.mp4 --model lightweight [--frames 100]

Three contenders take turns on the video's first frames: the jitted forward on one fixed picture, waiting for each
result; `track` to a .jsonl file (reading, resizing, forward, decoding, ids, writing); and `track` with --render. The
model is loaded and compiled before. Aimed at: to .jsonl at least 0.85 of the forward's rate. The time that all cores
together spend on a frame is shown beside it: on a machine that others use as well, trust that one.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import jax
import numpy as np

import jaxpose.models
from jaxpose import cli, video
from jaxpose.geometry import fit_input
from jaxpose.weights.default import DEFAULT


def first_frames(source: Path, target: Path, count: int) -> int:
    """Copy a video's first packets, unchanged, into a file of its own."""
    with av.open(str(source)) as read, av.open(str(target), "w") as write:
        stream = write.add_stream_from_template(read.streams.video[0])
        for number, packet in enumerate(read.demux(video=0)):
            if number == count or packet.dts is None:
                break
            packet.stream = stream
            write.mux(packet)
    return sum(1 for _ in video.read(target))


def forward_alone(name: str, clip: Path, size: int, count: int) -> Callable[[], None]:
    network, params, _ = jaxpose.models.network(name)
    stride = jaxpose.models.estimator(name, size=size).stride
    fit = fit_input(video.read(clip).width, video.read(clip).height, size, stride)
    forward = jax.jit(lambda params, images: network.apply({"params": params}, images))
    params = jax.device_put(params)
    picture = jax.device_put(np.random.default_rng(0).integers(0, 256, (1, fit.height, fit.width, 3), np.uint8))

    def run() -> None:
        for _ in range(count):
            jax.block_until_ready(forward(params, picture))

    return run


def whole_command(clip: Path, folder: Path, *options: str) -> Callable[[], None]:
    arguments = ["track", str(clip), "--out", str(folder / "people.jsonl"), "--overwrite", *options]

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            assert cli.main(arguments) == 0

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--size", type=int, default=656)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / options.file.name
        count = first_frames(options.file, clip, options.frames)
        tracker = jaxpose.models.load(options.model, size=options.size)
        jaxpose.models.load = lambda name, **_: tracker  # loaded and compiled once, for all rounds
        common = ("--model", options.model, "--size", str(options.size))
        contenders = {
            "forward alone": forward_alone(options.model, clip, options.size, count),
            "track to .jsonl": whole_command(clip, Path(folder), *common),
            "track with --render": whole_command(clip, Path(folder), *common, "--render", str(Path(folder) / "o.mp4")),
        }
        times: dict[str, list[float]] = {name: [] for name in contenders}
        work: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(options.rounds + 1):  # the first compiles and does not count
            for name, run in contenders.items():
                start, busy = time.perf_counter(), time.process_time()
                run()
                if turn:
                    times[name].append((time.perf_counter() - start) / count)
                    work[name].append((time.process_time() - busy) / count)
    base = times["forward alone"]
    print(f"{count} frames of {options.file.name}, {options.rounds} rounds")
    for name, each in times.items():
        ratio = statistics.median(a / b for a, b in zip(base, each, strict=True))
        rate, cpu = 1 / statistics.median(each), 1e3 * statistics.median(work[name])
        print(f"{name:20s} {rate:6.2f} frames/s, {ratio:.2f} of the forward's; {cpu:5.0f} ms of all cores a frame")


if __name__ == "__main__":
    main()
