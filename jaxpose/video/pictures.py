"""Single pictures as the frames of a video: those of a folder, of a pattern of names, of a list, or one alone."""

import glob
import re
import warnings
from collections.abc import Generator, Sequence
from pathlib import Path

from jaxpose.errors import LostFramesWarning, VideoError
from jaxpose.records import Frame
from jaxpose.video.ahead import ahead
from jaxpose.video.container import FALLBACK_RATE
from jaxpose.video.damage import Damage
from jaxpose.video.picture import SUFFIXES, read_picture
from jaxpose.video.selection import ALL, Picker, Selection
from jaxpose.video.source import Video

READ_AHEAD = 4
"""Decoded pictures that wait for the consumer at most."""

NUMBERS = re.compile(r"[0-9]+|[^0-9]+")


class Pictures(Video):
    """Pictures in the order given, `fps` of them a second (they tell no times); sizes may differ.

    One that cannot be read is left out and the numbers count on, which is told in one `LostFramesWarning` after the
    last.
    """

    def __init__(
        self, paths: Sequence[Path], name: str, selection: Selection = ALL, fps: float = FALLBACK_RATE
    ) -> None:
        """Check that one of them can be read; `VideoError` with the first one's reason if not."""
        super().__init__(name, selection)
        self.paths, self.fps = tuple(paths), fps
        self.frames = selection.claimed(len(self.paths), fps)
        self.height, self.width = self._first().image.shape[:2]

    def _first(self) -> Frame:
        error: VideoError | None = None
        for number, path in enumerate(self.paths):
            try:
                return Frame(number, number / self.fps, read_picture(path))
            except VideoError as reason:
                error = error or reason
        raise error or VideoError(f"{self.name}: no pictures")

    def _read(self) -> Generator[Frame, None, None]:
        damage, picker = Damage(), Picker(self.selection)
        yield from ahead(self._decode(damage, picker), READ_AHEAD)
        if told := damage.describe():
            warnings.warn(f"{self.name}: {told}", LostFramesWarning, stacklevel=2)
        picker.check(self.name)

    def _decode(self, damage: Damage, picker: Picker) -> Generator[Frame, None, None]:
        for number, path in enumerate(self.paths):
            time = number / self.fps
            if picker.over(number, time):
                return
            if not picker.wants(number, time):
                continue
            try:
                image = read_picture(path)
            except VideoError:
                damage.lose(number)
            else:
                yield Frame(number, time, image)


def in_folder(folder: Path) -> list[Path]:
    """The pictures right in a folder, hidden ones left out, in natural order; `VideoError` if there are none."""
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise VideoError(f"{folder}: cannot be read ({error.strerror})") from error
    found = [path for path in entries if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    if not found:
        raise VideoError(f"{folder}: a folder without pictures ({' '.join(sorted(SUFFIXES))}); name videos one by one")
    return sorted(found, key=natural)


def matching(pattern: str) -> list[Path]:
    """The files that a pattern names, in natural order; `VideoError` if there are none."""
    found = [path for path in map(Path, glob.iglob(pattern, recursive=True)) if path.is_file()]
    if not found:
        raise VideoError(f"{pattern}: no file matches")
    return sorted(found, key=natural)


def natural(path: Path) -> list[list[tuple[int, int | str]]]:
    """What to sort paths by so that `frame9` comes before `frame10`: numbers in names of folders and files as such."""
    return [
        [(0, int(part)) if part[0] in "0123456789" else (1, part.lower()) for part in re.findall(NUMBERS, name)]
        + [(1, name)]  # `7` and `07` in the same order always
        for name in path.parts
    ]
