"""Frames a second of reading a video, beside OpenCV's capture, in one run.

    python experiments/benchmarks/read.py [--video ../shared/data/videos/street.mp4] [--rounds 9]

Each round reads the whole file once in every way, in turn; medians over rounds, of the clock and of processor time (of
all threads; where other work runs on the machine the second is the steadier one). Aimed at: at least 75 % of OpenCV's
rate at 720p. `every 5` looks at each fifth frame: all are decoded, only those become RGB.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from jaxpose import video


def with_opencv(path: Path) -> int:
    capture, count = cv2.VideoCapture(str(path)), 0
    while capture.read()[0]:
        count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).parents[3] / "shared" / "data" / "videos" / "street.mp4"
    parser.add_argument("--video", type=Path, default=default)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    path: Path = arguments.video
    ways: dict[str, Callable[[], int]] = {
        "OpenCV": lambda: with_opencv(path),
        "jaxpose": lambda: sum(1 for _ in video.read(path)),
        "jaxpose, every 5": lambda: sum(1 for _ in video.read(path, every=5)),
    }
    frames = with_opencv(path)
    clock: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, read in ways.items():
            began, worked = time.perf_counter(), time.process_time()
            read()
            clock[name].append(time.perf_counter() - began)
            processor[name].append(time.process_time() - worked)
    for name in ways:
        told = []
        for times in (clock, processor):
            seconds, opencv = (statistics.median(times[key]) for key in (name, "OpenCV"))
            told.append(f"{frames / seconds:6.0f} ({opencv / seconds:.2f} of OpenCV's)")
        print(f"{name:18} {told[0]} frames/s by the clock, {told[1]} a second of processor time")


if __name__ == "__main__":
    main()
