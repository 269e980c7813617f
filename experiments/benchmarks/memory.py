"""Memory of `jaxpose track` over a long video: 20,000 tiny frames through everything but a real network.

    python experiments/benchmarks/memory.py [--frames 20000] [--render]

A stand-in network answers every picture with the perfect maps of five people, moved sideways by the picture's
brightness, so that people come and go. Reading, resizing, the jitted decoding, the parser, the ids and the writing are
the real ones. Aimed at: less than 50 MB more after the first 500 frames; ends with exit code 1 if it is more.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

import jaxpose.models
from jaxpose import cli, video
from jaxpose.association.identities import IdentityTracker
from jaxpose.estimation import Pipeline
from jaxpose.records import Frame, People
from jaxpose.skeletons import COCO_18
from jaxpose.systems.openpose.estimator import OpenPose
from jaxpose.tracking import FrameTracker

sys.path.append(str(Path(__file__).parents[2] / "tests"))
from scenes import render, standing_people

STRIDE, WIDTH, HEIGHT = 8, 320, 240
SETTLED = 500
ALLOWED_MB = 50


class Maps(NamedTuple):
    """What the decoding takes of a network's stage."""

    heatmaps: jnp.ndarray
    pafs: jnp.ndarray


class StandIn(nn.Module):
    """Given maps, rolled by as many cells as the picture is bright."""

    @nn.compact
    def __call__(self, images: jnp.ndarray) -> tuple[Maps]:
        """The fields of the one stage."""
        shift = jnp.mean(images.astype(jnp.float32), axis=(1, 2, 3)).astype(jnp.int32) // 4
        heatmaps, pafs = self.variable("params", "heatmaps", None).value, self.variable("params", "pafs", None).value
        columns = (jnp.arange(heatmaps.shape[1]) - shift[:, None]) % heatmaps.shape[1]
        return (Maps(*(jnp.moveaxis(maps[:, columns], 1, 0) for maps in (heatmaps, pafs))),)


class Watched(FrameTracker):
    """The real tracker, noting the process's memory on the way."""

    def push(self, frame: Frame) -> list[People]:
        """See `Tracker.push`."""
        if frame.number >= SETTLED and frame.number % 250 == 0:
            resident.append((frame.number, resident_mb()))
        return super().push(frame)


resident: list[tuple[int, float]] = []


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def make_video(path: Path, frames: int) -> None:
    with video.write(path, 25) as writer:
        for index in range(frames):
            grey = abs(index % 400 - 200)  # there and back
            writer.add(Frame(index, index / 25, np.full((48, 64, 3), grey, np.uint8)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--render", action="store_true")
    options = parser.parse_args()
    people = standing_people(np.random.default_rng(0), 5, COCO_18, WIDTH, HEIGHT)
    heatmaps, pafs = render(people, COCO_18, HEIGHT // STRIDE, WIDTH // STRIDE)
    params = {"heatmaps": heatmaps.astype(np.float32), "pafs": pafs.astype(np.float32)}
    estimator = OpenPose(StandIn(), params, COCO_18, STRIDE, size=WIDTH)
    jaxpose.models.load = lambda name, **_: Watched(Pipeline(estimator), IdentityTracker(COCO_18))
    with tempfile.TemporaryDirectory() as folder:
        make_video(Path(folder) / "long.mp4", options.frames)
        arguments = [str(Path(folder) / "long.mp4"), "--model", "stand-in", "--out", str(Path(folder) / "people.jsonl")]
        if options.render:
            arguments += ["--render", str(Path(folder) / "overlay.mp4")]
        if code := cli.main(["track", *arguments]):
            return code
    first, most = resident[0][1], max(size for _, size in resident)
    for index, size in resident[:: max(1, len(resident) // 10)]:
        print(f"frame {index:6d}: {size:7.1f} MB")
    print(f"{first:.1f} MB after {SETTLED} frames, {most:.1f} MB at most from there on: {most - first:+.1f} MB")
    return int(most - first >= ALLOWED_MB)


if __name__ == "__main__":
    sys.exit(main())
