"""Time of a frame from picture to people with ids, of trackers that take turns with one video.

    python experiments/benchmarks/streaming.py [VIDEO] [--models openpose-lite staf-lite] [--size 656] [--frames 30]

Each model comes with its own tracker at its defaults, one frame at a time as from a camera; the video is read before.
Medians over the rounds, and how many times the first model's. Aimed at: `staf-lite` at most 1.25 times `openpose-lite`.
"""

import argparse
import itertools
import statistics
import time
from pathlib import Path

from jaxpose import models, video
from jaxpose.cli.demo import CLIP

WARM_UP = 3
"""Frames before the clock runs: a recurrent network sees the first one twice."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, nargs="?", default=CLIP)
    parser.add_argument("--models", nargs="+", default=["openpose-lite", "staf-lite"])
    parser.add_argument("--size", type=int, default=656)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    frames = list(itertools.islice(video.read(options.video), WARM_UP + options.frames))
    trackers = {name: models.load(name, size=options.size) for name in options.models}
    seconds: dict[str, list[float]] = {name: [] for name in trackers}
    people = {}
    for _ in range(options.rounds + 1):
        for name, tracker in trackers.items():
            done = [people for frame in frames[:WARM_UP] for people in tracker.push(frame)]
            begun = time.perf_counter()
            done += [people for frame in frames[WARM_UP:] for people in tracker.push(frame)]
            done += tracker.flush()
            seconds[name].append((time.perf_counter() - begun) / options.frames)
            people[name] = sum(each.total for each in done) / len(done)
    medians = {name: statistics.median(each[1:]) for name, each in seconds.items()}  # the first round compiles
    for name, median in medians.items():
        share = median / medians[options.models[0]]
        print(f"{name}: {1000 * median:.1f} ms a frame, {share:.2f}; {people[name]:.1f} people")


if __name__ == "__main__":
    main()
