"""How far the `exact` decoding is from the `fast` one on real pictures: people, places, OKS-AP and time.

    pip install '.[eval]'
    python experiments/exact_decoding.py [--model lightweight] [--split train] [--every 5] [--size 656]

Both decode the same maps, and the same parser makes people of them. A third row is `exact` with `fast`'s thresholds of
the line integral, which tells how much is due to thresholds. Times are of decoding and parsing together, medians; each
picture's are taken in turns, after a first run that compiles.
"""

import argparse
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from coco_pictures import Poses, average_precision, fields_of_pictures, likeness

from jaxpose.association.config import ParserConfig
from jaxpose.association.matching import match
from jaxpose.association.parsing import parse
from jaxpose.fields.config import DecodeConfig, ExactConfig
from jaxpose.geometry import Fit, to_source
from jaxpose.records import Candidates
from jaxpose.skeletons import COCO_18
from jaxpose.systems.openpose.estimator import decode_fields
from jaxpose.systems.openpose.fields import Fields
from jaxpose.systems.openpose.lightweight import STRIDE

FAST = DecodeConfig()
CONFIGS = {
    "fast": FAST,
    "exact": ExactConfig(),
    "exact, fast's thresholds": ExactConfig(
        peak_threshold=FAST.peak_threshold,
        sample_threshold=FAST.sample_threshold,
        sample_share=FAST.sample_share - 0.01,
    ),
}


def find_poses(decode: Callable[[Fields], Candidates], fields: Fields, fit: Fit) -> Poses:
    found = jax.device_get(decode(fields))
    keypoints, scores = parse(Candidates(*(field[0] for field in found)), COCO_18, ParserConfig())
    there = keypoints[..., 2:] > 0
    keypoints[..., :2] = np.where(there, to_source(keypoints[..., :2], fit), 0)
    return Poses(keypoints, scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lightweight")
    parser.add_argument("--split", choices=("train", "val"), default="train")
    parser.add_argument("--every", type=int, default=5, help="take every n-th picture")
    parser.add_argument("--size", type=int, default=656)
    options = parser.parse_args()
    decoders: dict[str, Callable[[Fields], Candidates]] = {
        name: jax.jit(functools.partial(decode_fields, skeleton=COCO_18, stride=STRIDE, config=config))
        for name, config in CONFIGS.items()
    }
    found: dict[str, dict[int, Poses]] = {name: {} for name in CONFIGS}
    times: dict[str, list[float]] = {name: [] for name in CONFIGS}
    seen: set[Any] = set()
    for entry, fit, fields in fields_of_pictures(options.model, options.size, options.split, options.every):
        shape = fields.heatmaps.shape
        for name, decode in decoders.items():
            if shape not in seen:
                find_poses(decode, fields, fit)
            start = time.perf_counter()
            found[name][entry["id"]] = find_poses(decode, fields, fit)
            times[name].append(1e3 * (time.perf_counter() - start))
        seen.add(shape)
    fast_ms = np.median(times["fast"])
    for name, poses in found.items():
        ap = average_precision(options.split, poses)
        total, ms = sum(len(p.scores) for p in poses.values()), np.median(times[name])
        row = ", ".join(f"{key} {value:.1f}" for key, value in ap.items())
        print(f"{name}: {row}; {total} people; {ms:.1f} ms, {ms / fast_ms:.1f} times fast's")
    for name in list(CONFIGS)[1:]:
        alike, apart = [], []
        for picture, poses in found[name].items():
            other = found["fast"][picture]
            similar = likeness(poses, other)
            for a, b in zip(*match(similar, 0.5), strict=True):
                alike.append(similar[a, b])
                both = (poses.keypoints[a, :, 2] > 0) & (other.keypoints[b, :, 2] > 0)
                apart += np.hypot(*(poses.keypoints[a, both, :2] - other.keypoints[b, both, :2]).T).tolist()
        share = np.mean(np.array(alike) > 0.95)
        print(
            f"{name} and fast: {len(alike)} people matched, mean OKS {np.mean(alike):.4f}, {share:.1%} above 0.95; "
            f"joints {np.median(apart):.2f} px apart in the median, {np.percentile(apart, 95):.2f} px in 95 %"
        )


if __name__ == "__main__":
    main()
