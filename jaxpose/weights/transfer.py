"""One attempt to bring a file from an address: from where the last attempt stopped, if the server still has that file.

What has come lies in a `.part`; a small `.part.json` beside it keeps what the server said of the file then (RFC 9110:
its ETag or date, its size), so that the rest of another file is never appended. `weights.fetching` repeats attempts,
and checks what has come.
"""

import contextlib
import http.client
import json
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jaxpose.errors import FetchError

TIMEOUT = 30.0
"""Seconds of silence after which a connection counts as lost."""

_CHUNK = 1 << 16
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # answers of a server that may be other in a moment


class Passing(Exception):
    """A failure that may be gone in a moment."""


class Unreachable(Exception):
    """The file cannot be had from its address."""


class Part:
    """What has come of the file for `path`, and what the server said of it when that began."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path.with_name(path.name + ".part")
        self.url = url
        self._said = path.with_name(path.name + ".part.json")

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    def said(self) -> dict[str, Any] | None:
        """`url`, `validator` and `total` of the beginning; None if they are lost, or of another address."""
        try:
            said = json.loads(self._said.read_text())
            fits = said["url"] == self.url and {"validator", "total"} <= said.keys()
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        return said if fits else None

    def begin(self, validator: str | None, total: int | None) -> None:
        """Start an empty part."""
        self.clear()
        self._said.write_text(json.dumps({"url": self.url, "validator": validator, "total": total}))

    def clear(self) -> None:
        """Forget all that has come."""
        self.path.unlink(missing_ok=True)
        self._said.unlink(missing_ok=True)


def receive(part: Part, size: int | None, progress: Callable[[int, int | None], None]) -> None:
    """Append to `part` what is missing of its file, which has `size` bytes if that is known.

    `progress` is told how many bytes are here, and of how many. Raises `Passing`, `Unreachable`, or `FetchError` if the
    server's file has another size (nothing is kept then) or cannot be written. Whatever ends it, the part can go on.
    """
    have, before = part.size, part.said()
    if have and before is None:
        return _restart(part, size, progress)
    if have and before and have == (size or before["total"]):
        return None
    headers = {"User-Agent": "jaxpose"}
    if have and before:
        headers["Range"] = f"bytes={have}-"
        if before["validator"]:
            headers["If-Range"] = before["validator"]
    try:
        response = _open(part.url, headers)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # there is no such rest: the file is shorter by now
            return _restart(part, size, progress)
        raise Unreachable(f"{part.url}: the server answers {error.code} {error.reason}") from None
    with response:
        validator = _validator(response.headers)
        if have and before and response.status == 206:
            start, offered = _range(response.headers)
            if start != have or validator != before["validator"] or before["total"] not in (None, offered):
                return _restart(part, size, progress)
        else:
            have, offered = 0, _length(response.headers)
            with writing(part.path):
                part.begin(validator, offered)
        total = size if offered is None else offered
        if size not in (None, total):
            _refuse(part, f"it has {total:,} bytes, not {size:,}")
        _check_space(part.path.parent, 0 if total is None else total - have)
        progress(have, total)
        with writing(part.path), part.path.open("ab") as out:
            while chunk := _read(response):
                if total is not None and have + len(chunk) > total:
                    break
                have += out.write(chunk)
                progress(have, total)
    if chunk:
        _refuse(part, f"it has more than {total:,} bytes")
    if total is not None and have < total:
        raise Passing(f"the connection ended after {have:,} of {total:,} bytes")
    return None


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Trouble with the disk becomes one line. (Trouble with the network is no OSError by the time it gets here.)"""
    try:
        yield
    except OSError as error:
        raise FetchError(f"cannot write {path}: {error.strerror or error}; what has come is kept") from None


def _restart(part: Part, size: int | None, progress: Callable[[int, int | None], None]) -> None:
    with writing(part.path):
        part.clear()
    receive(part, size, progress)


def _refuse(part: Part, reason: str) -> None:
    with writing(part.path):
        part.clear()
    raise FetchError(f"{part.url} is not the expected file: {reason}; nothing was kept")


def _open(url: str, headers: dict[str, str]) -> Any:
    host = urlsplit(url).hostname
    try:  # an opener of its own: it looks up the environment's proxies now
        return urllib.request.build_opener().open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _PASSING:
            raise Passing(f"the server answers {error.code} {error.reason}") from None
        raise
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, socket.gaierror):
            raise Unreachable(f"no network: {host} cannot be found ({reason.strerror})") from None
        if isinstance(reason, ConnectionRefusedError):
            raise Unreachable(f"{host} refuses the connection") from None
        if isinstance(reason, TimeoutError | ConnectionError):
            raise Passing(f"{host}: {reason}") from None
        raise Unreachable(f"{host} cannot be reached ({reason})") from None
    except (OSError, http.client.HTTPException) as error:
        raise Passing(f"{host}: {error}") from None


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise Passing(f"the connection was lost ({error})") from None


def _validator(headers: Message) -> str | None:
    """What an `If-Range` may name: a strong ETag, else the date of the last change."""
    etag = headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")


def _length(headers: Message) -> int | None:
    length = headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _range(headers: Message) -> tuple[int, int | None]:
    """First byte, and size of the whole, of a `Content-Range: bytes 5-9/10`; -1 as the first byte if it is none."""
    unit, _, rest = headers.get("Content-Range", "").partition(" ")
    first, total = rest.partition("-")[0], rest.rpartition("/")[2]
    if unit != "bytes" or not first.isdecimal():
        return -1, None
    return int(first), int(total) if total.isdecimal() else None


def _check_space(folder: Path, needed: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed:
        raise FetchError(f"the disk is too full: {needed:,} bytes are still to come, {free:,} are free at {folder}")
