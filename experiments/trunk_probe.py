"""How much of an OpenPose network's fields the trunk's maps show already, by the place where the trunk is cut.

    python experiments/trunk_probe.py ../shared/data [--pictures 90]

The fields are human-pose-estimation-0001's on COCO's training pictures, at 384x384. For every set of maps a linear
function of a single cell of them (ridge regression) is fitted to the fields of two pictures in three, and the share of
the fields' variance that it explains in the others is printed: the mean over the 18 heatmaps, and over the affinity
fields. It says nothing of what layers with a wider view make of the maps; it says which are worth their price
(`experiments/benchmarks/lite.py`).
"""

import argparse
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import jax
import numpy as np

from jaxpose.geometry import Fit
from jaxpose.nets.pyramid import double
from jaxpose.systems.movenet.network import MoveNet
from jaxpose.systems.openpose.importing import lightweight_params
from jaxpose.systems.openpose.lightweight import STRIDE, LightweightOpenPose
from jaxpose.video.resize import apply_fit
from jaxpose.weights import store
from jaxpose.weights.openvino import read_graph

SIDE = 384
CELLS = SIDE // STRIDE
TRUNK = ("block_2", "block_5", "expansion_6", "block_9", "expansion_10", "block_12", "expansion_13", "block_15", "out")
FINE = ("block_2", "expansion_6")
SETS = (
    FINE,
    ("block_2", "block_5", "block_9"),
    (*FINE, "block_9"),
    (*FINE, "expansion_10"),
    (*FINE, "block_12"),
    (*FINE, "expansion_13"),
    (*FINE, "expansion_10", "expansion_13"),
    (*FINE, "block_15"),
    (*FINE, "expansion_13", "out"),
    ("pyramid_8", "pyramid_4"),
    (*FINE, "pyramid_8", "pyramid_4", "heatmaps"),
)
RIDGES = (1e2, 1e3, 1e4)  # the best of them on the pictures that are scored


def on_cells(x: jax.Array) -> jax.Array:
    """A map of one picture as rows of features, one for each cell of the fields; finer maps by patches."""
    while x.shape[1] < CELLS:
        x = double(x)
    step = x.shape[1] // CELLS
    patches = x.reshape(CELLS, step, CELLS, step, -1).transpose(0, 2, 1, 3, 4)
    return patches.reshape(CELLS * CELLS, -1)


def movenet_maps() -> Callable[[np.ndarray], dict[str, jax.Array]]:
    params = jax.device_put(store.load(store.path_of("movenet-multipose"))[0])

    def maps(network: MoveNet, images: jax.Array) -> dict[str, jax.Array]:
        found = dict(zip(TRUNK, network.trunk.read(network.normalize(images), TRUNK), strict=True))
        joined = network.pyramid([found[name] for name in ("out", "block_9", "block_5", "block_2")])
        heatmaps = jax.nn.sigmoid(network.heads(joined[3]).heatmaps)
        return found | {"pyramid_8": joined[2], "pyramid_4": joined[3], "heatmaps": heatmaps}

    return jax.jit(lambda images: jax.tree.map(on_cells, MoveNet().apply({"params": params}, images, method=maps)))


def teacher_fields(file: Path) -> Callable[[np.ndarray], jax.Array]:
    params = jax.device_put(lightweight_params(read_graph(file)))

    def fields(images: jax.Array) -> jax.Array:
        last = LightweightOpenPose().apply({"params": params}, images)[-1]
        return jax.numpy.concatenate([on_cells(last.heatmaps[..., :18]), on_cells(last.pafs)], axis=-1)

    return jax.jit(fields)


def pictures(file: Path, count: int) -> list[np.ndarray]:
    """Pictures of a zip file, evenly chosen, each fitted into a square."""
    with zipfile.ZipFile(file) as archive:
        names = sorted(name for name in archive.namelist() if not name.endswith("/"))
        chosen = [archive.read(names[i]) for i in np.linspace(0, len(names) - 1, count).astype(int)]
    fitted = []
    for data in chosen:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        fitted.append(apply_fit(image, Fit(SIDE, SIDE, SIDE / max(image.shape[:2])))[None])
    return fitted


def explained(x: np.ndarray, y: np.ndarray, scored: np.ndarray) -> np.ndarray:
    """The share of each field's variance that a linear function of `x`, fitted to the other rows, explains."""
    x = np.concatenate([(x - x.mean(0)) / (x.std(0) + 1e-3), np.ones((len(x), 1), x.dtype)], axis=1)
    fitted, truth = x[~scored], y[scored]
    gram, mixed = (fitted.T @ fitted).astype(np.float64), (fitted.T @ y[~scored]).astype(np.float64)
    shares = []
    for ridge in RIDGES:
        found = x[scored] @ np.linalg.solve(gram + ridge * np.eye(len(gram)), mixed)
        shares.append(1 - ((found - truth) ** 2).sum(0) / ((truth - truth.mean(0)) ** 2).sum(0))
    return max(shares, key=np.mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=90)
    options = parser.parse_args()
    images = pictures(options.data / "coco" / "train.zip", options.pictures)
    maps = movenet_maps()
    found = [jax.device_get(maps(image)) for image in images]
    fields = teacher_fields(options.data / "teachers" / "human-pose-estimation-0001.xml")
    y = np.concatenate([np.asarray(fields(image)) for image in images])
    scored = np.repeat(np.arange(len(images)) % 3 == 0, CELLS * CELLS)
    for names in SETS:
        x = np.concatenate([np.concatenate([one[name] for name in names], axis=1) for one in found])
        shares = explained(x, y, scored)
        print(f"{', '.join(names):58s} heatmaps {shares[:18].mean():.3f}, fields {shares[18:].mean():.3f}", flush=True)


if __name__ == "__main__":
    main()
