"""Trains packaged weights with all pictures in the device's memory: on a GPU nothing waits for the host.

    python experiments/train_packaged.py --recipe lite_openpose --write-shards shards  # once, with jaxpose[train]
    python experiments/train_packaged.py --recipe lite_openpose --shards shards --out runs/lite --minutes 9

The recipe is that of `jaxpose train`: its data sets by their shares, crops (`jaxpose/data/device`), task, teacher and
optimizer; its evaluation and its checkpoints are not used. A run lasts so many minutes, compilation included, or until
the recipe's last step, and goes on where the last one in `--out` ended: on a CPU to the same bits. `--out` gets

    state.npz              all that training goes on from
    weights.safetensors    the parameters' moving average as float16, as `jaxpose export-weights` makes them
    metrics.jsonl          the means of the steps between two lines

Every file is replaced whole, so a run may be killed at any time; SIGTERM and Ctrl-C save. Shards are a folder for each
data set, named like it (`coco`; a split that is not `train` behind it: `coco-train_empty`), in any `--shards` folder.
Training needs jax, flax, optax, numpy, OpenCV, safetensors and jaxtyping alone.
"""

import argparse
import dataclasses
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxpose.data.device.batches import draw_batch
from jaxpose.data.device.pictures import DevicePictures, load_pictures
from jaxpose.data.examples import Batch, Source
from jaxpose.data.shards import ShardSource, write_shards
from jaxpose.data.subsets import left_out, restricted
from jaxpose.errors import DataError, JaxposeError, NonFiniteError, OptionError, OutputError
from jaxpose.nets.lite import STRIDE
from jaxpose.nets.normalization import AXIS
from jaxpose.recipes.config import Recipe, Share
from jaxpose.recipes.reading import read_recipe
from jaxpose.skeletons import SKELETONS, Skeleton
from jaxpose.systems.openpose.config import LightweightConfig, LiteConfig
from jaxpose.systems.openpose.distillation import Teacher
from jaxpose.systems.openpose.lightweight import LightweightOpenPose
from jaxpose.systems.openpose.lite import LiteOpenPose
from jaxpose.systems.openpose.task import OpenPoseTask
from jaxpose.training import parallel
from jaxpose.training.initial import init_from
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.state import TrainState, averaged, begin
from jaxpose.training.step import Metrics, Step, make_step
from jaxpose.training.stopping import Stop
from jaxpose.training.trees import named, paths
from jaxpose.weights import store
from jaxpose.weights.store import Card

NETWORKS: dict[str, tuple[Any, Any]] = {
    "openpose-lite": (LiteConfig, LiteOpenPose),
    "lightweight-openpose": (LightweightConfig, LightweightOpenPose),
}
"""The architectures that can be trained, or teach, here (`jaxpose.architectures` has all, and needs PyAV)."""

DRAWING = 1 << 30
"""Told apart from the keys of a step's devices, which are counted from 0."""

MEGABYTES = 50
"""Size of a shard."""


def folder_of(share: Share) -> str:
    return share.data if share.split == "train" else f"{share.data}-{share.split}"


def write_all(recipe: Recipe, folder: Path) -> None:
    """The shards of all data sets that the recipe trains on."""
    from jaxpose.data.sources import open_data

    for name, share in {folder_of(share): share for share in recipe.data}.items():
        write_shards(open_data(share.data, share.split), folder / name, MEGABYTES)
        print(folder / name)


def open_share(share: Share, folders: list[Path]) -> Source:
    """What one share of a recipe trains on, from the first folder that has its shards."""
    found = next((folder / folder_of(share) for folder in folders if (folder / folder_of(share)).is_dir()), None)
    if found is None:
        raise DataError(f"{folder_of(share)}: no shards of that name in {', '.join(map(str, folders))}; --write-shards")
    source: Source = ShardSource(found)
    if share.leave_out:
        source, _ = left_out(source, share.leave_out)
    if share.joints:
        source = restricted(source, share.joints, share.data)
    return source


def network_of(architecture: str, config: Any) -> Any:
    if architecture not in NETWORKS or not isinstance(config, NETWORKS[architecture][0]):
        raise OptionError(f"`architecture` must be one of {', '.join(NETWORKS)} with its config, got {architecture!r}")
    return NETWORKS[architecture][1](config)


def weight_file(source: str) -> Path:
    """Of a packaged or imported model's name, or the file itself."""
    return Path(source) if source.endswith(".safetensors") else store.path_of(source)


def make_task(recipe: Recipe, skeleton: Skeleton) -> OpenPoseTask:
    network = network_of(recipe.architecture, recipe.network).clone(dtype=recipe.precision(jax.default_backend()))
    teacher = None
    if recipe.teacher is not None:
        params, card = store.load(weight_file(recipe.teacher))
        config = NETWORKS[card.architecture][0](**card.config) if card.architecture in NETWORKS else None
        teacher = Teacher(network_of(card.architecture, config), params, SKELETONS[config.skeleton], skeleton)
    return OpenPoseTask(network, skeleton, STRIDE, recipe.loss, remat=recipe.remat, teacher=teacher)


def make_advance(step: Step, recipe: Recipe, skeleton: Skeleton, count: int) -> Any:
    """`count` steps in one, on replicated states and pictures: each draws its batch and learns from it."""
    devices = jax.local_device_count()
    if recipe.batch % (devices * recipe.training.accumulate):
        parts = f"{devices} devices x {recipe.training.accumulate} parts (`accumulate`)"
        raise OptionError(f"`batch` must be a multiple of {parts}, got {recipe.batch}")
    shares = jnp.array([share.share for share in recipe.data])

    def drawer(place: int) -> Callable[[jax.Array, list[DevicePictures]], Batch]:
        return lambda key, pictures: draw_batch(key, pictures[place], recipe.crops, skeleton, recipe.batch // devices)

    drawers = [drawer(place) for place in range(len(recipe.data))]

    def once(state: TrainState, pictures: list[DevicePictures]) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
        choosing, drawing = jax.random.split(jax.random.fold_in(key, DRAWING))  # all devices choose the same data set
        drawing = jax.random.fold_in(drawing, jax.lax.axis_index(AXIS))
        chosen = jax.random.choice(choosing, len(recipe.data), p=shares / shares.sum())
        return step(state, jax.lax.switch(chosen, drawers, drawing, pictures))

    def advance(state: TrainState, pictures: list[DevicePictures]) -> tuple[TrainState, Metrics]:
        return jax.lax.scan(lambda state, _: once(state, pictures), state, length=count, unroll=count == 1)

    return parallel.map_step(advance)


class Run:
    """The files of a training."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.told = json.dumps({**recipe.as_json(), "training": None, "evaluation": None})
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made ({error.strerror})") from None

    def restore(self, like: TrainState) -> TrainState | None:
        """The state to go on from, None if there is none yet; `OptionError` if it is another recipe's."""
        path = self.folder / "state.npz"
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError) as error:
            raise OutputError(f"{path}: cannot be read ({error}); remove it to start anew") from None
        shapes = {name: leaf.shape for name, leaf in named(like).items()}
        if str(arrays.pop("recipe")) != self.told or {name: each.shape for name, each in arrays.items()} != shapes:
            raise OptionError(f"{path} is of another recipe; name another --out, or start from its weights with --init")
        state: TrainState = jax.tree.map(lambda name, leaf: arrays[name].astype(leaf.dtype), paths(like), like)
        return state

    def save(self, state: TrainState) -> None:
        """Write the state and the weights, each whole or not at all."""
        path, part = self.folder / "state.npz", self.folder / "state.part"
        try:
            with part.open("wb") as file:
                np.savez(file, allow_pickle=False, recipe=np.array(self.told), **named(state))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
        params, _ = averaged(state)
        halves = jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), params)
        provenance = {**dict(self.recipe.provenance), "steps": str(int(state.step))}
        card = Card(self.recipe.architecture, dataclasses.asdict(self.recipe.network), provenance)
        store.write(self.folder / "weights.safetensors", halves, card)

    def tell(self, step: int, metrics: list[Metrics], seconds: float) -> None:
        """Print the means of some dispatches and add them to the log; `NonFiniteError` for a NaN."""
        told = jax.device_get([jax.tree.map(lambda leaf: leaf[0], each) for each in metrics])  # the first device's
        count = sum(len(each.loss) for each in told)
        rows = [{"loss": each.loss, **each.terms} for each in told]
        numbers = {name: float(np.concatenate([row[name] for row in rows]).mean()) for name in rows[0]}
        if not all(math.isfinite(number) for number in numbers.values()):
            raise NonFiniteError(
                f"the loss is {numbers['loss']} between steps {step - count} and {step}: a lower rate?"
            )
        numbers |= {"rate": float(told[-1].rate[-1]), "crops_per_second": count * self.recipe.batch / seconds}
        print(f"step {step}: " + ", ".join(f"{name} {number:.4g}" for name, number in numbers.items()), flush=True)
        with (self.folder / "metrics.jsonl").open("a") as log:
            log.write(json.dumps({"step": step, **numbers}) + "\n")


def train(recipe: Recipe, run: Run, args: argparse.Namespace, begun: float) -> None:
    skeleton = SKELETONS[recipe.network.skeleton]
    task, config = make_task(recipe, skeleton), recipe.training
    if recipe.crops.color.jpeg:
        print("left out on the device: `color.jpeg`")
    init_key, key = jax.random.split(jax.random.key(config.seed))
    params, stats = task.init(init_key)
    optimizer = make_optimizer(config.optimizer, params, config.steps)
    state = run.restore(begin(params, stats, optimizer, key))
    if state is None:
        if start := args.init or recipe.start:
            params, stats = init_from(start, params, stats)
        state = begin(params, stats, optimizer, key)
    sources = [open_share(share, args.shards) for share in recipe.data]
    pictures = parallel.replicate([load_pictures(source, skeleton, args.longest) for source in sources])
    print(f"{sum(map(len, sources))} pictures in memory after {time.monotonic() - begun:.0f} s", flush=True)

    step = make_step(task, optimizer, config.accumulate, config.average)
    advances = {args.dispatch: make_advance(step, recipe, skeleton, args.dispatch)}
    copies, at = parallel.replicate(state), int(state.step)
    saved = looked = time.monotonic()
    metrics: list[Metrics] = []
    with Stop() as stop:
        while at < config.steps:
            count = min(args.dispatch, config.steps - at)  # the last dispatch may be shorter
            if count not in advances:
                advances[count] = make_advance(step, recipe, skeleton, count)
            copies, told = advances[count](copies, pictures)
            at += count
            metrics.append(told)
            if len(metrics) > 1:
                jax.block_until_ready(metrics[-2])  # the device has one more dispatch to work on
            now = time.monotonic()
            done = at == config.steps or stop.asked or now - begun > 60 * args.minutes
            if done or now - looked > args.tell_every:
                run.tell(at, metrics, time.monotonic() - looked)
                metrics, looked = [], time.monotonic()
                if done or looked - saved > 60 * config.save_minutes:
                    run.save(parallel.unreplicate(copies))
                    saved = time.monotonic()
            if done:
                break
    print(f"{at} of {config.steps} steps: {run.folder}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", required=True, help="a packaged recipe's name, or a Python file")
    parser.add_argument("--shards", type=Path, action="append", help="folders with a folder for each data set")
    parser.add_argument("--write-shards", type=Path, help="write the recipe's data sets there, and end")
    parser.add_argument("--out", type=Path, help="the training's folder")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of this run")
    parser.add_argument("--steps", type=int, help="of all runs, in place of the recipe's")
    parser.add_argument("--init", help="take parameters from a model or a .safetensors file, in place of `start`")
    parser.add_argument("--longest", type=int, default=448, help="pixels of a picture's longer side in memory")
    parser.add_argument("--dispatch", type=int, default=1, help="steps that the device makes without the host")
    parser.add_argument("--tell-every", type=float, default=20, help="seconds between two lines")
    args = parser.parse_args()
    begun = time.monotonic()
    try:
        recipe = read_recipe(args.recipe)
        if args.steps is not None:
            recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, steps=args.steps))
        if args.write_shards:
            write_all(recipe, args.write_shards)
            return
        if not args.shards or not args.out:
            parser.error("--shards and --out are needed to train")
        train(recipe, Run(args.out, recipe), args, begun)
    except (JaxposeError, ValueError, ModuleNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
