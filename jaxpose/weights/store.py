"""The store of trained weights: one safetensors file a model, with its architecture, config and origin inside.

Imported models lie in the folder `models` of `JAXPOSE_HOME` (else of the user's data folder). A model's parameters are
a tree of arrays; their path in the tree, joined by "/", names them in the file. The file's metadata holds one JSON.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from jaxpose.errors import OutputError, WeightsError

Params = Mapping[str, Any]
"""A tree of dicts with arrays as leaves."""


@dataclasses.dataclass(frozen=True)
class Card:
    """What a weight file says of itself."""

    architecture: str  # a name that `models` knows
    config: dict[str, Any]  # the fields of that architecture's config
    provenance: dict[str, str]  # where the weights come from


def home() -> Path:
    """The folder that jaxpose keeps its data in."""
    return Path(os.environ.get("JAXPOSE_HOME") or platformdirs.user_data_dir("jaxpose", appauthor=False))


def path_of(name: str) -> Path:
    """Where the weights of an imported model lie."""
    if not name or name.startswith(".") or not all(c.isalnum() or c in "-_." for c in name):
        raise WeightsError(f"a model's name consists of letters, digits, '-', '_' and '.', got {name!r}")
    return home() / "models" / f"{name}.safetensors"


def names() -> list[str]:
    """The imported models."""
    return sorted(path.stem for path in (home() / "models").glob("*.safetensors"))


def save(name: str, params: Params, card: Card, *, overwrite: bool = False) -> Path:
    """Store a model; an existing one is replaced only with `overwrite`, and never left half written."""
    path = path_of(name)
    if path.exists() and not overwrite:
        raise OutputError(f"a model named {name} exists already ({path}): choose another name, or --overwrite")
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(serialize(_flatten(params), {"jaxpose": json.dumps(dataclasses.asdict(card))}))
        part.replace(path)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"cannot write {path}: {error}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return path


def read_card(path: Path) -> Card:
    """What the weight file at `path` says of itself, without reading its arrays."""
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
        return Card(**json.loads(metadata["jaxpose"]))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is damaged or no weight file: {error}") from None
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"{path} is a safetensors file, but not one that jaxpose wrote") from None


def load(path: Path) -> tuple[Params, Card]:
    """Parameters as float32, and the card, of the weight file at `path`."""
    card = read_card(path)
    with safe_open(path, "numpy") as file:
        flat = {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118 - no mapping
    return unflatten(flat), card


def check(params: Params, expected: Params, name: str) -> None:
    """`WeightsError` with the first difference unless both trees have the same arrays by name and shape."""
    found, wanted = ({key: value.shape for key, value in _flatten(tree).items()} for tree in (params, expected))
    for key in wanted | found:
        if found.get(key) != wanted.get(key):
            raise WeightsError(
                f"the weights of {name} do not fit their network: "
                f"{key} is {found.get(key, 'missing')}, expected {wanted.get(key, 'nothing of that name')}"
            )


def _flatten(tree: Params, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flatten(value, f"{prefix}{key}/") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def unflatten(flat: Mapping[str, Any]) -> Params:
    """The tree of arrays that are named by their path in it, joined by "/"."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *path, last = key.split("/")
        into = tree
        for part in path:
            into = into.setdefault(part, {})
        into[last] = value
    return tree
