"""[device and host] Boxes to people: the poses of everybody whose box is known, and the estimator that finds the boxes.

`CropEstimator` looks at the people of given boxes, with any network for one person. `TopDown` and `Refined` are the
`estimation.Estimator`s that let another network find the boxes, or the people, first, so that they can stand wherever a
network that finds people by itself does; `BoxedPipeline` takes the boxes from a file.
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, UInt8

from jaxpose.association.matching import BOX_MARGIN, distinct, widened_boxes
from jaxpose.detection import BoxFinder, FileDetector, people_boxes
from jaxpose.errors import JaxposeWarning, NonFiniteError
from jaxpose.estimation import Chunked, Estimator
from jaxpose.geometry import crop_maps, fit_aspect, oks
from jaxpose.records import Boxes, Frame, People, make_people
from jaxpose.skeletons import Skeleton, convert
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.step import Read, make_step

SLOTS = 64
"""People of one call; more of them in a chunk of frames take further calls."""

GROUP = 16
"""Crops that a network looks at together where that is not a CPU."""

UNIT = 128
"""Pictures are padded to multiples of this, so that photographs of many sizes are few sizes to the compiler."""


class _Work(NamedTuple):
    """A batch of pictures in work on the device."""

    boxes: list[Boxes]  # of each picture, without those that cannot be looked at
    poses: list[Float[np.ndarray, "p j 3"]] | None  # what these were made from
    calls: list[Any]


class CropEstimator:
    """Finds the poses of people whose boxes are known, in single pictures.

    `read` is the network with its decoding (see `topdown.step.Read`), `size` its crops' height and width. A box is
    made as wide for its height as a crop is and `config.grow` times as large. All people of a batch of pictures are
    looked at in one call; nothing is compiled again when their number changes. `on_cpu` of them are looked at together
    on a CPU, where large crops one by one stay in the cache and small ones keep more cores busy.
    """

    def __init__(
        self,
        read: Read,
        params: Any,
        skeleton: Skeleton,
        *,
        size: tuple[int, int],
        config: TopDownConfig,
        on_cpu: int = 1,
    ) -> None:
        self.skeleton, self.size, self.config = skeleton, size, config
        self.read = read
        group = on_cpu if jax.default_backend() == "cpu" else GROUP
        self.step = jax.jit(make_step(read, size, fill=config.fill, group=group))
        self.params = jax.device_put(params)
        self._outside_told = False

    def update(self, params: Any) -> None:
        """Take other parameters of the same shapes; nothing is compiled again."""
        self.params = jax.device_put(params)

    def dispatch(
        self,
        images: Sequence[UInt8[np.ndarray, "h w 3"]],
        boxes: Sequence[Boxes],
        pad_to: int,
        poses: Sequence[Float[np.ndarray, "p j 3"]] | None = None,
    ) -> _Work:
        """Start the device's work on the people of pictures of one size; the batch is padded to `pad_to` pictures.

        `poses` are what the boxes were made from, if they were: of a person whose new pose is not alike
        (`config.same_oks`) the first one stays. `NonFiniteError` for a box that is NaN or infinite. A box of no size,
        or beside the picture, is left out, which is told once.
        """
        height, width = images[0].shape[:2]
        rows, columns = (-(-side // UNIT) * UNIT for side in (height, width))
        frames = np.full((max(pad_to, len(images)), rows, columns, 3), self.config.fill, np.uint8)
        frames[: len(images), :height, :width] = images
        inside = [self._within(each, height, width) for each in boxes]
        kept = [each.select(which) for each, which in zip(boxes, inside, strict=True)]
        kept_poses = None if poses is None else [each[which] for each, which in zip(poses, inside, strict=True)]
        index = np.repeat(np.arange(len(kept), dtype=np.int32), [each.total for each in kept])
        everybody = np.concatenate([each.boxes for each in kept])
        high, wide = self.size
        maps = crop_maps(fit_aspect(everybody, wide / high, self.config.grow), wide, high).astype(np.float32)
        on_device = jax.device_put(frames) if len(index) else None
        calls = []
        for first in range(0, len(index), SLOTS):
            some = slice(first, first + SLOTS)
            count = len(index[some])
            slots = np.zeros(SLOTS, np.int32), np.zeros((SLOTS, 2, 3), np.float32)
            slots[0][:count], slots[1][:count] = index[some], maps[some]
            calls.append(self.step(self.params, on_device, *slots, np.int32(count)))
        return _Work(kept, kept_poses, calls)

    def dispatch_again(
        self, images: Sequence[UInt8[np.ndarray, "h w 3"]], everybody: Sequence[People], skeleton: Skeleton, pad_to: int
    ) -> _Work:
        """Start the same on the people whom another network found in each picture, whose poses have `skeleton`.

        They keep their ids. Whoever has no joint within the picture is left out.
        """
        height, width = images[0].shape[:2]
        boxes, poses = [], []
        for people in everybody:
            rows = people._replace(ids=np.arange(people.total))
            found = people_boxes(rows, height, width, self.config.margin)
            boxes.append(found._replace(ids=people.ids[found.ids]))
            poses.append(convert(people.keypoints[found.ids], skeleton, self.skeleton))
        return self.dispatch(images, boxes, pad_to, poses)

    def collect(self, work: _Work) -> list[People]:
        """Wait for that work and finish it on the host: the people of each picture, with the ids of their boxes.

        A person's score is the box's times the mean score of the joints that are there. Raises `NonFiniteError` if the
        network says NaN or infinity of a person.
        """
        found = jax.device_get(work.calls)
        joints = len(self.skeleton.joints)
        keypoints = np.concatenate([call.keypoints for call in found] or [np.zeros((0, joints, 3), np.float32)])
        if not all(call.finite.all() for call in found):
            raise NonFiniteError("what the network says of a person is NaN or infinite: its weights are damaged")
        *parts, _ = np.split(keypoints, np.cumsum([each.total for each in work.boxes]))
        parts = [np.where(part[..., 2:] >= self.config.joint_threshold, part, 0) for part in parts]
        if work.poses is not None:
            parts = [self._same(part, first) for part, first in zip(parts, work.poses, strict=True)]
        return [self._people(boxes, part) for boxes, part in zip(work.boxes, parts, strict=True)]

    def _same(
        self, keypoints: Float[np.ndarray, "p j 3"], first: Float[np.ndarray, "p j 3"]
    ) -> Float[np.ndarray, "p j 3"]:
        """The poses, but of those that show somebody else than the first ones do, these, if they have any joint."""
        areas = widened_boxes(first, BOX_MARGIN)[:, 2:].prod(1, keepdims=True)
        alike = oks(first, keypoints, np.array(self.skeleton.sigmas), areas).diagonal()
        taken = (alike >= self.config.same_oks) | ~(first[..., 2] > 0).any(axis=1)
        return np.where(taken[:, None, None], keypoints, first)

    def _within(self, boxes: Boxes, height: int, width: int) -> Bool[np.ndarray, "p"]:
        """Which boxes have a part of the picture inside."""
        if not (np.isfinite(boxes.boxes).all() and np.isfinite(boxes.scores).all()):
            raise NonFiniteError("a person's box or score is NaN or infinite: the detector is damaged")
        low, high = boxes.boxes[:, :2], boxes.boxes[:, :2] + boxes.boxes[:, 2:]
        inside = ((high > -0.5) & (low < np.array([width, height]) - 0.5) & (high > low)).all(axis=1)
        if not inside.all() and not self._outside_told:
            self._outside_told = True
            x, y, w, h = boxes.boxes[~inside][0].tolist()
            told = f"a box of no size or beside the picture of {width}x{height} is left out: {x:g},{y:g},{w:g},{h:g}"
            warnings.warn(f"{told} (said once)", JaxposeWarning, stacklevel=3)
        return inside

    def _people(self, boxes: Boxes, keypoints: Float[np.ndarray, "p j 3"]) -> People:
        count = (keypoints[..., 2] > 0).sum(axis=1)
        scores = boxes.scores * keypoints[..., 2].sum(axis=1) / np.maximum(count, 1)
        good = (count > 0) & (scores >= self.config.person_threshold)
        people = make_people(keypoints[good], scores[good], boxes.ids[good], frame=boxes.frame, time=boxes.time)
        sigmas = np.array(self.skeleton.sigmas)
        stays = distinct(people.keypoints, people.scores, sigmas, BOX_MARGIN, self.config.duplicate_oks)
        return people.select(stays)


class TopDown:
    """Finds people in single pictures: first their boxes, then each one's pose (see `estimation.Estimator`)."""

    def __init__(self, finder: BoxFinder, people: CropEstimator) -> None:
        self.skeleton = people.skeleton
        self.finder, self.people = finder, people

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], pad_to: int) -> Any:
        """See `estimation.Estimator.dispatch`."""
        return list(images), pad_to, self.finder.dispatch(images, pad_to)

    def collect(self, work: Any) -> list[People]:
        """See `estimation.Estimator.collect`."""
        images, pad_to, finding = work
        return self.people.collect(self.people.dispatch(images, self.finder.collect(finding), pad_to))


class Refined:
    """Looks once more, one by one, at the people whom another network finds in single pictures.

    In a crowd a network for one person may tell of a neighbour: whoever is not alike the first time
    (`TopDownConfig.same_oks`) keeps the first pose, as far as that network's skeleton has the joints.
    """

    def __init__(self, estimator: Estimator, people: CropEstimator) -> None:
        self.skeleton = people.skeleton
        self.estimator, self.people = estimator, people

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], pad_to: int) -> Any:
        """See `estimation.Estimator.dispatch`."""
        return list(images), pad_to, self.estimator.dispatch(images, pad_to)

    def collect(self, work: Any) -> list[People]:
        """See `estimation.Estimator.collect`."""
        images, pad_to, finding = work
        found = self.estimator.collect(finding)
        return self.people.collect(self.people.dispatch_again(images, found, self.estimator.skeleton, pad_to))


class BoxedPipeline(Chunked[People]):
    """The people of a video's frames whose boxes are in a file, in chunks of frames."""

    def __init__(self, file: FileDetector, people: CropEstimator, chunk: int = 1) -> None:
        """`ValueError` for a chunk that is out of its range."""
        super().__init__(chunk)
        self._file, self._people = file, people
        self._reading = file.begin()

    def send(self, frames: Sequence[Frame], pad_to: int) -> Any:
        """See `Chunked.send`."""
        boxes = [self._reading.of(frame) for frame in frames]
        return self._people.dispatch([frame.image for frame in frames], boxes, pad_to)

    def receive(self, work: Any) -> list[People]:
        """See `Chunked.receive`."""
        return self._people.collect(work)

    def flush(self) -> list[People]:
        """See `Chunked.flush`; that the file has boxes for frames which never came is told."""
        done = super().flush()
        self._reading.end()
        self._reading = self._file.begin()
        return done

    def reset(self) -> None:
        """See `Chunked.reset`."""
        super().reset()
        self._reading = self._file.begin()
