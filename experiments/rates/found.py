"""What the networks find in the videos, kept in `KEPT` by the weights, so that each is looked at once.

Of a network of single pictures these are the poses of every frame, of which a slower camera's are a part. A STAF
network sees another video at every rate, so of it the candidates are kept for each rate: all that its tracker reads,
whose settings can then be compared without the network. Changes of the code are not noticed: delete the folder then.
"""

import functools
import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxpose.architectures import ARCHITECTURES, Architecture
from jaxpose.association.config import ParserConfig
from jaxpose.association.parsing import parse
from jaxpose.errors import WeightsError
from jaxpose.fields.config import DecodeConfig
from jaxpose.geometry import Fit, fit_input, to_source
from jaxpose.records import Candidates, Frame, People
from jaxpose.skeletons import Link, Skeleton
from jaxpose.systems.staf.candidates import StafCandidates
from jaxpose.systems.staf.cuts import CutDetector
from jaxpose.systems.staf.decoding import make_step, reset_videos, start_videos
from jaxpose.systems.staf.recurrence import STRIDE
from jaxpose.systems.staf.tracker import PeopleTracker
from jaxpose.systems.staf.tracker_config import TrackerConfig
from jaxpose.video.resize import apply_fit
from jaxpose.weights import store
from rates import videos

KEPT = Path(__file__).parents[2] / "runs" / "rates"

BY_TAFS = TrackerConfig(motion=0, max_missed=0, min_similarity=1.0)
"""Motion has no say: an id goes on by the network's word alone, and whoever no link names is new."""


class Model(NamedTuple):
    """A network with its weights and what its architecture makes of it by default."""

    name: str
    network: Any
    params: Any
    skeleton: Skeleton
    kind: Architecture
    digest: str  # of the weight file

    def default(self, name: str) -> Any:
        """Of an option of the model's tracker, or estimator."""
        made: Callable[..., Any] | None = self.kind.tracker or self.kind.estimator
        assert made is not None
        return inspect.signature(made).parameters[name].default

    @property
    def links(self) -> tuple[Link, ...]:
        """The pairs of joints of a STAF network's temporal fields."""
        return self.skeleton.temporal_links(self.network.config.topology)

    @property
    def folder(self) -> Path:
        """Of what is kept of these weights, as they are decoded."""
        told = hashlib.sha256(f"{self.digest} {self.default('decode')}".encode())
        return KEPT / self.name / told.hexdigest()[:12]


def read_model(given: str) -> Model:
    """An installed model by its name, or a weight file."""
    path = Path(given) if given.endswith(".safetensors") else store.path_of(given)
    params, card = store.load(path)
    kind = ARCHITECTURES.get(card.architecture)
    if kind is None or kind.estimator is None:
        raise WeightsError(f"{given} is a {card.architecture}, which finds no people: name another model")
    config = kind.config(**card.config)
    store.check(params, kind.shapes(config), given)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(path.stem, kind.network(config), params, kind.skeleton(config), kind, digest)


# -- networks of single pictures -------------------------------------------------------------------------------------


def poses(model: Model, name: str, every: int) -> list[np.ndarray]:
    """The poses [p, j, 3] of each frame of a video, x, y, score in pixels of the picture."""
    path = model.folder / f"{name}.npz"
    if not path.exists():
        assert model.kind.estimator is not None
        estimator: Any = model.kind.estimator(model.network, model.params, model.skeleton, size=videos.input_size(name))
        found: list[People] = [
            estimator.collect(estimator.dispatch([frame.image], 1))[0] for frame in videos.frames(name)
        ]
        keypoints = np.concatenate([people.keypoints for people in found])
        _keep(path, offsets=np.cumsum([0, *(people.total for people in found)]), keypoints=keypoints)
    with np.load(path) as kept:
        return np.split(kept["keypoints"], kept["offsets"][1:-1])[::every]


# -- STAF ------------------------------------------------------------------------------------------------------------


class Found(NamedTuple):
    """What a STAF network finds in a video: all that its tracker reads."""

    candidates: list[StafCandidates]  # of each frame, without the axis b; as many slots as the fullest frame needs
    fit: Fit
    times: list[float]
    cuts: list[bool]

    def track(self, skeleton: Skeleton, links: tuple[Link, ...], config: TrackerConfig) -> list[People]:
        """The people with ids of each frame; where cuts are is a matter of the pictures, and of the default alone."""
        tracker = PeopleTracker(skeleton, links, config)
        told: list[People] = []
        for number, (each, time, cut) in enumerate(zip(self.candidates, self.times, self.cuts, strict=True)):
            told += tracker.push(each, self.fit, number, time, cut=cut and config.cuts is not None)
        return [*told, *tracker.flush()]

    def poses(self, skeleton: Skeleton, parser: ParserConfig) -> list[np.ndarray]:
        """The poses [p, j, 3] of each frame by its limbs alone, in pixels of the picture, as `poses` has them."""
        result = []
        for each in self.candidates:
            keypoints, _ = parse(each.now, skeleton, parser)
            there = keypoints[..., 2:] > 0
            keypoints[..., :2] = np.where(there, to_source(keypoints[..., :2], self.fit), 0)
            result.append(keypoints)
        return result


def candidates(model: Model, name: str, every: int) -> Found:
    """What a STAF network finds in a video of which it sees every so-many-th frame."""
    path = model.folder / f"{name}-{every}.npz"
    if not path.exists():
        frames = list(videos.frames(name, every))
        size, decode = videos.input_size(name), model.default("decode")
        found = look(model.network, model.params, model.skeleton, frames, size, decode)
        _keep(path, fit=np.array(found.fit), times=found.times, cuts=found.cuts, **_columns(found.candidates))
    return read_kept(path)


def read_kept(path: Path) -> Found:
    """What is kept in a file."""
    with np.load(path) as kept:
        columns = {key: kept[key] for key in kept.files}
    width, height, scale = columns["fit"].tolist()
    return Found(
        [_row(columns, number) for number in range(len(columns["times"]))],
        Fit(int(width), int(height), scale),
        columns["times"].tolist(),
        columns["cuts"].tolist(),
    )


@functools.lru_cache(maxsize=4)
def _jitted(network: Any, skeleton: Skeleton, decode: DecodeConfig) -> Any:
    """The network's step; videos of one size share what is compiled."""
    return jax.jit(make_step(network, skeleton, decode))


def look(network: Any, params: Any, skeleton: Skeleton, frames: list[Frame], size: int, decode: DecodeConfig) -> Found:
    """The same for any recurrent network and frames of one size."""
    height, width = frames[0].image.shape[:2]
    fit = fit_input(width, height, size, STRIDE)
    step = _jitted(network, skeleton, decode)
    shape = jax.ShapeDtypeStruct((1, fit.height, fit.width, 3), np.uint8)
    carry = start_videos(network, params, shape, skeleton, decode)
    params, detector = jax.device_put(params), CutDetector()
    found, told = [], []
    for frame in frames:
        image = apply_fit(frame.image, fit)
        told.append(detector.push(image))
        if told[-1]:
            carry = reset_videos(carry, np.ones(1, bool))
        carry, results = step(params, carry, image[None])
        found.append(jax.tree.map(lambda leaf: np.asarray(leaf)[0], results))
    slots = max(1, min(max(int(each.now.found.max()) for each in found), decode.candidates))
    return Found([_narrow(each, slots) for each in found], fit, [frame.time for frame in frames], told)


def _narrow(found: StafCandidates, slots: int) -> StafCandidates:
    """The same candidates in fewer slots, all others of which are empty."""
    now = found.now
    narrow = {field: getattr(now, field)[:, :slots] for field in ("xy", "score", "partner", "affinity")}
    return StafCandidates(now._replace(**narrow), found.partner[:, :slots], found.affinity[:, :slots])


def _columns(found: list[StafCandidates]) -> dict[str, np.ndarray]:
    columns = {f"now_{field}": np.stack([getattr(each.now, field) for each in found]) for field in Candidates._fields}
    columns |= {field: np.stack([getattr(each, field) for each in found]) for field in ("partner", "affinity")}
    return {key: _small(column) for key, column in columns.items()}


def _small(column: np.ndarray) -> np.ndarray:
    """Whole numbers in two bytes, which slots and counts fit into."""
    return column.astype(np.uint16) if column.dtype.kind == "i" else column


def _row(columns: dict[str, np.ndarray], number: int) -> StafCandidates:
    now = {field: columns[f"now_{field}"][number] for field in Candidates._fields}
    for field in ("partner", "found"):
        now[field] = now[field].astype(np.int64)
    return StafCandidates(Candidates(**now), columns["partner"][number].astype(np.int64), columns["affinity"][number])


def _keep(path: Path, **columns: Any) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, **columns)
    part.replace(path)
    print(path, flush=True)
