"""Small STAF networks for comparisons: the paper's stages, few channels wide, behind features that stay as they are.

A VGG-19 trunk that has seen no pictures learns nothing in minutes. So the stages of Models I, II and III
(`systems/staf/network.py`, as they are) read what the packaged `openpose-lite` gathers of a picture before its own PAF
blocks, in the place of the trunk's features V. As these never change, they are computed once for all clips, and
training is the stages' alone. `staf_models.py` trains and compares them.
"""

import dataclasses
import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, UInt8

from jaxpose import models
from jaxpose.data.config import ClipConfig, CropConfig, OccluderConfig, PlaceConfig
from jaxpose.data.examples import Batch
from jaxpose.data.pipeline import Batches
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.staf.config import StafConfig, StafLiteConfig, StafLossConfig
from jaxpose.systems.staf.fields import StafFields, nothing
from jaxpose.systems.staf.lite import StafLite
from jaxpose.systems.staf.losses import targets, terms
from jaxpose.systems.staf.network import Stages
from jaxpose.systems.staf.recurrence import STRIDE
from jaxpose.task import Term
from jaxpose.training.config import WarmupCosine
from jaxpose.training.schedules import make_schedule

BODY = "openpose-lite"
CROP, FRAMES, CLIPS = 128, 3, 4
"""Pixels of a crop, frames of a clip, clips of a batch."""
SCENE, PEOPLE = (256, 256), (2, 5)
LOSS = StafLossConfig(reduction="mean", positive=4.0)
RATE, WARMUP, LONGEST = 2e-3, 20, 1.0
"""Of Adam: the highest rate, the steps until it is reached (then it falls along a cosine), the longest gradient."""


@dataclasses.dataclass(frozen=True)
class SmallStaf:
    """A `recurrence.Recurrent`: parameters are the packaged body's (`body`) and the stages' (`stages`)."""

    config: StafConfig

    def apply(self, variables: Any, *args: Any, method: str) -> Any:
        """As Flax has it."""
        return getattr(self, method)(variables["params"], *args)

    def encode(self, params: Any, images: UInt8[Array, "b H W 3"]) -> Float[Array, "b h w c"]:
        """What openpose-lite gathers of the pictures."""
        features: Array = StafLite(body_config()).apply({"params": params["body"]}, images, method="encode")
        return features

    def predict(
        self, params: Any, features: Float[Array, "b h w c"], previous: Float[Array, "b h w c"], last: StafFields
    ) -> tuple[StafFields, ...]:
        """The fields after each stage."""
        found: tuple[StafFields, ...] = Stages(self.config, "auto").apply(
            {"params": params["stages"]}, features, previous, last
        )
        return found


def random_stages(config: StafConfig, features: Float[Array, "b h w c"], seed: int) -> Any:
    """The stages' parameters to start from; of the features only the shape matters."""
    start = nothing(config, features)
    return Stages(config, "auto").init(jax.random.key(seed), features, features, start)["params"]


def body_config() -> StafLiteConfig:
    """The packaged body's sizes; its own recurrent part is not used."""
    return StafLiteConfig(**models.card(BODY).config)


class Clips(NamedTuple):
    """A batch of clips of which the pictures are features already."""

    features: Float[Any, "b t h w c"]  # float16
    batch: Batch  # without pictures


def make_clips(folder: Path, seed: int, count: int) -> Iterator[Clips]:
    """`count` batches of procedural clips, kept in a folder; the same for the same seed."""
    source = ProceduralSource(SKELETONS["body_21a"], 16 * 2000, seed, size=SCENE, people=PEOPLE, frames=16)
    place = PlaceConfig(crop=CROP, rotation=10, target=0.7, scale=(0.6, 1.2), shift=16, people=8)
    clip = ClipConfig(frames=FRAMES, skip=3, extra_shift=12.0, extra_rotation=3.0)
    crops = CropConfig(place=place, occluders=OccluderConfig(most=0), clip=clip)
    batches = Batches([(source, 1.0)], source.skeleton, crops, batch=CLIPS, seed=seed)
    _, params, _ = models.network(BODY)
    encode = jax.jit(lambda images: SmallStaf(StafConfig()).encode({"body": params}, images))
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = folder / f"{seed}-{number}.npz"
        if not path.exists():
            batch = batches[number]
            maps = np.asarray(encode(batch.images.reshape(-1, CROP, CROP, 3)), np.float16)
            part = path.with_suffix(".part.npz")
            columns = {field: getattr(batch, field) for field in Batch._fields[1:]}
            np.savez(part, features=maps.reshape(*batch.images.shape[:2], *maps.shape[1:]), **columns)
            part.replace(path)
        with np.load(path) as kept:
            yield Clips(kept["features"], Batch(None, *(kept[field] for field in Batch._fields[1:])))


def clip_terms(config: StafConfig, stages: Any, clips: Clips) -> dict[str, Term]:
    """The errors of all fields of all stages over clips, as `StafTask` has them: the first frame is seen twice."""
    features = jnp.swapaxes(jnp.asarray(clips.features, jnp.float32), 0, 1)

    def frame(carry: tuple[Array, StafFields], now: Array) -> Any:
        found = SmallStaf(config).predict({"stages": stages}, now, *carry)
        return (now, found[-1]), found

    twice = jnp.concatenate([features[:1], features])
    empty = jnp.zeros_like(features[0])
    # unrolled: in a loop XLA on CPU takes 20 times as long for the gradient of a convolution's kernel
    _, found = jax.lax.scan(frame, (empty, nothing(config, empty)), twice, unroll=True)
    found = jax.tree.map(lambda field: jnp.swapaxes(field[1:], 0, 1), found)
    aims = targets(clips.batch, SKELETONS[config.skeleton], config.topology, STRIDE, LOSS)
    return terms(found, config.schedule, aims, LOSS)


def total(found: dict[str, Term]) -> Array:
    """The loss: the sum of the terms' means by their weights."""
    return sum((term.weight * term.total / jnp.maximum(term.divisor, 1) for term in found.values()), jnp.zeros(()))


def optimizer(steps: int) -> optax.GradientTransformation:
    """Adam, whose rate falls to nothing over so many steps."""
    return optax.chain(optax.clip_by_global_norm(LONGEST), optax.adam(make_schedule(WarmupCosine(RATE, WARMUP), steps)))


@functools.partial(jax.jit, static_argnums=(0, 1))
def advance(config: StafConfig, steps: int, state: Any, clips: Clips) -> tuple[Any, Array]:
    """One step of so many on a batch: parameters and the optimizer's memory, and the loss before it."""
    params, memory = state
    loss, gradient = jax.value_and_grad(lambda params: total(clip_terms(config, params, clips)))(params)
    updates, memory = optimizer(steps).update(gradient, memory, params)
    return (optax.apply_updates(params, updates), memory), loss


class Training:
    """The stages of one network in training, kept in a file every so often: a run that is killed goes on there."""

    def __init__(self, config: StafConfig, clips: list[Clips], path: Path, *, steps: int, seed: int) -> None:
        self.config, self.clips, self.path, self.steps = config, clips, path, steps
        params = random_stages(config, jnp.zeros_like(clips[0].features[:, 0], jnp.float32), seed)
        self.state: Any = (params, optimizer(steps).init(params))
        self.step, self.seconds = 0, 0.0  # seconds of the processor, compilation included
        if path.exists():
            with np.load(path) as kept:
                leaves, shape = jax.tree.flatten(self.state)
                self.state = jax.tree.unflatten(shape, [kept[str(place)] for place in range(len(leaves))])
                self.step, self.seconds = int(kept["step"]), float(kept["seconds"])

    def run(self, save_every: int = 50) -> Any:
        """To the last step; returns the stages' parameters. Each step takes the next batch, then the first again."""
        begun = time.process_time() - self.seconds
        while self.step < self.steps:
            self.state, loss = advance(self.config, self.steps, self.state, self.clips[self.step % len(self.clips)])
            self.step += 1
            if self.step % save_every == 0 or self.step == self.steps:
                jax.block_until_ready(self.state)
                self.seconds = time.process_time() - begun
                self.save()
                print(f"{self.path.stem}: step {self.step} of {self.steps}, loss {float(loss):.4f}", flush=True)
        return self.state[0]

    def save(self) -> None:
        """Write the file whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part.npz")
        leaves = {str(place): np.asarray(leaf) for place, leaf in enumerate(jax.tree.leaves(self.state))}
        np.savez(part, step=self.step, seconds=self.seconds, **leaves)
        part.replace(self.path)
