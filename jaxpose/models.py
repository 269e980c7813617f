"""Models by name: what is packaged or imported, how a weight file becomes a tracker or a detector, how a foreign file
becomes a weight file.

The only module that knows all systems.
"""

import dataclasses
import datetime
import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxpose.association.config import IdentityConfig
from jaxpose.association.identities import IdentityTracker
from jaxpose.detection import PeopleDetector
from jaxpose.errors import UnknownModelError, WeightsError
from jaxpose.estimation import Estimator
from jaxpose.skeletons import SKELETONS, Skeleton
from jaxpose.systems.movenet.config import MoveNetConfig
from jaxpose.systems.movenet.estimator import MoveNetPeople
from jaxpose.systems.movenet.importing import looks_multipose, multipose_params
from jaxpose.systems.movenet.network import MoveNet
from jaxpose.systems.openpose.config import LightweightConfig
from jaxpose.systems.openpose.estimator import OpenPose
from jaxpose.systems.openpose.importing import lightweight_params, looks_lightweight
from jaxpose.systems.openpose.lightweight import STRIDE, LightweightOpenPose
from jaxpose.tracking import FrameTracker, Tracker
from jaxpose.weights import openvino, store, tfjs
from jaxpose.weights.default import DEFAULT
from jaxpose.weights.store import Card, Params


class Source(Protocol):
    """The content of a foreign weight file, whatever its kind."""

    @property
    def name(self) -> str:
        """What the file calls its network."""

    @property
    def sha256(self) -> str:
        """Of the file's weights."""


READERS: dict[str, Callable[[Path], Source]] = {".xml": openvino.read_graph, ".json": tfjs.read_graph_model}
"""How a foreign weight file is read, by the end of its name: OpenVINO's IR, TensorFlow.js' graph model."""


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A kind of network: what it is made of, and how its published weights are recognised and taken over."""

    config: Callable[..., Any]
    network: Callable[[Any], Any]
    estimator: Callable[..., Estimator]  # network, params, skeleton, size=, and decode= with a config of its own
    suffix: str  # of the file of its published weights
    recognises: Callable[[Any], bool]
    params: Callable[[Any], Params]
    licence: str

    def skeleton(self, config: Any) -> Skeleton:
        """The skeleton that a network of this config predicts."""
        return SKELETONS[config.skeleton]

    def shapes(self, config: Any) -> Params:
        """The parameters' shapes, computed without allocating any."""
        picture = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.uint8)
        variables: Params = jax.eval_shape(self.network(config).init, jax.random.key(0), picture)
        params: Params = variables["params"]
        return params


def _lightweight(network: Any, params: Params, skeleton: Skeleton, **options: Any) -> OpenPose:
    return OpenPose(network, params, skeleton, STRIDE, **options)


ARCHITECTURES = {
    "lightweight-openpose": Architecture(
        LightweightConfig,
        LightweightOpenPose,
        _lightweight,
        ".xml",
        looks_lightweight,
        lightweight_params,
        "Apache-2.0 as published (human-pose-estimation-0001, Open Model Zoo)",
    ),
    "movenet-multipose": Architecture(
        MoveNetConfig,
        MoveNet,
        MoveNetPeople,
        ".json",
        looks_multipose,
        multipose_params,
        "Apache-2.0 as published (MoveNet MultiPose Lightning, Google)",
    ),
}
"""Every architecture by the name that `--arch` takes and weight files carry."""


def names() -> list[str]:
    """The names that `load` takes."""
    return store.names()


def card(name: str) -> Card:
    """What an installed model says of itself."""
    return store.read_card(_find(name))


def load(
    name: str = DEFAULT,
    *,
    size: int = 656,
    max_people: int | None = None,
    chunk: int = 1,
    identities: IdentityConfig = IdentityConfig(),
) -> Tracker:
    """The tracker of an installed model.

    `size` is the long side of the network's input in pixels, `max_people` the most people told of a frame, `chunk` how
    many frames go to the device at a time. Raises `UnknownModelError`, or `WeightsError` for a damaged or foreign file.
    """
    found = estimator(name, size=size)
    return FrameTracker(found, IdentityTracker(found.skeleton, identities), chunk=chunk, max_people=max_people)


def detector(
    name: str = DEFAULT, *, size: int = 656, chunk: int = 1, min_score: float = 0.0, margin: float = 0.1
) -> PeopleDetector:
    """The detector of an installed model: frames in, the boxes of its people out (see `detection.PeopleDetector`).

    Raises as `load` does.
    """
    return PeopleDetector(estimator(name, size=size), chunk=chunk, min_score=min_score, margin=margin)


def estimator(name: str = DEFAULT, *, size: int = 656, **options: Any) -> Estimator:
    """An installed model by itself: people of single pictures, without ids.

    `options` are the system's own, as `decode=PoseConfig(...)` for MoveNet. Raises as `load` does.
    """
    params, about = store.load(_find(name))
    if (architecture := ARCHITECTURES.get(about.architecture)) is None:
        raise WeightsError(f"{name} is a {about.architecture}, which this version does not know")
    try:
        config = architecture.config(**about.config)
        skeleton = architecture.skeleton(config)
    except (TypeError, KeyError) as error:
        raise WeightsError(f"{name} has a config that this version does not know: {error}") from None
    store.check(params, architecture.shapes(config), name)
    return architecture.estimator(architecture.network(config), params, skeleton, size=size, **options)


def import_file(path: Path, name: str, arch: str | None = None, *, overwrite: bool = False) -> Path:
    """Store the weights of a foreign file under a name; returns the stored file.

    `path` is an OpenVINO IR's `.xml` or a TensorFlow.js graph model's `.json`. The architecture is recognised from the
    file unless `arch` names it.
    """
    store.path_of(name)  # a bad name is told before the work
    if arch is not None and arch not in ARCHITECTURES:
        raise WeightsError(f"unknown architecture {arch!r}: {_nearest(arch, list(ARCHITECTURES))}")
    suffix = path.suffix.lower() if arch is None else ARCHITECTURES[arch].suffix
    if suffix not in READERS or suffix != path.suffix.lower():
        kinds = " or ".join(READERS) if arch is None else suffix
        raise WeightsError(f"{path}: weights of {arch or 'other projects'} are read from a {kinds} file")
    source = READERS[suffix](path)
    if arch is None:
        known = (key for key, kind in ARCHITECTURES.items() if kind.suffix == suffix and kind.recognises(source))
        if (arch := next(known, None)) is None:
            raise WeightsError(f"{path} is none of the known networks ({', '.join(ARCHITECTURES)})")
    architecture = ARCHITECTURES[arch]
    config = architecture.config()
    params = architecture.params(source)
    store.check(params, architecture.shapes(config), name)
    provenance = {
        "file": path.name,
        "sha256 of its .bin": source.sha256,
        "network": source.name,
        "licence": architecture.licence,
        "imported": datetime.date.today().isoformat(),
    }
    return store.save(name, params, Card(arch, dataclasses.asdict(config), provenance), overwrite=overwrite)


def _find(name: str) -> Path:
    if name not in (known := names()):
        raise UnknownModelError(f"no model named {name!r}: {_nearest(name, known)}")
    return store.path_of(name)


def _nearest(name: str, known: list[str]) -> str:
    """What to do about an unknown name."""
    close = difflib.get_close_matches(name, known, 1, 0.4)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
