"""Cut the clip of `jaxpose demo` out of vtest.avi, of OpenCV's samples (Debian: opencv-doc; Apache-2.0).

    python experiments/make_demo_clip.py ../shared/data/videos/vtest.avi jaxpose/demo/clip.mp4

Frames 500 to 589, nine seconds: five to seven people of many sizes, who meet, walk before each other, enter and leave.
Size and rate stay as they are. One thread and no time of day in the file: the same x264 writes the same bytes.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import av

FIRST, FRAMES = 500, 90
OPTIONS = {"preset": "veryslow", "crf": "24", "threads": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("clip", type=Path)
    arguments = parser.parse_args()
    with (
        av.open(str(arguments.source)) as source,
        av.open(str(arguments.clip), "w", options={"movflags": "+faststart"}) as clip,
    ):
        video = source.streams.video[0]
        stream = clip.add_stream("libx264", rate=video.average_rate, options=dict(OPTIONS))
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        for index, picture in enumerate(source.decode(video)):
            if FIRST <= index < FIRST + FRAMES:
                picture.pts, picture.time_base = index - FIRST, Fraction(1) / video.average_rate
                clip.mux(stream.encode(picture))
        clip.mux(stream.encode(None))
    print(f"{arguments.clip}: {arguments.clip.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
