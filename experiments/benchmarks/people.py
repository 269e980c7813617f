"""How the time of a frame grows with the number of people: the OpenPose paper's Figure 12, with a plot.

    pip install matplotlib
    python experiments/benchmarks/people.py runs/people.png [--networks body25 lite] [--rounds 20]

A frame is a forward at 368x656 (random weights take as long as trained ones) and the decoding of perfect maps with a
little noise, as many cells wide, in which 1 to 50 people stand: candidates on the device, parsing on the host. Network
and decodings take turns; medians. The share is the decoding's of the forward, the growth the whole frame's over the
frame with one person.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxpose.association.config import ParserConfig
from jaxpose.association.parsing import parse
from jaxpose.fields.candidates import find_candidates
from jaxpose.fields.config import DecodeConfig
from jaxpose.records import Candidates
from jaxpose.skeletons import BODY_21A, BODY_25, Skeleton
from jaxpose.systems.openpose.config import BODY_25 as BODY_25_NETWORK
from jaxpose.systems.openpose.lite import LiteOpenPose
from jaxpose.systems.openpose.network import MultiStageNetwork

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import scenes

HEIGHT, WIDTH, STRIDE = 368, 656, 8
PEOPLE = (1, 5, 9, 19, 30, 50)
NETWORKS: dict[str, tuple[nn.Module, Skeleton, int]] = {  # the sides are multiples of the last
    "body25": (MultiStageNetwork(BODY_25_NETWORK), BODY_25, 8),
    "lite": (LiteOpenPose(), BODY_21A, 8),
}

decode = jax.jit(find_candidates, static_argnums=(2, 3, 4, 5))


def forward_of(network: nn.Module, multiple: int) -> Callable[[], object]:
    height, width = (-(-side // multiple) * multiple for side in (HEIGHT, WIDTH))
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    params = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, 64, 64, 3), jnp.uint8))
    forward = jax.jit(lambda params, images: network.apply(params, images)[-1])
    return lambda: jax.block_until_ready(forward(params, image))


def decoding_of(skeleton: Skeleton, people: int) -> Callable[[], int]:
    rng = np.random.default_rng(people)
    poses = scenes.standing_people(rng, people, skeleton, WIDTH, HEIGHT)
    fields = scenes.render(poses, skeleton, HEIGHT // STRIDE, WIDTH // STRIDE)
    noisy = [(field + rng.normal(0, 0.01, field.shape)).astype(np.float32)[None] for field in fields]
    heatmaps, pafs = jax.device_put(noisy)

    def run() -> int:
        found = decode(heatmaps, pafs, skeleton.limbs, len(skeleton.joints), STRIDE, DecodeConfig())
        one = Candidates(*(field[0] for field in jax.device_get(found)))
        return len(parse(one, skeleton, ParserConfig())[0])

    return run


def measure(name: str, rounds: int) -> dict[int, tuple[float, float]]:
    """Milliseconds of the forward and of the decoding, by the number of people."""
    network, skeleton, multiple = NETWORKS[name]
    work: dict[Any, Callable[[], object]] = {"forward": forward_of(network, multiple)}
    work |= {people: decoding_of(skeleton, people) for people in PEOPLE}
    times: dict[Any, list[float]] = {key: [] for key in work}
    for turn in range(rounds + 2):
        for key, run in work.items():
            start = time.perf_counter()
            found = run()
            if turn >= 2:  # the first two warm up
                times[key].append(1e3 * (time.perf_counter() - start))
            if isinstance(key, int) and found != key:
                raise SystemExit(f"{found} of {key} people are found")
    medians = {key: statistics.median(values) for key, values in times.items()}
    return {people: (medians["forward"], medians[people]) for people in PEOPLE}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plot", type=Path)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(options.networks), figsize=(5 * len(options.networks), 4), squeeze=False)
    for name, axis in zip(options.networks, axes[0], strict=True):
        rows = measure(name, options.rounds)
        print(f"{name}: forward {rows[1][0]:.1f} ms\n{'people':>6} {'decoding':>9} {'share':>7} {'growth':>7}")
        alone = sum(rows[1])
        for people, (forward, decoding) in rows.items():
            growth = 100 * ((forward + decoding) / alone - 1)
            print(f"{people:6d} {decoding:6.2f} ms {100 * decoding / forward:5.1f} % {growth:5.1f} %", flush=True)
        forwards, decodings = zip(*rows.values(), strict=True)
        axis.stackplot(PEOPLE, forwards, decodings, labels=("forward", "decoding"))
        axis.set(title=name, xlabel="people", ylabel="ms a frame", ylim=0)
        axis.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(options.plot)
    print(options.plot)


if __name__ == "__main__":
    main()
