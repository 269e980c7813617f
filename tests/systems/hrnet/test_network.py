"""HRNet from published checkpoints against PyTorch running the same weights; its size; what it is given to look at."""

import dataclasses
from pathlib import Path

import hrnet_layers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.nets.normalization import variables
from jaxpose.systems.hrnet.config import HrnetConfig
from jaxpose.systems.hrnet.importing import published_params
from jaxpose.systems.hrnet.network import Hrnet
from jaxpose.weights.pytorch import Checkpoint

REFERENCE = Path(__file__).parent / "reference.npz"  # written by experiments/hrnet_reference.py

PARAMETERS = {32: 28_536_113, 48: 63_595_745}
"""Table 1 of the paper has them in millions: 28.5 and 63.6."""


@pytest.mark.parametrize("width", PARAMETERS)
def test_maps_agree_with_pytorch(width: int) -> None:
    reference, found = np.load(REFERENCE), hrnet_layers.tensors(width)
    assert hrnet_layers.checksum(found) == str(reference[f"weights_{width}"]), "the seed gives other weights here"
    tree = published_params(Checkpoint("hrnet", found, ""))
    size = sum(leaf.size for leaf in jax.tree.leaves(variables(tree)["params"]))
    assert size == PARAMETERS[width] == int(reference[f"parameters_{width}"])
    network = Hrnet(HrnetConfig(width=width))
    # Layer by layer: to compile it as a whole takes half a minute of a CPU for each width.
    heatmaps, kept = network.apply(
        variables(tree),
        hrnet_layers.image()[None],
        capture_intermediates=lambda module, _: module.name == "stage_3_module_3",
    )
    ((_, _, coarse),) = kept["intermediates"]["backbone"]["stage_3_module_3"]["__call__"]
    for name, maps in (("heatmaps", heatmaps), ("coarse", coarse)):
        wanted = reference[f"{name}_{width}"]
        assert wanted.std() > 0.3
        np.testing.assert_allclose(maps[0], wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("crop", [(256, 192), (384, 288)])
def test_heatmaps_at_a_quarter_of_the_crop_for_each_joint(crop: tuple[int, int]) -> None:
    network = Hrnet(HrnetConfig("mpii_16", 4, crop), dtype=jnp.bfloat16)
    images = jax.ShapeDtypeStruct((2, *crop, 3), np.uint8)
    maps, made = jax.eval_shape(network.init_with_output, jax.random.key(0), images)
    assert (maps.shape, maps.dtype) == ((2, crop[0] // 4, crop[1] // 4, 16), np.float32)
    assert {leaf.dtype for leaf in jax.tree.leaves(made)} == {np.dtype(np.float32)}


def test_a_crop_of_other_sides_is_refused() -> None:
    crop = jax.ShapeDtypeStruct((1, 64, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="the crop's sides must be multiples of 32, got 40x64"):
        jax.eval_shape(Hrnet().init, jax.random.key(0), crop)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"width": 0}, "`width` must be at least 1, got 0"),
        ({"crop": (256, 100)}, r"`crop` must be a height and a width that are multiples of 32, got \(256, 100\)"),
        ({"first_cell": 4}, "`first_cell` must be from 0 to 3, got 4"),
        ({"fill": 256}, "`fill` must be from 0 to 255, got 256"),
    ],
)
def test_impossible_networks_are_refused(change: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        dataclasses.replace(HrnetConfig(), **change)
