"""MATLAB's files are read as SciPy reads them, which wrote them."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from jaxpose.errors import FormatError
from jaxpose.formats.matlab import read_matlab

CONTENT = {
    "numbers": np.random.default_rng(0).normal(size=(3, 4, 5)),
    "row": np.arange(5, dtype=np.int16),
    "small": np.array([[1, 2], [3, 4]], np.uint8),
    "one": 3.5,
    "text": "größer",
    "cells": np.array([1, "x", np.zeros(3)], dtype=object),
}


@pytest.mark.parametrize("packed", [False, True])
def test_as_scipy_reads_it(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.mat"
    savemat(path, CONTENT, do_compression=packed)
    wanted = loadmat(path, squeeze_me=True)
    for name in CONTENT:
        found = read_matlab(path, name)
        assert np.shape(found) == np.shape(wanted[name])
        for one, other in zip(*(np.ravel(side).tolist() for side in (found, wanted[name])), strict=True):
            np.testing.assert_array_equal(one, other)
    assert read_matlab(path, "other") is None


def test_structs(tmp_path: Path) -> None:
    table = np.zeros((1, 2), [("x", object), ("name", object)])
    table["x"][0], table["name"][0] = [1, 2], ["a", "b"]
    savemat(tmp_path / "a.mat", {"s": {"inner": {"y": 4.0}, "many": table, "none": np.zeros((0, 0))}})
    found = read_matlab(tmp_path / "a.mat", "s")
    assert found.inner.y == 4
    assert [(one.x, one.name) for one in found.many] == [(1, "a"), (2, "b")]
    assert found.none.size == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "does not begin as one"),
        (b" " * 124 + b"\x00\x02IM", "version 7.3; save it with -v7"),
        (b" " * 124 + b"\x00\x01IM" + b"\x0e\0\0\0\xff\0\0\0", "an element of 255 bytes where 0 are left"),
        (b" " * 124 + b"\x00\x01IM" + b"\x0f\0\0\0\x04\0\0\0abcd", "incorrect header check"),
    ],
)
def test_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(FormatError, match=told):
        read_matlab(tmp_path / "a.mat", "s")
