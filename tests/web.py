"""A small web server of files in a thread, which can be told to misbehave."""

import contextlib
import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jaxpose.weights.registry import Published, PublishedFile


class Site:
    """What the server has, how it behaves, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""  # without a slash at its end
        self.files: dict[str, bytes] = {}  # by path, "/name"
        self.ranges = True  # answers `Range`
        self.obeys_if_range = True
        self.content_range: str | None = None  # told instead of the true one
        self.etag: str | None = '"1"'
        self.lengths = True  # tells `Content-Length`
        self.drops: list[int] = []  # bytes after which each of the next answers breaks off
        self.reset = False  # breaks off by a reset, not by an end
        self.stall = 0.0  # seconds of silence before each answer
        self.pause = 0.0  # seconds of silence after each 64 KiB
        self.answers: list[int] = []  # the statuses of the next answers, instead of the files
        self.asked: list[tuple[str, dict[str, str]]] = []  # path and headers of each request

    def publish(self, name: str, content: bytes, **other: object) -> Published:
        """Put a file there; what the registry would say of it, other than that where told."""
        self.files[f"/{name}"] = content
        sha256 = hashlib.sha256(content).hexdigest()
        values = {"url": f"{self.url}/{name}", "digest": sha256, "size": len(content)} | other
        return Published("toy", "toy-net", "coco_17", "free", (PublishedFile(**values),))

    def started_at(self) -> list[int]:
        """The first byte that each request asked for."""
        return [int(headers.get("Range", "bytes=0-")[6:-1]) for _, headers in self.asked]


class Handler(BaseHTTPRequestHandler):
    """One request, as its server's site says."""

    def do_GET(self) -> None:
        site: Site = self.server.site
        site.asked.append((self.path, dict(self.headers)))
        time.sleep(site.stall)
        if site.answers:
            return self.send_error(site.answers.pop(0))
        content = site.files.get(self.path)
        if content is None:
            return self.send_error(404)
        start = self.start(site)
        if start is not None and start >= len(content):
            return self.send_error(416)
        self.send_response(200 if start is None else 206)
        if start is not None:
            told = site.content_range or f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", told)
        body = content[start or 0 :]
        if site.lengths:
            self.send_header("Content-Length", str(len(body)))
        if site.etag:
            self.send_header("ETag", site.etag)
        self.end_headers()
        if site.drops:
            self.wfile.write(body[: site.drops.pop(0)])
            if site.reset:
                time.sleep(0.1)  # else the reset overtakes the bytes
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            return None
        with contextlib.suppress(ConnectionError):  # whoever asked has gone
            for first in range(0, len(body), 1 << 16):
                self.wfile.write(body[first : first + (1 << 16)])
                time.sleep(site.pause)
        return None

    def start(self, site: Site) -> int | None:
        """The first byte to send of a part, None for all."""
        if not site.ranges or "Range" not in self.headers:
            return None
        changed = self.headers.get("If-Range", site.etag) != site.etag
        return None if changed and site.obeys_if_range else int(self.headers["Range"][6:-1])

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    """A site that is reachable while this is open."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.site = site = Site()
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
