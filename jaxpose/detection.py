"""Where the people of each frame are, from any network that finds people or from a file of boxes.

Top-down systems, which look at one person at a time, need the boxes first. A `Detector` gives those of a video's
frames. There are two: `FrameDetector` around whatever finds boxes in single frames, such as a network that finds people
(`PeopleBoxes`), and `FileDetector` around a file that `formats` reads.
"""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float32, UInt8

from jaxpose.errors import JaxposeWarning, NonFiniteError
from jaxpose.estimation import Estimator, Halves, Pipeline, check_chunk, numbered
from jaxpose.formats import coco, mot
from jaxpose.formats.boxes import BoxFile, around_poses
from jaxpose.formats.recognise import Kind, kind_of, read_poses
from jaxpose.records import Boxes, Frame, People

READERS = {
    Kind.MOT: mot.read_boxes,
    Kind.COCO: coco.read_boxes,
    Kind.COCO_RESULTS: coco.read_boxes,
    Kind.POSETRACK_2018: coco.read_boxes,
}
"""How the boxes of a format are read that has boxes of its own; of the others they are put around the poses."""


class Detector(Protocol):
    """Frames in, the boxes of each frame's people out."""

    def __call__(self, frames: Iterable[Frame | UInt8[np.ndarray, "h w 3"]], /) -> Iterator[Boxes]:
        """The boxes of every frame of one video, in order and in constant memory; each call is a video of its own.

        Frames are `Frame`s, or bare RGB arrays, which are numbered from 0 and whose times are those numbers. Some
        frames may be taken ahead of the one whose boxes are told: who needs the pictures too keeps them (`Boxes.frame`
        tells the number).
        """


class BoxFinder(Halves[Boxes], Protocol):
    """Finds people's boxes in single frames in two halves: what is below a `Detector`, and below a top-down system."""


class PeopleBoxes:
    """The boxes of the people that an estimator finds, as a `BoxFinder`.

    A box spans the person's joints, is widened by `margin` of its width to the left and to the right and of its height
    above and below (people are wider than their skeletons), and is cut at the picture's edges. People with a score
    below `min_score` are left out, as are those whose box has no area within the picture.
    """

    def __init__(self, estimator: Estimator, *, min_score: float = 0.0, margin: float = 0.1) -> None:
        """`ValueError` for an option that is out of its range."""
        if not 0 <= min_score <= 1:
            raise ValueError(f"`min_score` must be in 0..1, got {min_score}")
        if not 0 <= margin < np.inf:
            raise ValueError(f"`margin` must be a share of the box, 0 or more, got {margin}")
        self.estimator = estimator
        self._min_score, self._margin = min_score, margin

    def dispatch(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], pad_to: int) -> Any:
        """See `estimation.Halves.dispatch`."""
        return images[0].shape[:2], self.estimator.dispatch(images, pad_to)

    def collect(self, work: Any) -> list[Boxes]:
        """See `estimation.Halves.collect`. Raises `NonFiniteError` if the estimator gives a NaN or infinite box."""
        (height, width), found = work
        everybody = (people_boxes(people, height, width, self._margin) for people in self.estimator.collect(found))
        return [boxes.select(np.flatnonzero(boxes.scores >= self._min_score)) for boxes in everybody]


class FrameDetector:
    """The boxes that a `BoxFinder` finds in the frames of a video, as a `Detector`.

    Frames go to the device in chunks of `chunk`, and the host's work overlaps the device's.
    """

    def __init__(self, finder: BoxFinder, chunk: int = 1) -> None:
        """`ValueError` for a chunk that is out of its range."""
        check_chunk(chunk)
        self.finder, self._chunk = finder, chunk

    def __call__(self, frames: Iterable[Frame | UInt8[np.ndarray, "h w 3"]], /) -> Iterator[Boxes]:
        """See `Detector`. Raises `NonFiniteError` if a box or score is NaN or infinite."""
        pipeline = Pipeline(self.finder, self._chunk)
        for frame in numbered(frames):
            yield from pipeline.push(frame)
        yield from pipeline.flush()


class FileDetector:
    """The boxes that a file tells of each frame, found by the frame's number; none where it tells of none.

    A file of another video is told by a `JaxposeWarning`: at the first frame after the last that the file tells of, and
    at the video's end if the file has boxes for frames that never came.
    """

    def __init__(self, boxes: BoxFile) -> None:
        self.boxes = boxes

    def __call__(self, frames: Iterable[Frame | UInt8[np.ndarray, "h w 3"]], /) -> Iterator[Boxes]:
        """See `Detector`."""
        reading = self.begin()
        for frame in numbered(frames):
            yield reading.of(frame)
        reading.end()

    def begin(self) -> "FileReading":
        """Go through a video from its start."""
        return FileReading(self.boxes)


class FileReading:
    """A `FileDetector` on its way through one video."""

    def __init__(self, boxes: BoxFile) -> None:
        self._boxes = boxes
        self._missing = set(boxes.frames.tolist())
        self._told = boxes.last < 0  # an empty file tells of people nowhere: no surprise

    def of(self, frame: Frame) -> Boxes:
        """The next frame's boxes."""
        self._missing.discard(frame.number)
        if frame.number > self._boxes.last and not self._told:
            told = f"ends with frame {self._boxes.last} and the video goes on: the frames after it have no boxes"
            _warn(f"{self._boxes.source} {told}")
            self._told = True
        return self._boxes.of(frame)

    def end(self) -> None:
        """The video has ended."""
        if self._missing:
            given = f"{len(self._missing)} frames that the video does not have, the first is frame {min(self._missing)}"
            _warn(f"{self._boxes.source} has boxes for {given}: is it the file of another video?")


def from_file(path: str | os.PathLike[str]) -> FileDetector:
    """The detector of a file: MOTChallenge's text, COCO's JSON (truth or results), PoseTrack's, or one of ours.

    A result list whose `image_id` does not count from 0 needs `FileDetector(coco.read_boxes(path, first=...))`. Raises
    `FormatError` if the file is of another kind or malformed.
    """
    kind = kind_of(path)
    return FileDetector(READERS[kind](path) if kind in READERS else around_poses(read_poses(path)))


def people_boxes(people: People, height: int, width: int, margin: float = 0.1) -> Boxes:
    """The boxes of a frame's people as `PeopleBoxes` has them, with the people's ids."""
    if not (np.isfinite(people.boxes).all() and np.isfinite(people.scores).all()):
        raise NonFiniteError(
            "a person's box or score is NaN or infinite: the network's weights are damaged, or overflow"
        )
    boxes = widen(people.boxes, margin, height, width)
    found = Boxes(people.frame, people.time, boxes, np.clip(people.scores, 0, 1), people.ids)
    return found.select(np.asarray((boxes[:, 2:] > 0).all(axis=1)))


def widen(boxes: Float32[np.ndarray, "p 4"], margin: float, height: int, width: int) -> Float32[np.ndarray, "p 4"]:
    """Boxes (as in `records.Boxes`) with `margin` of their sides added at each side, cut at the picture's edges.

    A box that lies beside the picture, and one without width or height, comes out with a width or height of 0.
    """
    low = boxes[:, :2] - margin * boxes[:, 2:]
    high = boxes[:, :2] + (1 + margin) * boxes[:, 2:]
    edge = np.array([width, height], np.float32) - 0.5
    low, high = np.clip(low, -0.5, edge), np.clip(high, -0.5, edge)
    return np.concatenate([low, high - low], axis=1).astype(np.float32)


def _warn(told: str) -> None:
    warnings.warn(told, JaxposeWarning, stacklevel=3)
