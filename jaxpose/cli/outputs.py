"""Output files are checked before any work is done, so that an hour's run does not end on a wrong path."""

import os
from collections.abc import Sequence
from pathlib import Path

from jaxpose.errors import OutputError


def check_output(path: Path, suffixes: Sequence[str], *, overwrite: bool) -> None:
    """`OutputError` if `path` has none of the suffixes, exists (unless `overwrite`), or is where nothing can be put."""
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"{path}: the name must end in {' or '.join(suffixes)}")
    if path.is_dir():
        raise OutputError(f"{path}: a folder; name a file in it")
    folder = path.parent
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist; create it first"
        raise OutputError(f"{path}: {folder} {state}")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; choose another name, or --overwrite")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise OutputError(f"{path}: no permission to write it")


def make_folder(path: Path) -> bool:
    """Make a folder for outputs, if it is not there, and tell whether; `OutputError` if it cannot be made."""
    if path.is_dir():
        return False
    try:
        path.mkdir()
    except FileExistsError:
        raise OutputError(f"{path}: a file, where a folder is needed; choose another name") from None
    except FileNotFoundError:
        raise OutputError(f"{path}: {path.parent} does not exist; create it first") from None
    except OSError as error:
        raise OutputError(f"{path}: the folder cannot be made ({error.strerror})") from error
    return True


def check_distinct(files: Sequence[Path]) -> None:
    """`OutputError` if two of the files, inputs and outputs, are the same."""
    seen: dict[Path, Path] = {}
    for file in files:
        other = seen.setdefault(file.resolve(), file)
        if other is not file:
            raise OutputError(f"{file}: is {other} itself; inputs and outputs must be different files")
