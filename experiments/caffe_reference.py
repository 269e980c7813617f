"""Runs the published OpenPose networks with random weights in OpenCV, as the independent truth for the networks here.

    PYTHONPATH=tests python experiments/caffe_reference.py

Needs an environment with opencv-python 4 (5 reads no Caffe models) and numpy. The layers, and the `.caffemodel` bytes
that OpenCV reads, are those of `tests/caffe_models.py`; the weights come from a seed. Writes
`tests/systems/openpose/caffe_maps.npz`: a random picture, each network's maps of it, and a checksum of its weights.
"""

import argparse
from pathlib import Path

import caffe_models
import cv2
import numpy as np

SUITE = Path(__file__).parents[1] / "tests" / "systems" / "openpose" / "caffe_maps.npz"
PARAMETERS = {"ReLU": "", "PReLU": "", "Pooling": "pooling_param { pool: MAX kernel_size: 2 stride: 2 }"}


def prototxt(nodes: list[caffe_models.Node]) -> str:
    """The layers as Caffe's text."""
    text = ['input: "image" input_dim: 1 input_dim: 3 input_dim: 1 input_dim: 1']
    for node in nodes:
        if node.kind == "Convolution":
            pad = node.size // 2
            parameters = f"convolution_param {{ num_output: {node.channels} pad: {pad} kernel_size: {node.size} }}"
        else:
            parameters = PARAMETERS.get(node.kind, "concat_param { axis: 1 }")
        bottoms = " ".join(f'bottom: "{source}"' for source in node.inputs)
        top = node.inputs[0] if node.kind in ("ReLU", "PReLU") else node.name
        text.append(f'layer {{ name: "{node.name}" type: "{node.kind}" {bottoms} top: "{top}" {parameters} }}')
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=SUITE)
    parser.add_argument("--prototxt", type=Path, help="a folder of RELEASE.prototxt files to use instead")
    options = parser.parse_args()
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)  # RGB
    kept: dict[str, np.ndarray] = {"image": image}
    for release in caffe_models.MAPS:
        nodes = caffe_models.graph(release)
        weights = caffe_models.random_weights(nodes)
        text = prototxt(nodes)
        if options.prototxt:
            text = (options.prototxt / f"{release}.prototxt").read_text()
        model = np.frombuffer(caffe_models.caffemodel(weights), np.uint8)
        net = cv2.dnn.readNetFromCaffe(np.frombuffer(text.encode(), np.uint8), model)
        net.enableWinograd(False)
        net.setInput(image[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 256 - 0.5)
        maps = net.forward()[0].transpose(1, 2, 0)
        kept |= {release: maps, f"{release}_weights": np.array(caffe_models.checksum(weights))}
        print(release, maps.shape, f"{maps.std():.3f}", sum(blob.size for blobs in weights.values() for blob in blobs))
    np.savez_compressed(options.out, **kept)
    print(f"wrote {options.out}: {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
