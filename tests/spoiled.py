"""Small spoilings of a JSON tree, as files come damaged: something gone, doubled, or of another type or value."""

import copy
from typing import Any

from hypothesis import strategies as st

ODD = st.sampled_from(
    [0, 1, 2, -1, 2.5, 10**400, 10**20, 1e308, float("nan"), float("inf"), True, False, None, "", "x", "person", [], {},
     [1], [[1]], [[]], [{}], [None], {"x": 1}, [float("nan")], ["0"]]
)  # fmt: skip


def places(tree: Any) -> list[tuple[Any, ...]]:
    """The way to each value of a tree."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [(key, *rest) for key, value in inside for rest in [(), *places(value)]]


@st.composite
def spoiled(draw: st.DrawFn, tree: Any) -> Any:
    """The tree with one to three changes."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        ways = places(tree)
        if not ways:
            return tree
        depth = draw(st.sampled_from(sorted({len(way) for way in ways})))  # every level alike, not every number
        *way, key = draw(st.sampled_from([way for way in ways if len(way) == depth]))
        holder = tree
        for step in way:
            holder = holder[step]
        change = draw(st.sampled_from(["replace", "replace", "remove", "double"]))
        if change == "remove":
            del holder[key]
        elif change == "double" and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(draw(ODD))
    return tree
