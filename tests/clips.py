"""Small video files whose pictures tell their own index, and ways to damage them."""

from pathlib import Path

import av
import numpy as np

RATE = 25
BLOCK = 16


def picture(index: int, width: int = 128, height: int = 96) -> np.ndarray:
    """An RGB picture with the index in its top row as eight black and white blocks."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows % 256, columns % 256, (rows + columns + 5 * index) % 256], axis=-1).astype(np.uint8)
    for bit in range(8):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (index >> bit & 1)
    return image


def index_of(image: np.ndarray) -> int:
    """What `picture` wrote, through any compression."""
    middle = BLOCK // 2
    return sum(int(image[middle, bit * BLOCK + middle].mean() > 127) << bit for bit in range(8))


def make_clip(
    path: Path,
    frames: int = 60,
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    rotation: int = 0,
    **size: int,
) -> Path:
    """Write a clip at `RATE` frames a second, a key picture every ten; an mp4's index stands first."""
    container_options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=container_options) as container:
        stream = container.add_stream(codec, rate=RATE, options={"g": "10", **(options or {})})
        first = picture(0, **size)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        container.start_encoding()
        for index in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index, **size), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def cut(path: Path, share: float) -> Path:
    """Cut a file off after a share of its bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def damage_frame(path: Path, index: int) -> Path:
    """Overwrite with zeros the packet of the frame that is shown as number `index`."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        start = min(packet.pts for packet in packets)
        place, size = next(
            (packet.pos, packet.size)
            for packet in packets
            if round(float((packet.pts - start) * stream.time_base) * RATE) == index
        )
    content = bytearray(path.read_bytes())
    content[place : place + size] = bytes(size)
    path.write_bytes(content)
    return path
