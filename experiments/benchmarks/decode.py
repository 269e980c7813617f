"""Time of the `fast` decoding, maps to people, against lightweight OpenPose's way of doing it, in one run.

    python experiments/benchmarks/decode.py [--rounds 40]

Perfect COCO_18 maps of 46x82 cells (an input of 656x368) with a little noise. Ours is `find_candidates` on the device
and `parsing.parse` on the host (with the copy between them). The other way is written here plainly: every map enlarged
four times by OpenCV, peaks channel by channel, each limb's pairs one after the other in Python, limb by limb into
people. The contenders take turns; medians in milliseconds. Aimed at on two CPU cores: ours at most 3 ms for 9 people
and 8 ms for 50, and at least 4 times faster than the other.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np

from jaxpose.association.config import ParserConfig
from jaxpose.association.parsing import parse
from jaxpose.fields.candidates import find_candidates
from jaxpose.fields.config import DecodeConfig
from jaxpose.records import Candidates
from jaxpose.skeletons import COCO_18 as SKELETON

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import scenes

HEIGHT, WIDTH, STRIDE, UPSAMPLING = 46, 82, 8, 4
JOINTS = len(SKELETON.joints)

decode = jax.jit(find_candidates, static_argnums=(2, 3, 4, 5))


def plain_peaks(heatmap: np.ndarray, threshold: float, apart: int) -> list[tuple[int, int, float]]:
    """Cells higher than their four neighbours; of those nearer than `apart`, the leftmost stays."""
    padded = np.pad(np.where(heatmap < threshold, 0, heatmap), 1)
    middle = padded[1:-1, 1:-1]
    higher = (middle > padded[1:-1, :-2]) & (middle > padded[1:-1, 2:])
    higher &= (middle > padded[:-2, 1:-1]) & (middle > padded[2:, 1:-1])
    found = sorted(zip(*np.nonzero(higher)[::-1], strict=True))
    kept: list[tuple[int, int, float]] = []
    for x, y in found:
        if all((x - u) ** 2 + (y - v) ** 2 >= apart**2 for u, v, _ in kept):
            kept.append((int(x), int(y), float(heatmap[y, x])))
    return kept


def plain_connections(
    paf: np.ndarray, starts: list[tuple[int, int, float]], stops: list[tuple[int, int, float]]
) -> list[tuple[int, int, float]]:
    """For one limb the pairs that its field joins, each peak in one pair at most, the best first."""
    scored = []
    for a, (ax, ay, _) in enumerate(starts):
        for b, (bx, by, _) in enumerate(stops):
            way = np.array([bx - ax, by - ay], np.float32)
            length = np.linalg.norm(way)
            if length == 0:
                continue
            xs = np.round(np.linspace(ax, bx, 10)).astype(int)
            ys = np.round(np.linspace(ay, by, 10)).astype(int)
            along = paf[ys, xs] @ (way / length)
            above = along > 0.05
            if above.mean() > 0.8:
                scored.append((float(along[above].mean()), a, b))
    used_a: set[int] = set()
    used_b: set[int] = set()
    connections = []
    for score, a, b in sorted(scored, reverse=True):
        if a not in used_a and b not in used_b:
            connections.append((a, b, score))
            used_a.add(a)
            used_b.add(b)
    return connections


def plain_people(heat: np.ndarray, paf: np.ndarray) -> list[dict[int, int]]:
    """Maps [h, w, 19] and [h, w, 38] to people: for each the peaks of its joints."""
    heat, paf = (
        cv2.resize(maps, None, fx=UPSAMPLING, fy=UPSAMPLING, interpolation=cv2.INTER_CUBIC) for maps in (heat, paf)
    )
    peaks = [plain_peaks(heat[..., joint], 0.1, 6) for joint in range(JOINTS)]
    people: list[dict[int, int]] = []
    scores: list[float] = []
    for limb, (first, second) in enumerate(SKELETON.limbs):
        for a, b, score in plain_connections(paf[..., 2 * limb : 2 * limb + 2], peaks[first], peaks[second]):
            for person, joints in enumerate(people):
                if joints.get(first) == a or joints.get(second) == b:
                    if first not in joints or second not in joints:
                        joints.setdefault(first, a)
                        joints.setdefault(second, b)
                        scores[person] += score
                    break
            else:
                people.append({first: a, second: b})
                scores.append(score)
    whole = zip(people, scores, strict=True)
    return [joints for joints, score in whole if len(joints) >= 3 and score > 0.2 * len(joints)]


def timed(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work(*arguments)
    return 1e3 * (time.perf_counter() - start), result


def device(heat: jax.Array, paf: jax.Array) -> Candidates:
    return jax.block_until_ready(decode(heat, paf, SKELETON.limbs, JOINTS, STRIDE, DecodeConfig()))


def host(found: Candidates) -> int:
    one = Candidates(*(field[0] for field in jax.device_get(found)))
    return len(parse(one, SKELETON, ParserConfig())[0])


def measure(n: int, rounds: int) -> None:
    """Print the row of `n` people."""
    rng = np.random.default_rng(n)
    people = scenes.standing_people(rng, n, SKELETON, WIDTH * STRIDE, HEIGHT * STRIDE)
    maps = [field + rng.normal(0, 0.01, field.shape) for field in scenes.render(people, SKELETON, HEIGHT, WIDTH)]
    heat, paf = (field.astype(np.float32) for field in maps)
    on_device = jax.device_put((heat[None], paf[None]))
    device(*on_device)
    times: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        device_time, found = timed(device, *on_device)
        host_time, ours = timed(host, found)
        plain_time, plain = timed(plain_people, heat, paf)
        times.append((device_time, host_time, plain_time))
    device_ms, host_ms, plain_ms = (statistics.median(column) for column in zip(*times, strict=True))
    total = statistics.median(device_time + host_time for device_time, host_time, _ in times)
    row = f"{n:6d} {device_ms:8.2f} {host_ms:8.2f} {total:8.2f} {plain_ms:9.2f} {plain_ms / total:6.1f}x"
    print(f"{row}  {ours}, {len(plain)}", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=40, help="measurements of each contender")
    rounds = arguments.parse_args().rounds
    print(f"{'people':>6} {'device':>8} {'host':>8} {'ours':>8} {'plain':>9} {'ratio':>7}  found: ours, plain")
    for n in (1, 9, 19, 50):
        measure(n, rounds)


if __name__ == "__main__":
    main()
