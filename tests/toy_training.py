"""A tiny network that learns heatmaps from made-up batches, and a process of its own to train it in."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxpose.data.examples import Batch
from jaxpose.records import NO_ID
from jaxpose.task import Term
from jaxpose.training.config import Adam, Constant, Optimizer, TrainingConfig
from jaxpose.training.run import Run
from jaxpose.weights.store import Card

SIZE = 12  # pixels of a picture's side
JOINTS = 2
ROWS = 8  # pictures of a batch

FAST = TrainingConfig(
    steps=12, optimizer=Optimizer(Adam(decay=1e-3), Constant(0.01)), log_every=3, evaluate_every=6, save_every=2,
    average=0.9,
)  # fmt: skip


class Network(nn.Module):
    """Two convolutions; between them what a test asks for."""

    norm: str = ""  # "whole": statistics of the whole batch, "own": of each device's part
    dropout: float = 0.0

    @nn.compact
    def __call__(self, images: Any) -> Any:
        x = nn.Conv(4, (3, 3), name="first", use_bias=not self.norm)(images / 255 - 0.5)  # a norm takes it away
        if self.norm:
            axis = "data" if self.norm == "whole" and not self.is_initializing() else None
            x = nn.BatchNorm(use_running_average=False, momentum=0.9, axis_name=axis, name="norm")(x)
        x = nn.Dropout(self.dropout, deterministic=self.dropout == 0)(nn.softplus(x))
        return nn.Conv(JOINTS, (3, 3), name="last")(x)


class Toy:
    """A `Task` of two terms whose divisors are very different from row to row."""

    def __init__(self, norm: str = "", dropout: float = 0.0) -> None:
        self.network = Network(norm, dropout)

    def init(self, key: Any) -> tuple[Any, Any]:
        shapes: Any = jax.eval_shape(self.network.init, {"params": key, "dropout": key}, jnp.zeros((1, SIZE, SIZE, 3)))
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))  # at once; Flax's own would be compiled first
        made = jax.tree.map(lambda leaf: rng.normal(0.1, 0.2, leaf.shape).astype(np.float32), shapes)
        return made["params"], made.get("batch_stats", {})

    def loss(self, params: Any, state: Any, batch: Batch, key: Any) -> tuple[Mapping[str, Term], Any]:
        maps, after = self.network.apply(
            {"params": params, "batch_stats": state}, batch.images, rngs={"dropout": key}, mutable=["batch_stats"]
        )
        square = (maps - heatmaps(batch.keypoints)) ** 2
        known = jnp.broadcast_to(batch.known[:, None, None, :], square.shape)
        middle = known[:, SIZE // 2, SIZE // 2, :]
        terms = {
            "maps": Term(jnp.sum(square * known), jnp.sum(known), 2.0),
            "middle": Term(jnp.sum(jnp.abs(maps[:, SIZE // 2, SIZE // 2, :]) * middle), jnp.sum(middle), 0.5),
        }
        return terms, after.get("batch_stats", {})


def heatmaps(keypoints: Any) -> Any:
    """The highest of each joint's Gaussians: `[b, p, j, 3]` to `[b, h, w, j]`."""
    grid = jnp.arange(SIZE)
    x, y, labelled = (keypoints[:, None, None, ..., i] for i in range(3))
    distance = (grid[:, None, None, None] - y) ** 2 + (grid[None, :, None, None] - x) ** 2
    return jnp.max(jnp.exp(-distance / 4) * labelled, -2)


def batch(number: int, rows: slice = slice(None)) -> Batch:
    """Some rows of the batch of that number, of `ROWS` rows with 1 to 3 people; the first rows know few joints."""
    rng = np.random.default_rng(number)
    keypoints = rng.uniform(0, SIZE, (ROWS, 3, JOINTS, 3)).astype(np.float32)
    keypoints[..., 2] = np.arange(3)[:, None] <= rng.integers(0, 3, (ROWS, 1, 1))
    known = rng.random((ROWS, JOINTS)) < np.linspace(0.1, 1, ROWS)[:, None]
    known[: ROWS // 4] = False  # the first of four devices has nothing to divide by
    images = rng.integers(0, 256, (ROWS, SIZE, SIZE, 3), np.uint8)
    whole = Batch(
        images, keypoints, np.full((ROWS, 3), NO_ID), known, np.ones((ROWS, SIZE, SIZE), np.uint8)
    )  # fmt: skip
    return Batch(*(array[rows] for array in whole))


class Toys:
    """`Batches` of one process; while that of number `deadly` is made, the process gets a signal."""

    def __init__(self, process: int = 0, processes: int = 1, deadly: int | None = None, delay: float = 0) -> None:
        size = ROWS // processes
        self.rows, self.next = slice(process * size, (process + 1) * size), 0
        self.deadly, self.delay, self.signal = deadly, delay, signal.SIGKILL

    def __next__(self) -> Batch:
        if self.next == self.deadly:
            time.sleep(self.delay)
            os.kill(os.getpid(), self.signal)
        self.next += 1
        return batch(self.next - 1, self.rows)

    def get_state(self) -> Any:
        return {"next": self.next}

    def set_state(self, state: Any) -> None:
        self.next = state["next"]


def toy_run(folder: Path, task: Toy | None = None, batches: Any = None, **rest: Any) -> Run:
    card = Card("toy", {"joints": JOINTS}, {"data": "made up"})
    return Run(task or Toy(), batches or Toys(), folder, card, {"training": {"steps": 12}}, **rest)


def leaves(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def spawn(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A new process that runs a function of a test; what is slow to import is there already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["jaxpose.training.loop", "toy_training"])
    process = context.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process
