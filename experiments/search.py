"""What looking more than once is worth: scales, the mirrored picture, the picture turned; OKS-AP and time.

    pip install '.[eval]'
    python experiments/search.py [--model lightweight] [--split train] [--every 10] [--size 448] [--rows plain flip ...]

The rows "down" are about the same pictures turned upside down. Times are medians of a whole picture, after a first run
that compiles.
"""

import argparse
import functools
import time
from typing import Any

import numpy as np
from coco_pictures import Poses, average_precision, pictures

from jaxpose.skeletons import COCO_18
from jaxpose.systems.openpose.config import SearchConfig
from jaxpose.systems.openpose.estimator import OpenPose
from jaxpose.systems.openpose.lightweight import STRIDE, LightweightOpenPose
from jaxpose.systems.openpose.search import SearchingOpenPose
from jaxpose.weights import store

ROWS: dict[str, tuple[SearchConfig | None, bool]] = {  # the search, and whether pictures are turned upside down
    "plain": (None, False),
    "flip": (SearchConfig(flip=True), False),
    "0.7-1-1.3": (SearchConfig(scales=(0.7, 1, 1.3)), False),
    "0.5-1-1.5-2": (SearchConfig(scales=(0.5, 1, 1.5, 2)), False),
    "0.7-1-1.3-flip": (SearchConfig(scales=(0.7, 1, 1.3), flip=True), False),
    "0+180": (SearchConfig(turns=(0, 180)), False),
    "0+90+180+270": (SearchConfig(turns=(0, 90, 180, 270)), False),
    "down-plain": (None, True),
    "down-0+180": (SearchConfig(turns=(0, 180)), True),
    "down-0+90+180+270": (SearchConfig(turns=(0, 90, 180, 270)), True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lightweight")
    parser.add_argument("--split", choices=("train", "val"), default="train")
    parser.add_argument("--every", type=int, default=10, help="take every n-th picture")
    parser.add_argument("--sizes", type=int, default=2, help="only pictures of so many commonest sizes")
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    options = parser.parse_args()
    params, _ = store.load(store.path_of(options.model))
    for name in options.rows:
        search, down = ROWS[name]
        make: Any = OpenPose if search is None else functools.partial(SearchingOpenPose, search=search)
        estimator = make(LightweightOpenPose(), params, COCO_18, STRIDE, size=options.size)
        found: dict[int, Poses] = {}
        times: list[float] = []
        seen = set()
        for entry, upright in pictures(options.split, options.every, options.sizes):
            image = np.ascontiguousarray(upright[::-1, ::-1]) if down else upright
            if image.shape not in seen:
                seen.add(image.shape)
                estimator.collect(estimator.dispatch([image], 1))
            start = time.perf_counter()
            (people,) = estimator.collect(estimator.dispatch([image], 1))
            times.append(1e3 * (time.perf_counter() - start))
            keypoints = people.keypoints
            if down:
                height, width = image.shape[:2]
                back = keypoints * np.float32([-1, -1, 1]) + np.float32([width - 1, height - 1, 0])
                keypoints = np.where(keypoints[..., 2:] > 0, back, 0)
            found[entry["id"]] = Poses(keypoints, people.scores)
        ap = average_precision(options.split, found)
        total = sum(len(poses.scores) for poses in found.values())
        row = ", ".join(f"{key} {value:.1f}" for key, value in ap.items())
        print(f"{name}: {row}; {total} people in {len(found)} pictures; {np.median(times):.0f} ms", flush=True)


if __name__ == "__main__":
    main()
