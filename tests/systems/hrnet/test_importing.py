"""Published HRNets as models: what a file tells of its network, what is refused, and what training can start from."""

import warnings

import hrnet_layers
import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxpose import models
from jaxpose.errors import JaxposeWarning, WeightsError
from jaxpose.nets.normalization import STATS
from jaxpose.skeletons import COCO_17
from jaxpose.systems.hrnet.config import HrnetConfig
from jaxpose.systems.hrnet.importing import backbone_params, published_config, published_params
from jaxpose.weights.pytorch import Checkpoint

WIDTH = 2


def checkpoint(name: str = "pose_hrnet_w2_64x32", joints: int = 17, **changes: np.ndarray) -> Checkpoint:
    renamed = {key.replace("__", "."): value for key, value in changes.items()}
    return Checkpoint(name, hrnet_layers.tensors(WIDTH, joints) | renamed, "")


def backbone(name: str = "timm") -> Checkpoint:
    return Checkpoint(name, hrnet_layers.tensors(WIDTH, classes=True), "")


@pytest.mark.parametrize(
    ("name", "joints", "skeleton", "crop"),
    [
        ("pose_hrnet_w32_256x192", 17, "coco_17", (256, 192)),
        ("pose_hrnet_w48_384x288-4c", 17, "coco_17", (384, 288)),
        ("pose_hrnet_w32_256x256", 16, "mpii_16", (256, 256)),
    ],
)
def test_a_file_tells_its_network(name: str, joints: int, skeleton: str, crop: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert published_config(checkpoint(name, joints)) == HrnetConfig(skeleton, WIDTH, crop, first_cell=0, fill=0)


def test_crops_that_no_name_tells_are_told() -> None:
    with pytest.warns(JaxposeWarning, match=r"final_state does not say how large its crops are: 256x192 pixels"):
        assert published_config(checkpoint("final_state")).crop == (256, 192)
    with pytest.warns(JaxposeWarning, match="256x256 pixels are taken"):
        assert published_config(checkpoint("final_state", 16)).crop == (256, 256)


@pytest.mark.parametrize(
    ("source", "match"),
    [
        (checkpoint(joints=15), r"has 15 joints: known are 17 \(COCO's\) and 16 \(MPII's\)"),
        (checkpoint("hrnet_100x75"), r"the file's name says that `crop` must be .* multiples of 32, got \(100, 75\)"),
        (backbone(), "timm is an HRNet without a layer to joints: it finds none, but training can start from it"),
        (
            checkpoint(final_layer__weight=np.zeros((17, WIDTH, 3, 3), np.float32)),
            r"final_layer\.weight: expected \(17, 2, 1, 1\), found \(17, 2, 3, 3\)",
        ),
    ],
)
def test_what_no_model_can_be_made_of(source: Checkpoint, match: str) -> None:
    with pytest.raises(WeightsError, match=match):
        published_config(source)


def test_unknown_tensors_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"has tensors that HRNet lacks, the first is deconv_layers\.0\.weight"):
        published_params(checkpoint(deconv_layers__0__weight=np.zeros((1, 1, 4, 4), np.float32)))


def test_training_starts_from_a_backbone() -> None:
    with pytest.warns(JaxposeWarning, match="joints starts at random; not used: incre_modules, downsamp_modules, fin"):
        start = backbone_params(backbone(), HrnetConfig(width=WIDTH))
    assert start.keys() == {"backbone", STATS}
    with pytest.warns(JaxposeWarning, match="gives the backbone, .* at random; not used: final_layer$"):
        start = backbone_params(checkpoint(), HrnetConfig("posetrack_15", WIDTH))
    assert start.keys() == {"backbone", STATS}
    with pytest.raises(WeightsError, match="timm is an HRNet of width 2: `width` must be that"):
        backbone_params(backbone(), HrnetConfig())


def test_training_for_the_same_joints_starts_from_all_of_it() -> None:
    start = backbone_params(checkpoint(), HrnetConfig(width=WIDTH))
    jax.tree.map(np.testing.assert_array_equal, start, published_params(checkpoint()))


def test_an_imported_network_is_a_model_for_one_person(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path))
    source = checkpoint()
    path = tmp_path / f"{source.name}.safetensors"
    save_file(dict(source.tensors), path)
    models.import_file(path, "mine")
    about = models.card("mine")
    assert about.architecture == "hrnet"
    assert HrnetConfig(**about.config) == HrnetConfig("coco_17", WIDTH, (64, 32), first_cell=0, fill=0)
    assert about.provenance["network"] == source.name
    network, tree, skeleton = models.network("mine")
    assert (network.config.width, skeleton) == (WIDTH, COCO_17)
    jax.tree.map(np.testing.assert_array_equal, tree, published_params(source))
    people = models.person("mine", flip=True)
    assert people.size == (64, 32)
    crops = jax.ShapeDtypeStruct((1, 64, 32, 3), np.float32)
    keypoints, finite = jax.eval_shape(people.read, tree, crops)
    assert (keypoints.shape, finite.shape) == ((1, 17, 3), (1,))
    with pytest.raises(WeightsError, match=r"weights of hrnet are read from a \.pth or \.pt or \.safetensors file"):
        models.import_file(tmp_path / "x.onnx", "x", "hrnet")
