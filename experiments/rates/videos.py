"""The videos of the frame-rate study, real and made up, at the rate of a camera that is so many times slower.

The real ones have human-made ids (`../shared/data/tracks`), the made-up ones are procedural scenes, whose ids are
exact. A slower camera never saw the frames in between: they are left out of the video and of the truth, and those that
are left are numbered anew, so that whatever a tracker counts in frames it counts in frames that it sees. Times stay.
"""

import functools
from collections.abc import Iterator

import numpy as np
from identities import DATA, VIDEOS, read_truth

from jaxpose import video
from jaxpose.data.procedural.figure import JOINTS
from jaxpose.data.procedural.scene import Scene, scene
from jaxpose.formats.boxes import TrackFile
from jaxpose.geometry import person_box
from jaxpose.records import Frame
from jaxpose.skeletons import BODY_21A

RATES = (1, 2, 3, 5)
"""Every so-many-th frame is seen."""

REAL = tuple(VIDEOS)

MADE_UP = {
    "still-1": 1,
    "pan-drive-5": 5,
    "drive-10": 10,
    "zoom-21": 21,
    "zoom-28": 28,
    "pan-drive-shake-39": 39,
    "still-40": 40,
    "zoom-43": 43,
    **{f"any-{seed}": seed for seed in range(201, 225)},
}
"""Seeds by what the camera does: the first from 0 in which three or more walk or run, and four pairs pass each other;
then others as they come, for one id switch in eight clips moves their HOTA by a third of a point.

Training draws its scenes from seeds of 64 bits, never these.
"""

SIZE, FRAMES, PEOPLE, TALL, RATE = (656, 368), 100, (4, 8), (0.35, 0.9), 25.0
"""Of the made-up videos: pixels, frames, people, shares of the picture's height in its middle, frames a second."""

LEAST_VISIBLE = 1 / 3
"""Of a made-up person's joints so many must be visible; otherwise whoever is found there is neither right nor wrong."""


def input_size(name: str) -> int:
    """Long side of the network's input."""
    return VIDEOS[name][1] if name in VIDEOS else max(SIZE)


def frames(name: str, every: int = 1) -> Iterator[Frame]:
    """The frames that a camera sees which is `every` times slower."""
    source = video.read(DATA / VIDEOS[name][0]) if name in VIDEOS else _played(name)
    return (
        frame._replace(number=number // every) for number, frame in enumerate(source) if number % every == 0
    )  # counted here: a container's own numbers may have gaps


def truth(name: str, every: int = 1) -> TrackFile:
    """The people of those frames."""
    return slower(read_truth(name) if name in VIDEOS else _made_up_truth(name), every)


def slower(everybody: TrackFile, every: int) -> TrackFile:
    """The people of every so-many-th frame, which are numbered anew."""
    kept = everybody.frames % every == 0
    columns = {field: getattr(everybody, field)[kept] for field in ("boxes", "ids", "scored")}
    return everybody._replace(frames=everybody.frames[kept] // every, last=everybody.last // every, **columns)


def _scene(name: str) -> Scene:
    return scene(MADE_UP[name], size=SIZE, people=PEOPLE, frames=FRAMES, rate=RATE, near=TALL)


def _played(name: str) -> Iterator[Frame]:
    filmed = _scene(name)
    return (Frame(number, number / RATE, filmed.frame(number)[0]) for number in range(FRAMES))


@functools.cache
def _made_up_truth(name: str) -> TrackFile:
    """Everybody of whom a joint is in the picture; boxes are those that the evaluation makes of poses."""
    return boxes_of_scene(_scene(name), name)


def boxes_of_scene(filmed: Scene, name: str) -> TrackFile:
    """The truth of a procedural scene. Rendered again, as who is hidden is known only then."""
    rows: dict[str, list[np.ndarray]] = {field: [] for field in ("frames", "boxes", "ids", "scored")}
    joints = [JOINTS.index(joint) for joint in BODY_21A.joints]
    for number in range(filmed.frames):
        seen = filmed.frame(number)[1]
        keypoints = seen.keypoints[:, joints]
        there = keypoints[..., 2] > 0
        some = np.flatnonzero(there.sum(1) > 1)  # one joint has no box
        rows["frames"].append(np.full(len(some), number))
        rows["boxes"].append(person_box(keypoints[some, :, :2].astype(float), there[some]))
        rows["ids"].append(seen.ids[some])
        rows["scored"].append((keypoints[some, :, 2] == 2).mean(1) >= LEAST_VISIBLE)
    columns = {field: np.concatenate(parts) for field, parts in rows.items()}
    return TrackFile(source=name, last=filmed.frames - 1, **columns)
