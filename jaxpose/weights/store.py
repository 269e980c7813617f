"""The store of trained weights: one safetensors file a model, with its architecture, config and origin inside.

Packaged models lie in the folder `packaged` beside this file, imported ones in the folder `models` of `JAXPOSE_HOME`
(else of the user's data folder). A model's parameters are a tree of arrays; their path in the tree, joined by "/",
names them in the file. The file's metadata holds one JSON, and the arrays' checksum. A packaged file leaves out what is
the same in another packaged one, such as a backbone that stayed as it was, and names that one.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from jaxpose.errors import OutputError, WeightsError
from jaxpose.weights.quantization import from_file, to_file

Params = Mapping[str, Any]
"""A tree of dicts with arrays as leaves."""

PACKAGED = Path(__file__).parent / "packaged"
"""The folder of the models that come with the package."""


@dataclasses.dataclass(frozen=True)
class Card:
    """What a weight file says of itself."""

    architecture: str  # a name that `models` knows
    config: dict[str, Any]  # the fields of that architecture's config
    provenance: dict[str, str]  # where the weights come from


def home() -> Path:
    """The folder that jaxpose keeps its data in."""
    if own := os.environ.get("JAXPOSE_HOME"):
        return Path(own)
    import platformdirs  # not on every machine that trains

    return Path(platformdirs.user_data_dir("jaxpose", appauthor=False))


def path_of(name: str) -> Path:
    """Where the weights of a model lie, or would lie once it is imported."""
    if not 0 < len(name) <= 100 or name.startswith(".") or not all(c.isalnum() or c in "-_." for c in name):
        raise WeightsError(
            f"a model's name consists of up to 100 letters, digits, '-', '_' and '.', got {name[:120]!r}"
        )
    return (PACKAGED if name in packaged() else home() / "models") / f"{name}.safetensors"


def packaged() -> list[str]:
    """The models that come with the package."""
    return sorted(path.stem for path in PACKAGED.glob("*.safetensors"))


def names() -> list[str]:
    """All models: the packaged, then the imported ones."""
    own = packaged()
    return own + sorted({path.stem for path in (home() / "models").glob("*.safetensors")} - {*own})


def save(name: str, params: Params, card: Card, *, overwrite: bool = False) -> Path:
    """Store an imported model; an existing one is replaced only with `overwrite`, a packaged one never."""
    path = path_of(name)
    if path.parent == PACKAGED:
        raise OutputError(f"{name} is a model that comes with the package: choose another name")
    if path.exists() and not overwrite:
        raise OutputError(f"a model named {name} exists already ({path}): choose another name, or --overwrite")
    write(path, params, card)
    return path


def write(path: Path, params: Params, card: Card, *, like: str | None = None) -> None:
    """Write a weight file, each array in its own precision or as a `quantization.Int8`; never left half written.

    Arrays that the packaged model `like` has too, equal in name and value, are not stored a second time.
    """
    part = path.with_suffix(f".{os.getpid()}.part")
    flat = to_file(_flatten(params))
    metadata = {"jaxpose": json.dumps(dataclasses.asdict(card))}
    same: list[str] = []
    if like is not None:
        theirs = _read_arrays(path_of(like))
        same = [key for key, value in flat.items() if key in theirs and np.array_equal(theirs[key], value)]
        flat |= {key: theirs[key] for key in same}  # in their precision, as they will be read
        metadata["shared"] = json.dumps({"model": like, "arrays": same})
    metadata["sha256"] = _checksum(flat)
    own = {key: value for key, value in flat.items() if key not in same}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(serialize(own, metadata))
        part.replace(path)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"cannot write {path}: {error}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def read_card(path: Path) -> Card:
    """What the weight file at `path` says of itself, without reading its arrays."""
    metadata = _read_metadata(path)
    try:
        return Card(**json.loads(metadata["jaxpose"]))
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"{path} is a safetensors file, but not one that jaxpose wrote") from None


def _read_metadata(path: Path) -> dict[str, str]:
    try:
        path.open("rb").close()  # its errors tell missing from forbidden; safetensors' do not
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror})") from None
    try:
        with safe_open(path, "numpy") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is damaged or no weight file: {error}") from None


def load(path: Path) -> tuple[Params, Card]:
    """Parameters as float32, and the card, of the weight file at `path`."""
    card, metadata = read_card(path), _read_metadata(path)
    flat = _read_arrays(path)
    try:
        shared = json.loads(metadata.get("shared", "{}"))
        theirs = _read_arrays(path_of(shared["model"])) if shared else {}
        flat |= {key: theirs[key] for key in shared.get("arrays", ())}
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is damaged: what it shares with another model is not there ({error})") from None
    if _checksum(flat) != metadata.get("sha256"):
        raise WeightsError(f"{path} is damaged: its arrays do not have their checksum; install or import it again")
    try:
        return unflatten(from_file(flat)), card
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} is damaged: scales of {error} do not fit") from None


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with safe_open(path, "numpy") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is damaged: {error}") from None


def _checksum(flat: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key in sorted(flat):
        digest.update(key.encode())
        digest.update(flat[key].tobytes())
    return digest.hexdigest()


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
