"""Recipes as plain data, and settings that make no sense."""

import json

import pytest

from jaxpose.recipes.config import Evaluation, Procedural, Recipe, Share


def test_a_recipe_is_json():
    told = json.loads(json.dumps(Recipe(data=(Share("a", share=0.5), Share("b", joints="nose"))).as_json()))
    assert told["data"][1] == {"data": "b", "split": "train", "share": 1.0, "joints": "nose", "leave_out": 0}
    assert told["crops"]["place"]["crop"] == 368
    assert told["training"]["optimizer"]["method"]["beta1"] == 0.9


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Procedural(pictures=0), "`pictures` must be at least 1, got 0"),
        (lambda: Procedural(held_out=-1), "`held_out` must be at least 1, got -1"),
        (lambda: Evaluation(pictures=0), "`pictures` must be at least 1, got 0"),
    ],
)
def test_numbers_below_1_are_refused(make, told):
    with pytest.raises(ValueError, match=told):
        make()


@pytest.mark.parametrize("every", [-1, 1])
def test_to_leave_out_all_or_less_than_nothing_is_refused(every):
    with pytest.raises(ValueError, match=f"`leave_out` must be 0 or at least 2, got {every}"):
        Share("a", leave_out=every)
