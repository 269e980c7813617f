"""Trains `hrnet-lite` with all pictures in the device's memory, in a given time: minutes on a GPU.

    python experiments/train_topdown.py --shards shards --teacher movenet-thunder --out runs/hrnet --minutes 5

Shards are a folder for each data set (`experiments/train_packaged.py --write-shards`), in any `--shards` folder. The
teacher looks at every person once, before the first step; its joints count where nobody labelled one, unless it
contradicts those that were. The rate falls to 0 at the end of the time: how many steps that is, is measured at the
start, and `--steps` are the most. `--out` gets

    weights.safetensors    the parameters' moving average as float16
    metrics.jsonl          the means of the steps between two lines, and how well people are found who were left out

The first is replaced whole every minute and at the end. Needs jax, flax, optax, numpy, OpenCV, safetensors, jaxtyping.
"""

import argparse
import dataclasses
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxpose.data.config import ColorConfig, OccluderConfig, PersonCropConfig
from jaxpose.data.device.people import DevicePeople, draw_people, load_people, show
from jaxpose.data.device.placing import apply
from jaxpose.data.examples import Batch, Source
from jaxpose.data.shards import ShardSource
from jaxpose.data.subsets import left_out
from jaxpose.errors import DataError, JaxposeError, NonFiniteError, OptionError
from jaxpose.skeletons import COCO_17, SKELETONS
from jaxpose.systems.hrnet.config import HeatmapLossConfig, HrnetLiteConfig
from jaxpose.systems.hrnet.lite import HrnetLite, backbone_params
from jaxpose.systems.hrnet.person import make_read
from jaxpose.systems.hrnet.task import HrnetTask
from jaxpose.systems.movenet.thunder import SIDE, Thunder, find_pose
from jaxpose.training import parallel
from jaxpose.training.config import AdamW, Optimizer, WarmupCosine
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.state import TrainState, averaged, begin
from jaxpose.training.step import AXIS, Metrics, make_step
from jaxpose.weights import store

SHARES = {"coco": 0.62, "mpii": 0.12, "lspet": 0.14, "lspet_people": 0.06, "people": 0.06}
"""How often each data set is drawn; `people` are procedural."""

LEAVE_OUT = {"coco": 15}
"""Each so-many-th picture of a data set is left out, to judge by."""

CONFIG = HrnetLiteConfig()
SKELETON = SKELETONS[CONFIG.skeleton]
BACKBONE = "movenet-multipose"

CROPS = PersonCropConfig(
    crop=CONFIG.crop,
    shift=0.06,
    color=ColorConfig(brightness=0.12, contrast=0.2, saturation=0.25, hue=6, grey=0.03, blur=0.1, noise=0.05),
    occluders=OccluderConfig(most=1),
)
LOSS = HeatmapLossConfig(sigma=6.0, positive=4.0, taught=0.5)
PADDING = 1.1
"""Sides of a teacher's crop, in longer sides of the box."""

LEAST_DEVIATION = 0.05
"""Added to a map's deviation: a channel that hardly ever changes must not become the loudest."""


def optimizer_of(rate: float) -> Optimizer:
    frozen = (("(normalize|trunk|pyramid|heatmaps)/.*", 0.0),)
    return Optimizer(AdamW(decay=0.01), WarmupCosine(rate=rate, warmup=100), multipliers=frozen, clip_norm=1.0)


def open_shards(name: str, folders: list[Path]) -> Source:
    found = next((folder / name for folder in folders if (folder / name).is_dir()), None)
    if found is None:
        raise DataError(f"{name}: no shards of that name in {', '.join(map(str, folders))}")
    return ShardSource(found)


def weights_of(source: str, network: nn.Module) -> Any:
    """Those of an installed model or a .safetensors file; `WeightsError` if they are not for this network."""
    params, _ = store.load(Path(source) if source.endswith(".safetensors") else store.path_of(source))
    crop = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.uint8)
    store.check(params, jax.eval_shape(network.init, jax.random.key(0), crop)["params"], source)
    return params


def taught_by(params: Any, people: DevicePeople, batch: int) -> np.ndarray:
    """What thunder says of all people, [m, j, 3]; nothing of those of whom it contradicts what is labelled."""
    network = Thunder()

    @jax.jit
    def look(params: Any, people: DevicePeople, rows: jax.Array) -> jax.Array:
        images, back = show(people, rows, (SIDE, SIDE), PADDING)
        found = find_pose(network.apply({"params": params}, jnp.round(images)))
        places = jax.vmap(apply)(back, found[..., :2])
        return jnp.concatenate([places, found[..., 2:]], axis=-1)

    count = len(people.picture)
    rows = np.minimum(np.arange(-(-count // batch) * batch), count - 1).reshape(-1, batch)
    found = np.concatenate([np.asarray(look(params, people, each)) for each in rows])[:count]
    taught = np.zeros(people.taught.shape, np.float32)
    for place, joint in enumerate(COCO_17.joints):
        taught[:, SKELETON.index(joint)] = found[:, place]
    oks, shared = likeness(taught, np.asarray(people.labelled), np.asarray(people.boxes))
    agree = (shared >= 3) & (oks >= 0.5)
    print(f"the teacher agrees about {agree.sum()} of {count} people (mean OKS {oks[shared > 0].mean():.3f})")
    return np.where(agree[:, None, None], taught, 0)


def likeness(found: np.ndarray, labelled: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """OKS of people over the labelled joints that were found with a score above 0, and how many these are."""
    both = (labelled[..., 2] > 0) & (found[..., 2] > 0)
    squared = np.square(found[..., :2] - labelled[..., :2]).sum(-1)
    area = 0.53 * boxes[:, 2:].prod(-1, keepdims=True)
    near = np.exp(-squared / (2 * area * np.square(2 * np.array(SKELETON.sigmas))))
    return np.where(both, near, 0).sum(-1) / np.maximum(both.sum(-1), 1), both.sum(-1)


def standardized(network: HrnetLite, params: Any, batch: Batch) -> Any:
    """Parameters whose reading layers take each channel of the backbone's maps with mean 0 and deviation 1."""
    maps: Any = jax.jit(lambda params, images: network.apply({"params": params}, images, method="features"))(
        params, batch.images
    )
    blocks, rng = dict(params["blocks"]), np.random.default_rng(0)
    for names in CONFIG.reads:
        for name in names:
            values = np.asarray(maps[name], np.float64).reshape(-1, maps[name].shape[-1])
            shape = blocks[f"read_{name}"]["kernel"].shape
            deviation = values.std(0) + LEAST_DEVIATION
            kernel = rng.normal(0, np.sqrt(2 / shape[2] / len(names)), shape) / deviation[:, None]
            bias = -np.einsum("yxcd,c->d", kernel, values.mean(0))
            blocks[f"read_{name}"] = {"kernel": jnp.float32(kernel), "bias": jnp.float32(bias)}
    return {**params, "blocks": blocks}


class Judge:
    """How well people who were left out are found, in their true boxes."""

    def __init__(self, people: DevicePeople, most: int, batch: int, flip: bool) -> None:
        self.people = people
        read = make_read(HrnetLite(CONFIG), SKELETON, flip=flip)
        rows = np.linspace(0, len(people.picture) - 1, min(most, len(people.picture))).astype(int)
        self.rows, self.batch = np.unique(rows), batch

        def look(params: Any, people: DevicePeople, rows: jax.Array) -> jax.Array:
            images, back = show(people, rows, CONFIG.crop, CROPS.padding)
            found, _ = read(params, jnp.round(images))
            return jnp.concatenate([jax.vmap(apply)(back, found[..., :2]), found[..., 2:]], axis=-1)

        self.look = jax.jit(look)

    def __call__(self, params: Any) -> dict[str, float]:
        """The mean OKS, and how many people are above two thresholds."""
        padded = np.resize(self.rows, -(-len(self.rows) // self.batch) * self.batch).reshape(-1, self.batch)
        found = np.concatenate([np.asarray(self.look(params, self.people, each)) for each in padded])[: len(self.rows)]
        found[..., 2] = 1
        labelled, boxes = (np.asarray(each)[self.rows] for each in (self.people.labelled, self.people.boxes))
        oks, _ = likeness(found, labelled, boxes)
        return {"oks": float(oks.mean()), "oks>0.5": float((oks > 0.5).mean()), "oks>0.75": float((oks > 0.75).mean())}


def save(folder: Path, state: TrainState, told: dict[str, str]) -> Any:
    params, _ = averaged(state)
    card = store.Card("hrnet-lite", dataclasses.asdict(CONFIG), told)
    store.write(folder / "weights.safetensors", jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), params), card)
    return params


def train(args: argparse.Namespace, begun: float) -> None:
    devices = jax.local_device_count()
    for name in ("steps", "dispatch", "judged", "teacher_batch"):
        if getattr(args, name) < 1:
            raise OptionError(f"`--{name.replace('_', '-')}` must be at least 1, got {getattr(args, name)}")
    if args.batch < 1 or args.batch % devices:
        raise OptionError(f"`--batch` must be a multiple of {devices}, the number of devices, got {args.batch}")
    if not any(name in LEAVE_OUT for name in args.data):
        raise OptionError(f"`--data` must have {' or '.join(LEAVE_OUT)}, of which some are left out to judge by")
    teacher = weights_of(args.teacher, Thunder()) if args.teacher else None
    begin_with = weights_of(args.init, HrnetLite(CONFIG)) if args.init else None
    backbone = backbone_params(store.load(store.path_of(BACKBONE))[0], CONFIG)
    opened = {name: open_shards(name, args.shards) for name in args.data}
    parts = {name: left_out(source, LEAVE_OUT[name]) for name, source in opened.items() if name in LEAVE_OUT}
    used = {**opened, **{name: part[0] for name, part in parts.items()}}
    people = load_people([(source, SHARES[name]) for name, source in used.items()], SKELETON, args.longest)
    judged = load_people([(part[1], SHARES[name]) for name, part in parts.items()], SKELETON, args.longest)
    told = ", ".join(f"{name} {len(source)}" for name, source in used.items())
    print(f"{len(people.picture)} people of {told} pictures after {time.monotonic() - begun:.0f} s", flush=True)
    there = jax.device_put(people)
    if teacher is not None:
        people = people._replace(taught=taught_by(teacher, there, args.teacher_batch))
    judge = Judge(jax.device_put(judged), args.judged, args.teacher_batch, args.flip)

    network = HrnetLite(CONFIG, dtype=jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16)
    task = HrnetTask(network, SKELETON, LOSS, start=backbone)
    init_key, key = jax.random.split(jax.random.key(args.seed))
    params, stats = task.init(init_key)
    if begin_with is not None:
        params = jax.tree.map(jnp.float32, begin_with)
    else:
        drawn = jax.jit(lambda key, people: draw_people(key, people, CROPS, SKELETON, args.batch))(key, there)
        params = standardized(HrnetLite(CONFIG), params, drawn)
    config = optimizer_of(args.rate)
    state = begin(params, stats, make_optimizer(config, params, args.steps), key)

    def advance(state: TrainState, inputs: tuple[DevicePeople, jax.Array]) -> tuple[TrainState, Metrics]:
        people, steps = inputs
        step = make_step(task, make_optimizer(config, state.params, steps), accumulate, args.average)

        def once(state: TrainState, _: None) -> tuple[TrainState, Metrics]:
            key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
            key = jax.random.fold_in(jax.random.fold_in(key, 1 << 30), jax.lax.axis_index(AXIS))
            return step(state, draw_people(key, people, CROPS, SKELETON, args.batch // devices))

        return jax.lax.scan(once, state, length=args.dispatch)

    # on a CPU crop by crop: what a crop needs fits into its cache
    accumulate = args.batch if jax.default_backend() == "cpu" else 1
    args.out.mkdir(parents=True, exist_ok=True)
    mapped, copies = parallel.map_step(advance), parallel.replicate(state)
    there = parallel.replicate(people)
    at, steps, metrics, saved = 0, args.steps, [], time.monotonic()
    provenance = {"data": ", ".join(used), "backbone": BACKBONE, "teacher": args.teacher or "none"}
    looked, measured = time.monotonic(), None
    while at < steps:
        copies, some = mapped(copies, (there, parallel.replicate(jnp.int32(steps))))
        at += args.dispatch
        metrics.append(some)
        if len(metrics) > 1:
            jax.block_until_ready(metrics[-2])  # the device has one more dispatch to work on
        now = time.monotonic()
        if at == 2 * args.dispatch:
            measured = now, at - args.dispatch  # compiled, and the first dispatch done
        elif measured and at == (2 + MEASURED) * args.dispatch and args.minutes < math.inf:
            each = (now - measured[0]) / (at - args.dispatch - measured[1])
            left = 60 * args.minutes - (now - begun) - RESERVE
            steps = min(steps, max(at, at + int(left / each) // args.dispatch * args.dispatch))
            print(f"{1000 * each:.1f} ms a step of {args.batch} crops: {steps} steps", flush=True)
        done = at >= steps
        if done or now - looked > args.tell_every:
            tell(args.out, at, metrics, time.monotonic() - looked, args.batch)
            metrics, looked = [], time.monotonic()
        if done or now - saved > 60:
            state = parallel.unreplicate(copies)
            params = save(args.out, state, {**provenance, "steps": str(at)})
            write(args.out, {"step": at, **judge(params)})
            saved = looked = time.monotonic()
    print(f"{at} steps in {time.monotonic() - begun:.0f} s: {args.out}")


MEASURED = 4
"""Dispatches by which the time of a step is measured."""

RESERVE = 8
"""Seconds left for the last weights and the last judgement."""


def tell(folder: Path, step: int, metrics: list[Metrics], seconds: float, batch: int) -> None:
    """Print the means of some dispatches and add them to the log; `NonFiniteError` for a NaN."""
    told = jax.device_get([jax.tree.map(lambda leaf: leaf[0], each) for each in metrics])
    rows = [{"loss": each.loss, "gradient": each.gradient_norm, **each.terms} for each in told]
    numbers = {name: float(np.concatenate([row[name] for row in rows]).mean()) for name in rows[0]}
    if not all(map(math.isfinite, numbers.values())):
        raise NonFiniteError(f"the loss is {numbers['loss']} up to step {step}: a lower --rate?")
    count = sum(len(row["loss"]) for row in rows)
    write(
        folder, {"step": step, **numbers, "rate": float(told[-1].rate[-1]), "crops_per_second": count * batch / seconds}
    )


def write(folder: Path, numbers: dict[str, float]) -> None:
    print(", ".join(f"{name} {number:.5g}" for name, number in numbers.items()), flush=True)
    with (folder / "metrics.jsonl").open("a") as log:
        log.write(json.dumps(numbers) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shards", type=Path, action="append", required=True)
    parser.add_argument("--data", nargs="+", default=list(SHARES), choices=list(SHARES))
    parser.add_argument("--teacher", help="movenet-thunder, installed or as a .safetensors file; without it, none")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--steps", type=int, default=20_000, help="at most")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--average", type=float, default=0.998)
    parser.add_argument("--init", help="go on from a .safetensors file")
    parser.add_argument("--longest", type=int, default=448, help="pixels of a picture's longer side in memory")
    parser.add_argument("--dispatch", type=int, default=20, help="steps that the device makes without the host")
    parser.add_argument("--judged", type=int, default=400, help="people who are judged")
    parser.add_argument("--flip", action="store_true", help="judge with the flip test")
    parser.add_argument("--teacher-batch", type=int, default=64)
    parser.add_argument("--tell-every", type=float, default=10, help="seconds between two lines")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    begun = time.monotonic()
    try:
        train(args, begun)
    except (JaxposeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
