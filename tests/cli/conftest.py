"""A model without a network, so that the command line is tested in a moment."""

from collections import deque

import clips
import numpy as np
import pytest

from jaxpose.errors import NonFiniteError
from jaxpose.records import Frame, People, make_people
from jaxpose.skeletons import COCO_18
from jaxpose.tracking import Tracker


class FakeTracker(Tracker):
    """One person in every frame but each fourth, who walks to the right; may end with an exception at some frame."""

    skeleton = COCO_18

    def __init__(self, delay: int, fails_at: int | None = None, error: BaseException | None = None) -> None:
        self.delay, self.fails_at, self.error = delay, fails_at, error
        self._waiting: deque[Frame] = deque()
        self.shapes: list[tuple[int, ...]] = []  # of all pictures seen

    def push(self, frame: Frame) -> list[People]:
        if frame.number == self.fails_at:
            assert self.error is not None
            raise self.error
        self._waiting.append(frame)
        self.shapes.append(frame.image.shape)
        return [self._people(self._waiting.popleft())] if len(self._waiting) > self.delay else []

    def flush(self) -> list[People]:
        return [self._people(self._waiting.popleft()) for _ in range(len(self._waiting))]

    def reset(self) -> None:
        self._waiting.clear()

    def _people(self, frame: Frame) -> People:
        count = int(frame.number % 4 != 3)
        pose = np.random.default_rng(0).uniform(20, 90, (18, 3))
        pose[:, :2] += frame.number, 55
        pose[:, 2] = 0.8
        poses = np.repeat(pose[None], count, 0)
        return make_people(poses, np.full(count, 0.8), np.full(count, 5), frame=frame.number, time=frame.time)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No test reads or writes the user's own models and compilations."""
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path / "home"))


@pytest.fixture
def model(monkeypatch):
    """Replaces what `load` gives; returns a function that sets its tracker and a list of the calls."""
    calls = []
    tracker = FakeTracker(delay=3)

    def set_tracker(delay=3, fails_at=None, error=None):
        tracker.__init__(delay, fails_at, error)

    def load(name, **options):
        calls.append((name, options))
        return tracker

    monkeypatch.setattr("jaxpose.models.load", load)
    set_tracker.calls, set_tracker.shapes = calls, tracker.shapes
    return set_tracker


@pytest.fixture
def nan(model):
    model(fails_at=20, error=NonFiniteError("a map of the network holds NaN or infinity: its weights are damaged"))


@pytest.fixture
def clip(tmp_path):
    return clips.make_clip(tmp_path / "clip.mp4", 40, width=160, height=160)
