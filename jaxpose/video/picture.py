"""Reads a single stored picture to RGB, whatever its depth, colours and orientation.

OpenCV decodes. What it cannot read is an error and never half a picture; PNGs are checked before, because their
library would print its own complaint.
"""

import contextlib
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from jaxpose.errors import VideoError

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif"}
)
"""Names of pictures, as they are looked for in a folder."""

BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|BM.{4}\0\0\0\0|II[*+]\0|MM\0[*+]|RIFF.{4}WEBP|P[1-6]\s|"
    rb"\0\0\0\x0cjP  |.{4}ftypavif",
    re.DOTALL,
)
"""The first bytes of a picture's file, whatever its name."""

HEIC = re.compile(rb".{4}ftyp(?:hei[cmsx]|hev[cmx]|mif1|msf1)", re.DOTALL)
"""Those of Apple's pictures, which are stored in tiles that FFmpeg would give out as a video of pieces."""

PNG = b"\x89PNG\r\n\x1a\n"


def is_picture(path: Path) -> bool:
    """Whether the file's first bytes are those of a single picture; `VideoError` if it cannot be read at all."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error
    if HEIC.match(start):
        raise VideoError(f"{path}: HEIC pictures cannot be read; convert it to JPEG first")
    return BEGINNINGS.match(start) is not None


def read_picture(path: str | os.PathLike[str]) -> UInt8[np.ndarray, "h w 3"]:
    """A stored picture upright in RGB: turned as its EXIF tells, 16 bits scaled to 8, CMYK converted, alpha ignored.

    Raises `VideoError` if it is missing, is no picture, or is damaged in a way that can be told.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise VideoError(f"{path}: no such file") from None
    except (OSError, MemoryError) as error:
        raise VideoError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'too large'})") from error
    if not data:
        raise VideoError(f"{path}: not a picture that can be read (the file is empty)")
    if told := _png_fault(data):
        raise VideoError(f"{path}: not a picture that can be read ({told})")
    with _silence():
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        except (cv2.error, MemoryError):  # a size that OpenCV refuses, or that there is no room for
            image = None
    if image is None:
        raise VideoError(f"{path}: not a picture that can be read (damaged, too large, or of an unknown kind)")
    return image


def _png_fault(data: bytes) -> str:
    """What is wrong with the pieces of a PNG, of which each has a checksum; empty if nothing is, or if it is no PNG."""
    if not data.startswith(PNG):
        return ""
    place, view = len(PNG), memoryview(data)
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(view[place + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return "damaged: a checksum is wrong"
        if place == len(PNG) and (kind != b"IHDR" or length != 13 or not _png_size_is_sane(data)):
            return "damaged: its header is wrong"
        if kind == b"IEND":
            return ""
        place = end + 4
    return "damaged: it ends early"


def _png_size_is_sane(data: bytes) -> bool:
    width, height = struct.unpack_from(">II", data, 16)
    return 0 < width <= 1_000_000 and 0 < height <= 1_000_000  # libpng's own limits


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """OpenCV prints no warnings of its own: what is wrong is told once, as an error."""
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
