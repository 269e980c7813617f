"""How good a network in training is: OKS-AP over held-out pictures, by the package's own estimator and evaluation.

The estimator is made once: its step compiles for the first evaluation and later gets other parameters. One that looks
at one person at a time is told the labelled people's boxes, so that nothing is said of any detector.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from jaxpose.data.examples import Example, Source
from jaxpose.data.joints import JointMap, joint_map
from jaxpose.data.pictures import decode
from jaxpose.errors import DataError
from jaxpose.evaluation.oks import Oks, import_pycocotools, oks
from jaxpose.formats.poses import PoseFile, collect_people, tracked_poses
from jaxpose.geometry import AREA_SHARE
from jaxpose.inference import StepEstimator
from jaxpose.nets.normalization import STATS
from jaxpose.records import NO_ID, Boxes, People
from jaxpose.skeletons import Skeleton
from jaxpose.task import Params
from jaxpose.topdown.estimator import CropEstimator
from jaxpose.video.overlay import draw

GREY = 128
"""What pads a picture to a square."""

SCORES = ("ap", "ap50", "ap75", "ar")


class Shown(NamedTuple):
    """A held-out picture as the network sees it."""

    image: UInt8[np.ndarray, "s s 3"]
    boxes: Boxes  # of everybody with a labelled joint


class Judge:
    """Held-out pictures, decoded, and the estimator that looks at them."""

    def __init__(self, estimator: StepEstimator[Any] | CropEstimator, sources: Sequence[Source], pictures: int) -> None:
        import_pycocotools()  # what the first evaluation needs is told before the first step
        self._estimator = estimator
        self._truth = []
        self._shown = []
        for source in sources:
            examples = [source[i] for i in range(min(pictures, len(source)))]
            known = joint_map(source.skeleton, source.labels, estimator.skeleton)
            self._truth.append(_truth(known, examples, estimator.skeleton))
            self._shown.append([Shown(_square(example), _boxes(known, example)) for example in examples])

    def scores(self, params: Params, state: Params) -> dict[str, float]:
        """OKS-AP and AR in percent over all pictures."""
        total: Oks | None = None
        skeleton = self._estimator.skeleton
        for number, (truth, shown) in enumerate(zip(self._truth, self._shown, strict=True)):
            found = collect_people(self._find(params, state, shown), skeleton)
            one = oks(truth, found, str(number))
            total = one if total is None else total.merge(one)
        assert total is not None
        result = total.compute(skeleton)
        return {name: float(getattr(result, name)) for name in SCORES}

    def samples(self, params: Params, state: Params, count: int = 4) -> dict[str, UInt8[np.ndarray, "h w 3"]]:
        """The first pictures with the people that the network finds."""
        shown = self._shown[0][:count]
        found = self._find(params, state, shown)
        return {
            f"picture_{people.frame}": draw(each.image, people, self._estimator.skeleton)
            for each, people in zip(shown, found, strict=False)
        }

    def _find(self, params: Params, state: Params, shown: Sequence[Shown]) -> Iterator[People]:
        self._estimator.update({**params, STATS: state} if state else params)  # as they stand in a weight file
        for number, (image, boxes) in enumerate(shown):
            (people,) = self._look(image, boxes)
            yield people._replace(frame=number)

    def _look(self, image: UInt8[np.ndarray, "s s 3"], boxes: Boxes) -> list[People]:
        if isinstance(self._estimator, CropEstimator):
            return self._estimator.collect(self._estimator.dispatch([image], [boxes], 1))
        return self._estimator.collect(self._estimator.dispatch([image], 1))


def _square(example: Example) -> UInt8[np.ndarray, "s s 3"]:
    """The picture in RGB, padded right and below."""
    picture = decode(example.image)
    if picture is None:
        raise DataError(f"{example.sequence}, frame {example.frame}: the picture cannot be read; build the data again")
    image = picture.pixels[..., ::-1]
    side = max(image.shape[:2])
    square = np.full((side, side, 3), GREY, np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    return square


def _boxes(known: JointMap, example: Example) -> Boxes:
    labelled = (known.apply(example.keypoints)[..., 2] > 0).any(axis=1) & (example.boxes[:, 2:] > 0).all(axis=1)
    count = int(labelled.sum())
    ids = np.full(count, NO_ID, np.int64)
    return Boxes(0, 0.0, example.boxes[labelled], np.ones(count, np.float32), ids)


def _truth(known: JointMap, examples: Sequence[Example], skeleton: Skeleton) -> PoseFile:
    """The people of the pictures as truth; regions where people may be unlabelled absorb what is found there."""
    counts = [len(example.keypoints) + len(example.regions) for example in examples]
    keypoints, boxes, crowd = [], [], []
    for example in examples:
        people = known.apply(example.keypoints)
        corners = [np.concatenate([region.min(0), np.ptp(region, axis=0)]) for region in example.regions]
        keypoints += [people, np.zeros((len(corners), len(skeleton.joints), 3))]
        boxes += [example.boxes, np.reshape(corners, (-1, 4))]
        crowd += [np.zeros(len(people), bool), np.ones(len(corners), bool)]
    rows = sum(counts)
    file = tracked_poses(
        "the held-out data",
        skeleton,
        range(len(examples)),
        counts,
        np.concatenate(keypoints).astype(np.float64),
        np.concatenate(boxes).astype(np.float64),
        np.ones(rows),
        np.full(rows, NO_ID),
    )
    areas = AREA_SHARE * file.boxes[:, 2] * file.boxes[:, 3]
    return file._replace(areas=areas, crowd=np.concatenate(crowd))
