"""VGG-19's layers: their number, stride and order, and the PReLU that may end them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.nets.activations import Prelu, rectifier
from jaxpose.nets.vgg import LAYERS, Vgg19

PICTURE = jax.ShapeDtypeStruct((2, 32, 48, 3), jnp.float32)


def shapes(network: Vgg19) -> dict:
    return jax.eval_shape(network.init, jax.random.key(0), PICTURE)["params"]


@pytest.mark.parametrize(
    ("layers", "stride", "cell", "parameters"),
    [(16, 16, (2, 3, 512), 20_024_384), (14, 8, (4, 6, 512), 15_304_768), (10, 8, (4, 6, 512), 5_865_536),
     (2, 8, (32, 48, 64), 38_720)],
)  # fmt: skip
def test_sizes(layers: int, stride: int, cell: tuple[int, ...], parameters: int) -> None:
    network = Vgg19(layers, stride)
    params = shapes(network)
    assert list(dict(LAYERS[:layers])) == sorted(params)
    assert sum(x.size for x in jax.tree.leaves(params)) == parameters  # torchvision's features, cut
    found = jax.eval_shape(network.apply, {"params": params}, PICTURE)
    assert found.shape == (2, *cell)


def test_the_order_of_layers_and_poolings() -> None:
    network = Vgg19(5)
    random = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: random.normal(0, 0.1, leaf.shape).astype(np.float32), shapes(network))
    x = random.normal(0, 1, (1, 8, 8, 3)).astype(np.float32)
    want = x
    for name in ("conv1_1", "conv1_2", "", "conv2_1", "conv2_2", "", "conv3_1"):
        if name:
            want = jax.lax.conv_general_dilated(
                want, params[name]["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            want = jnp.maximum(want + params[name]["bias"], 0)
        else:
            b, h, w, c = want.shape
            want = want.reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))
    np.testing.assert_allclose(network.apply({"params": params}, x), want, rtol=1e-5, atol=1e-5)


def test_prelu() -> None:
    x = jnp.array([[[[-2.0, -2.0, 3.0, 0.0]]]])
    slope = jnp.array([0.5, -1.0, 0.5, 0.5])
    np.testing.assert_array_equal(Prelu().apply({"params": {"slope": slope}}, x), [[[[-1.0, 2.0, 3.0, 0.0]]]])
    assert rectifier(False)(x).tolist() == [[[[0, 0, 3, 0]]]]


def test_a_prelu_only_behind_the_last_layer() -> None:
    params = shapes(Vgg19(3, prelu_last=True))
    assert {name: sorted(layer) for name, layer in params.items()} == {
        "conv1_1": ["bias", "kernel"], "conv1_2": ["bias", "kernel"], "conv2_1": ["activation", "bias", "kernel"]
    }  # fmt: skip
    assert params["conv2_1"]["activation"]["slope"].shape == (128,)
