"""Results into a file of any format: the base of all writers, and which class writes what.

A writer takes a tracker's people frame by frame (`write`), rounded as `poses.rounded` says, or whole files as they are
(`append`), which `jaxpose convert` does. Joints become those of a skeleton that the format knows, by name.
"""

import abc
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from jaxpose.errors import OutputError
from jaxpose.formats.poses import PIXEL_DIGITS, SHARE_DIGITS, PoseFile, rounded
from jaxpose.records import People
from jaxpose.skeletons import Skeleton


class Writer(abc.ABC):
    """A result being written; a context manager. What was added is on disk when the call returns.

    `holds` names what the format can hold beside the joints' places and the frames' numbers, in the words of
    `conversion.told`; `skeletons` those that it knows, none for any.
    """

    holds: ClassVar[frozenset[str]]
    skeletons: ClassVar[tuple[Skeleton, ...]] = ()

    def __init__(
        self,
        path: str | os.PathLike[str],
        skeleton: Skeleton,
        *,
        source: str,
        config: Mapping[str, Any],
        overwrite: bool = False,
        resume: bool = False,
        normalized: bool = False,
    ) -> None:
        """Start the file; `OutputError` if it exists (unless `overwrite`, or `resume`) or cannot be written.

        `skeleton` is that of the people who will come, `source` the video and `config` the settings that they come
        from. With `resume` a file that is there is gone on with: frames that it holds are not written again.
        `normalized`: coordinates are shares of the picture's sides.
        """
        self.path = Path(path)
        self.source, self.config = source, dict(config)
        self.given, self.skeleton = skeleton, self.target(skeleton)
        self.normalized = normalized
        self._open(overwrite, resume)

    @classmethod
    def target(cls, skeleton: Skeleton) -> Skeleton:
        """The skeleton that a skeleton's people are written with: the same, or the smallest that has all its joints.

        Where none has, the one that has the most.
        """
        if not cls.skeletons or skeleton in cls.skeletons:
            return skeleton
        known = {*skeleton.joints}
        return max(cls.skeletons, key=lambda one: (len(known & {*one.joints}), -len(one.joints)))

    def write(self, people: People, *, name: str | None = None, size: tuple[int, int] | None = None) -> None:
        """Append a frame; `name` and `size` (width, height) are those of its picture, where they are known."""
        if not self.has(people.frame, name):
            digits = SHARE_DIGITS if self.normalized else PIXEL_DIGITS
            self.append(rounded(people, self.given, name=name, size=size, digits=digits))

    def append(self, poses: PoseFile) -> None:
        """Append frames as they are; their joints become those of `skeleton`."""
        self._append(poses.converted(self.skeleton))

    def has(self, number: int, name: str | None = None) -> bool:
        """Whether the file held this frame before it was gone on with."""
        return False

    @abc.abstractmethod
    def _open(self, overwrite: bool, resume: bool) -> None:
        """Start the file."""

    @abc.abstractmethod
    def _append(self, poses: PoseFile) -> None:
        """Write frames of `skeleton`."""

    @abc.abstractmethod
    def close(self) -> None:
        """Finish the file; `OutputError` if what is still to be written cannot be."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def refuse_resume(self) -> OutputError:
        """What to raise where a file that is there has other content than this run would write."""
        return OutputError(f"{self.path}: holds results of another video or other settings; choose another name")
