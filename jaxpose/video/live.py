"""Cameras and streams, whose frames come by themselves: a thread takes all of them, the consumer gets the newest.

A connection that breaks is made again. `Connection` is one, `LiveVideo` all of them in a row.
"""

import threading
import time
import warnings
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import NamedTuple

import av
from av.video.frame import VideoFrame

from jaxpose.errors import JaxposeWarning, VideoError
from jaxpose.records import Frame
from jaxpose.video.container import open_container, packets, rate, reason, shown, video_stream
from jaxpose.video.convert import ToRgb
from jaxpose.video.newest import Newest
from jaxpose.video.selection import ALL, Picker, Selection
from jaxpose.video.source import Video

QUEUE = 4
"""Frames that wait for the consumer at most; after that the oldest is dropped."""

WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each try to connect again."""

UNTIMED = frozenset({"mpjpeg", "mjpeg"})
"""Formats without time stamps (FFmpeg makes up 25 frames a second): a frame's time is that of its arrival."""

POLL = 0.1
"""Seconds after which a consumer that waits looks whether it is to end."""


class Address(NamedTuple):
    """Where frames come from: for FFmpeg, with its format (of a device) and its options."""

    url: str
    format: str | None = None
    options: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """As it may be shown."""
        return shown(self.url)


class Connection:
    """An open source of frames, of which the first has come."""

    def __init__(self, address: Address) -> None:
        """`VideoError` if it cannot be opened or sends no picture."""
        self.container = open_container(address.url, address.format, address.options)
        self.damaged = 0
        self._web = address.url.lower().startswith(("http:", "https:"))
        try:
            self.stream = video_stream(self.container, address.name)
            self._pictures = self._decode()
            first = next(self._pictures, None)
        except av.FFmpegError as error:
            self.close()
            raise VideoError(f"{address.name}: sends no picture ({reason(error)})") from error
        except BaseException:
            self.close()
            raise
        if first is None:
            self.close()
            raise VideoError(f"{address.name}: sends no picture")
        self.first = first

    @property
    def finite(self) -> bool:
        """Whether it is a file: one that states its length."""
        return self.container.duration is not None or self.container.size > 0

    @property
    def ends(self) -> bool:
        """Whether its end is to be believed: a programme's is, of a camera it means that the connection broke."""
        return self.timed and self._web

    @property
    def timed(self) -> bool:
        """Whether the pictures carry time stamps."""
        return self.container.format.name not in UNTIMED

    def pictures(self) -> Generator[VideoFrame, None, None]:
        """All pictures until the source ends; `av.FFmpegError` where it breaks off. Closes it in the end."""
        try:
            yield self.first
            yield from self._pictures
        finally:
            self.close()

    def close(self) -> None:
        """Hang up."""
        self.container.close()

    def _decode(self) -> Generator[VideoFrame, None, None]:
        for packet in packets(self.container, self.stream):
            try:
                pictures = packet.decode()
            except av.FFmpegError:
                self.damaged += 1
                continue
            yield from pictures


class LiveVideo(Video):
    """A camera or a stream. Frames are numbered as they come, dropped ones too, and times count from the first.

    Where a connection breaks it is made again, a few times; numbers and times go on. After the last frame one
    `JaxposeWarning` tells how many were dropped, and whether the connection was lost.
    """

    live = True

    def __init__(self, address: Address, connection: Connection, selection: Selection = ALL) -> None:
        """The first iteration goes on with this connection to the address, a later one connects anew."""
        super().__init__(address.name, selection)
        self._address = address
        self._connection: Connection | None = connection
        first = ToRgb()(connection.first)
        if first is None:
            connection.close()
            raise VideoError(f"{self.name}: sends no picture that can be read")
        self.height, self.width = first.shape[:2]
        self.fps = rate(connection.stream)
        self.frames = selection.claimed(None, self.fps)
        self._ended = False

    def end(self) -> None:
        """End it from outside, for good; also from another thread or a signal's handler."""
        self._ended = True

    def close(self) -> None:
        """See `Video.close`."""
        super().close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self) -> Generator[Frame, None, None]:
        connection, self._connection = self._connection or Connection(self._address), None
        newest: Newest[_Arrived] = Newest(QUEUE)
        receiver = _Receiver(self._address, Picker(self.selection), newest)
        thread = threading.Thread(target=receiver.run, args=(connection,), name="jaxpose-live", daemon=True)
        thread.start()
        rgb = ToRgb()
        try:
            while not (self._ended or newest.over):
                arrived = newest.get(POLL)
                if arrived is not None and (image := rgb(arrived.picture)) is not None:
                    yield Frame(arrived.number, arrived.time, image)
        finally:
            newest.stopped.set()
            thread.join(POLL)  # where it waits for the network it ends by itself, later
        if told := receiver.describe():
            warnings.warn(f"{self.name}: {told}", JaxposeWarning, stacklevel=2)
        if not self._ended:
            receiver.picker.check(self.name)


class _Arrived(NamedTuple):
    number: int
    time: float
    picture: VideoFrame


class _Receiver:
    """The thread's work: everything that comes into the queue, over as many connections as it takes."""

    def __init__(self, address: Address, picker: Picker, newest: Newest[_Arrived]) -> None:
        self.picker = picker
        self._address, self._newest = address, newest
        self._received = self._damaged = self._connections = 0
        self._lost = ""

    def run(self, connection: Connection) -> None:
        """Until the source ends for good, nobody wants more, or no frame is wanted any more."""
        try:
            self._run(connection)
        except BaseException as error:
            self._newest.end(error)
        else:
            self._newest.end()

    def describe(self) -> str:
        """What a person should know, in one line; empty if all went well."""
        told = []
        if self._newest.dropped:
            told.append(f"{self._newest.dropped} of {self._received} frames were dropped, to keep up with it")
        if self._damaged:
            told.append(f"{self._damaged} pieces of it were damaged")
        if self._connections > 1:
            times = "once" if self._connections == 2 else f"{self._connections - 1} times"
            told.append(f"the connection broke and was made again {times}")
        if self._lost:
            told.append(f"the connection was lost after {self._received} frames ({self._lost})")
        return "; ".join(told)

    def _run(self, first: Connection) -> None:
        clock = _Clock()
        connection: Connection | None = first
        while connection is not None:
            self._connections += 1
            clock.connect(connection.timed)
            lost = "it ended"
            try:
                with closing(connection.pictures()) as pictures:
                    for picture in pictures:
                        if self._newest.stopped.is_set() or not self._take(clock.time(picture.time), picture):
                            return
                if connection.ends:
                    return
            except av.FFmpegError as error:
                lost = reason(error)
            finally:
                self._damaged += connection.damaged
            connection = self._connect_again(lost)

    def _take(self, time: float, picture: VideoFrame) -> bool:
        """Whether a frame after this one may be wanted."""
        number = self._received
        if self.picker.over(number, time):
            return False
        if self.picker.wants(number, time):
            self._newest.put(_Arrived(number, time, picture))
        self._received += 1
        return True

    def _connect_again(self, lost: str) -> Connection | None:
        for wait in WAITS:
            if self._newest.stopped.wait(wait):
                return None
            try:
                return Connection(self._address)
            except VideoError:
                continue
        self._lost = f"{lost}; {len(WAITS)} tries to make it again failed"
        return None


class _Clock:
    """Times of frames in seconds from the first, rising, over all connections."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._last = -1.0
        self._timed = False
        self._offset: float | None = None

    def connect(self, timed: bool) -> None:
        """A new connection begins; its stamps, if it has any, count from wherever they like."""
        self._timed, self._offset = timed, None

    def time(self, stamp: float | None) -> float:
        """Of a picture that has just come, with that stamp of its connection."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        arrival = now - self._began
        if not self._timed or stamp is None:
            found = arrival
        else:
            if self._offset is None or stamp + self._offset <= self._last:  # or the stamps jumped back
                self._offset = max(arrival, self._last + 1e-3) - stamp
            found = stamp + self._offset
        self._last = max(found, self._last + 1e-3)
        return self._last
