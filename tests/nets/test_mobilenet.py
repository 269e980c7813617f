"""The trunk alone: its maps' sizes and channels, and that what is not read is neither computed nor has parameters.

Its values are checked against onnxruntime in `tests/systems/movenet/test_network.py`.
"""

from functools import partial

import jax
import numpy as np
import pytest

from jaxpose.nets.mobilenet import (
    MAPS,
    MULTIPOSE_CHANNELS,
    Features,
    MobileNetV2,
    reach,
    stride,
    trunk_params,
)

PICTURES = jax.ShapeDtypeStruct((2, 64, 96, 3), np.float32)


def shapes(trunk: MobileNetV2) -> tuple[dict, Features]:
    features, variables = jax.eval_shape(trunk.init_with_output, jax.random.key(0), PICTURES)
    return variables, features


def test_features() -> None:
    variables, features = shapes(MobileNetV2())
    assert jax.tree.map(lambda x: x.shape, features) == Features(
        block_2=(2, 16, 24, 40),
        block_5=(2, 8, 12, 48),
        expansion_6=(2, 8, 12, 288),
        block_9=(2, 4, 6, 96),
        block_12=(2, 4, 6, 144),
        expansion_13=(2, 4, 6, 864),
        block_15=(2, 2, 3, 240),
        out=(2, 2, 3, 1280),
    )
    assert sum(np.prod(x.shape) for x in jax.tree.leaves(variables)) == 4_603_624


def test_another_width() -> None:
    channels = tuple(8 * (c // 12) for c in MULTIPOSE_CHANNELS)
    _, features = shapes(MobileNetV2(channels))
    assert features.block_15.shape[-1] == channels[16]
    assert features.expansion_13.shape[-1] == 6 * channels[13]
    assert features.out.shape[-1] == 1280


def flops(read: tuple[str, ...]) -> float:
    """The work that XLA counts for some of the features."""
    trunk = MobileNetV2(form="native")
    variables, _ = shapes(trunk)
    apply = jax.jit(lambda v, x: [getattr(trunk.apply(v, x), name) for name in read])
    cost: float = apply.lower(variables, PICTURES).compile().cost_analysis()["flops"]
    return cost


def test_only_what_is_read_is_computed() -> None:
    whole = flops(("out",))
    assert flops(("block_2",)) < 0.3 * whole
    assert flops(("block_5",)) < 0.42 * whole
    assert flops(("block_12",)) < 0.75 * whole


def test_expansions_are_not_computed_twice() -> None:
    assert flops(Features._fields) < 1.001 * flops(("out",))


def test_every_map_has_its_stride() -> None:
    def read(x: jax.Array) -> tuple[jax.Array, ...]:
        maps, _ = MobileNetV2().init_with_output(jax.random.key(0), x, MAPS, method="read")
        return maps

    for name, field in zip(MAPS, jax.eval_shape(read, PICTURES), strict=True):
        assert field.shape[1:3] == (64 // stride(name), 96 // stride(name)), name


def test_reach() -> None:
    assert reach("block_1") == 3 + 2 * 2 + 2 * 2  # the stem's, and two layers on its cells of 2 pixels
    assert reach("block_2") == reach("expansion_3") == 11 + 2 * 4
    assert [reach(name) for name in ("block_5", "block_9", "block_12", "out")] == [59, 171, 267, 491]


def test_layers_behind_what_is_read_have_no_parameters() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(1, 32, 32, 3)).astype(np.float32)
    trunk = MobileNetV2(form="native")
    shapes = jax.eval_shape(trunk.init, jax.random.key(0), pictures)["params"]
    whole = jax.tree.map(lambda x: rng.normal(0, 0.1, x.shape).astype(np.float32), shapes)
    published = {"normalize": {"scale": np.ones(3), "offset": np.zeros(3)}, "trunk": whole, "heads": {}}
    expected = jax.jit(trunk.apply)({"params": whole}, pictures)
    for names in (("expansion_6",), ("block_5", "block_2"), ("expansion_13", "block_5")):
        params = trunk_params(published, names)
        assert set(params) == {"normalize", "trunk"}
        wanted = jax.eval_shape(lambda names=names: trunk.init(jax.random.key(0), pictures, names, method="read"))
        assert jax.tree.map(np.shape, params["trunk"]) == jax.tree.map(lambda x: x.shape, wanted["params"])
        last, number = max(names, key=MAPS.index).split("_")
        assert max(int(name[6:]) for name in params["trunk"] if name.startswith("block_")) == int(number)
        assert (set(params["trunk"][f"block_{number}"]) == {"expand"}) == (last == "expansion")
        read = jax.jit(partial(trunk.apply, method="read"), static_argnums=2)
        for name, field in zip(names, read({"params": params["trunk"]}, pictures, names), strict=True):
            np.testing.assert_allclose(field, getattr(expected, name), rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["block_0", "block_17", "expansion_1", "expansion", "stem"])
def test_an_unknown_map(name: str) -> None:
    told = f"the trunk's maps are block_1, .* out, got '{name}'"
    with pytest.raises(ValueError, match=told):
        stride(name)
    with pytest.raises(ValueError, match=told):
        jax.eval_shape(lambda x: MobileNetV2().init(jax.random.key(0), x, (name,), method="read"), PICTURES)
