"""MATLAB's files, in which older data sets keep their annotations: level 5 (version 7 and before), not 7.3.

A reader of our own, because SciPy's crashes, or counts for minutes, where a file is damaged: here every length is
checked against the bytes that are there. Source: "MAT-File Format", The MathWorks.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from jaxpose.errors import FormatError
from jaxpose.formats.values import reading

HEADER = 128
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""NumPy's name of each type of numbers that an element may be stored as."""

TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
"""How text is stored, by the type of its element."""

INT32, UINT32, MATRIX, PACKED = 5, 6, 14, 15
CELL, STRUCT, CHAR, FIRST_NUMBERS, LAST_NUMBERS = 1, 2, 4, 6, 15
DEEPEST = 40


def read_matlab(path: str | os.PathLike[str], name: str) -> Any:
    """One variable of a MATLAB file; None if the file has none of that name.

    Structs are objects with their fields, text is a string, a single value is itself, other arrays are NumPy's without
    the dimensions of one, cells and several structs arrays of objects. Raises `FormatError` for a file that is not
    MATLAB's, that is damaged, or is of version 7.3.
    """
    with reading(path):
        data = Path(path).read_bytes()
    try:
        return _variable(data, name)
    except (ValueError, zlib.error, struct.error) as error:
        raise FormatError(f"{path}: not a MATLAB file that can be read ({error})") from error


def _variable(data: bytes, name: str) -> Any:
    if len(data) < HEADER or data[126:128] not in (b"IM", b"MI"):
        raise ValueError("it does not begin as one")
    order = "<" if data[126:128] == b"IM" else ">"
    version = struct.unpack_from(order + "H", data, 124)[0]
    if version != 0x0100:
        raise ValueError("it is of version 7.3; save it with -v7" if version == 0x0200 else "of no known version")
    for kind, content in _elements(memoryview(data)[HEADER:], order):
        if kind == PACKED:
            kind, content = next(_elements(memoryview(zlib.decompress(content)), order), (0, content))
        if kind == MATRIX and _Matrix(content, order).name == name:
            return _Matrix(content, order).value(0)
    return None


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """The type and the content of each element that stands in some bytes."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        if kind >> 16:  # a small one, with its content in the tag
            kind, size, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
            if size > 4:
                raise ValueError(f"a small element of {size} bytes")
        else:
            start = at + 8
            step = 8 + (size if kind == PACKED else -(-size // 8) * 8)
        if start + size > len(data):
            raise ValueError(f"an element of {size} bytes where {len(data) - start} are left")
        yield kind, data[start : start + size]
        at += step


class _Matrix:
    """One array of any class; `name` is empty for the fields of structs and for cells."""

    def __init__(self, data: memoryview, order: str) -> None:
        self._order = order
        self._parts = _elements(data, order)
        flags = self._numbers(UINT32)
        self._class = int(flags[0]) & 0xFF if len(flags) else 0
        self._shape = tuple(self._numbers(INT32).tolist()) if len(data) else ()
        if any(side < 0 for side in self._shape):
            raise ValueError(f"an array of the shape {self._shape}")
        self._size = 1
        for side in self._shape:
            self._size *= side  # in whole numbers of any length
        _, name = next(self._parts, (0, memoryview(b"")))
        self.name = bytes(name).decode("latin-1")

    def value(self, depth: int) -> Any:
        """The array as `read_matlab` promises it."""
        if depth > DEEPEST:
            raise ValueError(f"arrays within arrays, more than {DEEPEST} times")
        if self._class == STRUCT:
            return self._structs(depth)
        if self._class == CELL:
            return self._squeeze([self._inner(depth) for _ in self._counted()])
        kind, content = next(self._parts, (0, memoryview(b"")))
        if self._class == CHAR:
            return self._text(kind, content)
        if FIRST_NUMBERS <= self._class <= LAST_NUMBERS:
            values = self._array(kind, content)
            if len(values) != self._size:
                raise ValueError(f"{len(values)} numbers in an array of the shape {self._shape}")
            array = values.reshape(self._shape, order="F").squeeze()
            return array.item() if array.ndim == 0 else array
        raise ValueError(f"an array of class {self._class}, which is neither numbers, text, cells nor structs")

    def _structs(self, depth: int) -> Any:
        length = self._numbers(INT32)
        _, names = next(self._parts, (0, memoryview(b"")))
        width = int(length[0]) if len(length) else 0
        if width < 1 or len(names) % width:
            raise ValueError("a struct without the names of its fields")
        fields = [bytes(names[at : at + width]).split(b"\0")[0].decode("latin-1") for at in range(0, len(names), width)]
        if not fields:
            return np.zeros(0)
        rows = [SimpleNamespace(**{field: self._inner(depth) for field in fields}) for _ in self._counted()]
        return self._squeeze(rows)

    def _counted(self) -> range:
        """As many turns as there are values; each ends with an error where its bytes are missing."""
        return range(self._size)

    def _inner(self, depth: int) -> Any:
        kind, content = next(self._parts, (0, memoryview(b"")))
        if kind != MATRIX:
            raise ValueError("cells or fields are missing")
        return _Matrix(content, self._order).value(depth + 1) if len(content) else np.zeros(0)

    def _squeeze(self, values: list[Any]) -> Any:
        if len(values) == 1:
            return values[0]
        array = np.empty(len(values), object)
        array[:] = values
        return array.reshape(self._shape, order="F").squeeze()

    def _text(self, kind: int, content: memoryview) -> str:
        if kind not in TEXTS:
            raise ValueError(f"text of the type {kind}")
        code = TEXTS[kind]
        if code in ("utf-16", "utf-32"):
            code += "-le" if self._order == "<" else "-be"
        return bytes(content).decode(code)

    def _numbers(self, kind: int) -> np.ndarray:
        found, content = next(self._parts, (0, memoryview(b"")))
        if found != kind:
            raise ValueError(f"an element of type {found} where {kind} belongs")
        return self._array(found, content)

    def _array(self, kind: int, content: memoryview) -> np.ndarray:
        if kind not in NUMBERS:
            raise ValueError(f"numbers of the type {kind}")
        return np.frombuffer(content, self._order + NUMBERS[kind])
