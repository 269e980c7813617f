"""Writes what `cli.outputs` plans: people as they come into their file, and drawn on their pictures.

Between a tracker and the files stand, where asked for, the smoothing of joints and the filling of skipped frames.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jaxpose.cli.outputs import Plan, TrackOutput

if TYPE_CHECKING:
    from jaxpose.records import Frame, People
    from jaxpose.skeletons import Skeleton
    from jaxpose.video import Video

TRAIL_SECONDS = 1.5


class Sink:
    """The outputs of one input being written; a context manager, which finishes them whatever ends the run.

    Frames pass through `remember` on their way to the network, and their people come to `add` in the same order.
    `fps` is the rate of the frames that are looked at, `name_of` gives the name of a frame's picture.
    """

    def __init__(
        self,
        plan: Plan,
        skeleton: "Skeleton",
        *,
        source: str,
        config: Mapping[str, Any],
        fps: float,
        name_of: Callable[[int], str] | None = None,
    ) -> None:
        """Start the files; `OutputError` where one cannot be written."""
        from jaxpose.association.interpolation import Interpolator
        from jaxpose.association.smoothing import Smoother
        from jaxpose.formats.conversion import WRITERS

        options = plan.options
        tracked = options if isinstance(options, TrackOutput) else None
        self.plan, self.name_of = plan, name_of
        self._smoother = Smoother() if tracked and tracked.smooth else None
        self._interpolator = Interpolator() if tracked and tracked.interpolate else None
        self._frames: deque[Frame] = deque()
        with contextlib.ExitStack() as stack:
            self.writer = stack.enter_context(
                WRITERS[plan.format](
                    plan.out,
                    skeleton,
                    source=source,
                    config=config,
                    overwrite=options.overwrite,
                    resume=options.resume,
                    normalized=options.normalized,
                )
            )
            self._drawing = Drawing(plan, skeleton, fps) if plan.render or plan.sheet else None
            if self._drawing is not None:
                stack.callback(self._drawing.close)
            self._stack = stack.pop_all()

    def has(self, frame: "Frame") -> bool:
        """Whether a file that is gone on with holds this frame already, so that nothing is left to do for it."""
        name = None if self.name_of is None else self.name_of(frame.number)
        return self._drawing is None and self.writer.has(frame.number, name)

    def remember(self, frames: Iterable["Frame"]) -> Generator["Frame", None, None]:
        """The same frames; those whose people are yet to be told are kept, which a tracker's `delay` bounds."""
        for frame in frames:
            self._frames.append(frame)
            yield frame

    def add(self, people: "People") -> None:
        """Write and draw the next frame's people."""
        frame = self._frames.popleft()
        if self._smoother is not None:
            people = self._smoother.smooth(people)
        for told in [people] if self._interpolator is None else self._interpolator.push(people):
            self._write(told, frame)
        if self._drawing is not None:
            self._drawing.add(frame, people, None if self.name_of is None else self.name_of(frame.number))

    def _write(self, people: "People", frame: "Frame") -> None:
        from jaxpose.formats.annotating import picture_id
        from jaxpose.formats.conversion import PICTURES

        name = None if self.name_of is None else self.name_of(people.frame)
        height, width = frame.image.shape[:2]
        normalized = self.plan.options.normalized
        if normalized:
            people = shares(people, width, height)
        if self.plan.format in PICTURES:
            people = people._replace(frame=picture_id(name, people.frame))
        told = normalized or name is not None
        self.writer.write(people, name=name, size=(width, height) if told else None)

    def __enter__(self) -> "Sink":
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()


def picture_names(source: "Video") -> Callable[[int], str] | None:
    """The name of each frame's picture, where frames are pictures of their own."""
    from jaxpose.video.pictures import Pictures

    paths = source.paths if isinstance(source, Pictures) else None
    return None if paths is None else lambda number: paths[number].name


class Drawing:
    """The people drawn on their pictures: a video, a folder of pictures, a contact sheet."""

    def __init__(self, plan: Plan, skeleton: "Skeleton", fps: float) -> None:
        from jaxpose.video.overlay import Style, Trails
        from jaxpose.video.sheet import Sheet
        from jaxpose.video.writer import PictureWriter, VideoWriter

        options = plan.options
        tracked = options if isinstance(options, TrackOutput) else None
        length = 0
        if tracked is not None:
            length = max(1, round(TRAIL_SECONDS * fps)) if tracked.trails is None else tracked.trails
        self._skeleton, self._plan = skeleton, plan
        self._style = Style(tracked is None or tracked.labels, options.scores, options.alpha, options.black)
        self._trails = Trails(skeleton, length) if length else None
        self._pictures = PictureWriter(plan.render) if plan.render and plan.render_to_folder else None
        self._video = VideoWriter(plan.render, fps) if plan.render and not plan.render_to_folder else None
        self._sheet = Sheet() if plan.sheet else None
        self._shape: tuple[int, ...] | None = None

    def add(self, frame: "Frame", people: "People", name: str | None) -> None:
        """Draw the next frame."""
        from jaxpose.video.overlay import draw

        if self._trails is not None:
            self._trails.update(people)
        drawn = frame._replace(image=draw(frame.image, people, self._skeleton, self._trails, self._style))
        if self._pictures is not None:
            self._pictures.add(drawn, name)
        if self._sheet is not None:
            self._sheet.add(drawn)
        if self._video is not None:
            self._video.add(self._as_first(drawn))

    def _as_first(self, frame: "Frame") -> "Frame":
        """A video may change its size; what is written cannot."""
        self._shape = self._shape or frame.image.shape
        if frame.image.shape == self._shape:
            return frame
        import cv2

        return frame._replace(image=cv2.resize(frame.image, self._shape[1::-1], interpolation=cv2.INTER_AREA))

    def close(self) -> None:
        """Finish the video and the sheet."""
        try:
            if self._video is not None:
                self._video.close()
        finally:
            if self._sheet is not None and self._plan.sheet is not None:
                self._sheet.save(self._plan.sheet)


def shares(people: "People", width: int, height: int) -> "People":
    """The same people in shares of a picture's sides: 0 and 1 are its outer edges, (x + 0.5) / width."""
    import numpy as np

    from jaxpose.records import joint_boxes

    keypoints = people.keypoints.copy()
    there = keypoints[..., 2:] > 0
    keypoints[..., :2] = np.where(there, (keypoints[..., :2] + 0.5) / (width, height), 0)
    return people._replace(keypoints=keypoints, boxes=joint_boxes(keypoints))
