"""VGG-19's published weights: the places of its tensors, the folded normalization, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.errors import WeightsError
from jaxpose.nets.vgg import LAYERS, Vgg19
from jaxpose.weights.pytorch import Checkpoint
from jaxpose.weights.store import check
from jaxpose.weights.vgg import MEAN, STD, vgg19_params

FEATURES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)  # torchvision's convolutions
CHANNELS = (64, 64, 128, 128, 256, 256, 256, 256, *[512] * 8)


def tensors(layers: int) -> dict[str, np.ndarray]:
    random, into, found = np.random.default_rng(0), 3, {}
    for index, out in list(zip(FEATURES, CHANNELS, strict=True))[:layers]:
        found[f"features.{index}.weight"] = random.standard_normal((out, into, 3, 3), np.float32) / 20
        found[f"features.{index}.bias"] = random.standard_normal(out, np.float32)
        into = out
    return found


def named(**changes: np.ndarray | None) -> Checkpoint:
    found = tensors(4) | {key.replace("_", "."): value for key, value in changes.items()}
    return Checkpoint("vgg", {key: value for key, value in found.items() if value is not None}, "")


def test_every_tensor_has_its_place() -> None:
    found = tensors(16)
    classifier = {f"classifier.{i}.{kind}": np.zeros(1) for i in (0, 3, 6) for kind in ("weight", "bias")}
    for layers in (10, 16):
        params = vgg19_params(Checkpoint("vgg", found | classifier, ""), layers)
        picture = jax.ShapeDtypeStruct((1, 16, 16, 3), jnp.float32)
        check(params, jax.eval_shape(Vgg19(layers).init, jax.random.key(0), picture)["params"], "vgg")
        for (name, _), index in list(zip(LAYERS, FEATURES, strict=True))[1:layers]:
            kernel = found[f"features.{index}.weight"].transpose(2, 3, 1, 0)
            np.testing.assert_array_equal(params[name]["kernel"], kernel)
            np.testing.assert_array_equal(params[name]["bias"], found[f"features.{index}.bias"])


def test_normalization_is_folded_exactly_inside_the_picture() -> None:
    found = tensors(1)
    image = np.random.default_rng(1).integers(0, 256, (8, 8, 3)).astype(np.float64)
    theirs = (image / 255 - np.array(MEAN)) / np.array(STD)
    wanted = np.zeros((6, 6, 64)) + found["features.0.bias"]
    for row in range(3):
        for column in range(3):
            tap = found["features.0.weight"][:, :, row, column].astype(np.float64)
            wanted += theirs[row : row + 6, column : column + 6] @ tap.T
    params = vgg19_params(Checkpoint("vgg", found, ""), 1)
    ours = Vgg19(1).apply({"params": params}, (image / 256 - 0.5)[None].astype(np.float32))
    assert (wanted > 0).mean() > 0.3
    np.testing.assert_allclose(ours[0, 1:-1, 1:-1], np.maximum(wanted, 0), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"features_5_weight": None}, "vgg is not torchvision's vgg19: it has no tensor features.5.weight"),
        ({"features_7_bias": None}, "it has no tensor features.7.bias"),
        (
            {"features_2_weight": np.zeros((64, 64, 1, 1))},
            r"features.2.weight: expected \(64, 64, 3, 3\), found",
        ),
        (
            {"features_1_weight": np.zeros(64)},
            "tensors that torchvision's vgg19 lacks, the first is features.1",
        ),
        ({"conv1": np.zeros(1)}, "the first is conv1"),
    ],
)
def test_another_network_is_refused(changes: dict[str, np.ndarray | None], match: str) -> None:
    with pytest.raises(WeightsError, match=match):
        vgg19_params(named(**changes), 4)


def test_later_layers_may_be_missing() -> None:
    assert list(vgg19_params(named(), 3)) == ["conv1_1", "conv1_2", "conv2_1"]
    with pytest.raises(WeightsError, match=r"no tensor features\.10\.weight"):
        vgg19_params(named(), 5)
