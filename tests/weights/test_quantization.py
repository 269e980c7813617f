"""Weights in one byte: what is lost, and that a file gives them back."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from jaxpose.errors import WeightsError
from jaxpose.weights import store
from jaxpose.weights.quantization import SCALE, Int8, quantize
from jaxpose.weights.store import Card

CARD = Card("some-net", {}, {})


def kernel() -> np.ndarray:
    """Channels of very different sizes, one of them all zeros."""
    array = np.random.default_rng(0).normal(size=(3, 3, 40, 6)) * [1e-3, 1, 50, 0, 0.2, 7]
    return array.astype(np.float32)


def test_every_channel_loses_half_a_step_at_most() -> None:
    array = kernel()
    stored = quantize(array)
    assert (stored.values.dtype, stored.scale.shape) == (np.int8, (6,))
    largest = np.abs(array).max((0, 1, 2))
    lost = np.abs(stored.values * stored.scale - array).max((0, 1, 2))
    assert (lost <= largest / 127 / 2 * 1.001).all()
    assert np.abs(stored.values).max((0, 1, 2)).tolist() == [127, 127, 127, 0, 127, 127]


def test_a_file_gives_them_back(tmp_path: Path) -> None:
    params = {"a": {"kernel": quantize(kernel()), "bias": np.full(3, 0.5, np.float16)}}
    path = tmp_path / "net.safetensors"
    store.write(path, params, CARD)
    assert path.stat().st_size < kernel().size + 2000
    loaded, _ = store.load(path)
    stored: Int8 = params["a"]["kernel"]
    np.testing.assert_array_equal(loaded["a"]["kernel"], stored.values * stored.scale)
    assert loaded["a"]["kernel"].dtype == loaded["a"]["bias"].dtype == np.float32
    assert sorted(loaded["a"]) == ["bias", "kernel"]


def test_a_changed_scale_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    store.write(path, {"kernel": quantize(kernel())}, CARD)
    arrays, metadata = load_file(path), store._read_metadata(path)
    arrays[f"kernel{SCALE}"][0] *= 2
    save_file(arrays, path, metadata)
    with pytest.raises(WeightsError, match="do not have their checksum"):
        store.load(path)


@pytest.mark.parametrize(
    "arrays",
    [
        {f"kernel{SCALE}": np.ones(6, np.float32)},
        {"kernel": np.ones((2, 6), np.int8), f"kernel{SCALE}": np.ones(5, np.float32)},
    ],
)
def test_scales_that_do_not_fit_are_told(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "net.safetensors"
    store.write(path, arrays, CARD)
    with pytest.raises(WeightsError, match="is damaged: scales"):
        store.load(path)
