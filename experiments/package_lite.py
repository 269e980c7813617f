"""Put a trained LiteOpenPose into the package: its blocks as fp16; the backbone is MoveNet's, stored once.

    python experiments/package_lite.py runs/lite [--step N] [--out FILE] [--provenance "time=55 minutes on one core"]

The folder is one that `jaxpose train` or `experiments/train_packaged.py` wrote. A card has to be made afterwards
(`experiments/model_card.py openpose-lite`).
"""

import argparse
import datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxpose.nets.lite import backbone_params
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.training import checkpoints
from jaxpose.weights import store

BACKBONE = "movenet-multipose"


def trained(folder: Path, step: int | None) -> tuple[dict[str, Any], store.Card]:
    """Parameters and card of a training."""
    if (folder / "weights.safetensors").is_file():
        params, card = store.load(folder / "weights.safetensors")
        return dict(params), card
    saved = checkpoints.read(folder, step)
    card = store.Card(**saved.run["card"])
    card.provenance["steps"] = str(saved.step)
    return dict(store.unflatten(saved.averaged())), card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--step", type=int)
    parser.add_argument("--out", type=Path, default=store.PACKAGED / "openpose-lite.safetensors")
    parser.add_argument("--provenance", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    params, card = trained(options.folder, options.step)
    backbone = backbone_params(store.load(store.path_of(BACKBONE))[0], LiteConfig(**card.config))
    same = jax.tree.map(
        lambda own, theirs: np.array_equal(np.float16(own), np.float16(theirs)),
        {name: params[name] for name in backbone},
        backbone,
    )
    if not all(jax.tree.leaves(same)):
        raise SystemExit(
            f"the backbone is not the packaged one any more: it would have to be stored beside {BACKBONE}'s"
        )
    blocks = jax.tree.map(np.float16, params["blocks"])
    told = dict(entry.split("=", 1) for entry in options.provenance)
    provenance = {**card.provenance, **told, "packaged": datetime.date.today().isoformat()}
    path = options.out
    store.write(
        path, {**backbone, "blocks": blocks}, store.Card(card.architecture, card.config, provenance), like=BACKBONE
    )
    print(
        f"{path}: {sum(leaf.size for leaf in jax.tree.leaves(blocks)):,} own parameters, {path.stat().st_size:,} bytes"
    )


if __name__ == "__main__":
    main()
