"""Reads video files: frames in order with their presentation times, and an honest account of what is damaged."""

import os
import warnings
from collections.abc import Generator
from contextlib import closing
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from jaxpose.errors import JaxposeWarning, LostFramesWarning, VideoError
from jaxpose.records import Frame
from jaxpose.video.ahead import ahead
from jaxpose.video.container import open_container, packets, rate, shown, video_stream
from jaxpose.video.convert import ToRgb
from jaxpose.video.damage import Account, Damage
from jaxpose.video.selection import ALL, Picker, Selection
from jaxpose.video.source import Video

READ_AHEAD = 4
"""Decoded frames that wait for the consumer at most."""


class VideoFile(Video):
    """A video file, or one at an http address; each iteration reads it from the first frame. No frame is ever dropped.

    A frame that cannot be decoded is left out and the numbers count on; a file that ends early gives the frames up to
    there. Either is told in one `JaxposeWarning` after the last frame (`LostFramesWarning` for the first).
    """

    def __init__(self, path: str | os.PathLike[str], selection: Selection = ALL) -> None:
        """Open and check the file; `VideoError` if it is missing, is no video or holds no readable frame."""
        super().__init__(shown(path), selection)
        self._address = os.fspath(path)
        with closing(open_container(path)) as container:
            stream = video_stream(container, self.name)
            self.fps = rate(stream)
            self.frames = selection.claimed(_claimed_frames(container, stream), self.fps)
            aspect = Fraction(stream.sample_aspect_ratio or 1)
        with closing(self._decode(Damage(), Picker(ALL))) as frames:
            first = next(frames, None)
        if first is None:
            raise VideoError(f"{self.name}: the video holds no frame that can be read")
        self.height, self.width = first.image.shape[:2]
        turned = self.height != stream.height
        self.pixel_aspect = 1 / aspect if turned else aspect

    def _read(self) -> Generator[Frame, None, None]:
        damage, picker = Damage(), Picker(self.selection)
        yield from ahead(self._decode(damage, picker), READ_AHEAD)
        if told := damage.describe():
            category = LostFramesWarning if damage.lost.count and not damage.cut else JaxposeWarning
            warnings.warn(f"{self.name}: {told}", category, stacklevel=2)
        picker.check(self.name)

    def _decode(self, damage: Damage, picker: Picker) -> Generator[Frame, None, None]:
        """All wanted frames that can be decoded; what is wrong goes to `damage`."""
        with closing(open_container(self._address)) as container:
            stream, rgb = video_stream(container, self.name), ToRgb()
            start = (container.start_time or 0) / av.time_base
            demuxed, account = packets(container, stream), Account(damage)
            packets_read, time = 0, -1 / rate(stream)
            damage.first = picker.first
            while True:
                try:
                    packet = next(demuxed, None)
                except av.FFmpegError as error:
                    damage.cut = f"reading stopped after {packets_read} frames ({error.strerror})"
                    break
                if packet is None:
                    break
                if packet.size > 0:
                    packets_read += 1
                    account.read(packet)
                try:
                    pictures = packet.decode()
                except av.FFmpegError:
                    account.failed(packet)
                    continue
                for picture in pictures:
                    if (number := account.index(picture)) is None:
                        continue
                    time = time + 1 / rate(stream) if picture.time is None else max(time, picture.time - start)
                    if picker.over(number, time):
                        return
                    if picker.wants(number, time):
                        damage.first = picker.first
                        if (image := rgb(picture)) is None:
                            damage.lose(number)
                        else:
                            yield Frame(number, time, image)
            account.end()
            damage.cut = damage.cut or _cut_short(container, stream, packets_read, time)


def _claimed_frames(container: InputContainer, stream: VideoStream) -> int | None:
    """The count that the header gives, else one from the duration."""
    if stream.frames:
        return stream.frames
    return round(container.duration / av.time_base * rate(stream)) if container.duration else None


def _cut_short(container: InputContainer, stream: VideoStream, packets_read: int, last: float) -> str:
    """In words, if the file claims more frames or, where it is the only stream, half a second more than there are."""
    if packets_read < stream.frames:
        return f"the file ends early, after {packets_read} of {stream.frames} frames"
    duration = (container.duration or 0) / av.time_base
    if not stream.frames and len(container.streams) == 1 and last + 0.5 < duration:
        return f"the file ends early, after {last:.1f} of {duration:.1f} seconds"
    return ""
