"""What a file tells of people's boxes: `BoxFile` to find people by, `TrackFile` to compare people's ids by.

`formats.coco` and `formats.mot` read their files into them, and `around_poses` makes boxes of the poses that others
tell; `detection.FileDetector` hands a `BoxFile` out frame by frame, `evaluation` compares two `TrackFile`s.
"""

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from jaxpose.formats.poses import PoseFile
from jaxpose.formats.values import pixels
from jaxpose.geometry import person_box
from jaxpose.records import Boxes, Frame


class Row(NamedTuple):
    """One person in one frame: frame from 0, box as in `records.Boxes`, score in 0..1, `NO_ID` or an id from 0."""

    frame: int
    box: tuple[float, float, float, float]
    score: float
    id: int


class BoxFile(NamedTuple):
    """The people's boxes of one video, by frame; coordinates as in `records.Boxes`.

    `last` is the last frame that the file tells of, with or without people in it, and -1 where it tells of none.
    """

    source: str
    frames: Int64[np.ndarray, "n"]  # ascending, from 0
    boxes: Float32[np.ndarray, "n 4"]
    scores: Float32[np.ndarray, "n"]
    ids: Int64[np.ndarray, "n"]
    last: int

    def of(self, frame: Frame) -> Boxes:
        """The boxes of a frame, found by its number; none where the file has none."""
        low, high = np.searchsorted(self.frames, [frame.number, frame.number + 1])
        return Boxes(frame.number, frame.time, self.boxes[low:high], self.scores[low:high], self.ids[low:high])


class TrackFile(NamedTuple):
    """The boxes and ids of one video's people, by frame, within a frame in the file's order.

    Boxes are x, y, w, h in pixels exactly as the file gives them: nothing is added, as what is compared must not be
    rounded. `last` is the last frame that the file tells of, with or without people in it, and -1 where it tells of
    none. `scored` is False where a box of the truth is not to be scored: whoever is found there counts neither as right
    nor as wrong. Of what was found, `scored` says nothing.
    """

    source: str
    frames: Int64[np.ndarray, "n"]  # ascending, from 0
    boxes: Float64[np.ndarray, "n 4"]
    ids: Int64[np.ndarray, "n"]
    scored: Bool[np.ndarray, "n"]
    last: int

    def keep(self, people: Bool[np.ndarray, "n"]) -> "TrackFile":
        """Only the people that a mask names."""
        fields = ("frames", "boxes", "ids", "scored")
        return self._replace(**{field: getattr(self, field)[people] for field in fields})


def collect_rows(source: str | os.PathLike[str], rows: Iterable[Row], last: int) -> BoxFile:
    """The rows of a file in the order of their frames; within a frame they stay in the file's order."""
    ordered = sorted(rows, key=lambda row: row.frame)
    return BoxFile(
        source=str(source),
        frames=np.array([row.frame for row in ordered], np.int64),
        boxes=np.array([row.box for row in ordered], np.float32).reshape(-1, 4),
        scores=np.array([row.score for row in ordered], np.float32),
        ids=np.array([row.id for row in ordered], np.int64),
        last=last,
    )


def around_poses(poses: PoseFile) -> BoxFile:
    """The boxes of whole people (`geometry.person_box`); people without joints or an area have none.

    Where the file tells no score of a person it is 1; crowd regions are left out.
    """
    boxes = person_box(poses.xy, poses.there)
    good = (boxes[:, 2:] > 0).all(axis=1) & ~poses.crowd
    scores = np.clip(np.nan_to_num(poses.scores, nan=1), 0, 1)
    return BoxFile(
        source=poses.source,
        frames=poses.numbers[poses.frame][good],
        boxes=boxes[good].astype(np.float32),
        scores=scores[good].astype(np.float32),
        ids=poses.ids[good],
        last=int(poses.numbers.max(initial=-1)),
    )


def file_box(values: Sequence[object]) -> tuple[float, float, float, float]:
    """A box x, y, w, h, checked, as the file has it."""
    x, y, w, h = (pixels(name, value) for name, value in zip("xywh", values, strict=True))
    for name, side in (("width", w), ("height", h)):
        if np.float32(side) <= 0:
            raise ValueError(f"a box's {name} must be above 0, got {side:g}; take the row out or mend it")
    return x, y, w, h


def outer_box(values: Sequence[object]) -> tuple[float, float, float, float]:
    """A box whose x, y count from the outer corner of the top-left pixel, checked, in `records.Boxes`' coordinates."""
    x, y, w, h = file_box(values)
    return x - 0.5, y - 0.5, w, h
