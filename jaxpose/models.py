"""Models by name: what is installed, how a weight file becomes a tracker, how a foreign file becomes a weight file.

The only module that knows all systems.
"""

import dataclasses
import datetime
import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxpose.association.config import IdentityConfig
from jaxpose.association.identities import IdentityTracker
from jaxpose.errors import UnknownModelError, WeightsError
from jaxpose.skeletons import SKELETONS, Skeleton
from jaxpose.systems.openpose.config import LightweightConfig
from jaxpose.systems.openpose.estimator import OpenPose
from jaxpose.systems.openpose.importing import lightweight_params, looks_lightweight
from jaxpose.systems.openpose.lightweight import STRIDE, LightweightOpenPose
from jaxpose.tracking import FrameTracker, Tracker
from jaxpose.weights import store
from jaxpose.weights.openvino import Graph, read_graph
from jaxpose.weights.store import Card, Params


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A kind of network: its config, its module, and how its published weights are recognised and taken over."""

    config: Callable[..., Any]
    network: Callable[[Any], Any]
    stride: int
    recognises: Callable[[Graph], bool]
    params: Callable[[Graph], Params]
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


ARCHITECTURES = {
    "lightweight-openpose": Architecture(
        LightweightConfig,
        LightweightOpenPose,
        STRIDE,
        looks_lightweight,
        lightweight_params,
        "Apache-2.0 as published (human-pose-estimation-0001, Open Model Zoo)",
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
    name: str,
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
    params, about = store.load(_find(name))
    if (architecture := ARCHITECTURES.get(about.architecture)) is None:
        raise WeightsError(f"{name} is a {about.architecture}, which this version does not know")
    try:
        config = architecture.config(**about.config)
        skeleton = architecture.skeleton(config)
    except (TypeError, KeyError) as error:
        raise WeightsError(f"{name} has a config that this version does not know: {error}") from None
    store.check(params, architecture.shapes(config), name)
    estimator = OpenPose(architecture.network(config), params, skeleton, architecture.stride, size=size)
    return FrameTracker(estimator, IdentityTracker(skeleton, identities), chunk=chunk, max_people=max_people)


def import_file(path: Path, name: str, arch: str | None = None, *, overwrite: bool = False) -> Path:
    """Store the weights of a foreign file under a name; returns the stored file.

    `path` is an OpenVINO IR's `.xml`. The architecture is recognised from the file unless `arch` names it.
    """
    store.path_of(name)  # a bad name is told before the work
    graph = read_graph(path)
    if arch is None:
        arch = next((key for key, known in ARCHITECTURES.items() if known.recognises(graph)), None)
        if arch is None:
            raise WeightsError(f"{path} is none of the known networks ({', '.join(ARCHITECTURES)})")
    if arch not in ARCHITECTURES:
        raise WeightsError(f"unknown architecture {arch!r}: {_nearest(arch, list(ARCHITECTURES))}")
    architecture = ARCHITECTURES[arch]
    config = architecture.config()
    params = architecture.params(graph)
    store.check(params, architecture.shapes(config), name)
    provenance = {
        "file": path.name,
        "sha256 of its .bin": graph.sha256,
        "network": graph.name,
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
    if not known:
        return "none is installed yet; bring one in with `jaxpose import FILE --as NAME`"
    close = difflib.get_close_matches(name, known, 1, 0.4)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
