"""Models by name: what is packaged or imported, how a weight file becomes a tracker or a detector, how a foreign file
becomes a weight file. `architectures` is the table of what there can be.
"""

import dataclasses
import datetime
import difflib
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import flax.linen as nn

from jaxpose.architectures import ARCHITECTURES
from jaxpose.association.config import IdentityConfig
from jaxpose.association.identities import IdentityTracker
from jaxpose.detection import FrameDetector, PeopleBoxes, from_file
from jaxpose.errors import OptionError, UnknownModelError, WeightsError
from jaxpose.estimation import Chunked, Estimator, Pipeline
from jaxpose.onnx_detector import OnnxDetector
from jaxpose.records import People
from jaxpose.skeletons import Skeleton
from jaxpose.topdown.estimator import BoxedPipeline, CropEstimator, Refined, TopDown
from jaxpose.topdown.tracker import RefinedTracker
from jaxpose.tracking import FrameTracker, ProminentTracker, Tracker
from jaxpose.weights import caffe, openvino, pytorch, store, tfjs
from jaxpose.weights.default import DEFAULT, DETECTOR
from jaxpose.weights.store import Card, Params


class Source(Protocol):
    """The content of a foreign weight file, whatever its kind."""

    @property
    def name(self) -> str:
        """What the file calls its network."""

    @property
    def sha256(self) -> str:
        """Of the file's weights."""


READERS: dict[str, Callable[[Path], Source]] = {
    ".xml": openvino.read_graph,
    ".json": tfjs.read_graph_model,
    ".caffemodel": caffe.read_caffe_model,
    ".pth": pytorch.read_checkpoint,
    ".pt": pytorch.read_checkpoint,
    ".safetensors": pytorch.read_checkpoint,
}
"""How a foreign weight file is read, by the end of its name: OpenVINO's IR, TensorFlow.js' graph model, Caffe,
PyTorch."""


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
    boxes: str | os.PathLike[str] | None = None,
    refine: str | None = None,
    **options: Any,
) -> Tracker:
    """The tracker of an installed model.

    `size` is the long side of the network's input in pixels, `max_people` the most people told of a frame, `chunk` how
    many frames go to the device at a time; `options` are the system's own: those of `estimator`, or for a network that
    tracks by itself `decode` and `tracking`, and no `identities`, which are the baseline tracker's. `boxes` is a file
    of people's boxes (see `detection.from_file`) for a model that looks at one person at a time, in place of the
    detector; `refine` is such a model that looks once more at everybody whom another one finds. Raises
    `UnknownModelError`, `WeightsError` for a damaged or foreign file, and `OptionError` for options that do not fit.
    """
    if max_people is not None and max_people < 1:
        raise ValueError(f"`max_people` must be at least 1, got {max_people}")
    architecture = ARCHITECTURES[_known(name).architecture]
    tracker: Tracker
    if architecture.tracker is not None:
        if identities != IdentityConfig():
            raise OptionError(f"{name} keeps ids by itself: `tracking` has its options, `identities` the others'")
        _check_boxes(name, boxes)
        _check_options(name, architecture.tracker, options)
        tracker = architecture.tracker(*network(name), size=size, chunk=chunk, **options)
        if refine is not None:
            tracker = RefinedTracker(tracker, person(refine))
    else:
        if identities.strong_score is None:
            scoring = architecture if refine is None else ARCHITECTURES[_known(refine).architecture]
            identities = dataclasses.replace(identities, strong_score=scoring.strong_score)
        pipeline: Chunked[People]
        if boxes is None:
            found = estimator(name, size=size, refine=refine, **options)
            pipeline, skeleton = Pipeline(found, chunk), found.skeleton
        else:
            _check_boxes(name, boxes)
            if refine is not None or "detector" in options:
                raise OptionError("boxes come from one place: give `boxes`, or `detector`, or the model to `refine`")
            people = person(name, **options)
            pipeline, skeleton = BoxedPipeline(from_file(boxes), people, chunk), people.skeleton
        tracker = FrameTracker(pipeline, IdentityTracker(skeleton, identities))
    return tracker if max_people is None else ProminentTracker(tracker, max_people)


def detector(
    name: str = DEFAULT,
    *,
    size: int = 656,
    chunk: int = 1,
    min_score: float = 0.0,
    margin: float = 0.1,
    **options: Any,
) -> FrameDetector:
    """The detector of an installed model: frames in, the boxes of its people out (see `detection.PeopleBoxes`).

    Raises as `load` does.
    """
    return FrameDetector(PeopleBoxes(estimator(name, size=size, **options), min_score=min_score, margin=margin), chunk)


def estimator(
    name: str = DEFAULT, *, size: int = 656, refine: str | None = None, detector: str | None = None, **options: Any
) -> Estimator:
    """An installed model by itself: people of single pictures, without ids.

    `options` are the system's own: `decode=PoseConfig(...)` for MoveNet, `decode`, `parser` and `search` for OpenPose,
    `flip` and `config=TopDownConfig(...)` for one that looks at one person at a time. For that one, `detector` is the
    model that finds the people (the packaged one), or an ONNX file (see `onnx_detector`), and `size` is the detector's.
    `refine` is as for `load`. Raises as `load` does, and `OptionError` for a network that finds no people, as those of
    hands and faces.
    """
    architecture = ARCHITECTURES[_known(name).architecture]
    if architecture.person is not None:
        if refine is not None:
            raise OptionError(f"{name} looks at one person at a time itself: `refine` is for models that find people")
        people = person(name, **options)
        if detector is not None and detector.lower().endswith(".onnx"):
            return TopDown(OnnxDetector(Path(detector), size=size), people)
        return Refined(estimator(detector or DETECTOR, size=size), people)
    if detector is not None:
        raise OptionError(f"{name} finds people itself: `detector` is for models that look at one person at a time")
    if architecture.estimator is None:
        raise OptionError(f"{name} finds no people, it reads a crop around one: use `jaxpose.models.network({name!r})`")
    _check_options(name, architecture.estimator, options)
    found = architecture.estimator(*network(name), size=size, **options)
    if refine is None:
        return found
    return Refined(found, person(refine))


def person(name: str, **options: Any) -> CropEstimator:
    """An installed model that looks at one person at a time, by itself: poses of people whose boxes are known.

    `options` are as for `estimator`. Raises as `load` does, and `OptionError` for a model that finds people.
    """
    make = ARCHITECTURES[_known(name).architecture].person
    if make is None:
        able = [own for own in names() if ARCHITECTURES[_known(own).architecture].person is not None]
        raise OptionError(f"{name} does not look at one person at a time: of the installed models {', '.join(able)} do")
    _check_options(name, make, options)
    return make(*network(name), **options)


def default(name: str, option: str) -> Any:
    """What an option of a model's tracker, else its estimator, is unless it is given; None where it has no such option.

    A model's thresholds are among these defaults, so who changes one field of a config starts from them.
    """
    architecture = ARCHITECTURES[_known(name).architecture]
    for make in (architecture.tracker, architecture.estimator, architecture.person):
        if make is not None and (known := inspect.signature(make).parameters.get(option)) is not None:
            return known.default
    return None


def network(name: str = DEFAULT) -> tuple[nn.Module, Params, Skeleton]:
    """The Flax module, the parameters (float32) and the skeleton of an installed model. Raises as `load` does."""
    about = _known(name)
    architecture = ARCHITECTURES[about.architecture]
    params, _ = store.load(_find(name))
    try:
        config = architecture.config(**about.config)
        skeleton, shapes = architecture.skeleton(config), architecture.shapes(config)
    except (TypeError, KeyError, ValueError) as error:
        raise WeightsError(f"{name} has a config that this version does not know: {error}") from None
    store.check(params, shapes, name)
    return architecture.network(config), params, skeleton


def import_file(path: Path, name: str, arch: str | None = None, *, overwrite: bool = False) -> Path:
    """Store the weights of a foreign file under a name; returns the stored file.

    `READERS` tells the kinds of files. The architecture is recognised from the file unless `arch` names it.
    """
    store.path_of(name)  # a bad name is told before the work
    releases = {key: kind.release for key, kind in ARCHITECTURES.items() if kind.release is not None}
    if arch is not None and arch not in releases:
        told = "nobody has published any" if arch in ARCHITECTURES else _nearest(arch, list(releases))
        raise WeightsError(f"no weights are imported for {arch!r}: {told}")
    suffix = path.suffix.lower()
    allowed = list(READERS) if arch is None else list(releases[arch].suffixes)
    if suffix not in allowed:
        raise WeightsError(f"{path}: weights of {arch or 'other projects'} are read from a {' or '.join(allowed)} file")
    source = READERS[suffix](path)
    if arch is None:
        fitting = (key for key, known in releases.items() if suffix in known.suffixes and known.recognises(source))
        if (arch := next(fitting, None)) is None:
            raise WeightsError(f"{path} is none of the known networks ({', '.join(releases)})")
    release = releases[arch]
    config = ARCHITECTURES[arch].config() if release.config is None else release.config(source)
    params = release.params(source)
    store.check(params, ARCHITECTURES[arch].shapes(config), name)
    provenance = {
        "file": path.name,
        "sha256 of its weights": source.sha256,
        "network": source.name,
        "licence": release.licence,
        "imported": datetime.date.today().isoformat(),
    }
    return store.save(name, params, Card(arch, dataclasses.asdict(config), provenance), overwrite=overwrite)


def _check_boxes(name: str, boxes: str | os.PathLike[str] | None) -> None:
    """`OptionError` for boxes that a model would not look at."""
    if boxes is not None and ARCHITECTURES[_known(name).architecture].person is None:
        raise OptionError(f"{name} finds people itself: `boxes` is for models that look at one person at a time")


def _check_options(name: str, make: Callable[..., Any], options: dict[str, Any]) -> None:
    """`OptionError` for an option that what makes a model's estimator or tracker does not have."""
    common = ("network", "params", "skeleton", "size", "chunk")
    known = [key for key in inspect.signature(make).parameters if key not in common]
    if unknown := [key for key in options if key not in known]:
        raise OptionError(f"{name} has no option `{unknown[0]}`: its own are {', '.join(known)}")


def _known(name: str) -> Card:
    """The card of a model whose architecture this version knows."""
    about = card(name)
    if about.architecture not in ARCHITECTURES:
        raise WeightsError(f"{name} is a {about.architecture}, which this version does not know")
    return about


def _find(name: str) -> Path:
    if name not in (known := names()):
        if name == DEFAULT:
            raise UnknownModelError(f"{name} is missing from the package: install jaxpose again")
        raise UnknownModelError(f"no model named {name!r}: {_nearest(name, known)}")
    return store.path_of(name)


def _nearest(name: str, known: list[str]) -> str:
    """What to do about an unknown name."""
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
