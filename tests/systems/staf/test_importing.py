"""The published network from a `.caffemodel` against its layers run one by one; and what is refused."""

from pathlib import Path

import caffe_models
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from caffe_models import Node

from jaxpose.errors import WeightsError
from jaxpose.systems.staf.config import MODEL_III
from jaxpose.systems.staf.fields import StafFields
from jaxpose.systems.staf.importing import looks_published, published_params
from jaxpose.systems.staf.network import StafNetwork
from jaxpose.weights.caffe import CaffeModel, Layer, read_caffe_model
from jaxpose.weights.store import check


def published() -> list[Node]:
    """BODY_21A's layers as they were published; each reads the output of the one before, or those that it names."""
    g = caffe_models.Graph()
    for name, channels in (("last_paf", 144), ("last_hm", 22), ("last_fm", 128)):
        g.add(Node(name, "Input", (), channels))
    f = g.conv("conv4_4_CPM", g.conv("conv4_3_CPM", g.vgg("conv4_2"), 256, 3), 128, 3)

    def conv(name: str, prelu: str, source: str, channels: int, size: int) -> str:
        g.add(Node(name, "Convolution", (source,), channels, size))
        if prelu:
            g.nodes.append(Node(prelu, "PReLU", (name,), channels))
        return name

    def stage(end: str, x: str, width: int, out: int) -> str:
        for block in range(1, 6):
            three = []
            for i in range(3):
                x = conv(f"Mconv{block}_{end}_{i}", f"Mrelu{block}_{end}_{i}", x, width, 3)
                three.append(x)
            x = g.concat(f"Mconcat{block}_{end}", *three)
        return conv(f"Mconv7_{end}", "", conv(f"Mconv6_{end}", f"Mrelu6_{end}", x, 512, 1), out, 1)

    before = conv("Prevconv1_stage3_L0_cont2", "Prevrelu1_3_CPM_L1", "last_fm", 64, 1)
    both = stage("stage3_L2_cont2", g.concat("concat_stage1", f, before, "last_paf"), 160, 144)
    stage("stage4_L1_cont2", g.concat("concat_stage4", f, both, "last_hm"), 128, 22)
    return g.nodes


def run(nodes: list[Node], weights: caffe_models.Weights, inputs: dict[str, np.ndarray]) -> dict[str, jax.Array]:
    """Caffe's layers on maps `[b, c, h, w]`, straight from its definitions; all outputs by name."""
    maps = {name: jnp.asarray(values) for name, values in inputs.items()}
    for node in nodes:
        if node.kind == "Convolution":
            kernel, bias = weights[node.name]
            pad = [(node.size // 2,) * 2] * 2
            x = jax.lax.conv_general_dilated(maps[node.inputs[0]], kernel, (1, 1), pad)
            maps[node.name] = x + bias[:, None, None]
        elif node.kind in ("ReLU", "PReLU"):
            x = maps[node.inputs[0]]
            slope = weights[node.name][0][:, None, None] if node.kind == "PReLU" else 0
            maps[node.inputs[0]] = jnp.where(x < 0, slope * x, x)
        elif node.kind == "Concat":
            maps[node.name] = jnp.concatenate([maps[name] for name in node.inputs], axis=1)
        elif node.kind == "Pooling":
            x = maps[node.inputs[0]]
            maps[node.name] = x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2).max((3, 5))
    return maps


def test_two_frames_as_caffe_s_layers_give_them(tmp_path: Path) -> None:
    nodes = published()
    weights = caffe_models.random_weights(nodes)
    assert sum(blob.size for blobs in weights.values() for blob in blobs) == 17_022_374
    path = tmp_path / "pose_iter_264000.caffemodel"
    path.write_bytes(caffe_models.caffemodel(weights))
    model = read_caffe_model(path)
    assert looks_published(model)
    params = published_params(model)
    network = StafNetwork(MODEL_III)
    check(params, jax.eval_shape(network.init, jax.random.key(0), np.zeros((1, 16, 16, 3), np.uint8))["params"], "x")

    random = np.random.default_rng(0)
    image = random.integers(0, 256, (1, 16, 24, 3), np.uint8)
    paf, hm, fm = (random.normal(0, 0.3, (1, c, 2, 3)).astype(np.float32) for c in (144, 22, 128))
    bgr = image[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 256 - 0.5
    inputs = {"image": bgr, "last_paf": paf, "last_hm": hm, "last_fm": fm}
    expected = jax.jit(lambda inputs: run(nodes, weights, inputs))(inputs)

    last = StafFields(*(x.transpose(0, 2, 3, 1) for x in (hm, paf[:, :48], paf[:, 48:])))
    features = jax.jit(lambda *x: network.apply({"params": params}, *x, method="encode"))(image)
    predict = jax.jit(lambda *x: network.apply({"params": params}, *x, method="predict")[-1])
    found = predict(features, fm.transpose(0, 2, 3, 1), last)
    both = expected["Mconv7_stage3_L2_cont2"]
    wanted = (expected["Mconv7_stage4_L1_cont2"], both[:, :48], both[:, 48:])
    for ours, theirs in zip((features, *found), (expected["conv4_4_CPM"], *wanted), strict=True):
        assert theirs.std() > 0.05
        np.testing.assert_allclose(ours, theirs.transpose(0, 2, 3, 1), rtol=0, atol=2e-4 * float(np.abs(theirs).max()))


def changed(**layers: tuple[int, ...] | None) -> CaffeModel:
    """A model of zeros, with the first array of some layers in another shape, without them, or with more."""
    found = {n: tuple(np.zeros(s, np.float32) for s in sides) for n, sides in caffe_models.shapes(published()).items()}
    for name, shape in layers.items():
        if shape is None:
            del found[name]
        else:
            found[name] = (np.zeros(shape, np.float32), *found.get(name, ())[1:])
    return CaffeModel("pose_iter", tuple(Layer(*item) for item in found.items()), "")


@pytest.mark.parametrize(
    ("layers", "match"),
    [
        ({"conv3_2": None}, "pose_iter is not body_21a: it has no layer conv3_2"),
        ({"Mrelu6_stage4_L1_cont2": None}, "it has no layer Mrelu6_stage4_L1_cont2"),
        ({"conv6": (1, 1, 1, 1)}, "pose_iter has layers that body_21a lacks: conv6$"),
        ({"Prevrelu1_3_CPM_L1": (1,)}, "layer Prevrelu1_3_CPM_L1: expected 64, found 1"),
    ],
)
def test_another_network_is_refused(layers: dict[str, tuple[int, ...] | None], match: str) -> None:
    with pytest.raises(WeightsError, match=match):
        published_params(changed(**layers))


def test_openpose_s_own_networks_are_not_taken_for_it() -> None:
    assert looks_published(changed())
    shapes = caffe_models.shapes(caffe_models.graph("body_25"))
    layers = (Layer(name, tuple(np.zeros(s, np.float32) for s in sides)) for name, sides in shapes.items())
    assert not looks_published(CaffeModel("pose_iter", tuple(layers), ""))
    assert not looks_published(changed(Mconv7_stage3_L2_cont2=(52, 512, 1, 1)))
