"""The parsers side by side, as in OpenPose's table 2: OKS-AP and time a picture, and limbs found in made-up crowds.

    pip install '.[eval]'
    python experiments/parsers.py [--model lightweight] [--split train] [--every 20] [--size 656] [--decoding exact]

All get the same candidates of the same maps. In crowds, the share of the true limbs of which both joints were found in
one person. On pictures, "reached" is the sum of the affinities within people (over the limbs that the method reads), as
a share of the best there is, which the integer program finds. Times are of parsing alone, in milliseconds; pictures
that an integer program does not solve in its time are told and left out of all rows.
"""

import argparse
import functools
import sys
import time
from pathlib import Path
from typing import get_args

import jax
import numpy as np
from coco_pictures import Poses, average_precision, fields_of_pictures

from jaxpose.association import greedy, hungarian, integer
from jaxpose.association.config import ParserConfig, ParserMethod
from jaxpose.association.connections import Connections, find_connections
from jaxpose.association.parsing import parse
from jaxpose.errors import SceneTooLargeError
from jaxpose.fields.config import DecodeConfig, ExactConfig
from jaxpose.geometry import to_source
from jaxpose.records import Candidates
from jaxpose.skeletons import COCO_18
from jaxpose.systems.openpose.estimator import Decoding, decode_fields
from jaxpose.systems.openpose.fields import Fields
from jaxpose.systems.openpose.lightweight import STRIDE

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import scenes

METHODS: tuple[ParserMethod, ...] = get_args(ParserMethod)
SECONDS = 20.0


def within(connections: Connections, people: list[list[int]]) -> float:
    """The affinities of the connections within people."""
    owner = {peak: person for person, peaks in enumerate(people) for peak in peaks}
    ends = zip(connections.a.tolist(), connections.b.tolist(), connections.affinity.tolist(), strict=True)
    return sum(affinity for a, b, affinity in ends if owner.get(a, -1) == owner.get(b, -2))


def reached(candidates: Candidates) -> dict[str, float]:
    """For each method the affinities within people as a share of the best."""
    slots = candidates.score.shape[-1]
    graph = find_connections(candidates, COCO_18.limbs)
    tree = graph.select(~np.isin(graph.limb, COCO_18.redundant))
    scores = np.clip(candidates.score, 0, 1).ravel()
    best_graph = within(graph, integer.group(graph, slots, SECONDS))
    best_tree = within(tree, integer.group(tree, slots, SECONDS))
    return {
        "greedy": within(graph, greedy.group(graph, scores, slots)) / best_graph,
        "greedy-tree": within(tree, greedy.group(tree, scores, slots)) / best_tree,
        "hungarian-tree": within(tree, hungarian.group(tree)) / best_tree,
        "integer-tree": 1.0,
        "integer-graph": 1.0,
    }


def made_up(decoding: Decoding) -> None:
    """Print what the methods reach on crowds."""
    decode = jax.jit(functools.partial(decode_fields, skeleton=COCO_18, stride=STRIDE, config=decoding))
    print(f"{'crowd of':>16}" + "".join(f"{method:>16}" for method in METHODS) + "   (limbs found, ms)")
    for n in (2, 5, 10, 20):
        rows = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            people = scenes.crowd(rng, n, COCO_18, 656, 368)
            maps = [field + rng.normal(0, 0.02, field.shape) for field in scenes.render(people, COCO_18, 46, 82)]
            found = jax.device_get(decode(Fields(*(field[None].astype(np.float32) for field in maps))))
            one = Candidates(*(field[0] for field in found))
            row = []
            for method in METHODS:
                start = time.perf_counter()
                keypoints, _ = parse(one, COCO_18, ParserConfig(method, max_seconds=SECONDS))
                row.append((right_pairs(people, keypoints), 1e3 * (time.perf_counter() - start)))
            rows.append(row)
        means = np.mean(rows, axis=0)
        print(f"{n:>16}" + "".join(f"{f'{100 * right:.1f} %, {ms:.1f}':>16}" for right, ms in means), flush=True)


def right_pairs(people: np.ndarray, keypoints: np.ndarray) -> float:
    """Of the limbs of the true people, the share whose two joints are within 8 pixels and in one person found."""
    right = total = 0
    for person in people:
        for a, b in COCO_18.drawn_limbs:
            if person[a, 2] > 0 and person[b, 2] > 0:
                total += 1
                near = np.ones(len(keypoints), bool)
                for joint in (a, b):
                    near &= np.hypot(*(keypoints[:, joint, :2] - person[joint, :2]).T) < 8
                    near &= keypoints[:, joint, 2] > 0
                right += near.any()
    return right / max(total, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lightweight")
    parser.add_argument("--split", choices=("train", "val"), default="train")
    parser.add_argument("--every", type=int, default=20, help="take every n-th picture")
    parser.add_argument("--size", type=int, default=656)
    parser.add_argument("--decoding", choices=("fast", "exact"), default="fast")
    options = parser.parse_args()
    decoding = DecodeConfig() if options.decoding == "fast" else ExactConfig()
    made_up(decoding)
    decode = jax.jit(functools.partial(decode_fields, skeleton=COCO_18, stride=STRIDE, config=decoding))
    found: dict[str, dict[int, Poses]] = {method: {} for method in METHODS}
    times: dict[str, list[float]] = {method: [] for method in METHODS}
    shares: list[list[float]] = []
    unsolved = 0
    for entry, fit, fields in fields_of_pictures(options.model, options.size, options.split, options.every):
        one = Candidates(*(field[0] for field in jax.device_get(decode(fields))))
        try:
            row = {}
            for method in METHODS:
                start = time.perf_counter()
                keypoints, scores = parse(one, COCO_18, ParserConfig(method, max_seconds=SECONDS))
                row[method] = keypoints, scores, 1e3 * (time.perf_counter() - start)
            if row["integer-tree"][1].size:
                shares.append(list(reached(one).values()))
        except SceneTooLargeError as error:
            print(f"picture {entry['id']}: {error}", flush=True)
            unsolved += 1
            continue
        for method, (keypoints, scores, ms) in row.items():
            there = keypoints[..., 2:] > 0
            keypoints[..., :2] = np.where(there, to_source(keypoints[..., :2], fit), 0)
            found[method][entry["id"]] = Poses(keypoints, scores)
            times[method].append(ms)
    print(f"{len(times['greedy'])} pictures, {unsolved} not solved")
    print(f"{'':16}{'AP':>8}{'AP50':>8}{'AP75':>8}{'reached':>10}{'ms':>8}{'95 %':>8}{'most':>10}")
    for method, share in zip(METHODS, np.mean(shares, axis=0), strict=True):
        ap, ms = average_precision(options.split, found[method]), times[method]
        columns = f"{ap['AP']:8.1f}{ap['AP50']:8.1f}{ap['AP75']:8.1f}{100 * share:9.2f}%"
        print(f"{method:16}{columns}{np.mean(ms):8.2f}{np.percentile(ms, 95):8.2f}{max(ms):10.1f}")


if __name__ == "__main__":
    main()
