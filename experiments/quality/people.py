"""The people that a model finds in a set of pictures, kept so that every measure reads them again for nothing.

What is kept lies in `KEPT`, a folder for each model and, in it, one for its weights and defaults: a model that was
trained on, or has other thresholds, is looked at anew, and nothing else is. Changes of the code are not noticed: delete
the folder then.
"""

import dataclasses
import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from coco_ap import THOROUGH
from coco_pictures import Poses

from jaxpose import models
from jaxpose.architectures import ARCHITECTURES
from jaxpose.association.config import IdentityConfig
from jaxpose.skeletons import SKELETONS, Skeleton
from jaxpose.weights import store

KEPT = Path(__file__).parents[2] / "runs" / "quality"
SIZES = (656,)
STEP = 64
"""Pictures are padded until the short side of the network's input is a multiple of this."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model that is measured."""

    name: str
    architecture: str
    skeleton: Skeleton
    folder: Path  # of what is kept of these weights with these defaults
    refine: str | None = None  # the model that looks once more at everybody whom it finds

    @property
    def called(self) -> str:
        """Its name in a card: imported networks are called as they were published."""
        name = "human-pose-estimation-0001" if self.architecture == "lightweight-openpose" else self.name
        return name if self.refine is None else f"{name}+{self.refine}"

    @property
    def strong_score(self) -> float:
        """What a person's joints score on average at least, where a tracker is to tell of them."""
        scoring = self.architecture if self.refine is None else models.card(self.refine).architecture
        return ARCHITECTURES[scoring].strong_score


class Named(NamedTuple):
    """A picture and what to call it."""

    name: str
    image: np.ndarray


def subject(name: str, refine: str | None = None) -> Subject:
    """An installed model, alone or with the one that looks at its people once more."""
    card = models.card(name)
    kind = ARCHITECTURES[card.architecture]
    if (make := kind.estimator or kind.person) is None:
        raise SystemExit(f"{name} finds no people, it reads a crop around one: name another model")
    told = hashlib.sha256(store.path_of(name).read_bytes() + repr((_defaults(make), kind.strong_score)).encode())
    if refine is None:
        return Subject(name, card.architecture, SKELETONS[card.config["skeleton"]], KEPT / name / told.hexdigest()[:12])
    second = models.card(refine)
    kind = ARCHITECTURES[second.architecture]
    assert kind.person is not None
    told.update(store.path_of(refine).read_bytes() + repr((_defaults(kind.person), kind.strong_score)).encode())
    folder = KEPT / f"{name}+{refine}" / told.hexdigest()[:12]
    return Subject(name, card.architecture, SKELETONS[second.config["skeleton"]], folder, refine)


def _defaults(make: Callable[..., Any]) -> dict[str, Any]:
    """What an estimator's options are unless they are given."""
    return {key: value.default for key, value in inspect.signature(make).parameters.items()}


def kept(one: Subject, part: str, measure: Callable[[Subject], Any]) -> Any:
    """What was measured, from its file, else now."""
    path = one.folder / f"{part}.json"
    if not path.exists():
        print(f"{one.called}: {part} ...", flush=True)
        found = measure(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
    return json.loads(path.read_text())


def find(one: Subject, pictures: Iterable[Named], label: str, size: int, *, thorough: bool = False) -> dict[str, Poses]:
    """The people of each picture, by its name, at the model's defaults or as `coco_ap.THOROUGH` has it."""
    thorough = thorough and one.architecture in THOROUGH
    file = one.folder / f"{label}-{size}{'-thorough' if thorough else ''}.npz"
    if not file.exists():
        options: dict[str, Any] = THOROUGH[one.architecture] if thorough else {}
        estimator = models.estimator(one.name, size=size, refine=one.refine, **options)
        found = {picture.name: _look(estimator, picture.image, size) for picture in pictures}
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part.npz")
        np.savez(
            part,
            names=np.array(list(found)),
            offsets=np.cumsum([0, *(len(poses.scores) for poses in found.values())]),
            keypoints=np.concatenate([poses.keypoints for poses in found.values()]),
            scores=np.concatenate([poses.scores for poses in found.values()]),
        )
        part.replace(file)
    with np.load(file) as kept:
        columns = (np.split(kept[key], kept["offsets"][1:-1]) for key in ("keypoints", "scores"))
        return {str(name): Poses(*row) for name, *row in zip(kept["names"], *columns, strict=True)}


def _look(estimator: Any, image: np.ndarray, size: int) -> Poses:
    (people,) = estimator.collect(estimator.dispatch([padded(image, size)], 1))
    return Poses(people.keypoints, people.scores)


def padded(image: np.ndarray, size: int) -> np.ndarray:
    """The picture with black to the right or below, so that the pictures of a set come in few shapes.

    Each shape of the network's input is compiled, which takes longer than a hundred pictures.
    """
    height, width = image.shape[:2]
    long = max(height, width)
    unit = STEP * long / size
    sides = [min(long, round(np.ceil(side / unit - 1e-6) * unit)) for side in (height, width)]
    pads = [max(to - side, 0) for to, side in zip(sides, (height, width), strict=True)]
    return np.pad(image, ((0, pads[0]), (0, pads[1]), (0, 0)))


def strong(poses: Poses, least_score: float) -> Poses:
    """Those of whom a tracker tells: enough joints, and a good mean score of them."""
    there = poses.keypoints[..., 2] > 0
    count = there.sum(1)
    mean = poses.keypoints[..., 2].sum(1) / np.maximum(count, 1)
    kept = (count >= IdentityConfig().strong_joints * poses.keypoints.shape[1]) & (mean >= least_score)
    return Poses(poses.keypoints[kept], poses.scores[kept])


def total(found: dict[str, Poses]) -> int:
    """How many people were found."""
    return sum(len(poses.scores) for poses in found.values())


def leaves(tree: Any) -> Iterator[np.ndarray]:
    """The arrays of a network's parameters."""
    if isinstance(tree, np.ndarray):
        yield tree
    else:
        for value in tree.values():
            yield from leaves(value)
