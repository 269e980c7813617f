"""Where a data set's pictures lie: folders, zips and videos, asked by the name that an annotation file uses."""

import contextlib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import cv2

from jaxpose.errors import DataError
from jaxpose.formats.pictures import Picture
from jaxpose.video.reader import VideoFile

QUALITY = 95
"""JPEG quality of frames, which a video holds only in its own code."""

ZIP = ".zip"


class Store:
    """Some places in which pictures are looked for, in this order; pictures are handed out as they are stored.

    A picture is found by the path that its file gives, or by its name alone where a place has only one of that name.
    """

    def __init__(self, places: Sequence[Path]) -> None:
        """Those of the places that exist; `DataError` if none does, or if a zip cannot be read."""
        self.places = [place for place in places if place.exists()]
        if not self.places:
            raise DataError(f"{places[0]}: no such folder, zip or video, which must hold the pictures")
        self._zips = {place: _Zip(place) for place in self.places if place.suffix.lower() == ZIP}

    def read(self, name: str) -> bytes | None:
        """The stored bytes of a picture; None where no place has it."""
        path = PurePosixPath(name.replace("\\", "/"))
        for place in self.places:
            if place in self._zips:
                if (found := self._zips[place].read(path)) is not None:
                    return found
            elif place.is_dir():
                for file in (place / path, place / path.name):
                    with contextlib.suppress(OSError):  # not there, or not to be read
                        return file.read_bytes()
        return None

    def video(self, name: str | None) -> Path | None:
        """The file of a video; without a name the one place that is a video itself."""
        for place in self.places:
            if place.is_file() and place not in self._zips and (name is None or place.name == name):
                return place
            if name is not None and place.is_dir() and (place / name).is_file():
                return place / name
        return None


class _Zip:
    """A zip's pictures by their paths in it, and by their names."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: not a zip that can be read ({error})") from error
        self._named: dict[str, list[PurePosixPath]] = {}
        for member in self._file.namelist():
            if not member.endswith("/"):
                self._named.setdefault(PurePosixPath(member).name, []).append(PurePosixPath(member))

    def read(self, path: PurePosixPath) -> bytes | None:
        members = self._named.get(path.name, [])
        ending = [member for member in members if member.parts[-len(path.parts) :] == path.parts]
        chosen = ending or members
        if len(chosen) != 1:
            return None
        try:
            return self._file.read(str(chosen[0]))
        except (OSError, zipfile.BadZipFile, NotImplementedError):  # damaged: as if it were not there
            return None


def frames(store: Store, pictures: Sequence[Picture]) -> Iterator[tuple[Picture, bytes | None]]:
    """Each picture with its bytes, None where it is missing; frames of videos as JPEG, each video read once.

    Pictures of one video must follow each other in the order of their frames.
    """
    row = 0
    while row < len(pictures):
        name = pictures[row].video
        end = row + 1
        while end < len(pictures) and pictures[end].video == name:
            end += 1
        some = pictures[row:end]
        row = end
        path = None if name is None else store.video(name)
        if name is None:
            yield from ((picture, store.read(picture.name)) for picture in some)
        elif path is None:
            yield from ((picture, None) for picture in some)
        else:
            yield from _frames_of(path, some)


def _frames_of(path: Path, pictures: Sequence[Picture]) -> Iterator[tuple[Picture, bytes | None]]:
    waiting = iter(pictures)
    wanted = next(waiting, None)
    for frame in VideoFile(path):
        while wanted is not None and wanted.frame < frame.number:  # the frame was damaged
            yield wanted, None
            wanted = next(waiting, None)
        if wanted is None:
            return
        if wanted.frame == frame.number:
            coded, data = cv2.imencode(".jpg", frame.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            if not coded:
                raise DataError(f"{path}: frame {frame.number} cannot be stored as JPEG")
            yield wanted, data.tobytes()
            wanted = next(waiting, None)
    while wanted is not None:
        yield wanted, None
        wanted = next(waiting, None)
