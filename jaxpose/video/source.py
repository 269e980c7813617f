"""What every source of frames is: a `Video`, which is iterated over and, where one likes, closed.

`reader` has video files, `pictures` folders and single pictures, `live` cameras and streams; `sources.read` tells from
a name which of them is meant.
"""

import abc
import weakref
from collections.abc import Generator, Iterator
from fractions import Fraction
from types import TracebackType
from typing import Self

from jaxpose.records import Frame
from jaxpose.video.selection import Selection


class Video(abc.ABC):
    """Frames of one source, in order; a context manager. Each iteration starts anew (a live source goes on).

    Of frames, only those that `selection` wants are given; they keep the number and the time that they have among all.
    """

    name: str
    """As messages and results call it: a path, a camera's device, or a stream's address without its password."""
    width: int
    height: int
    """Of the first picture as shown (a phone's rotation applied), in pixels; later ones may differ."""
    fps: float
    """The average rate, of all frames, wanted or not; 25 where the source does not tell."""
    frames: int | None
    """How many wanted frames there are, by what the source claims; None where it does not tell."""
    pixel_aspect: Fraction = Fraction(1)
    """A pixel's width over its height as shown. Pictures and coordinates count stored pixels all the same."""
    live: bool = False
    """Whether frames come by themselves: then the oldest are dropped where the consumer is slow."""

    def __init__(self, name: str, selection: Selection) -> None:
        self.name, self.selection = name, selection
        self._running: weakref.WeakSet[Generator[Frame, None, None]] = weakref.WeakSet()

    @property
    def every(self) -> int:
        """Of how many frames of the source one is wanted."""
        return self.selection.every

    @abc.abstractmethod
    def _read(self) -> Generator[Frame, None, None]:
        """The wanted frames."""

    def __iter__(self) -> Iterator[Frame]:
        """The wanted frames, read in a thread of its own.

        `VideoError` after the last frame of the source if none was wanted.
        """
        frames = self._read()
        self._running.add(frames)
        return frames

    def close(self) -> None:
        """End every iteration, and let go of files and connections."""
        for frames in list(self._running):
            frames.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
