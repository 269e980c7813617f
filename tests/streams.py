"""Cameras on this machine, over HTTP (motion JPEG) and RTSP (H.264), whose pictures tell their own index."""

import contextlib
import socketserver
import struct
import threading
import time
from collections.abc import Iterator

import av
import clips
import cv2
import numpy as np


class Camera:
    """What a server shows: pictures 0, 1, 2, ... go on over its connections, each of which may break off."""

    def __init__(self) -> None:
        self.url = ""
        self.pause = 0.02  # seconds between two pictures
        self.breaks: list[int] = []  # after so many pictures each of the next connections ends; the others go on
        self.refuses = False  # takes connections and hangs up
        self.last_break_is_final = False  # after the last of `breaks` it refuses
        self.silent_after: int | None = None  # pictures after which nothing comes, over an open connection
        self.connections = 0
        self.next = 0
        self.body: bytes | None = None  # of an HTTP answer instead of the pictures, without its length
        self.closing = threading.Event()

    def pictures(self) -> Iterator[np.ndarray]:
        """Those of one connection."""
        self.connections += 1
        last = self.next + self.breaks.pop(0) if self.breaks else None
        while self.next != last and not self.closing.is_set():
            if self.next == self.silent_after:
                self.closing.wait(10)
                return
            yield clips.picture(self.next % 256)
            self.next += 1
            time.sleep(self.pause)
        self.refuses = self.refuses or (self.last_break_is_final and not self.breaks)


class Http(socketserver.StreamRequestHandler):
    """Any path is the camera."""

    def handle(self) -> None:
        camera: Camera = self.server.camera
        while self.rfile.readline().strip():
            pass
        if camera.refuses:
            return
        kind = "video/mp2t" if camera.body else "multipart/x-mixed-replace; boundary=shot"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.wfile.write(head.encode())
        with contextlib.suppress(OSError):
            if camera.body:
                camera.connections += 1
                self.chunk(camera.body)
                self.chunk(b"")
                return
            for picture in camera.pictures():
                data = cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()
                part = f"--shot\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
                self.chunk(part + b"\r\n")

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


class Rtsp(socketserver.StreamRequestHandler):
    """RFC 2326 with one track, its RTP packets (RFC 6184, one for each NAL unit) within the same connection."""

    SDP = (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n"
    )

    def handle(self) -> None:
        camera: Camera = self.server.camera
        with contextlib.suppress(OSError):
            while (line := self.rfile.readline().decode()) and not camera.refuses:
                headers = {}
                while (field := self.rfile.readline().decode().strip()) and ":" in field:
                    name, value = field.split(":", 1)
                    headers[name.lower()] = value.strip()
                verb = line.split()[0]
                if verb == "SETUP" and "TCP" not in headers["transport"]:
                    self.answer(headers, "461 Unsupported Transport")
                    continue
                self.answer(headers, "200 OK", verb)
                if verb == "PLAY":
                    self.play(camera)
                    return

    def answer(self, headers: dict[str, str], status: str, verb: str = "") -> None:
        extra = {
            "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
            "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(self.SDP)}\r\n",
            "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
        }.get(verb, "")
        text = f"RTSP/1.0 {status}\r\nCSeq: {headers['cseq']}\r\nSession: 1\r\n{extra}\r\n"
        self.wfile.write((text + (self.SDP if verb == "DESCRIBE" else "")).encode())

    def play(self, camera: Camera) -> None:
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = 128, 96, "yuv420p", clips.RATE
        encoder.options = {"tune": "zerolatency", "g": "1", "x264-params": "repeat-headers=1:annexb=1"}
        sequence, began = 0, time.monotonic()
        for picture in camera.pictures():
            stamp = 1000 + round(90_000 * (time.monotonic() - began))
            for packet in encoder.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                units = [unit for unit in bytes(packet).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
                for index, unit in enumerate(units):
                    marker = 0x80 if index == len(units) - 1 else 0
                    rtp = struct.pack(">BBHII", 0x80, marker | 96, sequence & 0xFFFF, stamp, 7) + unit
                    self.wfile.write(b"$\0" + struct.pack(">H", len(rtp)) + rtp)
                    sequence += 1


class Server(socketserver.ThreadingTCPServer):
    """A thread for each connection; they end with the camera."""

    allow_reuse_address = True
    daemon_threads = True


@contextlib.contextmanager
def serve(kind: type[socketserver.StreamRequestHandler]) -> Iterator[Camera]:
    """A camera that is reached by `Http` or `Rtsp`; `url` is its address."""
    camera = Camera()
    with Server(("127.0.0.1", 0), kind) as server:
        server.camera = camera
        camera.url = f"{kind.__name__.lower()}://127.0.0.1:{server.server_address[1]}/camera"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield camera
        finally:
            camera.closing.set()
            server.shutdown()
            thread.join()
