"""How far the packaged MoveNet's maps are from onnxruntime's, on the COCO fixture pictures at two sizes.

    python experiments/movenet_reference.py runs/movenet    # in an environment with onnxruntime
    python experiments/movenet_parity.py runs/movenet       # here

Prints the largest difference of every map for each picture, and the largest value that the map has.
"""

import argparse
from pathlib import Path

import jax
import numpy as np

from jaxpose.systems.movenet.network import Maps, MoveNet
from jaxpose.weights import store


def xy(name: str, values: np.ndarray) -> np.ndarray:
    """A published map in our order: (x, y) in place of (y, x)."""
    if name in ("centres", "heatmaps"):
        return values
    return values.reshape(*values.shape[:-1], -1, 2)[..., ::-1].reshape(values.shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("maps", type=Path)
    options = parser.parse_args()
    params, _ = store.load(store.path_of("movenet-multipose"))
    apply = jax.jit(lambda params, image: MoveNet().apply({"params": params}, image[None]))
    worst = dict.fromkeys(Maps._fields, 0.0)
    for path in sorted(options.maps.glob("*.npz")):
        theirs = np.load(path)
        print(f"{path.stem} {theirs['image'].shape[1]}x{theirs['image'].shape[0]}")
        for name, field in apply(params, theirs["image"])._asdict().items():
            expected = xy(name, theirs[name])
            difference = np.abs(np.asarray(field)[0] - expected).max()
            worst[name] = max(worst[name], float(difference))
            print(f"  {name:14s} largest difference {difference:.2e}, largest value {np.abs(expected).max():.2f}")
    print("worst: " + ", ".join(f"{name} {value:.2e}" for name, value in worst.items()))


if __name__ == "__main__":
    main()
