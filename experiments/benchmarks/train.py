"""Does the device wait? A training step with batches from the real pipeline beside the same step on one cached batch.

    python experiments/benchmarks/train.py [--steps 8] [--rounds 3] [--config lite_openpose] [--data DIR] [--batch 8]
        [--threads 1 2] [--workers 1] [--seconds 600]

The recipe's network, loss, optimizer and crops, on one device; `--data` is a data set as `jaxpose train` takes it, by
default 64 procedural pictures of 640x480, written as plain shards beforehand. In each round all contenders make
`--steps` steps after three that are not counted, one contender after the other, with nothing else of ours running: the
host may be two steps ahead of the device, as in the training loop. `threads` and `workers` are the options of
`jaxpose train`. Printed are medians over the rounds: seconds a step, crops a second, the share of the cached step (the
aim is at most 1.1), and the processor time that the host takes to make one batch. On a CPU that time is taken from the
step's own cores, so on two cores the share can hardly fall below 1 + host / (2 * step).

That is (8 + 3) steps x 3 rounds x 4 contenders = 132 steps, about 8 minutes of the defaults on two cores; it tells so
after the first step, and begins no other round once `--seconds` are over. Stopped by Ctrl-C or `timeout`, it ends its
worker processes and removes its shards.
"""

import argparse
import contextlib
import dataclasses
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import jax

from jaxpose.architectures import ARCHITECTURES
from jaxpose.data.examples import Batch
from jaxpose.data.loading import Loader
from jaxpose.data.pipeline import Batches
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.shards import write_shards
from jaxpose.data.sources import open_data
from jaxpose.recipes.config import Recipe
from jaxpose.recipes.reading import read_recipe
from jaxpose.skeletons import BODY_21A
from jaxpose.training import parallel
from jaxpose.training.guard import AHEAD
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.state import begin
from jaxpose.training.step import make_step

BEFORE = 3
"""Steps that are not counted."""


class Trainer:
    """The mapped step of a recipe and the state that it goes on with."""

    def __init__(self, recipe: Recipe) -> None:
        architecture = ARCHITECTURES[recipe.architecture]
        assert architecture.task is not None
        skeleton = architecture.skeleton(recipe.network)
        task = architecture.task(architecture.network(recipe.network), skeleton, loss=recipe.loss)
        params, stats = task.init(jax.random.key(0))
        optimizer = make_optimizer(recipe.training.optimizer, params, recipe.training.steps)
        step = make_step(task, optimizer, recipe.training.accumulate, recipe.training.average)
        self._advance = parallel.map_step(step)
        self._copies = parallel.replicate(begin(params, stats, optimizer, jax.random.key(1)))
        self._accumulate = recipe.training.accumulate

    def seconds(self, batch: Callable[[], Batch], steps: int) -> float:
        """A step's mean duration."""
        for count in (BEFORE, steps):
            waiting: deque[object] = deque()
            start = time.perf_counter()
            for _ in range(count):
                self._copies, metrics = self._advance(self._copies, parallel.shard(batch(), self._accumulate))
                waiting.append(metrics)
                if len(waiting) > AHEAD:
                    jax.block_until_ready(waiting.popleft())
            jax.block_until_ready(self._copies)
        return (time.perf_counter() - start) / steps


def measure(recipe: Recipe, data: str, steps: int, rounds: int, loaders: list[tuple[int, int]], seconds: float) -> None:
    begun = time.monotonic()
    skeleton = ARCHITECTURES[recipe.architecture].skeleton(recipe.network)
    batches = Batches([(open_data(data, "train"), 1.0)], skeleton, recipe.crops, batch=recipe.batch)
    cached = batches[0]
    yielding = jax.default_backend() == "cpu"
    trainer = Trainer(recipe)
    trainer.seconds(lambda: cached, 1)  # compiles
    total = (steps + BEFORE) * rounds * (1 + len(loaders))
    step = trainer.seconds(lambda: cached, 1)
    print(f"{total} steps of about {step:.1f} s: {total * step / 60:.0f} minutes", flush=True)
    host, times = [], dict[str, list[float]]()
    for turn in range(rounds):
        if turn and time.monotonic() - begun > seconds:
            print(f"{seconds:.0f} s are over: {turn} rounds instead of {rounds}")
            break
        start = time.process_time()
        batches[turn + 1]
        host.append(time.process_time() - start)
        times.setdefault("cached", []).append(trainer.seconds(lambda: cached, steps))
        for threads, workers in loaders:
            name = f"{workers} workers" if workers else f"{threads} threads"
            with contextlib.closing(Loader(batches, threads=threads, workers=workers, yielding=yielding)) as loader:
                times.setdefault(name, []).append(trainer.seconds(loader.__next__, steps))
    base = statistics.median(times["cached"])
    print(f"{recipe.batch} crops of {recipe.crops.place.crop}x{recipe.crops.place.crop}, {os.cpu_count()} cores")
    for name, each in times.items():
        median = statistics.median(each)
        print(f"{name:10} {median:7.3f} s a step {recipe.batch / median:7.2f} crops/s {median / base:6.2f}x")
    work = statistics.median(host)
    print(f"host       {work:7.3f} s of one core a batch, {work / base:.1%} of the cached step")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8, help="steps of each contender in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--config", default="lite_openpose", help="a packaged recipe, or a .py file")
    parser.add_argument("--data", help="a data set that is built, or a folder of shards")
    parser.add_argument("--batch", type=int, help="crops a step, instead of the recipe's")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2], help="contenders with so many threads")
    parser.add_argument("--workers", type=int, nargs="*", default=[1], help="and with so many processes")
    parser.add_argument("--seconds", type=float, default=600, help="no other round is begun after so many")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that all is cleaned up
    recipe = read_recipe(arguments.config)
    if arguments.batch:
        recipe = dataclasses.replace(recipe, batch=arguments.batch)
    loaders = [(threads, 0) for threads in arguments.threads] + [(0, workers) for workers in arguments.workers]
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data
        if data is None:
            data = str(Path(folder) / "shards")
            write_shards(ProceduralSource(BODY_21A, 64, size=(640, 480)), Path(data))
        measure(recipe, data, arguments.steps, arguments.rounds, loaders, arguments.seconds)


if __name__ == "__main__":
    main()
