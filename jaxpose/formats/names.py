"""The formats that results are written in, by name, and which one a file's name stands for.

Nothing here imports NumPy: the command line checks its options with it. `formats.writing` has each format's writer.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jaxpose.errors import OptionError

FormatName = Literal["jsonl", "openpose", "coco", "coco-gt", "posetrack17", "posetrack18", "mot", "csv", "mpii"]


@dataclasses.dataclass(frozen=True)
class Format:
    """What must be known of a format before anything is written."""

    suffixes: tuple[str, ...]  # of its files; the first is the usual one
    folder: bool = False  # a folder of files rather than a file
    resumes: bool = False  # what a stopped run left can be gone on with
    normalizes: bool = False  # its files can say that coordinates are shares of the picture's sides


FORMATS: dict[str, Format] = {
    "jsonl": Format((".jsonl", ".jsonl.gz"), resumes=True, normalizes=True),
    "openpose": Format((), folder=True, resumes=True, normalizes=True),
    "coco": Format((".json",)),
    "coco-gt": Format((".json",)),
    "posetrack17": Format((".json",)),
    "posetrack18": Format((".json",)),
    "mot": Format((".txt",)),
    "csv": Format((".csv",), resumes=True, normalizes=True),
    "mpii": Format((".mat",)),
}
"""All formats; of several with one suffix the first is what the suffix alone stands for."""

SUFFIXES = tuple(dict.fromkeys(suffix for form in FORMATS.values() for suffix in form.suffixes))


def format_of(out: Path, given: str | None) -> str:
    """The format of an output: the one that is given, else the one that the name stands for.

    `.json` alone stands for COCO's results, and a name without a suffix for a folder in OpenPose's format. Raises
    `OptionError` for a name that stands for none, or that does not fit what is given.
    """
    suffix = suffix_of(out, SUFFIXES)
    if given is None:
        if out.is_dir() or not out.suffix:
            return "openpose"
        for name, form in FORMATS.items():
            if suffix in form.suffixes:
                return name
        raise OptionError(
            f"{out}: the name must end in {', '.join(SUFFIXES)}, or be a folder's (OpenPose), or --format be given"
        )
    allowed = FORMATS[given].suffixes
    if allowed and suffix not in allowed:
        raise OptionError(f"{out}: the name of a {given} file must end in {' or '.join(allowed)}")
    if not allowed and suffix is not None:
        raise OptionError(f"{out}: {given} is a folder with a file for each frame; give a folder's name")
    return given


def suffix_of(path: Path, suffixes: Sequence[str]) -> str | None:
    """The longest of the suffixes that a file's name ends in."""
    found = [suffix for suffix in suffixes if path.name.lower().endswith(suffix)]
    return max(found, key=len, default=None)
