"""Parameters to start a training of a fast network from: the packaged backbone, and blocks that read it standardized.

    python experiments/standardized_start.py [openpose-lite] --as lite-start [--pictures 40] [--known FILE.safetensors]

The backbone's maps differ in loudness by thirty times, and some lie far from zero, so that most of an untrained block's
units would be stuck. Here each channel's mean and deviation over some training pictures are worked into the random
weights of the layers that read it. `jaxpose train ... --init lite-start` takes it from there.

`--known` gives all layers that it has, so that a network which reads further maps goes on from one that does not: what
is new speaks a tenth as loud then.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from jaxpose.data.pictures import decode
from jaxpose.data.sources import open_data
from jaxpose.nets import lite
from jaxpose.systems.hrnet.config import HrnetLiteConfig
from jaxpose.systems.hrnet.lite import HrnetLite
from jaxpose.systems.hrnet.lite import backbone_params as of_hrnet
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.systems.openpose.lite import LiteOpenPose
from jaxpose.weights import store

NETWORKS: dict[str, Any] = {
    "openpose-lite": (LiteConfig(), LiteOpenPose, lite.backbone_params),
    "hrnet-lite": (HrnetLiteConfig(), HrnetLite, of_hrnet),
}
"""The configuration, the network, and what it takes of the backbone."""

SIDE = 384
BESIDE_KNOWN = 0.1
"""Loudness of a new layer beside those that are known."""

LEAST = 0.05
"""Added to a deviation: a channel that hardly ever changes must not become the loudest."""


def statistics(network: Any, params: Any, pictures: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and deviation of each channel of each map that is read, [c] each."""
    read = jax.jit(lambda params, images: network.apply({"params": params}, images, method=_features))
    source = open_data("coco", "train")
    seen: dict[str, list[np.ndarray]] = {}
    for index in np.linspace(0, len(source) - 1, pictures).astype(int):
        picture = decode(source[int(index)].image)
        assert picture is not None
        image = cv2.resize(picture.pixels[..., ::-1], (SIDE, SIDE))
        for name, values in read(params, image[None]).items():
            seen.setdefault(name, []).append(np.asarray(values).reshape(-1, values.shape[-1]))
    joined = {name: np.concatenate(parts).astype(np.float64) for name, parts in seen.items()}
    return {name: (values.mean(axis=0), values.std(axis=0) + LEAST) for name, values in joined.items()}


def _features(network: LiteOpenPose | HrnetLite, images: jax.Array) -> dict[str, jax.Array]:
    return network.features(images if isinstance(network, HrnetLite) else network.normalize(images))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network", nargs="?", choices=NETWORKS, default="openpose-lite")
    parser.add_argument("--as", dest="name", required=True)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--known", type=Path)
    options = parser.parse_args()
    config, kind, backbone_params = NETWORKS[options.network]
    network = kind(config)
    params: Any = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, 64, 64, 3), jnp.uint8))["params"]
    params = {**params, **backbone_params(store.load(store.path_of("movenet-multipose"))[0], config)}
    known = store.load(options.known)[0]["blocks"] if options.known else {}
    gain = BESIDE_KNOWN if known else 1.0
    rng = np.random.default_rng(0)
    blocks = {name: dict(layer) for name, layer in params["blocks"].items()}
    for name, (mean, deviation) in statistics(network, params, options.pictures).items():
        shape = blocks[f"read_{name}"]["kernel"].shape
        kernel = gain * rng.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape) / deviation[:, None]
        blocks[f"read_{name}"] = {
            "kernel": kernel.astype(np.float32),
            "bias": -np.einsum("yxcd,c->d", kernel, mean).astype(np.float32),
        }
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), {**params, "blocks": {**blocks, **known}})
    card = store.Card(options.network, dataclasses.asdict(config), {"start": "random, standardized"})
    print(store.save(options.name, params, card, overwrite=True))


if __name__ == "__main__":
    main()
