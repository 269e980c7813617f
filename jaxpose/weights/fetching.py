"""Downloads published weights, and lets nothing through that is not what was published.

`weights.registry` says what there is, `weights.transfer` brings a file from where it stopped; here attempts are
repeated, and each file is checked before it gets its name. `jaxpose fetch` calls this and imports the result.
"""

import contextlib
import functools
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from jaxpose.errors import FetchError
from jaxpose.weights.registry import Published, PublishedFile
from jaxpose.weights.transfer import Part, Passing, Unreachable, receive, writing

Progress = Callable[[str, int, int | None], None]
"""Told of a file's name, how many of its bytes are here, and of how many if that is known."""

DELAYS = (1.0, 3.0, 9.0)
"""Seconds to wait before each further attempt, after a failure that may pass; then it is given up."""

_ALGORITHMS = {64: "sha256", 96: "sha384"}  # by the digest's length in hexadecimal digits


def fetch(published: Published, folder: Path, progress: Progress) -> Path:
    """Download all files of some published weights into `folder`, each checked; returns the one to import.

    A file that is there already and is right is not downloaded again. `FetchError` if one cannot be had, is not the
    expected one (it is removed then) or cannot be written. Whatever ends a download, Ctrl-C included, leaves a part
    that the next call continues. Proxies are those of the environment (`https_proxy`, ...).
    """
    for file in published.files:
        try:
            _download(file, folder, progress)
        except Unreachable as error:
            raise FetchError(". ".join(filter(None, (str(error), published.note, _by_hand(published))))) from None
    return folder / published.files[0].name


def remove(published: Published, folder: Path) -> None:
    """Remove what `fetch` has left in `folder`, and the folder if nothing else is in it."""
    with contextlib.suppress(OSError):
        for file in published.files:
            (folder / file.name).unlink(missing_ok=True)
        folder.rmdir()


def _by_hand(published: Published) -> str:
    urls = " and ".join(file.url for file in published.files)
    command = f"jaxpose import {published.files[0].name} --as NAME --arch {published.architecture}"
    return f"Or get {urls} by other means, then `{command}`"


def _download(file: PublishedFile, folder: Path, progress: Progress) -> None:
    path = folder / file.name
    part = Part(path, file.url)
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if _digest(path, file) == file.digest:
                return
            path.unlink()
    furthest, delays = part.size, iter(DELAYS)
    while True:
        try:
            receive(part, file.size, functools.partial(progress, file.name))
            break
        except Passing as failure:
            if part.size > furthest:  # it goes on, if in pieces
                furthest, delays = part.size, iter(DELAYS)
            if (delay := next(delays, None)) is None:
                raise Unreachable(f"{file.url}: {failure}, {len(DELAYS) + 1} times in a row") from None
            time.sleep(delay)
    with writing(path):
        if (found := _digest(part.path, file)) != file.digest:
            part.clear()
            raise FetchError(
                f"{file.url} is not the expected file: its {_algorithm(file)} is {found}, not {file.digest}. "
                "It was removed; if that happens again, another file has this address by now"
            )
        part.path.replace(path)
        part.clear()


def _digest(path: Path, file: PublishedFile) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, _algorithm(file)).hexdigest()


def _algorithm(file: PublishedFile) -> str:
    return _ALGORITHMS[len(file.digest)]
