"""HrnetLite behind the packaged trunk: its size, its maps, and what it takes from the packaged network."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxpose.systems.hrnet.config import HrnetLiteConfig
from jaxpose.systems.hrnet.lite import STRIDE, HrnetLite, backbone_params
from jaxpose.task import started
from jaxpose.weights import store

SMALL = HrnetLiteConfig(widths=(4, 6), reads=(("block_2",), ("expansion_6",)), modules=1, crop=(64, 32))


@pytest.fixture(scope="module")
def published():
    return store.load(store.path_of("movenet-multipose"))[0]


@pytest.fixture(scope="module")
def own():
    """The parameters' shapes."""
    crop = jax.ShapeDtypeStruct((1, 64, 64, 3), np.uint8)
    return jax.eval_shape(HrnetLite().init, jax.random.key(0), crop)["params"]


def test_size(published, own):
    counts = {name: sum(leaf.size for leaf in jax.tree.leaves(part)) for name, part in own.items()}
    assert counts["blocks"] <= 4_000_000
    taken = backbone_params(published, HrnetLiteConfig())
    assert own.keys() - taken.keys() == {"blocks"}
    for name, part in taken.items():
        assert jax.tree.map(np.shape, part) == jax.tree.map(lambda leaf: leaf.shape, own[name])


def test_heatmaps_at_a_quarter_of_the_crop_for_each_joint(own):
    crop = jax.ShapeDtypeStruct((2, 256, 192, 3), np.uint8)
    found = jax.eval_shape(HrnetLite().apply, {"params": own}, crop)
    assert (found.shape, found.dtype) == ((2, 256 // STRIDE, 192 // STRIDE, 19), np.float32)


def test_a_crop_is_read_alike_alone_and_beside_others(published):
    network, key = HrnetLite(SMALL), jax.random.key(0)
    crops = np.random.default_rng(0).integers(0, 256, (3, 64, 32, 3), np.uint8)
    params = started(jax.jit(network.init)(key, crops)["params"], backbone_params(published, SMALL))
    apply = jax.jit(lambda crops: network.apply({"params": params}, crops))
    together = np.asarray(apply(crops))
    assert 1e-4 < together.std() < 0.1  # training starts from heatmaps near zero, but not from none
    np.testing.assert_allclose(apply(crops[1:2])[0], together[1], rtol=1e-3, atol=1e-6)


def test_a_crop_of_other_sides_is_refused():
    crop = jax.ShapeDtypeStruct((1, 64, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="the crop's sides must be multiples of 32, got 40x64"):
        jax.eval_shape(HrnetLite().init, jax.random.key(0), crop)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"widths": (8, 8)}, "`reads` must name maps for each of the 2 `widths`"),
        ({"reads": ((), ("out",), ("out",), ("out",))}, "`reads` must name a map for each branch"),
        ({"modules": 0}, "`modules` must be at least 1, got 0"),
        ({"blocks": 0}, "`blocks` must be at least 1, got 0"),
        ({"crop": (256, 100)}, r"`crop` must be a height and a width that are multiples of 32, got \(256, 100\)"),
    ],
)
def test_impossible_networks_are_refused(change, told):
    with pytest.raises(ValueError, match=told):
        dataclasses.replace(HrnetLiteConfig(), **change)


def test_a_config_that_was_stored_as_lists_is_the_same():
    stored = dataclasses.asdict(HrnetLiteConfig())
    listed = {name: [*value] if isinstance(value, tuple) else value for name, value in stored.items()}
    assert HrnetLiteConfig(**listed) == HrnetLiteConfig()
