"""The pyramid: doubling against OpenCV and `jax.image`, joining against a plain formula."""

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.nets.pyramid import Pyramid, double


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (5, 4)])
def test_double(height: int, width: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype(np.float32)
    found = jax.jit(double)(x)
    expected = [cv2.resize(one, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR) for one in x]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found, jax.image.resize(x, found.shape, "linear"), rtol=1e-5, atol=1e-6)


def test_joining() -> None:
    rng = np.random.default_rng(0)
    coarse, fine = (rng.normal(size=shape).astype(np.float32) for shape in ((1, 2, 3, 5), (1, 4, 6, 7)))
    pyramid = Pyramid((4, 6))
    params = jax.tree.map(
        lambda x: rng.normal(size=x.shape).astype(np.float32),
        pyramid.init(jax.random.key(0), (coarse, fine))["params"],
    )
    first, second = pyramid.apply({"params": params}, (coarse, fine))

    def linear(x: np.ndarray, layer: dict) -> np.ndarray:
        return x @ layer["kernel"][0, 0] + layer["bias"]

    np.testing.assert_allclose(first, linear(coarse, params["lateral_0"]), rtol=1e-4, atol=1e-4)
    both = jax.image.resize(first, (1, 4, 6, 4), "linear") + linear(fine, params["lateral_1"])
    kernel = params["join_1"]["depthwise"]["kernel"]
    padded = np.pad(both, ((0, 0), (1, 1), (1, 1), (0, 0)))
    mixed = sum(padded[:, i : i + 4, j : j + 6] * kernel[i, j] for i in range(3) for j in range(3))
    expected = np.maximum(linear(mixed, params["join_1"]["pointwise"]), 0)
    np.testing.assert_allclose(second, expected, rtol=1e-3, atol=1e-3)


def test_as_many_maps_as_channels() -> None:
    with pytest.raises(ValueError, match="of 2 steps needs as many maps, got 1"):
        Pyramid((4, 6)).init(jax.random.key(0), (jnp.ones((1, 2, 2, 3)),))
