"""Keeps account of damaged video: which number each decoded picture has, which frames never came, which are doubtful.

`reader` tells it of every packet and picture, and prints what it says in one line after the last frame.
"""

import heapq
from collections import deque

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


class Damage:
    """What was found wrong while reading, in memory that does not grow with the number of frames."""

    def __init__(self) -> None:
        self.lost = _Ranges()
        self.doubtful = _Ranges()
        self.cut = ""
        self.first: int | None = 0
        """The first frame of interest; None while that is not known. What is wrong with earlier ones is not told."""

    def lose(self, number: int) -> None:
        """A frame cannot be decoded."""
        if self.first is not None and number >= self.first:
            self.lost.add(number)

    def doubt(self, number: int) -> None:
        """A frame may look damaged."""
        if self.first is not None and number >= self.first:
            self.doubtful.add(number)

    def describe(self) -> str:
        """All of it in one line; empty if nothing is wrong."""
        told = []
        if self.lost.count:
            told.append(f"{_frames(self.lost.count)} left out, impossible to decode ({self.lost})")
        if self.doubtful.count:
            told.append(f"{_frames(self.doubtful.count)} read that may look damaged ({self.doubtful})")
        if self.cut:
            told.append(self.cut)
        return "; ".join(told)


class _Ranges:
    """Rising numbers, kept as the first few runs of neighbours."""

    def __init__(self) -> None:
        self.count = 0
        self._runs: list[list[int]] = []
        self._more = False

    def add(self, number: int) -> None:
        self.count += 1
        if self._runs and number <= self._runs[-1][1] + 1 and not self._more:
            self._runs[-1][1] = number
        elif len(self._runs) < 8:
            self._runs.append([number, number])
        else:
            self._more = True

    def __str__(self) -> str:
        runs = [str(low) if low == high else f"{low}-{high}" for low, high in self._runs]
        return ", ".join(runs) + (", ..." if self._more else "")


def _frames(count: int) -> str:
    return "1 frame was" if count == 1 else f"{count} frames were"


class Account:
    """Which frame number a decoded picture has, and which frames never came.

    Each packet is a frame; pictures come in the order of their time stamps. After an error decoders drop further
    pictures without a word (those that build on the lost one), so packets that stand between an error and the next
    picture count as lost frames; and what is decoded from there to the next key picture may look damaged.
    """

    def __init__(self, damage: Damage) -> None:
        self._damage = damage
        self._next = 0
        self._pending: list[int] = []  # heaps of time stamps: of packets whose picture is still to come,
        self._errors: list[int] = []  # and of packets that were damaged
        self._given_up: deque[int] = deque(maxlen=32)
        self._doubtful_until_key_after: int | None = None

    def read(self, packet: "Packet[VideoStream]") -> None:
        """A packet is about to be decoded."""
        if packet.pts is not None:
            heapq.heappush(self._pending, packet.pts)
            if packet.is_corrupt:
                heapq.heappush(self._errors, packet.pts)
                self._doubtful_until_key_after = packet.pts

    def failed(self, packet: "Packet[VideoStream]") -> None:
        """Its decoding ended with an error."""
        if packet.pts is not None:
            heapq.heappush(self._errors, packet.pts)
            self._doubtful_until_key_after = packet.pts
        elif packet.size > 0:  # a container without time stamps: the place is as good as can be told
            self._lose()

    def index(self, picture: VideoFrame) -> int | None:
        """The number of a picture that came out; None if it comes so late that it is already counted as lost."""
        if picture.pts is not None:
            if picture.pts in self._given_up:
                return None
            self._skip_to(picture.pts)
            doubt = self._doubtful_until_key_after
            if doubt is not None and picture.key_frame and picture.pts > doubt:
                self._doubtful_until_key_after = None
        if picture.is_corrupt or self._doubtful_until_key_after is not None:
            self._damage.doubt(self._next)
        self._next += 1
        return self._next - 1

    def end(self) -> None:
        """No picture will come any more."""
        if self._pending:
            self._skip_to(max(self._pending) + 1)

    def _skip_to(self, pts: int) -> None:
        """Packets before `pts` that follow an error will not become pictures."""
        while self._pending and self._pending[0] <= pts:
            stamp = heapq.heappop(self._pending)
            if stamp < pts and self._errors:
                self._given_up.append(stamp)
                self._lose()
        while self._errors and self._errors[0] < pts:
            heapq.heappop(self._errors)

    def _lose(self) -> None:
        self._damage.lose(self._next)
        self._next += 1
