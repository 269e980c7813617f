"""The store: round trips, refusals, damaged files."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxpose.errors import OutputError, WeightsError
from jaxpose.weights import store
from jaxpose.weights.store import Card

PARAMS = {"a": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.zeros(3, np.float16)}}
CARD = Card("some-net", {"width": 3}, {"file": "x.xml"})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_round_trip() -> None:
    assert store.names() == store.packaged()
    path = store.save("my-net", PARAMS, CARD)
    params, card = store.load(path)
    assert card == CARD
    assert store.names() == [*store.packaged(), "my-net"]
    np.testing.assert_array_equal(params["a"]["kernel"], PARAMS["a"]["kernel"])
    assert params["a"]["bias"].dtype == np.float32


def test_what_another_packaged_model_has_is_stored_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PACKAGED", tmp_path)
    params = {"trunk": {"kernel": np.arange(4096, dtype=np.float32), "bias": np.ones(3, np.float32)}}
    store.write(store.PACKAGED / "whole.safetensors", {**params, "head": {"bias": np.zeros(2, np.float32)}}, CARD)
    own = {**params, "blocks": {"kernel": np.full(2, 0.5, np.float16)}}
    path = store.PACKAGED / "lite.safetensors"
    store.write(path, {**own, "head": {"bias": np.full(2, 7, np.float32)}}, CARD, like="whole")
    assert path.stat().st_size < 4096
    loaded, card = store.load(path)
    assert card == CARD
    np.testing.assert_array_equal(loaded["trunk"]["kernel"], params["trunk"]["kernel"])
    np.testing.assert_array_equal(loaded["head"]["bias"], [7, 7])
    np.testing.assert_array_equal(loaded["blocks"]["kernel"], [0.5, 0.5])

    params["trunk"]["kernel"][5] = -1
    store.write(store.PACKAGED / "whole.safetensors", params, CARD)
    with pytest.raises(WeightsError, match="checksum"):
        store.load(path)
    store.write(store.PACKAGED / "whole.safetensors", {"trunk": {"bias": np.ones(3, np.float32)}}, CARD)
    with pytest.raises(WeightsError, match="shares with another model is not there"):
        store.load(path)
    (store.PACKAGED / "whole.safetensors").unlink()
    with pytest.raises(WeightsError, match="whole"):
        store.load(path)


def test_an_existing_model_is_kept(home: Path) -> None:
    store.save("x", PARAMS, CARD)
    with pytest.raises(OutputError, match="exists already"):
        store.save("x", {"b": np.ones(1)}, CARD)
    store.save("x", {"b": np.ones(1, np.float32)}, CARD, overwrite=True)
    assert list(store.load(store.path_of("x"))[0]) == ["b"]
    assert [p.name for p in (home / "models").iterdir()] == ["x.safetensors"]  # no leftovers


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b", "a b", "a" * 101])
def test_bad_names(name: str) -> None:
    with pytest.raises(WeightsError, match="consists of up to 100 letters"):
        store.save(name, PARAMS, CARD)


def test_unwritable_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(OutputError, match="cannot write"):
        store.save("x", PARAMS, CARD)


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    path = store.save("x", PARAMS, CARD)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="damaged"):
        store.load(path)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": np.ones(2, np.float32)}, foreign)
    with pytest.raises(WeightsError, match="not one that jaxpose wrote"):
        store.load(foreign)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"a": {"kernel": np.ones((2, 3))}}, "a/bias is missing"),
        ({"a": {"kernel": np.ones((3, 2)), "bias": np.ones(3)}}, r"a/kernel is \(3, 2\), expected \(2, 3\)"),
        ({**PARAMS, "z": np.ones(1)}, "z is .* expected nothing"),
    ],
)
def test_check_names_the_first_difference(params: dict, message: str) -> None:
    store.check(PARAMS, PARAMS, "x")
    with pytest.raises(WeightsError, match=message):
        store.check(params, PARAMS, "x")
