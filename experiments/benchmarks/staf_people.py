"""How the time that STAF spends behind its network grows with the number of people, part by part.

    python experiments/benchmarks/staf_people.py [--rounds 20] [--topology B]

Perfect fields of BODY_21A with a little noise, 46x82 cells (a network input of 368x656), in which 1, 9 and 50 people
stand (so that one frame can be pushed many times). The device finds candidates and temporal connections in one program;
beside it stands what a network of single pictures needs, the same without the temporal part. The host makes people with
ids of them in both variants; beside them stands the parser of single pictures with the baseline tracker. All take
turns; medians in milliseconds.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from jaxpose.association.config import ParserConfig
from jaxpose.association.identities import IdentityTracker
from jaxpose.association.parsing import parse
from jaxpose.fields.candidates import find_candidates
from jaxpose.fields.config import DecodeConfig
from jaxpose.geometry import Fit
from jaxpose.records import make_people
from jaxpose.skeletons import BODY_21A, Topology
from jaxpose.systems.staf.decoding import decode_fields
from jaxpose.systems.staf.fields import StafFields
from jaxpose.systems.staf.tracker import PeopleTracker
from jaxpose.systems.staf.tracker_config import TrackerConfig

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import scenes
import staf_scenes

H, W, STRIDE = 46, 82, 8
PEOPLE = (1, 9, 50)
PROVED = 10
"""Frames after which all people are told of, even those for whom the tracker waits."""
CONFIG = DecodeConfig()
FIT = Fit(W * STRIDE, H * STRIDE, 1.0)


def work_of(people: int, topology: Topology) -> dict[str, Callable[[], int]]:
    """What is timed, by name; each returns how many people it found."""
    rng = np.random.default_rng(people)
    links, joints = BODY_21A.temporal_links(topology), len(BODY_21A.joints)
    poses = scenes.standing_people(rng, people, BODY_21A, W * STRIDE, H * STRIDE)
    everybody = dict(enumerate(poses))
    maps = (*scenes.render(poses, BODY_21A, H, W), staf_scenes.tafs(everybody, everybody, links, H, W))
    noisy = ((field + rng.normal(0, 0.01, field.shape)).astype(np.float32)[None] for field in maps)
    fields = jax.device_put(StafFields(*noisy))
    spatial = jax.jit(lambda f: find_candidates(f.heatmaps, f.pafs, BODY_21A.limbs, joints, STRIDE, CONFIG))
    temporal = jax.jit(lambda f, xy, found: decode_fields(f, xy, found, BODY_21A, links, STRIDE, CONFIG))
    first = spatial(fields)
    found = jax.tree.map(lambda leaf: leaf[0], jax.device_get(temporal(fields, first.xy, first.found)))
    nothing = found._replace(affinity=0 * found.affinity)

    def host(variant: str) -> Callable[[], int]:
        tracker, frame = PeopleTracker(BODY_21A, links, TrackerConfig(variant=variant)), 0
        tracker.push(nothing, FIT, 0, 0.0)
        for frame in range(1, PROVED):  # until the people are told
            tracker.push(found, FIT, frame, frame / 25)

        def run() -> int:
            nonlocal frame
            frame += 1
            return tracker.push(found, FIT, frame, frame / 25)[0].total

        return run

    identities, number = IdentityTracker(BODY_21A), 0

    def baseline() -> int:
        nonlocal number
        number += 1
        keypoints, scores = parse(found.now, BODY_21A, ParserConfig())
        identities.push(make_people(keypoints, scores, frame=number))
        return len(keypoints)

    return {
        "device, single": lambda: int(jax.block_until_ready(spatial(fields)).found.max()),
        "device": lambda: int(jax.block_until_ready(temporal(fields, first.xy, first.found)).now.found.max()),
        "host, single": baseline,
        "host, paper": host("paper"),
        "host, released": host("released"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--topology", choices="ABC", default="B")
    options = parser.parse_args()
    work = {(people, name): run for people in PEOPLE for name, run in work_of(people, options.topology).items()}
    times: dict[tuple[int, str], list[float]] = {key: [] for key in work}
    for turn in range(options.rounds + 2):
        for key, run in work.items():
            start = time.perf_counter()
            found = run()
            if turn >= 2:  # the first two warm up
                times[key].append(1e3 * (time.perf_counter() - start))
            if found != key[0]:
                raise SystemExit(f"{key[1]}: {found} of {key[0]} people are found")
    names = list(dict.fromkeys(name for _, name in work))
    print("people " + " ".join(f"{name:>15}" for name in names))
    for people in PEOPLE:
        print(f"{people:6d} " + " ".join(f"{statistics.median(times[people, name]):12.2f} ms" for name in names))


if __name__ == "__main__":
    main()
