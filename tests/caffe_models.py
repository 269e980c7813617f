"""The published OpenPose networks as Caffe has them, layer by layer, and a writer of `.caffemodel` files.

Written from the published layouts alone, not from the importer: `experiments/caffe_reference.py` runs these very layers
in OpenCV, and the tests compare. Weights are random, from a seed, so that nothing large needs to be kept.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

MAPS = {  # heatmaps with the background, maps of the affinity fields
    "body_25": (26, 52), "coco_18": (19, 38), "mpi_15": (16, 28), "mpi_15_4": (16, 28), "hand_21": (22, 0),
    "face_70": (71, 0),
}  # fmt: skip


class Node(NamedTuple):
    name: str
    kind: str  # Convolution, ReLU, PReLU, Pooling or Concat
    inputs: tuple[str, ...]
    channels: int
    size: int = 0


class Graph:
    """Collects a network's layers; an activation works in place, as Caffe's do."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.channels = {"image": 3}

    def conv(self, name: str, source: str, channels: int, size: int, activation: str = "ReLU") -> str:
        self.add(Node(name, "Convolution", (source,), channels, size))
        if activation:
            self.nodes.append(Node(name.replace("conv", activation.lower()), activation, (name,), channels))
        return name

    def add(self, node: Node) -> str:
        self.nodes.append(node)
        self.channels[node.name] = node.channels
        return node.name

    def pool(self, source: str) -> str:
        return self.add(Node(f"pool_{source}", "Pooling", (source,), self.channels[source]))

    def concat(self, name: str, *sources: str) -> str:
        return self.add(Node(name, "Concat", sources, sum(self.channels[source] for source in sources)))

    def vgg(self, last: str, last_activation: str = "ReLU") -> str:
        x = "image"
        for block, (channels, count) in enumerate([(64, 2), (128, 2), (256, 4), (512, 4), (512, 4)], 1):
            if 2 <= block <= 4:
                x = self.pool(x)
            for i in range(1, count + 1):
                name = f"conv{block}_{i}"
                x = self.conv(name, x, channels, 3, last_activation if name == last else "ReLU")
                if name == last:
                    return x
        raise ValueError(last)


def graph(release: str) -> list[Node]:
    """The layers of a published network; the last one, `net_output`, has the heatmaps first, then the PAFs."""
    return {"body_25": _body_25, "hand_21": _one_branch, "face_70": _one_branch}.get(release, _two_branches)(release)


def _body_25(release: str) -> list[Node]:
    g, maps = Graph(), dict(zip(("L1", "L2"), MAPS[release], strict=True))
    f = g.conv("conv4_3_CPM", g.vgg("conv4_2", "PReLU"), 256, 3, "PReLU")
    f = g.conv("conv4_4_CPM", f, 128, 3, "PReLU")

    def stage(end: str, x: str) -> str:
        width, hidden = (96, 256) if "stage0" in end else (128, 512)
        for block in range(1, 6):
            three = []
            for i in range(3):
                x = g.conv(f"Mconv{block}_{end}_{i}", x, width, 3, "PReLU")
                three.append(x)
            x = g.concat(f"Mconv{block}_{end}_concat", *three)
        x = g.conv(f"Mconv6_{end}", x, hidden, 1, "PReLU")
        return g.conv(f"Mconv7_{end}", x, maps[end[-2:]], 1, "")

    pafs = stage("stage0_L2", f)
    for i in (1, 2, 3):
        pafs = stage(f"stage{i}_L2", g.concat(f"concat_stage{i}_L2", f, pafs))
    heatmaps = stage("stage0_L1", g.concat("concat_stage0_L1", f, pafs))
    heatmaps = stage("stage1_L1", g.concat("concat_stage1_L1", f, heatmaps, pafs))
    g.concat("net_output", heatmaps, pafs)
    return g.nodes


def _two_branches(release: str) -> list[Node]:
    g, (heatmaps, pafs) = Graph(), MAPS[release]
    f = g.conv("conv4_4_CPM", g.conv("conv4_3_CPM", g.vgg("conv4_2"), 256, 3), 128, 3)
    latest = {}
    for branch, maps in (("L1", pafs), ("L2", heatmaps)):
        x = f
        for i in (1, 2, 3):
            x = g.conv(f"conv5_{i}_CPM_{branch}", x, 128, 3)
        latest[branch] = g.conv(f"conv5_5_CPM_{branch}", g.conv(f"conv5_4_CPM_{branch}", x, 512, 1), maps, 1, "")
    for stage in range(2, 5 if release == "mpi_15_4" else 7):
        start = g.concat(f"concat_stage{stage}", latest["L1"], latest["L2"], f)
        for branch, maps in (("L1", pafs), ("L2", heatmaps)):
            x = start
            for i in range(1, 6):
                x = g.conv(f"Mconv{i}_stage{stage}_{branch}", x, 128, 7)
            x = g.conv(f"Mconv6_stage{stage}_{branch}", x, 128, 1)
            latest[branch] = g.conv(f"Mconv7_stage{stage}_{branch}", x, maps, 1, "")
    g.concat("net_output", latest["L2"], latest["L1"])
    return g.nodes


def _one_branch(release: str) -> list[Node]:
    g, (maps, _) = Graph(), MAPS[release]
    f = g.conv("conv5_3_CPM", g.vgg("conv5_2"), 128, 3)
    latest = g.conv("conv6_2_CPM", g.conv("conv6_1_CPM", f, 512, 1), maps, 1, "")
    for stage in range(2, 7):
        x = g.concat(f"concat_stage{stage}", latest, f)
        for i in range(1, 6):
            x = g.conv(f"Mconv{i}_stage{stage}", x, 128, 7)
        latest = g.conv(f"Mconv7_stage{stage}", g.conv(f"Mconv6_stage{stage}", x, 128, 1), maps, 1, "")
    g.concat("net_output", latest)
    return g.nodes


def shapes(nodes: Iterable[Node]) -> dict[str, tuple[tuple[int, ...], ...]]:
    """The shapes of each layer's arrays, for the layers that have any: OIHW and bias, or slopes."""
    channels, found = {"image": 3}, {}
    for node in nodes:
        if node.kind == "Convolution":
            found[node.name] = ((node.channels, channels[node.inputs[0]], node.size, node.size), (node.channels,))
        elif node.kind == "PReLU":
            found[node.name] = ((node.channels,),)
        channels[node.name] = node.channels
    return found


Weights = Mapping[str, tuple[np.ndarray, ...]]


def random_weights(nodes: Iterable[Node], seed: int = 5) -> Weights:
    """Weights that keep a signal's strength from layer to layer, the same wherever they are made."""
    random, weights = np.random.default_rng(seed), {}
    for name, (first, *rest) in shapes(nodes).items():
        if not rest:
            weights[name] = (random.uniform(0, 0.5, first).astype(np.float32),)
            continue
        kernel = random.standard_normal(first, np.float32) * np.float32(np.sqrt(2 / np.prod(first[1:])))
        weights[name] = (kernel, random.standard_normal(first[:1], np.float32) / 10)
    return weights


def checksum(weights: Weights) -> str:
    digest = hashlib.sha256()
    for blobs in weights.values():
        for blob in blobs:
            digest.update(blob.tobytes())
    return digest.hexdigest()


# -- the file --------------------------------------------------------------------------------------------------------


def varint(number: int) -> bytes:
    done = bytearray()
    while number > 0x7F:
        done.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*done, number])


def field(number: int, content: bytes | int) -> bytes:
    """A protobuf field: a message, text or packed numbers, or one integer."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(values: np.ndarray, *, legacy: bool = False, packed: bool = True, double: bool = False) -> bytes:
    if legacy:
        sides = (1, 1, 1, 1, *values.shape)[-4:]
        shape = b"".join(field(i, side) for i, side in enumerate(sides, 1))
    elif packed:
        shape = field(7, field(1, b"".join(map(varint, values.shape))))
    else:
        shape = field(7, b"".join(field(1, side) for side in values.shape))
    number, kind, way = (8, "<f8", 1) if double else (5, "<f4", 5)
    stored = values.astype(kind).tobytes()
    if packed:
        return shape + field(number, stored)
    size = np.dtype(kind).itemsize
    key = varint(number << 3 | way)
    return shape + b"".join(key + stored[i : i + size] for i in range(0, len(stored), size))


def caffemodel(weights: Weights, *, name: str = "", v1: bool = False, **form: bool) -> bytes:
    """A model file; `form` as for `blob`. Layers without weights stand between the others, as in real files."""
    parts = [field(1, name.encode())] if name else []
    for layer, blobs in weights.items():
        # Layers of before 2015 have an integer as type, those of today a text; both have unused fields around.
        kind = field(5, 4) if v1 else field(2, b"Convolution")
        about = field(2 if v1 else 3, b"below") + kind + field(4 if v1 else 1, layer.encode())
        about += varint((7 if v1 else 5) << 3 | 5) + struct.pack("<f", 1.0)
        body = about + b"".join(field(6 if v1 else 7, blob(values, **form)) for values in blobs)
        parts += [field(2 if v1 else 100, body), field(2 if v1 else 100, field(4 if v1 else 1, b"relu"))]
    return b"".join(parts)
