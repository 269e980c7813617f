"""[device and host] Boxes to people: the poses of everybody whose box is known, and the estimator that finds the boxes.

`CropEstimator` looks at the people of given boxes, with any network for one person. `TopDown` is the
`estimation.Estimator` that lets another network find the boxes first, so that it can stand wherever a network that
finds people by itself does; `BoxedPipeline` takes the boxes from a file.
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, UInt8

from jaxpose.association.matching import BOX_MARGIN, distinct
from jaxpose.detection import BoxFinder, FileDetector
from jaxpose.errors import JaxposeWarning, NonFiniteError
from jaxpose.estimation import Chunked
from jaxpose.geometry import crop_maps, fit_aspect
from jaxpose.records import Boxes, Frame, People, make_people
from jaxpose.skeletons import Skeleton
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

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], boxes: Sequence[Boxes], pad_to: int) -> _Work:
        """Start the device's work on the people of pictures of one size; the batch is padded to `pad_to` pictures.

        `NonFiniteError` for a box that is NaN or infinite. A box of no size, or beside the picture, is left out, which
        is told once.
        """
        height, width = images[0].shape[:2]
        rows, columns = (-(-side // UNIT) * UNIT for side in (height, width))
        frames = np.full((max(pad_to, len(images)), rows, columns, 3), self.config.fill, np.uint8)
        frames[: len(images), :height, :width] = images
        kept = [self._within(each, height, width) for each in boxes]
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
        return _Work(kept, calls)

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
        return [self._people(boxes, part) for boxes, part in zip(work.boxes, parts, strict=True)]

    def _within(self, boxes: Boxes, height: int, width: int) -> Boxes:
        """The boxes that have a part of the picture inside."""
        if not (np.isfinite(boxes.boxes).all() and np.isfinite(boxes.scores).all()):
            raise NonFiniteError("a person's box or score is NaN or infinite: the detector is damaged")
        low, high = boxes.boxes[:, :2], boxes.boxes[:, :2] + boxes.boxes[:, 2:]
        inside = ((high > -0.5) & (low < np.array([width, height]) - 0.5) & (high > low)).all(axis=1)
        if not inside.all() and not self._outside_told:
            self._outside_told = True
            x, y, w, h = boxes.boxes[~inside][0].tolist()
            told = f"a box of no size or beside the picture of {width}x{height} is left out: {x:g},{y:g},{w:g},{h:g}"
            warnings.warn(f"{told} (said once)", JaxposeWarning, stacklevel=3)
        return boxes.select(inside)

    def _people(self, boxes: Boxes, keypoints: Float[np.ndarray, "p j 3"]) -> People:
        there = keypoints[..., 2:] >= self.config.joint_threshold
        keypoints = np.where(there, keypoints, 0).astype(np.float32)
        count = there.sum(axis=(1, 2))
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
