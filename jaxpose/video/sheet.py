"""A contact sheet: some frames of a whole video side by side, chosen evenly though nobody knows how long it will be.

Every `interval`-th frame is kept, as a thumbnail; when too many are kept, every second goes and the interval doubles.
So memory stays constant, and what is kept is spread evenly over all that came.
"""

import os

import cv2
import numpy as np
from jaxtyping import UInt8

from jaxpose.records import Frame
from jaxpose.video.still import write_png

COUNT, COLUMNS = 12, 4
WIDTH = 320
GAP = 6
STRIP = 20
GROUND, INK = (24, 24, 24), (230, 230, 230)


class Sheet:
    """The frames of a contact sheet being collected."""

    def __init__(self) -> None:
        self._kept: list[Frame] = []
        self._interval, self._count = 1, 0

    def add(self, frame: Frame) -> None:
        """Take the next frame, with the people drawn on it."""
        if self._count % self._interval == 0:
            height, width = frame.image.shape[:2]
            size = (WIDTH, max(1, round(WIDTH * height / width)))
            self._kept.append(frame._replace(image=cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)))
            if len(self._kept) == 4 * COUNT:
                self._kept, self._interval = self._kept[::2], 2 * self._interval
        self._count += 1

    def chosen(self) -> list[Frame]:
        """At most `COUNT` frames, evenly spaced, the first and the last one kept among them."""
        places = np.linspace(0, len(self._kept) - 1, min(COUNT, len(self._kept))).round().astype(int)
        return [self._kept[place] for place in places]

    def picture(self) -> UInt8[np.ndarray, "h w 3"]:
        """The sheet: rows of `COLUMNS` frames with their numbers and times; `ValueError` without a frame."""
        frames = self.chosen()
        if not frames:
            raise ValueError("a contact sheet needs a frame")
        cell = max(frame.image.shape[0] for frame in frames) + STRIP + GAP
        rows, columns = -(-len(frames) // COLUMNS), min(COLUMNS, len(frames))
        canvas = np.full((rows * cell + GAP, columns * (WIDTH + GAP) + GAP, 3), GROUND, np.uint8)
        for place, frame in enumerate(frames):
            top, left = place // COLUMNS * cell + GAP, place % COLUMNS * (WIDTH + GAP) + GAP
            text = f"{frame.number}   {frame.time:.2f} s"
            spot = (left + 2, top + STRIP - 6)
            cv2.putText(canvas, text, spot, cv2.FONT_HERSHEY_DUPLEX, 0.42, INK, 1, cv2.LINE_AA)
            height = frame.image.shape[0]
            canvas[top + STRIP : top + STRIP + height, left : left + WIDTH] = frame.image
        return canvas

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sheet as a PNG, if there was a frame; `OutputError` if that cannot be done."""
        if self._kept:
            write_png(path, self.picture())
