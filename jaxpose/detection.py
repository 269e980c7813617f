"""Where the people of each frame are, from any network that finds people or from a file of boxes.

Top-down systems, which look at one person at a time, read their people from a `Detector`. There are two:
`PeopleDetector` around an `estimation.Estimator`, and `FileDetector` around a file that `formats` reads.
"""

import os
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float32, UInt8

from jaxpose.errors import FormatError, JaxposeWarning, NonFiniteError
from jaxpose.estimation import Estimator, Pipeline, numbered
from jaxpose.formats import coco, mot
from jaxpose.formats.boxes import BoxFile
from jaxpose.records import Boxes, Frame, People

READERS = {".json": coco.read_boxes, ".txt": mot.read_boxes}
"""How a file of boxes is read, by the end of its name."""


class Detector(Protocol):
    """Frames in, the boxes of each frame's people out."""

    def __call__(self, frames: Iterable[Frame | UInt8[np.ndarray, "h w 3"]], /) -> Iterator[Boxes]:
        """The boxes of every frame of one video, in order and in constant memory; each call is a video of its own.

        Frames are `Frame`s, or bare RGB arrays, which are numbered from 0 and whose times are those numbers. Some
        frames may be taken ahead of the one whose boxes are told: who needs the pictures too keeps them (`Boxes.frame`
        tells the number).
        """


class PeopleDetector:
    """The boxes of the people that an estimator finds.

    A box spans the person's joints, is widened by `margin` of its width to the left and to the right and of its height
    above and below (people are wider than their skeletons), and is cut at the picture's edges. People with a score
    below `min_score` are left out, as are those whose box has no area within the picture. Frames go to the device in
    chunks of `chunk`, and the host's work overlaps the device's.
    """

    def __init__(self, estimator: Estimator, *, chunk: int = 1, min_score: float = 0.0, margin: float = 0.1) -> None:
        """`ValueError` for an option that is out of its range."""
        if chunk < 1:
            raise ValueError(f"`chunk` must be at least 1, got {chunk}")
        if not 0 <= min_score <= 1:
            raise ValueError(f"`min_score` must be in 0..1, got {min_score}")
        if not 0 <= margin < np.inf:
            raise ValueError(f"`margin` must be a share of the box, 0 or more, got {margin}")
        self.estimator = estimator
        self._chunk, self._min_score, self._margin = chunk, min_score, margin

    def __call__(self, frames: Iterable[Frame | UInt8[np.ndarray, "h w 3"]], /) -> Iterator[Boxes]:
        """See `Detector`. Raises `NonFiniteError` if the estimator gives a box or score that is NaN or infinite."""
        pipeline = Pipeline(self.estimator, self._chunk)
        sizes: deque[tuple[int, int]] = deque()  # of the frames in work
        for frame in numbered(frames):
            found = pipeline.push(frame)
            sizes.append(frame.image.shape[:2])
            for people in found:
                yield self._boxes(people, *sizes.popleft())
        for people in pipeline.flush():
            yield self._boxes(people, *sizes.popleft())

    def _boxes(self, people: People, height: int, width: int) -> Boxes:
        if not (np.isfinite(people.boxes).all() and np.isfinite(people.scores).all()):
            raise NonFiniteError(
                f"frame {people.frame}: a person's box or score is NaN or infinite: the network's weights are damaged, "
                "or overflow"
            )
        boxes = widen(people.boxes, self._margin, height, width)
        found = Boxes(people.frame, people.time, boxes, np.clip(people.scores, 0, 1), people.ids)
        return found.select((people.scores >= self._min_score) & (boxes[:, 2:] > 0).all(axis=1))


class FileDetector:
    """The boxes that a file tells of each frame, found by the frame's number; none where it tells of none.

    A file of another video is told by a `JaxposeWarning`: at the first frame after the last that the file tells of, and
    at the video's end if the file has boxes for frames that never came.
    """

    def __init__(self, boxes: BoxFile) -> None:
        self.boxes = boxes

    def __call__(self, frames: Iterable[Frame | UInt8[np.ndarray, "h w 3"]], /) -> Iterator[Boxes]:
        """See `Detector`."""
        source, last = self.boxes.source, self.boxes.last
        missing, told = set(self.boxes.frames.tolist()), last < 0  # an empty file tells of people nowhere: no surprise
        for frame in numbered(frames):
            missing.discard(frame.number)
            if frame.number > last and not told:
                _warn(f"{source} ends with frame {last} and the video goes on: the frames after it have no boxes")
                told = True
            yield self.boxes.of(frame)
        if missing:
            given = f"{len(missing)} frames that the video does not have, the first is frame {min(missing)}"
            _warn(f"{source} has boxes for {given}: is it the file of another video?")


def from_file(path: str | os.PathLike[str]) -> FileDetector:
    """The detector of a file: COCO's JSON (`.json`) or MOTChallenge's text (`.txt`).

    A result list whose `image_id` does not count from 0 needs `FileDetector(coco.read_boxes(path, first=...))`. Raises
    `FormatError` if the file is of another kind or malformed.
    """
    if (read := READERS.get(Path(path).suffix.lower())) is None:
        raise FormatError(f"{path}: boxes are read from .json (COCO) and .txt (MOT) files; give one of these")
    return FileDetector(read(path))


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
