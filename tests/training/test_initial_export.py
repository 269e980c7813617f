"""Out of a training and into the next: `initial.py` and `export.py`."""

import datetime

import jax
import numpy as np
import pytest
from toy_training import FAST, Toy, leaves, toy_run

from jaxpose.architectures import ARCHITECTURES
from jaxpose.errors import JaxposeWarning, OutputError, UnknownModelError, WeightsError
from jaxpose.recipes.reading import read_recipe
from jaxpose.training.export import export
from jaxpose.training.initial import init_from
from jaxpose.training.loop import train
from jaxpose.training.state import averaged
from jaxpose.training.trees import named
from jaxpose.weights import store


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return folder, train(toy_run(folder, Toy("own"), evaluate=lambda *network: {"ap": 0.123456}), FAST)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "home"))


def test_the_average_is_exported(trained):
    folder, state = trained
    path = export(folder, "toy")
    assert path == store.path_of("toy")
    params, card = store.load(path)
    assert card.architecture == "toy"
    assert card.config == {"joints": 2}
    assert card.provenance == {
        "data": "made up", "steps": "12", "evaluated ap": "0.1235", "exported": datetime.date.today().isoformat()
    }  # fmt: skip
    average, stats = averaged(state)
    for name, leaf in named(params).items():
        if name.startswith("batch_stats/"):
            assert (leaf == named(stats)[name.removeprefix("batch_stats/")]).all()
        else:
            assert (leaf == named(average)[name].astype(np.float16)).all()
    assert len(named(params)) == len(named(average)) + len(named(stats))
    with pytest.raises(OutputError, match="exists already"):
        export(folder, "toy")
    assert store.read_card(export(folder, "toy", step=10, overwrite=True)).provenance["steps"] == "10"


def test_a_training_goes_on_from_a_folder_a_name_or_a_file(trained, tmp_path):
    folder, state = trained
    file = export(folder, "toy")
    fresh = Toy("own").init(jax.random.key(9))
    for source, exact in ((str(folder), True), ("toy", False), (str(file), False)):
        found = init_from(source, *fresh)
        assert jax.tree.structure(found) == jax.tree.structure(fresh)
        for a, b in zip(leaves(found), leaves(averaged(state)), strict=True):
            np.testing.assert_allclose(a, b, rtol=0 if exact else 1e-3, atol=0 if exact else 1e-6)
    config = FAST.__class__(steps=1, average=0.0)
    begun = train(toy_run(tmp_path / "next", Toy("own")), config, init="toy")
    assert float(np.abs(begun.params["last"]["kernel"] - averaged(state)[0]["last"]["kernel"]).max()) < 0.01


def test_what_does_not_fit_is_told(trained):
    folder, _ = trained
    params, stats = Toy().init(jax.random.key(9))  # has no norm, but a bias in its place
    params = {**params, "last": {**params["last"], "bias": np.zeros(5, np.float32)}}
    with pytest.warns(JaxposeWarning) as told:
        found, after = init_from(str(folder), params, stats)
    assert str(told[0].message) == (
        f"{folder}: 2 arrays are taken; 1 start anew (first/bias); 1 of another shape there start anew (last/bias); "
        "4 of its own are not used (norm, batch_stats)"
    )
    assert after == {}
    assert found["first"]["bias"] is params["first"]["bias"]
    assert found["last"]["bias"] is params["last"]["bias"]
    assert (found["last"]["kernel"] != params["last"]["kernel"]).any()


def test_a_start_from_a_trunk_is_told_in_a_short_line():
    recipe = read_recipe("lite_openpose")
    architecture = ARCHITECTURES[recipe.architecture]
    shapes = architecture.shapes(recipe.network)
    blank = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    with pytest.warns(JaxposeWarning) as told:
        found, _ = init_from("movenet-multipose", blank, {})
    wanted, has = named(blank), named(store.load(store.path_of("movenet-multipose"))[0])
    taken = {*wanted} & {*has}
    assert {*wanted} - taken == {name for name in wanted if name.startswith("blocks/")}
    assert str(told[0].message) == (
        f"movenet-multipose: {len(taken)} arrays are taken; {len({*wanted} - taken)} start anew (blocks); "
        f"{len({*has} - taken)} of its own are not used (box_offsets, box_sizes, centres, ...)"
    )
    for name, leaf in named(found).items():
        np.testing.assert_array_equal(leaf, has[name] if name in taken else 0, err_msg=name)


def test_refused(trained, tmp_path):
    folder, _ = trained
    params, stats = Toy().init(jax.random.key(9))
    with pytest.raises(UnknownModelError, match=r"'movenet-multipos' is neither .* did you mean 'movenet-multipose'"):
        init_from("movenet-multipos", params, stats)
    with pytest.raises(WeightsError, match=r"none of its .* arrays has the name and shape"):
        init_from("movenet-multipose", params, stats)
    with pytest.raises(WeightsError, match="there are none"):
        init_from(str(tmp_path), params, stats)
    with pytest.raises(WeightsError, match="a model's name consists of"):
        export(folder, "a/b")


def test_values_beyond_half_precision_are_refused(tmp_path):
    class Large(Toy):
        def init(self, key):
            params, stats = super().init(key)
            return {**params, "last": {**params["last"], "bias": np.float32([1e5, 0])}}, stats

    train(toy_run(tmp_path, Large()), FAST.__class__(steps=1))
    with pytest.raises(WeightsError, match="last/bias has values that are not finite or beyond float16's 65504"):
        export(tmp_path, "toy")
