"""The published networks from `.caffemodel` files against OpenCV running the same weights; and what is refused."""

from pathlib import Path

import caffe_models
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.errors import WeightsError
from jaxpose.systems.openpose.config import BODY_25, COCO_18, MPI_15_4, PUBLISHED
from jaxpose.systems.openpose.importing_caffe import looks_published, published_params
from jaxpose.systems.openpose.network import MultiStageNetwork
from jaxpose.weights.caffe import CaffeModel, Layer, read_caffe_model
from jaxpose.weights.store import check

MAPS = Path(__file__).parent / "caffe_maps.npz"  # written by experiments/caffe_reference.py


def empty(release: str) -> CaffeModel:
    """A model of zeros, which take no memory."""
    shapes = caffe_models.shapes(caffe_models.graph(release))
    layers = (Layer(name, tuple(np.zeros(s, np.float32) for s in sides)) for name, sides in shapes.items())
    return CaffeModel("pose_iter", tuple(layers), "")


def changed(model: CaffeModel, **layers: tuple[int, ...] | None) -> CaffeModel:
    """The model with the first array of some layers in another shape, or without them; unknown layers are added."""
    found = {layer.name: layer.blobs for layer in model.layers}
    for name, shape in layers.items():
        if shape is None:
            del found[name]
        else:
            found[name] = (np.zeros(shape, np.float32), *found.get(name, ())[1:])
    return CaffeModel(model.name, tuple(Layer(*item) for item in found.items()), "")


@pytest.mark.parametrize("release", PUBLISHED)
def test_maps_agree_with_opencv(tmp_path: Path, release: str) -> None:
    maps, config = np.load(MAPS), PUBLISHED[release]
    weights = caffe_models.random_weights(caffe_models.graph(release))
    assert caffe_models.checksum(weights) == str(maps[f"{release}_weights"]), "the seed gives other weights here"
    path = tmp_path / "pose.caffemodel"
    path.write_bytes(caffe_models.caffemodel(weights))
    model = read_caffe_model(path)
    assert [name for name, other in PUBLISHED.items() if looks_published(model, other)] == [release]
    params = published_params(model, config)
    images = maps["image"][None]
    check(params, jax.eval_shape(MultiStageNetwork(config).init, jax.random.key(0), images)["params"], release)
    forward = jax.jit(lambda params, images: MultiStageNetwork(config).apply({"params": params}, images)[-1])
    found = forward(params, images)
    wanted = maps[release]
    assert wanted.std() > 0.3
    np.testing.assert_allclose(jnp.concatenate(found, axis=-1)[0], wanted, rtol=0, atol=2e-4)


def test_four_stages_from_the_file_of_six() -> None:
    model = empty("mpi_15")
    params = published_params(model, MPI_15_4)
    assert {name for name in params if name.startswith("pafs")} == {f"pafs_{i}" for i in range(4)}
    with pytest.raises(WeightsError, match=r"pose_iter has layers that mpi_15 lacks: Mconv1_stage7_L1$"):
        published_params(changed(model, Mconv1_stage7_L1=(1, 1, 1, 1)), MPI_15_4)


def test_the_old_form_of_shapes() -> None:
    layers = tuple(
        Layer(layer.name, tuple(blob.reshape((1, 1, 1, *blob.shape)[-4:]) for blob in layer.blobs))
        for layer in empty("body_25").layers
    )
    params = published_params(CaffeModel("old", layers, ""), BODY_25)
    assert params["trunk"]["conv4_2"]["activation"]["slope"].shape == params["trunk"]["conv4_2"]["bias"].shape == (512,)


@pytest.mark.parametrize(
    ("layers", "match"),
    [
        ({"conv3_2": None}, "pose_iter is not body_25: it has no layer conv3_2"),
        ({"Mprelu6_stage0_L1": None}, "it has no layer Mprelu6_stage0_L1"),
        ({"conv6": (1, 1, 1, 1)}, "pose_iter has layers that body_25 lacks: conv6$"),
        ({"conv1_1": (64, 3, 5, 5)}, "layer conv1_1: expected 64x3x3x3 and 64, found 64x3x5x5 and 64"),
        ({"conv1_1": (3, 64, 3, 3)}, "layer conv1_1: expected 64x3x3x3 and 64, found 3x64x3x3 and 64"),
        ({"Mconv1_stage1_L1_0": (128, 180, 3, 3)}, "Mconv1_stage1_L1_0: expected 128x206x3x3 and 128, found 128x180"),
        ({"prelu4_2": (1,)}, "layer prelu4_2: expected 512, found 1"),
    ],
)
def test_another_network_is_refused(layers: dict[str, tuple[int, ...] | None], match: str) -> None:
    with pytest.raises(WeightsError, match=match):
        published_params(changed(empty("body_25"), **layers), BODY_25)


def test_many_layers_too_many_are_not_all_listed() -> None:
    with pytest.raises(WeightsError, match=r"that body_25 lacks: x0, x1, x2 and 5 more$"):
        published_params(changed(empty("body_25"), **{f"x{i}": (1,) for i in range(8)}), BODY_25)


def test_a_layer_without_bias_is_refused() -> None:
    model = empty("body_25")
    bare = Layer("conv1_1", model.layers[0].blobs[:1])
    with pytest.raises(WeightsError, match=r"layer conv1_1: expected 64x3x3x3 and 64, found 64x3x3x3$"):
        published_params(CaffeModel("x", (bare, *model.layers[1:]), ""), BODY_25)


def test_networks_with_the_same_names_are_told_apart() -> None:
    with pytest.raises(WeightsError, match="conv5_5_CPM_L1: expected 38x512x1x1 and 38, found 28x512x1x1 and 28"):
        published_params(empty("mpi_15"), COCO_18)
    assert not looks_published(changed(empty("coco_18"), Mconv7_stage6_L2=None), COCO_18)
