"""What LiteOpenPose costs, beside its trunk cut at several places and designs that were not taken, in one run.

    python experiments/benchmarks/lite.py [--rounds 15] [--train] [--onnx]

Forward at 368x656 under XLA, in units of one dense 3x3 convolution 46x82x128 -> 128 (the aim is 16 for the whole
network), with the number of parameters and how many pixels a cell of the heatmaps sees. `--train` adds a step's value
and gradient for 8 crops of 384x384, with the trunk as it is and with the trunk's own gradient from block 6 on, and the
gradient of one depthwise layer against the one that XLA derives. `--onnx` adds onnxruntime on the exported network
(pip install jax2onnx onnxruntime). The contenders take turns; medians, and in brackets minima.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxpose.nets.depthwise_vjp import shifted
from jaxpose.nets.layers import Form
from jaxpose.nets.lite import backbone_params, reach
from jaxpose.nets.mobilenet import MobileNetV2, trunk_params
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.systems.openpose.lite import LiteOpenPose
from jaxpose.weights import store

HEIGHT, WIDTH = 368, 656
CROP, BATCH = 384, 8
CUTS = ("block_2", "block_5", "expansion_6", "block_9", "expansion_10", "block_12", "expansion_13", "out")

LITE = LiteConfig()
SHALLOW = replace(LITE, coarse=("expansion_10",), fine=("block_2", "expansion_6"))
DESIGNS = {
    "LiteOpenPose": LITE,
    "trunk to expansion 10, no pyramid": SHALLOW,
    "trunk to expansion 13, no pyramid": replace(SHALLOW, coarse=("expansion_10", "expansion_13")),
    "trunk to its end, no pyramid": replace(LITE, fine=("block_2", "expansion_6")),
    "no heatmaps": replace(LITE, fine=("expansion_6", "pyramid_8", "pyramid_4")),
    "no stride 4": replace(LITE, fine=("expansion_6", "pyramid_8")),
    "96 wide": replace(LITE, width=96, context_width=160),
    "160 wide": replace(LITE, width=160, context_width=256),
    "5 blocks at stride 8": replace(LITE, paf_blocks=2, heatmap_blocks=3),
}

Contenders = Mapping[str, Callable[[], object]]


def in_turns(contenders: Contenders, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of every run but the first two."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 2):
        for name, run in contenders.items():
            start = time.perf_counter()
            jax.block_until_ready(run())
            if turn >= 2:
                times[name].append(1000 * (time.perf_counter() - start))
    return times


def tell(times: Mapping[str, list[float]], notes: Mapping[str, str]) -> None:
    """Print a table; the first contender is the unit."""
    unit, least = next((statistics.median(values), min(values)) for values in times.values())
    for name, values in times.items():
        middle = statistics.median(values)
        row = f"{name:32s} {middle:7.1f} ({min(values):6.1f}) ms {middle / unit:6.1f} ({min(values) / least:5.1f})"
        print(f"{row}  {notes.get(name, '')}", flush=True)


def count(tree: Any) -> int:
    return sum(x.size for x in jax.tree.leaves(tree))


def initialized(config: LiteConfig, published: store.Params) -> Any:
    """Random blocks on the published trunk."""
    network = LiteOpenPose(config)
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    params = jax.jit(network.init)(jax.random.key(0), picture)["params"]
    return jax.device_put(dict(params) | backbone_params(published, config))


def dense(key: jax.Array) -> Callable[[], object]:
    x, kernel = jax.random.normal(key, (1, 46, 82, 128)), jax.random.normal(key, (3, 3, 128, 128))
    numbers = ("NHWC", "HWIO", "NHWC")
    layer = jax.jit(lambda x, k: lax.conv_general_dilated(x, k, (1, 1), "SAME", dimension_numbers=numbers))
    return lambda: layer(x, kernel)


def forward(config: LiteConfig, params: Any, image: np.ndarray, form: Form = "auto") -> Callable[[], object]:
    apply = jax.jit(lambda params, images: LiteOpenPose(config, form=form).apply({"params": params}, images)[-1])
    return lambda: apply(params, image)


def trunk(cut: str, published: store.Params) -> Callable[[], object]:
    params = jax.device_put(trunk_params(published, (cut,))["trunk"])
    pictures = jax.random.normal(jax.random.key(0), (1, HEIGHT + 16 * (cut == "out"), WIDTH + 16 * (cut == "out"), 3))
    read = jax.jit(lambda params, x: MobileNetV2().apply({"params": params}, x, (cut,), method="read"))
    return lambda: read(params, pictures)


def forwards(published: store.Params, rounds: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    contenders = {"dense 3x3": dense(jax.random.key(0))}
    contenders |= {f"trunk to {cut}": trunk(cut, published) for cut in CUTS}
    notes = {f"trunk to {cut}": f"{count(trunk_params(published, (cut,))) / 1e6:.2f} M" for cut in CUTS}
    for name, config in DESIGNS.items():
        params = initialized(config, published)
        contenders[name] = forward(config, params, image)
        blocks, sees = count(params["blocks"]), reach(config)
        notes[name] = f"backbone {(count(params) - blocks) / 1e6:.2f} M, blocks {blocks / 1e6:.3f} M, sees {sees} px"
    print(f"forward at {HEIGHT}x{WIDTH}, {len(os.sched_getaffinity(0))} cores")
    tell(in_turns(contenders, rounds), notes)


def late(params: Any) -> tuple[Any, Any]:
    """The trained part of a network whose backbone is trained from block 6 on, and the rest."""
    early = {"stem", *(f"block_{i}" for i in range(6))}
    trunk = params["trunk"]
    trained = {name: part for name, part in params.items() if name not in ("normalize", "trunk")}
    return (
        {**trained, "trunk": {name: part for name, part in trunk.items() if name not in early}},
        {"normalize": params["normalize"], "trunk": {name: part for name, part in trunk.items() if name in early}},
    )


def gradient(config: LiteConfig, params: Any, images: np.ndarray, from_block_6: bool) -> Callable[[], object]:
    """A training step without its update: squared error of both stages to random fields."""
    network = LiteOpenPose(config)
    if from_block_6:
        trained, fixed = late(params)
    else:
        trained = {"blocks": params["blocks"]}
        fixed = {name: value for name, value in params.items() if name != "blocks"}
    targets = jax.tree.map(
        lambda x: jnp.asarray(np.random.default_rng(0).normal(size=x.shape), jnp.float32),
        jax.eval_shape(network.apply, {"params": params}, images),
    )

    def loss(trained: Any, fixed: Any, images: jax.Array) -> jax.Array:
        parts = {**fixed, **trained, "trunk": {**fixed["trunk"], **trained.get("trunk", {})}}
        stages = network.apply({"params": parts}, images)
        return sum(jnp.sum((a - b) ** 2) for a, b in zip(*map(jax.tree.leaves, (stages, targets)), strict=True))

    step = jax.jit(jax.value_and_grad(loss))
    return lambda: step(trained, fixed, images)


def gradients(published: store.Params, rounds: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (BATCH, CROP, CROP, 3), np.uint8)
    params = initialized(LITE, published)
    contenders = {
        "dense 3x3": dense(jax.random.key(0)),
        "forward": forward(LITE, params, images),
        "gradient of the blocks": gradient(LITE, params, images, False),
        "gradient from block 6 on": gradient(LITE, params, images, True),
    }
    print(f"value and gradient, batch {BATCH} of {CROP}x{CROP}")
    tell(in_turns(contenders, rounds), {})


def layer_gradient(function: Callable[..., jax.Array], shape: tuple[int, ...], stride: int) -> Callable[[], object]:
    """Value and both gradients of one depthwise layer, for a given cotangent."""
    pads = ((0, 1), (0, 1)) if stride == 2 else ((1, 1), (1, 1))
    x, kernel = jax.random.normal(jax.random.key(0), shape), jax.random.normal(jax.random.key(1), (3, 3, shape[-1]))

    def layer(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return function(x, kernel, stride, 1, pads)

    @jax.jit
    def both(x: jax.Array, kernel: jax.Array, cotangent: jax.Array) -> object:
        value, pull = jax.vjp(layer, x, kernel)
        return value, pull(cotangent)

    cotangent = jax.random.normal(jax.random.key(2), jax.eval_shape(layer, x, kernel).shape)
    return lambda: both(x, kernel, cotangent)


def layer_gradients(rounds: int) -> None:
    contenders: dict[str, Callable[[], object]] = {"dense 3x3": dense(jax.random.key(0))}
    for shape, stride in (((8, 48, 48, 128), 1), ((8, 24, 24, 192), 1), ((8, 48, 48, 288), 2)):
        name = f"{'x'.join(map(str, shape))} / {stride}"
        contenders[f"{name}, own"] = layer_gradient(shifted, shape, stride)
        contenders[f"{name}, derived"] = layer_gradient(shifted.__wrapped__, shape, stride)
    print("value and gradients of one depthwise layer / its stride")
    tell(in_turns(contenders, rounds), {})


def onnx_forward(config: LiteConfig, params: Any, image: np.ndarray) -> Callable[[], object]:
    import onnx
    import onnxruntime
    from jax2onnx import to_onnx

    network = LiteOpenPose(config, form="native")
    exported = to_onnx(
        lambda images: network.apply({"params": params}, images)[-1],
        [jax.ShapeDtypeStruct(image.shape, jnp.uint8)],
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(exported, Path(folder) / "lite.onnx")
        session = onnxruntime.InferenceSession(str(Path(folder) / "lite.onnx"), options, ["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image}
    found, expected = session.run(None, feed), forward(config, params, image)()
    for theirs, ours in zip(found, jax.tree.leaves(expected), strict=True):
        print(f"onnxruntime differs by at most {np.abs(theirs - ours).max():.1e} of {np.abs(ours).max():.1f}")
    return lambda: session.run(None, feed)


def onnx(published: store.Params, rounds: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    params = initialized(LITE, published)
    contenders = {
        "dense 3x3": dense(jax.random.key(0)),
        "XLA": forward(LITE, params, image),
        "onnxruntime": onnx_forward(LITE, params, image),
    }
    tell(in_turns(contenders, rounds), {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--train", action="store_true", help="gradients too")
    parser.add_argument("--onnx", action="store_true", help="onnxruntime too")
    options = parser.parse_args()
    published, _ = store.load(store.path_of("movenet-multipose"))
    forwards(published, options.rounds)
    if options.train:
        gradients(published, max(options.rounds // 3, 3))
        layer_gradients(options.rounds)
    if options.onnx:
        onnx(published, options.rounds)


if __name__ == "__main__":
    main()
