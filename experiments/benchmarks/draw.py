"""What drawing costs: 10 people with trails and labels on a 720p picture, beside a plain copy of the picture.

    python experiments/benchmarks/draw.py

Aimed at: at most 5 ms a frame. Times are processor time of one core, medians, so that a busy machine does not matter
much. The people stand 320 pixels tall, in the proportions of an adult.
"""

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np

from jaxpose.records import make_people
from jaxpose.skeletons import COCO_18
from jaxpose.video import Trails, draw
from jaxpose.video.overlay import Style

PEOPLE, WIDTH, HEIGHT = 10, 1280, 720

TALL = 320
BODY = np.array(
    [(0, 0.08), (0, 0.18), (-0.11, 0.18), (-0.14, 0.36), (-0.13, 0.52), (0.11, 0.18), (0.14, 0.36), (0.13, 0.52),
     (-0.07, 0.5), (-0.08, 0.74), (-0.08, 0.96), (0.07, 0.5), (0.08, 0.74), (0.08, 0.96), (-0.02, 0.06), (0.02, 0.06),
     (-0.04, 0.07), (0.04, 0.07)]
)  # fmt: skip
"""Of COCO_18's joints, in heights of the person."""


def milliseconds(run: Callable[[], object], rounds: int = 200) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times)


def main() -> None:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    body = rng.normal(BODY, 0.01, (PEOPLE, 18, 2)) * TALL
    middle = np.column_stack([np.linspace(100, 1150, PEOPLE), rng.uniform(20, 380, PEOPLE)])
    keypoints = np.concatenate([body + middle[:, None], np.full((PEOPLE, 18, 1), 0.9)], axis=-1)
    trails = Trails(COCO_18, 75)
    for number in range(75):
        people = make_people(keypoints + np.array([number, 0, 0]), np.ones(PEOPLE), np.arange(PEOPLE), frame=number)
        trails.update(people)
    contenders: dict[str, Callable[[], object]] = {
        "copy of the picture": image.copy,
        "people": lambda: draw(image, people, COCO_18, style=Style(labels=False)),
        "with ids": lambda: draw(image, people, COCO_18),
        "with ids and trails of 75 frames": lambda: draw(image, people, COCO_18, trails),
        "with scores too, at alpha 0.7": lambda: draw(image, people, COCO_18, trails, Style(scores=True, alpha=0.7)),
        "with ids and trails, on black": lambda: draw(image, people, COCO_18, trails, Style(black=True)),
    }
    print(f"{PEOPLE} people on {WIDTH}x{HEIGHT}")
    for name, run in contenders.items():
        print(f"{name:34s} {milliseconds(run):5.2f} ms")


if __name__ == "__main__":
    main()
