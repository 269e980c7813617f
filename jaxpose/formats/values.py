"""Checks of what a file holds, shared by all formats: one value, a column of values, and where in the file they stand.

The checks of one value raise `ValueError`, to which `place` adds the file and the place. Columns (`table`, `wholes`)
are checked at once, as a file may have a million numbers, and gone through one by one only to name a wrong one.
"""

import contextlib
import gzip
import json
import os
import reprlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from jaxpose.errors import FormatError
from jaxpose.records import NO_ID

MOST_PIXELS = 1e6
"""No picture is as large: a number beyond it is a mistake (and float32 would no longer hold a tenth of a pixel)."""

MOST_COUNT = 2**53
"""The last whole number before a float64, which text and JSON may give for a whole number, skips some."""

GZIP = b"\x1f\x8b"

Where = Callable[[int], str]
"""What to call a row in a message: the file and the row's place in it."""


# -- files -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def place(source: str | os.PathLike[str], where: str) -> Iterator[None]:
    """A `ValueError` of what stands there becomes a `FormatError` that names the file and the place."""
    try:
        yield
    except ValueError as error:
        raise FormatError(f"{source}, {where}: {error}") from error


@contextlib.contextmanager
def reading(source: str | os.PathLike[str]) -> Iterator[None]:
    """A file that cannot be opened or read becomes a `FormatError`."""
    try:
        yield
    except OSError as error:
        raise FormatError(f"{source}: cannot be read ({error.strerror})") from error


def read_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file, also of one that gzip has packed; `FormatError` if it is none."""
    with reading(path):
        content = Path(path).read_bytes()
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise FormatError(f"{path}: a damaged gzip file ({error}); get it again") from error
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # of the JSON, of its UTF-8, of brackets within brackets
        raise FormatError(f"{path}: not JSON ({error})") from error


# -- one value ---------------------------------------------------------------------------------------------------------


def need(entry: object, key: str) -> Any:
    """What an object has under a key that it must have."""
    if not isinstance(entry, dict):
        raise ValueError(f"must be an object, got {reprlib.repr(entry)}")
    if key not in entry:
        raise ValueError(f"`{key}` is missing")
    return entry[key]


def listed(name: str, value: object) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise ValueError(f"`{name}` must be a list, got {reprlib.repr(value)}")
    return value


def line(name: str, value: object) -> str:
    """Text of one line, as it may be shown in a message."""
    if not isinstance(value, str) or value.splitlines() != [value]:
        raise ValueError(f"`{name}` must be a line of text, got {reprlib.repr(value)}")
    return value


def number(name: str, value: object) -> float:
    """A number (true and false are none); it may be NaN or infinite."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # JSON may hold a whole number of any length
            return float(value)
    raise ValueError(f"`{name}` must be a number, got {reprlib.repr(value)}")


def pixels(name: str, value: object) -> float:
    """A coordinate or length: a finite number."""
    told = number(name, value)
    if not abs(told) <= MOST_PIXELS:
        raise ValueError(f"`{name}` must be a number of pixels within ±{MOST_PIXELS:.0f}, got {told:g}")
    return told


def probability(name: str, value: object) -> float:
    """A score in 0..1."""
    told = number(name, value)
    if not 0 <= told <= 1:
        raise ValueError(f"`{name}` must be in 0..1, got {told:g}; rescale the file's scores")
    return told


def whole(name: str, value: object, least: int) -> int:
    """A whole number, `least` or more."""
    told = number(name, value)
    if not least <= told < MOST_COUNT or not told.is_integer():
        raise ValueError(f"`{name}` must be a whole number from {least}, got {reprlib.repr(value)}")
    return int(told)


def identity(name: str, value: object) -> int:
    """An id from 0, or -1 for none."""
    return whole(name, value, NO_ID)


# -- a column of values ------------------------------------------------------------------------------------------------


def table(
    name: str, rows: Sequence[object], width: int, where: Where, *, most: float = MOST_PIXELS, told: bool = False
) -> Float64[np.ndarray, "n width"]:
    """Rows that are each a list of `width` finite numbers within ± `most`, or an empty list, which becomes NaN.

    `told`: the list must not be empty. Raises `FormatError` for the first row that is something else.
    """
    result = np.full((len(rows), width), np.nan)
    if {*map(type, rows)} <= {list}:
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))  # type: ignore[arg-type]
        flat: list[Any] = list(chain.from_iterable(rows))  # type: ignore[arg-type]
        filled = lengths == width
        if (filled | ((lengths == 0) & (not told))).all() and {*map(type, flat)} <= {int, float}:
            with contextlib.suppress(OverflowError):
                values = np.array(flat, np.float64)
                if (np.abs(values) <= most).all():
                    result[filled] = values.reshape(-1, width)
                    return result
    for index, row in enumerate(rows):
        try:
            _check_row(name, row, width, most, told)
        except ValueError as error:
            raise FormatError(f"{where(index)}: {error}") from error
    raise AssertionError(f"`{name}`: refused as a whole, but not row by row")


def _check_row(name: str, row: object, width: int, most: float, told: bool) -> None:
    if row is None:
        raise ValueError(f"`{name}` is missing")
    if not isinstance(row, list) or (len(row) != width and (row or told)):
        given = f"{len(row)} in {reprlib.repr(row)}" if isinstance(row, list) else reprlib.repr(row)
        raise ValueError(f"`{name}` must be a list of {width} numbers, got {given}")
    for index, value in enumerate(row):
        label = f"{name}[{index}]"
        if not abs(number(label, value)) <= most:
            raise ValueError(f"`{label}` must be finite and within ±{most:g}, got {value!r}")


def wholes(name: str, values: Sequence[object], least: int, where: Where) -> Int64[np.ndarray, "n"]:
    """Whole numbers, `least` or more each. Raises `FormatError` for the first value that is something else."""
    result = []
    for index, value in enumerate(values):
        try:
            result.append(whole(name, value, least))
        except ValueError as error:
            raise FormatError(f"{where(index)}: {error}") from error
    return np.array(result, np.int64)
