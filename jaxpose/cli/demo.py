"""`jaxpose demo`: what `jaxpose track` does, to be seen right after the installation and without network.

A clip with several people is in the package (`jaxpose/demo/`, with its origin and licence), as is the default model.
"""

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import FlagCreatePairsOff

from jaxpose.cli.outputs import TrackOutput, check_output, make_folder
from jaxpose.cli.running import Seen
from jaxpose.cli.track import Track
from jaxpose.errors import OutputError
from jaxpose.weights.default import DEFAULT

if TYPE_CHECKING:
    from jaxpose.records import People

CLIP = Path(__file__).parents[1] / "demo" / "clip.mp4"

SIZE = 512
"""Long side of the network's input: below that of `track`, so that nobody waits long, and enough for this clip."""


@dataclasses.dataclass(frozen=True)
class Demo:
    """Track the people of a packaged clip: a line of JSON for each frame, an overlay, and a still to look at."""

    out: Path = Path("jaxpose-demo")  # the folder for these three files, made if it is not there
    model: str = DEFAULT  # a name that `jaxpose models` lists
    overwrite: FlagCreatePairsOff[bool] = False  # replace the files of an earlier demo

    def run(self) -> None:
        """Do it, and tell what was done, what to look at and what to try next."""
        people, overlay, still = (self.out / name for name in ("people.jsonl", "overlay.mp4", "still.png"))
        output = TrackOutput(out=people, render=overlay, overwrite=self.overwrite)
        track = Track((str(CLIP),), output, size=SIZE, model=self.model)
        made = make_folder(self.out)
        try:
            check_output(still, [".png"], overwrite=self.overwrite)
            (seen,) = track.track()
            shown = fullest(people)
            write_still(overlay, shown.frame, still)
        finally:
            if made:
                with contextlib.suppress(OSError):  # unless something is in it
                    self.out.rmdir()
        print(_summary(track, seen))
        print(f"{still}: frame {shown.frame}, with {shown.total} people")
        print("next: jaxpose track YOUR_VIDEO --out people.jsonl --render overlay.mp4")


def fullest(results: Path) -> "People":
    """The frame of a result file with the most people; among several, the one with the most joints, then the first."""
    from jaxpose.formats import jsonl

    _, frames = jsonl.read(results)
    return max(frames, key=lambda people: (people.total, int((people.keypoints[..., 2] > 0).sum())))


def write_still(source: Path, number: int, still: Path) -> None:
    """Write one frame of a video as a PNG; `OutputError` if that cannot be done, and then there is no file."""
    import cv2

    from jaxpose import video

    image = next(frame.image for frame in video.read(source) if frame.number == number)
    _, content = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    try:
        still.write_bytes(content.tobytes())
    except OSError as error:
        with contextlib.suppress(OSError):
            still.unlink()
        raise OutputError(f"{still}: cannot be written ({error.strerror})") from error


def _summary(track: Track, seen: Seen) -> str:
    return (
        f"{track.model} on {seen.frames} frames of a packaged clip: "
        f"{seen.wait:.1f} s until the first, then {seen.rate:.1f} frames/s\n"
        f"{len(seen.ids)} people were told apart (ids), at most {seen.most} of them in a frame\n"
        f"{track.output.out}: a line of JSON for each frame\n"
        f"{track.output.render}: the people drawn on the clip"
    )
