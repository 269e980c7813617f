"""Files that grow frame by frame and can be read whatever ends the run: lines, and one JSON list.

What is added is on disk when the call returns. Where the disk is full, or the system refuses for another reason, the
file goes back to what it held before: whole lines, or valid JSON. The writers of `formats` stand on these two.
"""

import contextlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from jaxpose.errors import FormatError, writing


class Lines:
    """A text file to which whole lines are appended; packed by gzip where its name ends in .gz."""

    def __init__(self, path: Path, *, overwrite: bool, keep: int | None = None) -> None:
        """Start the file, or go on after its first `keep` bytes; `OutputError` if it exists (unless `overwrite`)."""
        self.path = path
        with writing(path):
            self._file = path.open(_mode(overwrite, keep is not None), buffering=0)
            if keep is not None:
                self._file.truncate(keep)
                self._file.seek(keep)
        self._size = keep or 0
        packed = path.name.lower().endswith(".gz")
        self._pack = zlib.compressobj(wbits=zlib.MAX_WBITS | 16) if packed else None

    def add(self, text: str) -> None:
        """Append lines; `OutputError` if they cannot be written, and then none of them is there."""
        data, pack = text.encode(), self._pack
        if pack is not None:
            pack = pack.copy()  # what cannot be written must not be in its memory
            data = pack.compress(data) + pack.flush(zlib.Z_SYNC_FLUSH)
        self._write(data)
        self._pack = pack

    def close(self) -> None:
        """Finish the file."""
        if not self._file.closed:
            with writing(self.path), self._file:
                if self._pack is not None:
                    _write_all(self._file, self._pack.flush())

    def _write(self, data: bytes) -> None:
        with writing(self.path):
            try:
                _write_all(self._file, data)
            except OSError:
                with contextlib.suppress(OSError):
                    self._file.truncate(self._size)
                    self._file.seek(self._size)
                raise
        self._size += len(data)


class JsonList:
    """A JSON file with one growing list, between a `head` that ends in "[" and a `tail` that begins with "]"."""

    def __init__(self, path: Path, head: str, tail: str, *, overwrite: bool) -> None:
        """Start the file with an empty list; `OutputError` if it exists (unless `overwrite`) or cannot be written."""
        self.path = path
        with writing(path):
            self._file = path.open(_mode(overwrite, False), buffering=0)
            try:
                _write_all(self._file, (head + tail).encode())
            except OSError:
                self._file.close()
                raise
        self._end = len(head.encode())
        self._tail = tail
        self._empty = True

    def add(self, entries: Sequence[str], tail: str | None = None) -> None:
        """Append entries, and replace the tail if another is given; `OutputError` if that cannot be written."""
        before, self._tail = self._tail, self._tail if tail is None else tail
        text = ",\n".join(entries)
        if entries:
            text = ("\n" if self._empty else ",\n") + text
        with writing(self.path):
            try:
                self._file.seek(self._end)
                _write_all(self._file, (text + self._tail).encode())
                self._file.truncate()
            except OSError:
                self._tail = before
                with contextlib.suppress(OSError):
                    self._file.truncate(self._end)
                    self._file.seek(self._end)
                    _write_all(self._file, before.encode())
                raise
        self._end += len(text.encode())
        self._empty = self._empty and not entries

    def close(self) -> None:
        """Close the file, which has been valid all the time."""
        with writing(self.path):
            self._file.close()


def unpacked(path: Path) -> bytes:
    """The content of a file that gzip has packed, also of one that was cut off: as far as it goes.

    Raises `FormatError` for what gzip did not pack.
    """
    data, content = path.read_bytes(), []
    try:
        while data:
            unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            content.append(unpack.decompress(data))
            data = unpack.unused_data
    except zlib.error as error:
        raise FormatError(f"{path}: a damaged gzip file ({error}); get it again") from error
    return b"".join(content)


def _mode(overwrite: bool, resume: bool) -> str:
    return "r+b" if resume else "wb" if overwrite else "xb"


def _write_all(file: IO[bytes], data: bytes) -> None:
    """Unbuffered files may take a part of the data only."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
