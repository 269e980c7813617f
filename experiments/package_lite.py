"""Put a trained fast network into the package: its own layers as fp16; the backbone is MoveNet's.

    python experiments/package_lite.py runs/lite [--step N] [--out FILE] [--provenance "time=55 minutes"]
    python experiments/package_lite.py runs/staf --blend openpose-lite=0.2

The folder is one that `jaxpose train` or `experiments/train_packaged.py` wrote. With `--blend` the packaged weights are
so far on the way back to those of the model that the training began with (Wortsman et al., CVPR 2022). What the
packaged MoveNet has is not stored again. A card has to be made afterwards (`experiments/model_card.py openpose-lite`).
"""

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxpose.nets import lite
from jaxpose.systems.hrnet.config import HrnetLiteConfig
from jaxpose.systems.hrnet.lite import backbone_params as of_hrnet
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.systems.staf.config import StafLiteConfig
from jaxpose.training import checkpoints
from jaxpose.weights import store

BACKBONE = "movenet-multipose"
NETWORKS: dict[str, Any] = {
    "openpose-lite": (LiteConfig, lite.backbone_params),
    "staf-lite": (StafLiteConfig, lite.backbone_params),
    "hrnet-lite": (HrnetLiteConfig, of_hrnet),
}
"""The configuration, and what the network takes of the backbone."""


def trained(folder: Path, step: int | None) -> tuple[dict[str, Any], store.Card]:
    """Parameters and card of a training."""
    if (folder / "weights.safetensors").is_file():
        params, card = store.load(folder / "weights.safetensors")
        return dict(params), card
    saved = checkpoints.read(folder, step)
    card = store.Card(**saved.run["card"])
    card.provenance["steps"] = str(saved.step)
    return dict(store.unflatten(saved.averaged())), card


def blended(trained: dict[str, Any], start: dict[str, Any], share: float) -> dict[str, Any]:
    """The trained parameters, this share of the way back to those of its start.

    Layers `recall_*`, which bring the frame before into a network of single pictures, were near 0 at the start.
    """
    result: dict[str, Any] = {}
    for name, own in trained.items():
        if isinstance(own, dict):
            before = start.get(name, jax.tree.map(np.zeros_like, own) if name.startswith("recall_") else {})
            result[name] = blended(own, before, share)
        elif name in start and np.shape(own) == np.shape(start[name]):
            result[name] = (1 - share) * np.float32(own) + share * np.float32(start[name])
        else:
            result[name] = own
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--step", type=int)
    parser.add_argument("--out", type=Path, help="the package's file of the network's name, if none is given")
    parser.add_argument("--config", action="append", default=[], metavar="KEY=JSON", help="another than trained with")
    parser.add_argument("--provenance", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--blend", metavar="MODEL=SHARE", help="with the weights that the training began with")
    options = parser.parse_args()
    params, card = trained(options.folder, options.step)
    if options.blend:
        name, share = options.blend.split("=")
        params = blended(jax.tree.map(np.float16, params), dict(store.load(store.path_of(name))[0]), float(share))
        card.provenance["blended"] = f"{float(share):.0%} of {name}'s weights, {1 - float(share):.0%} of those trained"
    card.config.update({key: json.loads(value) for key, value in (entry.split("=", 1) for entry in options.config)})
    config, backbone_params = NETWORKS[card.architecture]
    backbone = backbone_params(store.load(store.path_of(BACKBONE))[0], config(**card.config))
    same = jax.tree.map(
        lambda own, theirs: np.array_equal(np.float16(own), np.float16(theirs)),
        {name: params[name] for name in backbone},
        backbone,
    )
    if not all(jax.tree.leaves(same)):
        raise SystemExit(
            f"the backbone is not the packaged one any more: it would have to be stored beside {BACKBONE}'s"
        )
    own = jax.tree.map(np.float16, {name: part for name, part in params.items() if name not in backbone})
    told = dict(entry.split("=", 1) for entry in options.provenance)
    provenance = {**card.provenance, **told, "packaged": datetime.date.today().isoformat()}
    path = options.out or store.PACKAGED / f"{card.architecture}.safetensors"
    store.write(path, {**backbone, **own}, store.Card(card.architecture, card.config, provenance), like=BACKBONE)
    print(f"{path}: {sum(leaf.size for leaf in jax.tree.leaves(own)):,} own parameters, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
