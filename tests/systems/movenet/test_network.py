"""The packaged MoveNet against onnxruntime running the published graph, and the module's own promises."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxpose.systems.movenet.config import MoveNetConfig
from jaxpose.systems.movenet.network import INPUT_STRIDE, STRIDE, Maps, MoveNet
from jaxpose.weights import store

REFERENCE = Path(__file__).parent / "reference.npz"  # written by experiments/movenet_reference.py
SIZES = {"centres": 1, "box_sizes": 2, "box_offsets": 2, "heatmaps": 17, "displacements": 34, "offsets": 34}


@pytest.fixture(scope="module")
def params() -> store.Params:
    return store.load(store.path_of("movenet-multipose"))[0]


@pytest.mark.parametrize("picture", [0, 1])
@pytest.mark.parametrize("form", ["auto", "native"])
def test_every_map_agrees_with_onnxruntime(params: store.Params, picture: int, form: str) -> None:
    reference = np.load(REFERENCE)
    found = jax.jit(MoveNet(form=form).apply)({"params": params}, reference[f"image_{picture}"][None])
    for name, field in found._asdict().items():
        expected = reference[f"{name}_{picture}"]
        if name not in ("centres", "heatmaps"):  # published as (y, x)
            expected = expected.reshape(*expected.shape[:2], -1, 2)[..., ::-1].reshape(expected.shape)
        np.testing.assert_allclose(field[0], expected, rtol=0, atol=1e-3, err_msg=name)
    assert reference[f"centres_{picture}"].max() > 0 > reference[f"centres_{picture}"].mean()  # people and background


def test_any_batch_and_size(params: store.Params) -> None:
    network = MoveNet()
    images = np.random.default_rng(0).integers(0, 256, (3, 96, 64, 3), np.uint8)
    apply = jax.jit(lambda images: network.apply({"params": params}, images))
    maps = apply(images)
    assert {name: field.shape for name, field in maps._asdict().items()} == {
        name: (3, 96 // STRIDE, 64 // STRIDE, channels) for name, channels in SIZES.items()
    }
    for field, alone in zip(maps, apply(images[1:2]), strict=True):
        np.testing.assert_allclose(field[1], alone[0], rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="multiples of 32, got 64x72"):
        network.apply({"params": params}, images[:, :72])
    assert INPUT_STRIDE == 32


def test_maps_of_another_skeleton_have_its_joints() -> None:
    picture = jax.ShapeDtypeStruct((1, 32, 32, 3), np.uint8)
    network = MoveNet(MoveNetConfig(skeleton="coco_18"))
    maps, _ = jax.eval_shape(network.init_with_output, jax.random.key(0), picture)
    assert isinstance(maps, Maps)
    assert [field.shape[-1] for field in maps] == [1, 2, 2, 18, 36, 36]


@pytest.mark.parametrize("platforms", [["cpu"], ["cuda"], ["rocm"], ["tpu"], ["cpu", "cuda"]])
def test_lowers_for_every_platform(platforms: list[str]) -> None:
    network = MoveNet()
    shape = jax.ShapeDtypeStruct((2, 128, 96, 3), np.uint8)
    variables = jax.eval_shape(network.init, jax.random.key(0), shape)
    text = jax.export.export(jax.jit(network.apply), platforms=platforms)(variables, shape).mlir_module()
    grouped = re.search(r"feature_group_count = ([2-9]|\d\d)", text) is not None
    assert ("stablehlo.while" in text) == ("cpu" in platforms)  # in strips of rows, on a CPU only
    assert grouped == (platforms != ["cpu"])  # depthwise convolutions as such, elsewhere only
