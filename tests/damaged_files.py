"""Small videos and pictures of many kinds, and random damage to them."""

import random
from pathlib import Path

import clips
import cv2
import numpy as np

VIDEOS = {
    "h264.mp4": {"codec": "libx264"},
    "reordered.mp4": {"codec": "libx264", "options": {"bf": "3"}},
    "mpeg4.avi": {"codec": "mpeg4"},
    "h264.mkv": {"codec": "libx264"},
    "h264.ts": {"codec": "libx264"},
    "vp8.webm": {"codec": "libvpx"},
    "mpeg1.mpg": {"codec": "mpeg1video"},
    "flash.flv": {"codec": "flv"},
    "turned.mov": {"codec": "mpeg4", "rotation": 90},
    "odd.mkv": {"codec": "ffv1", "width": 129, "height": 33},
    "dot.mkv": {"codec": "ffv1", "width": 1, "height": 1},
}
PICTURES = ("a.jpg", "a.png", "a.bmp", "a.tif", "a.webp", "a.ppm", "a.pgm", "a.jp2", "grey.jpg", "deep.png", "dot.png")


def make_files(folder: Path) -> list[Path]:
    """One file of each kind."""
    paths = [clips.make_clip(folder / name, 12, **options) for name, options in VIDEOS.items()]
    for name in PICTURES:
        image = clips.picture(7)[..., ::-1]
        if name.startswith("grey") or name.endswith("pgm"):
            image = image[..., 0]
        elif name.startswith("deep"):
            image = image.astype(np.uint16) * 257
        elif name.startswith("dot"):
            image = image[:1, :1]
        cv2.imwrite(str(folder / name), image)
        paths.append(folder / name)
    return paths


def damage(content: bytes, rng: random.Random) -> bytes:
    """The content with one to three kinds of damage."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        if not data:
            break
        kind = rng.choice(("cut", "flip", "flip", "zero", "fill", "header", "double", "swap"))
        place = rng.randrange(len(data))
        length = min(len(data) - place, rng.choice((1, 4, 16, 200, 3000)))
        if kind == "cut":
            del data[place:]
        elif kind == "flip":
            for _ in range(rng.choice((1, 3, 30, 300))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif kind == "zero":
            data[place : place + length] = bytes(length)
        elif kind == "fill":
            data[place : place + length] = b"\xff" * length
        elif kind == "header":  # a huge or an odd number near the beginning
            place = rng.randrange(min(len(data), 800))
            value = rng.choice((2**32 - 1, 2**31 - 1, 2**31, 65535, 10**6, 0))
            data[place : place + 4] = value.to_bytes(4, rng.choice(("big", "little")))
        elif kind == "double":
            data[place:place] = data[place : place + length]
        else:
            other = rng.randrange(len(data))
            data[place], data[other] = data[other], data[place]
    return bytes(data)
