"""Time of the evaluation: each measure, keypoint HOTA against TrackEval's, a crowd against poseval.

    pip install trackeval
    python experiments/benchmarks/evaluate.py [--frames 1000] [--people 10] [--rounds 5]

People with 15 joints walk about; what was found is them with noise, missing joints, false people and switched ids.
TrackEval's HOTA class knows no joints: it is called once for each, on the same similarities, which both sides have in
their own form before the clock starts (TrackEval a matrix a frame and joint, ours an array of pairs); both compute all
19 thresholds, and their scores are compared. The crowd is the reference case of 30 people, from its files to all of
PoseTrack's scores. The contenders take turns; medians. Aimed at on two CPU cores: keypoint HOTA at least 4 times faster
than TrackEval's, the crowd at least 20 times faster than poseval, which takes 2.15 s for its 20 frames.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.evaluation import people, posetrack
from jaxpose.evaluation.clear import clear
from jaxpose.evaluation.hota import hota, keypoint_similarity
from jaxpose.evaluation.identity import identity
from jaxpose.evaluation.pairing import head_distances, near, pair_people
from jaxpose.evaluation.precision import precision
from jaxpose.evaluation.protocol import PROTOCOLS
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.posetrack import read_poses
from jaxpose.skeletons import POSETRACK_15

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import peers
from pose_files import pose_file

CROWD = Path(__file__).parents[2] / "tests" / "data" / "oracles" / "11_crowd30"
JOINTS = len(POSETRACK_15.joints)
STRICT, POSEVAL = PROTOCOLS["strict"], PROTOCOLS["poseval"]
POSEVAL_MS = 2150 / 20
"""Milliseconds that poseval takes a frame of the crowd, on two CPU cores."""


def walking(frames: int, people: int) -> tuple[PoseFile, PoseFile]:
    """The truth and what was found; the ids of two people are switched every 20 frames."""
    rng = np.random.default_rng(0)
    centre = rng.uniform(0, 1000, (people, 1, 2)) + np.cumsum(rng.normal(0, 4, (frames, people, 1, 2)), axis=0)
    xy = centre % 1000 + rng.uniform(-60, 60, (people, JOINTS, 2)) + 100
    ids = np.tile(np.arange(people), (frames, 1))
    for frame in range(20, frames, 20):
        a, b = rng.choice(people, 2, replace=False)
        ids[frame:, [a, b]] = ids[frame:, [b, a]]
    counts, shape = [people] * frames, (frames * people, JOINTS)
    false = rng.random(frames * people) < 0.05
    noise = rng.normal(0, 8, (*shape, 2)) + 300 * false[:, None, None]
    heads = np.tile([0.0, 0.0, 40.0, 40.0], (frames * people, 1))
    truth = pose_file(POSETRACK_15, counts, xy.reshape(*shape, 2), ids=np.tile(np.arange(people), frames), heads=heads)
    found = pose_file(POSETRACK_15, counts, xy.reshape(*shape, 2) + noise, ids=ids.ravel())
    return (
        truth._replace(there=rng.random(shape) < 0.95),
        found._replace(there=rng.random(shape) < 0.9, joint_scores=rng.random(shape)),
    )


def take_turns(work: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Milliseconds of each, and what each returns; a first round warms up."""
    times: dict[str, list[float]] = {name: [] for name in work}
    results: dict[str, Any] = {}
    for turn in range(rounds + 1):
        for name, run in work.items():
            start = time.perf_counter()
            results[name] = run()
            if turn:
                times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}, results


def crowd() -> None:
    name = "000129_mpiinew_test.json"
    truth, found = (read_poses(CROWD / side / name).as_skeleton(POSETRACK_15) for side in ("gt", "pred"))
    posetrack.measure(truth, found, POSEVAL, tracked=True).compute(POSEVAL, tracked=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    truth, found = walking(options.frames, options.people)
    pairing = pair_people(truth, found)
    distance = head_distances(truth, found, pairing)
    similarity = keypoint_similarity(distance)
    sides = truth.there, found.there
    by_joint = [
        peers.trackeval_data(pairing, truth.there[:, j], found.there[:, j], similarity[:, j]) for j in range(JOINTS)
    ]
    theirs = peers.trackeval_metric("HOTA")
    theirs_name, ours_name = "TrackEval's HOTA, joint by joint", "keypoint HOTA"
    times, results = take_turns(
        {
            theirs_name: lambda: [theirs.eval_sequence(data)["HOTA"] for data in by_joint],
            ours_name: lambda: hota(pairing, *sides, similarity, STRICT).compute(STRICT).hota[:, :JOINTS],
            "pairs and distances": lambda: head_distances(truth, found, pair_people(truth, found)),
            "AP": lambda: precision(truth, found, pairing, distance, POSEVAL).compute(POSEVAL),
            "MOTA": lambda: clear(pairing, *sides, near(distance), POSEVAL)[0].compute(POSEVAL),
            "IDF1": lambda: identity(pairing, *sides, distance <= 0.5).compute(),
            "whole people by PCKh": lambda: people.compare(truth, found, "pckh")[0].compute(),
            "whole people by IoU": lambda: people.compare(truth, found, "iou")[0].compute(),
        },
        options.rounds,
    )
    apart = np.abs(100 * np.stack(results[theirs_name], axis=1) - results[ours_name]).max()
    if not apart < 1e-6:
        raise SystemExit(f"HOTA is {apart} percent from TrackEval's")
    print(f"{options.frames} frames of {options.people} people with {JOINTS} joints, ms a frame")
    for name, value in times.items():
        print(f"  {name:34} {value / options.frames:8.3f}")
    faster = times[theirs_name] / times[ours_name]
    print(f"keypoint HOTA is {faster:.0f} times faster than TrackEval's, scores at most {apart:.0e} percent apart")

    each = take_turns({"crowd": crowd}, options.rounds)[0]["crowd"] / 20
    print(f"crowd of 30 people, from files to scores: {each:.2f} ms a frame")
    print(f"that is {POSEVAL_MS / each:.0f} times faster than poseval, which takes {POSEVAL_MS:.1f}")


if __name__ == "__main__":
    main()
