"""The importer on a graph model synthesized from the network's own shapes, and on ones where something is wrong."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.errors import WeightsError
from jaxpose.systems.movenet.importing import MULTIPOSE, THUNDER, Published, looks_published, published_params
from jaxpose.systems.movenet.network import MoveNet
from jaxpose.systems.movenet.thunder import Thunder
from jaxpose.weights.store import Params
from jaxpose.weights.tfjs import GraphModel, Node

ROOT = "StatefulPartitionedCall/"
EXTRACTOR = ROOT + "center_net_mobile_net_v2fpn_feature_extractor/model_1/"
STEM = EXTRACTOR + "model/Conv1_relu/Relu6"
HEADS = {"center": 1, "box_scale": 2, "box_offset": 2, "kpt_heatmap": 17, "kpt_regress": 34, "kpt_offset": 34}
OF_ONE = ("center", "kpt_heatmap", "kpt_regress", "kpt_offset")
MULTIPOSE_OUTS = (24, 40, 40, 48, 48, 48, 96, 96, 96, 96, 144, 144, 144, 240, 240, 240, 480)
THUNDER_OUTS = (32, 40, 40, 56, 56, 56, 112, 112, 112, 112, 168, 168, 168, 280, 280, 280, 560)


class Writer:
    """Builds a graph model, a layer at a time; the published names are spelled out here once more."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.nodes: list[Node] = []
        self.arrays = {
            ROOT + "Reshape": np.zeros((1, 1, 1, 3), np.float32),
            ROOT + "truediv": np.full((1, 1, 1, 3), 1 / 128, np.float32),
            ROOT + "sub_1/y": np.float32(1),
            ROOT + "stack/number": np.int32(6),
            ROOT + "mul_6/y": np.float32(0.3),
        }

    def layer(self, name: str, *shape: int, fused: tuple[str, ...] = ("BiasAdd",), stride: int = 1) -> None:
        depthwise = shape[-1] == 1 and shape[0] == 3
        op = {
            (False, True): "_FusedConv2D", (True, True): "FusedDepthwiseConv2dNative",
            (True, False): "DepthwiseConv2dNative",
        }[depthwise, bool(fused)]  # fmt: skip
        inputs = ["before", f"{name}/kernel"]
        self.arrays[inputs[-1]] = self.rng.normal(size=shape).astype(np.float32)
        if fused:
            inputs.append(f"{name}/bias")
            self.arrays[inputs[-1]] = self.rng.normal(size=shape[2] if depthwise else shape[3]).astype(np.float32)
        attributes = {"strides": (1, stride, stride, 1), "dilations": (1, 1, 1, 1), "padding": "SAME"}
        self.nodes.append(Node(name, op, tuple(inputs), attributes | ({"fused_ops": fused} if fused else {})))

    def model(self) -> GraphModel:
        return GraphModel("synthetic", tuple(self.nodes), self.arrays, "none")


def written(stem: int, outs: tuple[int, ...], heads: dict[str, int]) -> GraphModel:
    """A graph model of such channels."""
    writer = Writer()
    relu6, relu = ("BiasAdd", "Relu6"), ("BiasAdd", "Relu")
    writer.layer(STEM, 3, 3, 3, stem, fused=relu6, stride=2)
    into = stem
    for i, out in enumerate(outs):
        name = EXTRACTOR + ("model/expanded_conv_" if i == 0 else f"model/block_{i}_")
        wide = stem if i == 0 else 6 * into
        if i:
            writer.layer(f"{name}expand_relu/Relu6", 1, 1, into, wide, fused=relu6)
        writer.layer(f"{name}depthwise/depthwise", 3, 3, wide, 1, fused=relu6, stride=2 if i in (1, 3, 6, 13) else 1)
        writer.layer(f"{name}project_BN/FusedBatchNormV3", 1, 1, wide, out)
        into = out
    writer.layer(EXTRACTOR + "model/out_relu/Relu6", 1, 1, into, 1280, fused=relu6)
    laterals = (("", 1280, 64), ("_1", outs[9], 64), ("_2", outs[5], 32), ("_3", outs[2], 24))
    for suffix, channels, lateral in laterals:
        writer.layer(f"{EXTRACTOR}conv2d{suffix}/BiasAdd", 1, 1, channels, lateral)
    for suffix, channels, joined in (("", 64, 32), ("_1", 32, 24), ("_2", 24, 24)):
        writer.layer(f"{EXTRACTOR}separable_conv2d{suffix}/separable_conv2d/depthwise", 3, 3, channels, 1, fused=())
        writer.layer(f"{EXTRACTOR}re_lu{suffix}/Relu", 1, 1, channels, joined, fused=relu)
    for i, (head, channels) in enumerate(heads.items(), 3):
        name = f"{ROOT}{head}_0/"
        writer.layer(f"{name}separable_conv2d_{i}/separable_conv2d/depthwise", 3, 3, 24, 1, fused=())
        writer.layer(f"{name}re_lu_{i}/Relu", 1, 1, 24, 96, fused=relu)
        writer.layer(f"{name}conv2d_{i + 1}/BiasAdd", 1, 1, 96, channels)
    return writer.model()


@pytest.fixture(scope="module")
def model() -> GraphModel:
    return written(48, MULTIPOSE_OUTS, HEADS)


@pytest.fixture(scope="module")
def thunder() -> GraphModel:
    return written(56, THUNDER_OUTS, {head: HEADS[head] for head in OF_ONE})


def multipose_params(model: GraphModel) -> Params:
    return published_params(model, MULTIPOSE)


def with_node(model: GraphModel, name: str, node: Node | None) -> GraphModel:
    """The model with one node replaced, or without it."""
    nodes = [node if old.name == name else old for old in model.nodes]
    return dataclasses.replace(model, nodes=tuple(n for n in nodes if n is not None))


@pytest.mark.parametrize(
    ("of", "published", "network"), [("model", MULTIPOSE, MoveNet()), ("thunder", THUNDER, Thunder())]
)
def test_parameters_are_those_of_the_module(
    of: str, published: Published, network: MoveNet, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(of)
    assert [one for one in (MULTIPOSE, THUNDER) if looks_published(model, one)] == [published]
    expected = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3), jnp.uint8))["params"]
    params = published_params(model, published)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), params) == jax.tree.map(lambda x: (x.shape, x.dtype), expected)


def test_values_are_where_they_belong(model: GraphModel) -> None:
    params = multipose_params(model)
    np.testing.assert_array_equal(params["normalize"]["scale"], np.full(3, 1 / 128))
    np.testing.assert_array_equal(params["normalize"]["offset"], -np.ones(3))
    block = EXTRACTOR + "model/block_7_"
    found = params["trunk"]["block_7"]
    kernel = model.arrays[f"{block}depthwise/depthwise/kernel"]
    np.testing.assert_array_equal(found["depthwise"]["kernel"], kernel[..., 0])
    np.testing.assert_array_equal(found["project"]["bias"], model.arrays[f"{block}project_BN/FusedBatchNormV3/bias"])


def test_y_and_x_are_turned_around(model: GraphModel) -> None:
    params = multipose_params(model)
    for i, head in enumerate(("box_sizes", "box_offsets", "heatmaps", "displacements", "offsets"), 1):
        name = f"{ROOT}{list(HEADS)[i]}_0/conv2d_{i + 4}/BiasAdd"
        for part in ("kernel", "bias"):
            theirs, ours = model.arrays[f"{name}/{part}"], params[head]["out"][part]
            if head == "heatmaps":
                np.testing.assert_array_equal(ours, theirs)
            else:
                np.testing.assert_array_equal(ours[..., 0::2], theirs[..., 1::2])
                np.testing.assert_array_equal(ours[..., 1::2], theirs[..., 0::2])


def test_a_mean_is_taken_into_the_offset(model: GraphModel) -> None:
    mean = np.array([[[[64, 32, 0]]]], np.float32)
    other = dataclasses.replace(model, arrays={**model.arrays, ROOT + "Reshape": mean})
    np.testing.assert_array_equal(multipose_params(other)["normalize"]["offset"], [-1.5, -1.25, -1])


def test_a_missing_layer_is_refused(model: GraphModel) -> None:
    with pytest.raises(WeightsError, match=f"is not MoveNet MultiPose: it has no layer {STEM}"):
        multipose_params(with_node(model, STEM, None))
    name = f"{ROOT}kpt_offset_0/conv2d_9/BiasAdd"
    without = with_node(model, name, None)
    assert not looks_published(without, MULTIPOSE)
    with pytest.raises(WeightsError, match=f"it has no layer {name}"):
        multipose_params(without)
    with pytest.raises(WeightsError, match="it has no layer"):
        multipose_params(GraphModel("empty", (), model.arrays, "none"))


def test_one_is_not_taken_for_the_other(model: GraphModel, thunder: GraphModel) -> None:
    with pytest.raises(WeightsError, match=r"is not MoveNet MultiPose: it has no layer .*box_scale"):
        published_params(written(48, MULTIPOSE_OUTS, {head: HEADS[head] for head in OF_ONE}), MULTIPOSE)
    with pytest.raises(WeightsError, match=r"expected dense 3x3x3x56 .* found dense 3x3x3x48"):
        published_params(model, THUNDER)
    with pytest.raises(WeightsError, match=r"expected dense 3x3x3x48 .* found dense 3x3x3x56"):
        published_params(thunder, MULTIPOSE)


def test_missing_weights_are_refused(model: GraphModel) -> None:
    arrays = {name: array for name, array in model.arrays.items() if name != f"{STEM}/bias"}
    with pytest.raises(WeightsError, match=f"layer {STEM}: the weights {STEM}/bias are missing"):
        multipose_params(dataclasses.replace(model, arrays=arrays))
    arrays = {name: array for name, array in model.arrays.items() if name != ROOT + "truediv"}
    with pytest.raises(WeightsError, match="has no 1 or 3 values StatefulPartitionedCall/truediv"):
        multipose_params(dataclasses.replace(model, arrays=arrays))


def test_left_over_weights_are_refused(model: GraphModel) -> None:
    arrays = {**model.arrays, "extra/kernel": np.zeros((1, 1, 4, 4), np.float32)}
    with pytest.raises(WeightsError, match="has weights that MoveNet MultiPose lacks: extra/kernel"):
        multipose_params(dataclasses.replace(model, arrays=arrays))


@pytest.mark.parametrize("part", ["kernel", "bias"])
def test_misshapen_weights_are_refused(model: GraphModel, part: str) -> None:
    arrays = {**model.arrays, f"{STEM}/{part}": model.arrays[f"{STEM}/{part}"][..., :-1]}
    with pytest.raises(WeightsError, match=f"layer {STEM}: expected dense 3x3x3x48 .* bias 48 .*, found .*[x ]47 "):
        multipose_params(dataclasses.replace(model, arrays=arrays))
    arrays[f"{STEM}/{part}"] = np.float32(3)
    with pytest.raises(WeightsError, match=f"layer {STEM}: expected dense .*, found dense"):
        multipose_params(dataclasses.replace(model, arrays=arrays))


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"strides": (1, 1, 1, 1)}, "stride 1x1"),
        ({"strides": 2}, "stride 2"),
        ({"dilations": (1, 2, 2, 1)}, "dilation 2x2"),
        ({"padding": "VALID"}, "VALID"),
        ({"fused_ops": ("BiasAdd", "Relu")}, r"BiasAdd\+Relu"),
    ],
)
def test_another_form_of_a_layer_is_refused(model: GraphModel, attributes: dict, found: str) -> None:
    node = next(node for node in model.nodes if node.name == STEM)
    other = dataclasses.replace(node, attributes={**node.attributes, **attributes})
    with pytest.raises(WeightsError, match=f"expected dense 3x3x3x48 stride 2x2 dilation 1x1 SAME .* found .*{found}"):
        multipose_params(with_node(model, STEM, other))
