"""How far the published MoveNets' maps are from onnxruntime's, on the COCO fixture pictures.

    python experiments/movenet_reference.py runs/movenet --thunder movenet-thunder.onnx    # with onnxruntime
    python experiments/movenet_parity.py runs/movenet --thunder movenet-thunder.json       # here

MultiPose's weights are the packaged ones; Thunder's are read from the published file (the packaged ones are rounded).
Prints the largest difference of every map for each picture, and the largest value that the map has; of Thunder also
how far the joints lie apart, in pixels, and their scores.
"""

import argparse
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxpose.systems.movenet.importing import THUNDER, published_params
from jaxpose.systems.movenet.network import MoveNet
from jaxpose.systems.movenet.thunder import PersonMaps, Thunder, find_pose
from jaxpose.weights import store
from jaxpose.weights.tfjs import read_graph_model


def xy(name: str, values: np.ndarray) -> np.ndarray:
    """A published map in our order: (x, y) in place of (y, x)."""
    if name in ("centres", "heatmaps"):
        return values
    return values.reshape(*values.shape[:-1], -1, 2)[..., ::-1].reshape(values.shape)


def compare(name: str, network: MoveNet, params: store.Params, files: list[Path]) -> None:
    apply = jax.jit(lambda params, image: network.apply({"params": params}, image[None]))
    kind: Any = network.maps
    worst = dict.fromkeys(kind._fields, 0.0)
    for path in files:
        theirs = np.load(path)
        print(f"{name}, {path.stem} {theirs['image'].shape[1]}x{theirs['image'].shape[0]}")
        maps = apply(params, theirs["image"])
        for head, field in maps._asdict().items():
            expected = xy(head, theirs[head])
            difference = np.abs(np.asarray(field)[0] - expected).max()
            worst[head] = max(worst[head], float(difference))
            print(f"  {head:14s} largest difference {difference:.2e}, largest value {np.abs(expected).max():.2f}")
        if isinstance(maps, PersonMaps):
            found, (y, x, score) = np.asarray(find_pose(maps))[0], theirs["person"].T
            side = theirs["image"].shape[0]
            apart = np.abs(found - np.stack([x * side - 0.5, y * side - 0.5, score], axis=1)).max(axis=0)
            print(f"  joints {apart[:2].max():.2e} px apart, scores {apart[2]:.2e}")
    print("worst: " + ", ".join(f"{head} {value:.2e}" for head, value in worst.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("maps", type=Path)
    parser.add_argument("--thunder", type=Path, required=True, help="the published graph model")
    options = parser.parse_args()
    files = sorted(options.maps.glob("*.npz"))
    of_one = [path for path in files if path.stem.startswith("thunder_")]
    multipose, _ = store.load(store.path_of("movenet-multipose"))
    compare("movenet-multipose", MoveNet(), multipose, [path for path in files if path not in of_one])
    thunder = published_params(read_graph_model(options.thunder), THUNDER)
    compare("movenet-thunder", Thunder(), thunder, of_one)


if __name__ == "__main__":
    main()
