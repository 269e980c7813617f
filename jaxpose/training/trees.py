"""Trees of parameters: the path 'a/b/c' of each leaf, expressions that choose leaves, and a tree in two parts.

Used wherever parts of a network are told apart by name: frozen and slower parts (`optimizer.py`), a trained and a fixed
part (`step.py`), the entries of a checkpoint (`checkpoints.py`).
"""

import difflib
import re
from collections.abc import Sequence
from typing import Any

import jax

from jaxpose.errors import OptionError

Tree = Any
"""A tree as JAX knows it; None has no leaves."""


def paths(tree: Tree) -> Tree:
    """The same tree with each leaf's path, such as 'stage_1/conv/kernel', in its place."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: jax.tree_util.keystr(path, simple=True, separator="/"), tree
    )


def named(tree: Tree) -> dict[str, Any]:
    """The leaves by their path, in the tree's order."""
    return dict(zip(jax.tree.leaves(paths(tree)), jax.tree.leaves(tree), strict=True))


def chosen(expression: str, names: Sequence[str], field: str) -> list[str]:
    """The paths that an expression matches as a whole.

    `OptionError`, which names the config's `field` and the nearest path, if there is none or it is no expression.
    """
    try:
        matches = [name for name in names if re.fullmatch(expression, name)]
    except re.error as error:
        raise OptionError(f"`{field}`: {expression!r} is no regular expression ({error})") from None
    if not matches:
        nearest = difflib.get_close_matches(expression, names, 1, 0)
        told = f"the nearest path is {nearest[0]!r}" if nearest else "the network has no parameters"
        raise OptionError(f"`{field}`: {expression!r} matches the path of no parameter; {told}")
    return matches


def split(tree: Tree, mask: Tree) -> tuple[Tree, Tree]:
    """The leaves where `mask` is True, and the others; each half has None in the other's places."""
    yes = jax.tree.map(lambda leaf, keep: leaf if keep else None, tree, mask)
    no = jax.tree.map(lambda leaf, keep: None if keep else leaf, tree, mask)
    return yes, no


def join(tree: Tree, other: Tree) -> Tree:
    """The leaves of the first tree, and where it has None the second's."""
    return jax.tree.map(lambda a, b: b if a is None else a, tree, other, is_leaf=lambda leaf: leaf is None)
