import jax
import numpy as np
import pytest

from jaxpose.errors import OptionError
from jaxpose.training.trees import chosen, join, named, paths, split

TREE = {"a": {"kernel": np.ones((2, 3)), "bias": np.zeros(3)}, "b": {"kernel": np.ones(4)}}
NAMES = ["a/bias", "a/kernel", "b/kernel"]


def test_leaves_are_named_by_their_path():
    assert list(named(TREE)) == NAMES
    assert paths(TREE)["a"]["kernel"] == "a/kernel"
    assert named(TREE)["b/kernel"] is TREE["b"]["kernel"]


def test_an_expression_matches_whole_paths():
    assert chosen("a/.*", NAMES, "field") == ["a/bias", "a/kernel"]
    assert chosen(".*/kernel", NAMES, "field") == ["a/kernel", "b/kernel"]
    with pytest.raises(OptionError, match=r"`undecayed`: 'kernel' matches .* the nearest path is '[ab]/kernel'"):
        chosen("kernel", NAMES, "undecayed")
    with pytest.raises(OptionError, match="the nearest path is 'a/bias'"):
        chosen("a/biass", NAMES, "multipliers")
    with pytest.raises(OptionError, match="is no regular expression"):
        chosen("a(", NAMES, "multipliers")


def test_split_and_join():
    mask = {"a": {"kernel": True, "bias": False}, "b": {"kernel": False}}
    yes, no = split(TREE, mask)
    assert list(named(yes)) == ["a/kernel"]
    assert list(named(no)) == ["a/bias", "b/kernel"]
    both = join(yes, no)
    assert jax.tree.structure(both) == jax.tree.structure(TREE)
    assert all(both[a][b] is TREE[a][b] for a in TREE for b in TREE[a])
