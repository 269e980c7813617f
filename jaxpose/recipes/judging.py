"""How good a network in training is: OKS-AP over held-out pictures, by the package's own estimator and evaluation.

The estimator is made once: its step compiles for the first evaluation and later gets other parameters.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxpose.data.examples import Example, Source
from jaxpose.data.joints import joint_map
from jaxpose.data.pictures import decode
from jaxpose.errors import DataError
from jaxpose.evaluation.oks import Oks, import_pycocotools, oks
from jaxpose.evaluation.similarity import AREA_SHARE
from jaxpose.formats.poses import PoseFile, collect_people, tracked_poses
from jaxpose.inference import StepEstimator
from jaxpose.records import NO_ID, People
from jaxpose.skeletons import Skeleton
from jaxpose.task import Params
from jaxpose.video.overlay import draw

GREY = 128
"""What pads a picture to a square."""

SCORES = ("ap", "ap50", "ap75", "ar")


class Judge:
    """Held-out pictures, decoded, and the estimator that looks at them."""

    def __init__(self, estimator: StepEstimator[Any], sources: Sequence[Source], pictures: int) -> None:
        import_pycocotools()  # what the first evaluation needs is told before the first step
        self._estimator = estimator
        self._truth = []
        self._images = []
        for source in sources:
            examples = [source[i] for i in range(min(pictures, len(source)))]
            self._truth.append(_truth(source, examples, estimator.skeleton))
            self._images.append([_square(example) for example in examples])

    def scores(self, params: Params, state: Params) -> dict[str, float]:
        """OKS-AP and AR in percent over all pictures."""
        total: Oks | None = None
        skeleton = self._estimator.skeleton
        for number, (truth, images) in enumerate(zip(self._truth, self._images, strict=True)):
            found = collect_people(self._find(params, images), skeleton)
            one = oks(truth, found, str(number))
            total = one if total is None else total.merge(one)
        assert total is not None
        result = total.compute(skeleton)
        return {name: float(getattr(result, name)) for name in SCORES}

    def samples(self, params: Params, count: int = 4) -> dict[str, UInt8[np.ndarray, "h w 3"]]:
        """The first pictures with the people that the network finds."""
        images = self._images[0][:count]
        found = self._find(params, images)
        return {
            f"picture_{people.frame}": draw(image, people, self._estimator.skeleton)
            for image, people in zip(images, found, strict=False)
        }

    def _find(self, params: Params, images: Sequence[UInt8[np.ndarray, "s s 3"]]) -> Iterator[People]:
        self._estimator.update(params)
        for number, image in enumerate(images):
            (people,) = self._estimator.collect(self._estimator.dispatch([image], 1))
            yield people._replace(frame=number)


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


def _truth(source: Source, examples: Sequence[Example], skeleton: Skeleton) -> PoseFile:
    """The people of the pictures as truth; regions where people may be unlabelled absorb what is found there."""
    known = joint_map(source.skeleton, source.labels, skeleton)
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
