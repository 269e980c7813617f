"""What a recipe opens for training and for judging; and options that change how a training is computed, not what."""

import contextlib
import dataclasses
import json

import numpy as np
import pytest
import tiny_recipe

from jaxpose.cli.compilation import kept_compilations
from jaxpose.data.loading import Loader
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.shards import write_shards
from jaxpose.recipes import prepare as preparing
from jaxpose.recipes.config import Evaluation, Share
from jaxpose.recipes.prepare import prepare
from jaxpose.skeletons import BODY_21A
from jaxpose.training.checkpoints import read
from jaxpose.training.loop import train

WITHOUT_JUDGE = Evaluation(data=())


@pytest.fixture
def given(monkeypatch):
    """The sources that the batches of a run are made of, and those that its judge is given."""
    found = {}

    def watch(name):
        make = getattr(preparing, name)

        def made(*arguments, **rest):
            found[name] = next(value for value in arguments if isinstance(value, list))
            return make(*arguments, **rest)

        monkeypatch.setattr(preparing, name, made)

    watch("Batches")
    watch("Judge")
    return found


@pytest.mark.parametrize("joints", ["", "ankle$"])
def test_what_is_left_out_of_training_is_what_judges(tmp_path, given, joints):
    whole = ProceduralSource(BODY_21A, 10, size=(64, 64), people=(1, 2))
    write_shards(whole, tmp_path / "shards")
    share = Share(str(tmp_path / "shards"), leave_out=4, joints=joints)
    recipe = dataclasses.replace(
        tiny_recipe.get_config(), data=(share,), evaluation=Evaluation((share,), pictures=9, size=64)
    )
    run = prepare(recipe, tmp_path / "run")
    ((training, _),), (judging,) = given["Batches"], given["Judge"]
    images = [whole[i].image for i in range(10)]
    assert [judging[i].image for i in range(len(judging))] == images[::4]
    assert [training[i].image for i in range(len(training))] == [images[i] for i in (1, 2, 3, 5, 6, 7, 9)]
    assert training.labels == judging.labels == ({"left_ankle", "right_ankle"} if joints else {*BODY_21A.joints})
    assert run.evaluate is not None


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains the tiny recipe; gives the losses of each step, the last checkpoint, and all that was logged."""
    folder = tmp_path_factory.mktemp("recipes")

    def run_recipe(name, workers=0, **changes):
        recipe = dataclasses.replace(tiny_recipe.get_config(), **changes)
        run = prepare(recipe, folder / name, workers=workers)
        assert isinstance(run.batches, Loader)
        with contextlib.closing(run.batches):
            train(run, recipe.training)
        told = [json.loads(line) for line in (folder / name / "metrics.jsonl").read_text().splitlines()]
        losses = [(line["step"], line["loss"], line["terms"], line["gradient_norm"]) for line in told if "loss" in line]
        return losses, read(folder / name, 4).arrays, told

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXPOSE_HOME", str(folder / "home"))
        with kept_compilations():
            yield run_recipe


@pytest.fixture(scope="module")
def plain(trained):
    return trained("plain", evaluation=WITHOUT_JUDGE)


def test_worker_processes_change_no_bit(trained, plain):
    losses, arrays, _ = trained("workers", workers=2, evaluation=WITHOUT_JUDGE)
    assert [step for step, *_ in losses] == [1, 2, 3, 4]
    assert losses == plain[0]
    assert {*arrays} == {*plain[1]}
    for name, array in plain[1].items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


def test_what_is_computed_a_second_time_changes_nothing_but_rounding(trained, plain):
    losses, arrays, _ = trained("remat", remat=True, evaluation=WITHOUT_JUDGE)
    for ours, theirs in zip(losses, plain[0], strict=True):
        assert ours[1] == pytest.approx(theirs[1], rel=1e-5)
        assert ours[3] == pytest.approx(theirs[3], rel=1e-4)
    for name, array in plain[1].items():
        if name.startswith("params/"):
            np.testing.assert_allclose(arrays[name], array, rtol=1e-4, atol=1e-6, err_msg=name)


def test_bfloat16_learns_nearly_the_same_in_parameters_of_float32(trained, plain):
    losses, arrays, told = trained("bfloat16", compute="bfloat16")
    away = []
    for ours, theirs in zip(losses, plain[0], strict=True):
        assert ours[1] == pytest.approx(theirs[1], rel=0.01)
        away.append(abs(ours[3] / theirs[3] - 1))
    assert 2e-4 < max(away) < 0.02  # the gradient's norm: float32 rounds to 1e-7, bfloat16 to 4e-3
    assert [line["step"] for line in told if "scores" in line] == [2, 4]
    for name, array in plain[1].items():
        assert arrays[name].dtype == array.dtype, name
        if name.startswith("params/"):  # after four steps of 0.001
            np.testing.assert_allclose(arrays[name], array, rtol=0, atol=2e-3, err_msg=name)
