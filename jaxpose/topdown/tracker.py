"""[host] Any tracker whose people are looked at once more, one by one, by a network for one person.

For networks that keep ids by themselves: with the others the poses are refined before they are given ids
(`topdown.estimator.Refined`).
"""

from collections import deque
from typing import Any

from jaxpose.records import Frame, People
from jaxpose.topdown.estimator import CropEstimator
from jaxpose.tracking import Tracker


class RefinedTracker(Tracker):
    """The people of another tracker with poses of their own crops; they keep their ids.

    While the device looks at one frame's people, the host does the next frame: people come one push later.
    """

    def __init__(self, tracker: Tracker, people: CropEstimator) -> None:
        self.skeleton, self.delay = people.skeleton, tracker.delay + 1
        self._tracker, self._people = tracker, people
        self._frames: deque[Frame] = deque()
        self._in_work: deque[tuple[Frame, Any]] = deque()

    def push(self, frame: Frame) -> list[People]:
        """See `Tracker.push`."""
        self._frames.append(frame)
        return self._look(self._tracker.push(frame))

    def flush(self) -> list[People]:
        """See `Tracker.flush`."""
        done = self._look(self._tracker.flush())
        return done + [self._finish() for _ in range(len(self._in_work))]

    def reset(self) -> None:
        """See `Tracker.reset`."""
        self._tracker.reset()
        self._frames.clear()
        self._in_work.clear()

    def _look(self, found: list[People]) -> list[People]:
        """Send these to the device, then finish all that was sent before the last of them."""
        for people in found:
            frame = self._frames.popleft()
            work = self._people.dispatch_again([frame.image], [people], self._tracker.skeleton, 1)
            self._in_work.append((frame, work))
        return [self._finish() for _ in range(len(self._in_work) - bool(found))]

    def _finish(self) -> People:
        frame, work = self._in_work.popleft()
        (people,) = self._people.collect(work)
        return people._replace(frame=frame.number, time=frame.time)
