"""HRNet's published backbones: files for other purposes, and what is refused. Parity of maps checks the places."""

import hrnet_layers
import jax
import numpy as np
import pytest

from jaxpose.errors import WeightsError
from jaxpose.nets.hrnet import HrnetBackbone
from jaxpose.nets.normalization import STATS
from jaxpose.weights.hrnet import looks_published, published_backbone
from jaxpose.weights.pytorch import Checkpoint
from jaxpose.weights.store import check

WIDTH = 2


def checkpoint(changes: dict[str, np.ndarray | None] | None = None, *, classes: bool = False) -> Checkpoint:
    found = hrnet_layers.tensors(WIDTH, classes=classes) | (changes or {})
    return Checkpoint("hrnet", {name: tensor for name, tensor in found.items() if tensor is not None}, "")


def test_every_array_has_its_place() -> None:
    backbone = published_backbone(checkpoint())
    crop = jax.ShapeDtypeStruct((1, 32, 32, 3), np.float32)
    shapes = jax.eval_shape(HrnetBackbone(WIDTH).init, jax.random.key(0), crop)
    assert backbone.width == WIDTH
    check(backbone.params, shapes["params"], "hrnet")
    check(backbone.stats, shapes[STATS], "hrnet")
    assert [*backbone.others] == ["final_layer.weight", "final_layer.bias"]


def test_a_file_of_classes_has_the_same_backbone_and_more() -> None:
    source = checkpoint(classes=True)
    found = published_backbone(source)
    own = {name: tensor for name, tensor in source.tensors.items() if not name.startswith("stage4.2.fuse_layers.")}
    for target in range(4):  # only what leads to the finest branch is read
        theirs = {name: tensor for name, tensor in source.tensors.items() if f"stage4.2.fuse_layers.{target}" in name}
        if target == 0:
            own |= theirs
        assert theirs
    plain = published_backbone(Checkpoint("hrnet", own, ""))
    jax.tree.map(np.testing.assert_array_equal, found.params, plain.params)
    jax.tree.map(np.testing.assert_array_equal, found.stats, plain.stats)
    heads = {"incre_modules", "downsamp_modules", "final_layer", "classifier"}
    assert {name.partition(".")[0] for name in found.others} == heads


def test_names_as_training_on_many_devices_has_them() -> None:
    source = checkpoint()
    prefixed = Checkpoint("hrnet", {f"module.{name}": tensor for name, tensor in source.tensors.items()}, "")
    assert looks_published(source)
    assert looks_published(prefixed)
    found, plain = published_backbone(prefixed), published_backbone(source)
    jax.tree.map(np.testing.assert_array_equal, found.params, plain.params)
    assert [*found.others] == [*plain.others]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"stage2.0.branches.0.0.conv1.weight": None}, r"hrnet is not HRNet: it has no tensor stage2\.0\.branches"),
        ({"bn2.running_var": None}, r"hrnet is not HRNet: it has no tensor bn2\.running_var"),
        (
            {"transition3.3.0.0.weight": np.zeros((1, 8, 3, 3))},
            r"hrnet, tensor transition3\.3\.0\.0\.weight: expected \(16, 8, 3, 3\), found \(1, 8, 3, 3\)",
        ),
        ({"stage4.2.fuse_layers.0.3.1.bias": None}, r"no tensor stage4\.2\.fuse_layers\.0\.3\.1\.bias"),
    ],
)
def test_another_network_is_refused(changes: dict[str, np.ndarray | None], match: str) -> None:
    with pytest.raises(WeightsError, match=match):
        published_backbone(checkpoint(changes))


def test_other_files_do_not_look_like_it() -> None:
    assert not looks_published(checkpoint({"stage4.0.branches.3.0.conv1.weight": None}))
    assert not looks_published(Checkpoint("vgg", {"features.0.weight": np.zeros((64, 3, 3, 3))}, ""))
