"""The trunk alone: its maps' sizes and channels, and that what is not read is not computed.

Its values are checked against onnxruntime in `tests/systems/movenet/test_network.py`.
"""

import jax
import numpy as np

from jaxpose.nets.mobilenet import MULTIPOSE_CHANNELS, Features, MobileNetV2

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
