"""The contract of every tracker: frames in, people with ids out, in constant memory whatever the video's length.

It stands below the systems (each brings a `Tracker` of its own, or an `estimation.Estimator` for the one here) and
above `association`: `FrameTracker` joins any network that finds people in single frames to the baseline tracker of ids.
Around any tracker, `RegionTracker` looks at a part of the picture, `ProminentTracker` tells of a few people only.
"""

import abc
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import UInt8

from jaxpose.association.identities import IdentityTracker
from jaxpose.errors import VideoError
from jaxpose.estimation import Chunked, numbered
from jaxpose.records import Frame, People
from jaxpose.skeletons import Skeleton


class Tracker(abc.ABC):
    """People with ids from the frames of one video after another.

    `push` takes a frame and returns the people of the frames that are finished, each frame exactly once and in order:
    a frame's people come at most `delay` pushes later, or with `flush`, which ends the video. After `reset` (or
    `flush`) the tracker behaves as a new one. `track` is a loop over the three.
    """

    skeleton: Skeleton
    delay: int

    @abc.abstractmethod
    def push(self, frame: Frame) -> list[People]:
        """Take the next frame; return the people of the frames finished by now."""

    @abc.abstractmethod
    def flush(self) -> list[People]:
        """Return the people of all frames still in work, and be as new."""

    @abc.abstractmethod
    def reset(self) -> None:
        """Forget the video so far; the next frame starts a new one, and ids start anew."""

    def track(self, frames: Iterable[Frame | UInt8[np.ndarray, "h w 3"]]) -> Iterator[People]:
        """People of every frame of one video, in order.

        Frames are `Frame`s, or bare RGB arrays, which are numbered from 0 and whose times are those numbers.
        """
        self.reset()
        for frame in numbered(frames):
            yield from self.push(frame)
        yield from self.flush()


class FrameTracker(Tracker):
    """The people that are found in single frames, with the baseline tracker of ids behind.

    `pipeline` is how frames become people, `estimation.Pipeline` around any estimator for one.
    """

    def __init__(self, pipeline: Chunked[People], identities: IdentityTracker) -> None:
        self.skeleton = identities.skeleton
        self.identities = identities
        self._pipeline = pipeline
        self.delay = pipeline.delay + identities.delay

    def push(self, frame: Frame) -> list[People]:
        """See `Tracker.push`. The size of frames may change within a video."""
        return self._identify(self._pipeline.push(frame))

    def flush(self) -> list[People]:
        """See `Tracker.flush`."""
        return self._identify(self._pipeline.flush()) + self.identities.flush()

    def reset(self) -> None:
        """See `Tracker.reset`."""
        self._pipeline.reset()
        self.identities.reset()

    def _identify(self, found: list[People]) -> list[People]:
        """The people of the frames whose ids are settled by these."""
        return [people for new in found for people in self.identities.push(new)]


class ProminentTracker(Tracker):
    """Any tracker, telling of the `most` most prominent people of each frame; it still tracks everybody.

    Those are the people with the highest score times the square root of their box (the rule of OpenPose's released
    program).
    """

    def __init__(self, tracker: Tracker, most: int) -> None:
        self.skeleton, self.delay = tracker.skeleton, tracker.delay
        self._tracker, self._most = tracker, most

    def push(self, frame: Frame) -> list[People]:
        """See `Tracker.push`."""
        return self._cut(self._tracker.push(frame))

    def flush(self) -> list[People]:
        """See `Tracker.flush`."""
        return self._cut(self._tracker.flush())

    def reset(self) -> None:
        """See `Tracker.reset`."""
        self._tracker.reset()

    def _cut(self, done: list[People]) -> list[People]:
        prominence = (people.scores * np.sqrt(people.boxes[:, 2] * people.boxes[:, 3]) for people in done)
        return [
            people.select(np.sort(np.argsort(-rank, kind="stable")[: self._most]))
            for people, rank in zip(done, prominence, strict=True)
        ]


class RegionTracker(Tracker):
    """Any tracker, looking at one part of each picture only; its people are in pixels of the whole picture.

    `region` is x, y, width, height in pixels, cut at the picture's edges. A later frame of another size is cut alike.
    """

    def __init__(self, tracker: Tracker, region: tuple[int, int, int, int]) -> None:
        if min(region) < 0 or min(region[2:]) < 1:
            raise ValueError(f"`region` must be x, y, width, height with a width and height above 0, got {region}")
        self.skeleton, self.delay = tracker.skeleton, tracker.delay
        self._tracker, self._region = tracker, region

    def push(self, frame: Frame) -> list[People]:
        """See `Tracker.push`. `VideoError` if the region lies outside the picture."""
        x, y, width, height = self._region
        image = np.ascontiguousarray(frame.image[y : y + height, x : x + width])
        if not image.size:
            h, w = frame.image.shape[:2]
            raise VideoError(f"frame {frame.number} is {w}x{h}: the region {x},{y},{width},{height} lies outside of it")
        return self._whole(self._tracker.push(frame._replace(image=image)))

    def flush(self) -> list[People]:
        """See `Tracker.flush`."""
        return self._whole(self._tracker.flush())

    def reset(self) -> None:
        """See `Tracker.reset`."""
        self._tracker.reset()

    def _whole(self, done: list[People]) -> list[People]:
        """The people moved to where they are in the whole picture; missing joints stay (0, 0, 0)."""
        corner = np.array(self._region[:2], np.float32)
        moved = []
        for people in done:
            keypoints, boxes = people.keypoints.copy(), people.boxes.copy()
            keypoints[..., :2] += corner * (keypoints[..., 2:] > 0)
            boxes[:, :2] += corner * boxes.any(axis=1, keepdims=True)  # one without joints is all zeros
            moved.append(people._replace(keypoints=keypoints, boxes=boxes))
        return moved
