"""The start of a training from weights that exist: a packaged or imported model's, a weight file's, another training's.

What another training gives is the moving average of its parameters. In a weight file, parameters stand by their paths,
and batch statistics beside them as `batch_stats/...` (`export.py`).
"""

import difflib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxpose.errors import JaxposeWarning, UnknownModelError, WeightsError
from jaxpose.nets.normalization import STATS
from jaxpose.task import Params
from jaxpose.training.trees import named, paths
from jaxpose.weights import store


def init_from(source: str, params: Params, stats: Params) -> tuple[Params, Params]:
    """Parameters and batch statistics with all that `source` has for them, the others as they are.

    `source` is the name of a packaged or imported model, a weight file, or the folder of a training. A `JaxposeWarning`
    tells in a line what it lacks, or has in another shape, or has and is not used; `WeightsError` if nothing fits,
    `UnknownModelError` if there is no such name.
    """
    arrays = _arrays(source)
    wanted = named({**params, STATS: stats})
    fitting = {name for name, leaf in wanted.items() if name in arrays and arrays[name].shape == leaf.shape}
    if not fitting:
        raise WeightsError(f"{source}: none of its {len(arrays)} arrays has the name and shape of a parameter")
    told = [
        _told("start anew", [name for name in wanted if name not in arrays], fitting),
        _told("of another shape there start anew", [name for name in wanted if name in {*arrays} - fitting], fitting),
        _told("of its own are not used", [name for name in arrays if name not in wanted], fitting),
    ]
    if any(told):
        warnings.warn(
            f"{source}: {'; '.join(filter(None, [f'{len(fitting)} arrays are taken', *told]))}",
            JaxposeWarning,
            stacklevel=2,
        )

    def take(name: str, leaf: Any) -> Any:
        return arrays[name].astype(leaf.dtype) if name in fitting else leaf

    tree = {**params, STATS: stats}
    tree = jax.tree.map(take, paths(tree), tree)
    return {key: tree[key] for key in params}, tree[STATS]


def _arrays(source: str) -> Mapping[str, np.ndarray]:
    if Path(source).is_dir():
        from jaxpose.training.checkpoints import read  # needs orbax, which a start from a weight file does not

        return read(Path(source)).averaged()
    if Path(source).is_file():
        return named(store.load(Path(source))[0])
    known = store.names()
    if source not in known:
        close = difflib.get_close_matches(source, known, 1, 0.5)
        told = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise UnknownModelError(
            f"{source!r} is neither a training's folder, nor a weight file, nor a model's name: {told}"
        )
    return named(store.load(store.path_of(source))[0])


def _told(what: str, names: list[str], fitting: set[str]) -> str:
    """How many they are, and the first of their modules, or their own names where their module has others that fit."""
    taken = {name.split("/")[0] for name in fitting}
    shown = [*dict.fromkeys(name if (top := name.split("/")[0]) in taken else top for name in names)]
    return f"{len(names)} {what} ({', '.join(shown[:3])}{', ...' if len(shown) > 3 else ''})" if names else ""
