"""[device and host] Videos to people with ids: the network in chunks of frames, and the host's half behind it.

`Lanes` tracks several videos side by side, each with a carry, a cut detector and ids of its own; the device does a
chunk of their frames with one `lax.scan`, and while it works on one chunk, the host ends the chunk before.
`StafTracker` is one lane with the face of every tracker. Results do not depend on the chunk, nor on the other lanes.
"""

import functools
import warnings
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import UInt8

from jaxpose.errors import JaxposeWarning, NonFiniteError, VideoError
from jaxpose.estimation import LARGEST_CHUNK, check_picture, numbered
from jaxpose.fields.config import DecodeConfig
from jaxpose.geometry import Fit, fit_input
from jaxpose.inference import LARGEST
from jaxpose.records import Frame, People
from jaxpose.skeletons import Skeleton
from jaxpose.systems.staf.candidates import StafCandidates
from jaxpose.systems.staf.cuts import CutDetector
from jaxpose.systems.staf.decoding import StafCarry, make_step, scan_frames, start_videos
from jaxpose.systems.staf.recurrence import STRIDE, Recurrent
from jaxpose.systems.staf.tracker import PeopleTracker
from jaxpose.systems.staf.tracker_config import TrackerConfig
from jaxpose.tracking import Tracker
from jaxpose.video.resize import apply_fit

VIDEOS = "videos"
"""Name of the axis of devices over which lanes are spread."""


class _Picture(NamedTuple):
    """What is known of a frame before the network has seen it."""

    number: int
    time: float
    fit: Fit
    first: bool  # of its video
    cut: bool


Row = list[_Picture | None]
"""A picture of each lane, None where a lane has no video."""


@functools.lru_cache(maxsize=8)
def _scanner(network: Any, skeleton: Skeleton, decode: DecodeConfig, mesh: Mesh) -> Callable[..., Any]:
    """`scan_frames` with the videos spread over the devices of a mesh; trackers alike share what is compiled.

    Each device goes its own way (which bucket of candidates, whether a video begins): nothing is exchanged.
    """
    step = make_step(network, skeleton, decode)

    def scan(params: Any, carry: StafCarry, images: Any, resets: Any) -> tuple[StafCarry, StafCandidates]:
        return scan_frames(step, params, carry, images, resets)

    everywhere, videos_first, time_first = PartitionSpec(), PartitionSpec(VIDEOS), PartitionSpec(None, VIDEOS)
    return jax.jit(
        jax.shard_map(
            scan,
            mesh=mesh,
            in_specs=(everywhere, videos_first, time_first, time_first),
            out_specs=(videos_first, time_first),
            check_vma=False,
        )
    )


class Lanes:
    """`videos` lanes side by side: people with ids from the frames of one video after another in each.

    `size` is the long side of the network's input, `chunk` how many frames of each lane go to the device at a time. The
    lanes are spread over as many devices as divide them evenly. The pictures of all lanes must fit the same input; it
    may change from one frame to the next, in all lanes at once.
    """

    def __init__(
        self,
        network: Recurrent,
        params: Any,
        skeleton: Skeleton,
        *,
        videos: int = 1,
        size: int = 656,
        chunk: int = 1,
        decode: DecodeConfig = DecodeConfig(),
        tracking: TrackerConfig = TrackerConfig(),
    ) -> None:
        """`ValueError` for an option that is out of its range."""
        if videos < 1:
            raise ValueError(f"`videos` must be at least 1, got {videos}")
        if not 1 <= chunk <= LARGEST_CHUNK:
            raise ValueError(f"`chunk` must be from 1 to {LARGEST_CHUNK}, got {chunk}")
        if not STRIDE <= size <= LARGEST:
            raise ValueError(f"`size` must be from {STRIDE} to {LARGEST}, got {size}")
        self.skeleton, self.size, self.videos = skeleton, size, videos
        links = skeleton.temporal_links(network.config.topology)
        self._trackers = [PeopleTracker(skeleton, links, tracking) for _ in range(videos)]
        self.delay = 2 * chunk - 1 + self._trackers[0].delay
        self._cuts = [CutDetector(tracking.cuts) if tracking.cuts else None for _ in range(videos)]
        self._network, self._decode, self._chunk = network, decode, chunk
        devices = jax.local_devices()
        spread = max(n for n in range(1, len(devices) + 1) if videos % n == 0)
        mesh = Mesh(devices[:spread], (VIDEOS,))
        self._sharding, self._copies = (NamedSharding(mesh, spec) for spec in (PartitionSpec(VIDEOS), PartitionSpec()))
        self._scan = _scanner(cast(Hashable, network), skeleton, decode, mesh)
        self._params = jax.device_put(params, self._copies)
        self._overflow_told = False
        self.reset()

    def update(self, params: Any) -> None:
        """Take other parameters of the same shapes; nothing is compiled again."""
        self._params = jax.device_put(params, self._copies)

    def reset(self) -> None:
        """Forget all videos; ids start again from 1 in each lane."""
        self._carry: StafCarry | None = None
        self._input: tuple[int, int] | None = None
        self._waiting: list[Row] = []
        self._images: Any = None  # what waits, uint8 [t, b, H, W, 3]
        self._in_work: deque[tuple[list[Row], StafCandidates]] = deque()
        self._running = [False] * self.videos
        for tracker in self._trackers:
            tracker.reset()

    def push(self, frames: Sequence[Frame | None]) -> list[tuple[int, People]]:
        """Take the next frame of each lane; return the lane and the people of each frame finished by now.

        None is a lane without a video: it ends the one before, and the next frame begins another, with ids from 1. A
        lane's frames come back each exactly once and in order. `ValueError` if a picture is not RGB uint8 or there are
        not as many as lanes, `VideoError` if they do not fit the same input, `NonFiniteError` if a map of the network
        holds NaN or infinity.
        """
        if len(frames) != self.videos:
            raise ValueError(f"there are {self.videos} videos side by side, got {len(frames)} frames")
        inputs = {self._fit(frame)[:2] for frame in frames if frame is not None}
        if len(inputs) > 1:
            told = " and ".join(f"{width}x{height}" for width, height in sorted(inputs))
            raise VideoError(
                f"videos side by side must fit the same network input, these need {told}: track them one by one"
            )
        if not inputs and not any(self._running):
            return []
        done: list[tuple[int, People]] = []
        if inputs and inputs != {self._input}:
            done += self._advance() if self._waiting else []
            (self._input,), self._carry = inputs, None
        if not self._waiting:
            width, height = self._input or (0, 0)
            self._images = np.zeros((self._chunk, self.videos, height, width, 3), np.uint8)
        self._waiting.append([self._take(lane, frame) for lane, frame in enumerate(frames)])
        if len(self._waiting) == self._chunk:
            done += self._advance()
        return done

    def flush(self) -> list[tuple[int, People]]:
        """Return what all frames still in work have, and be as new."""
        done = self._advance() if self._waiting else []
        while self._in_work:
            done += self._finish()
        done += [(lane, people) for lane, tracker in enumerate(self._trackers) for people in tracker.flush()]
        self.reset()
        return done

    def track(self, videos: Iterable[Iterable[Frame | UInt8[np.ndarray, "h w 3"]]]) -> Iterator[tuple[int, People]]:
        """The number of its video and the people of every frame of any number of videos, each in order.

        A lane whose video has ended goes on with the next one.
        """
        self.reset()
        coming = enumerate(videos)
        lanes: list[tuple[int, Iterator[Frame]] | None] = [None] * self.videos
        owed: list[deque[int]] = [deque() for _ in lanes]  # the video of each frame that is in work
        while True:
            row: list[Frame | None] = []
            for lane, running in enumerate(lanes):
                frame = next(running[1], None) if running else None
                if running and frame is not None:
                    owed[lane].append(running[0])
                row.append(frame)
            lanes = [lane if frame is not None else _begin(coming) for lane, frame in zip(lanes, row, strict=True)]
            if not any(lanes):
                break
            for lane, people in self.push(row):
                yield owed[lane].popleft(), people
        for lane, people in self.flush():
            yield owed[lane].popleft(), people

    def _fit(self, frame: Frame) -> Fit:
        check_picture(frame)
        height, width = frame.image.shape[:2]
        return fit_input(width, height, self.size, STRIDE)

    def _take(self, lane: int, frame: Frame | None) -> _Picture | None:
        """Put a frame among the waiting images."""
        first, self._running[lane] = not self._running[lane], frame is not None
        if frame is None:
            return None
        fit, cuts, cut = self._fit(frame), self._cuts[lane], False
        image = apply_fit(frame.image, fit)
        self._images[len(self._waiting), lane] = image
        if cuts:
            if first:
                cuts.reset()
            cut = cuts.push(image)
        return _Picture(frame.number, frame.time, fit, first, cut)

    def _advance(self) -> list[tuple[int, People]]:
        """Send the waiting frames to the device, then finish what was sent before them."""
        rows, images, self._waiting = self._waiting, self._images, []
        resets = np.zeros(images.shape[:2], bool)
        for t, row in enumerate(rows):
            resets[t] = [picture is not None and (picture.first or picture.cut) for picture in row]
        if self._carry is None:
            shape = jax.ShapeDtypeStruct(images.shape[1:], np.uint8)
            carry = start_videos(self._network, self._params, shape, self.skeleton, self._decode)
            self._carry = jax.device_put(carry, self._sharding)
        self._carry, results = self._scan(self._params, self._carry, images, resets)
        if len(rows) < self._chunk:
            self._carry = None  # it has seen black pictures since
        self._in_work.append((rows, results))
        return self._finish() if len(self._in_work) > 1 else []

    def _finish(self) -> list[tuple[int, People]]:
        rows, work = self._in_work.popleft()
        results = jax.device_get(work)
        done = []
        for t, row in enumerate(rows):
            for lane, picture in enumerate(row):
                tracker = self._trackers[lane]
                if picture is None or picture.first:
                    done += [(lane, people) for people in tracker.flush()]
                if picture is None:
                    continue
                found = jax.tree.map(lambda leaf, t=t, lane=lane: leaf[t, lane], results)
                self._check(found, picture.number)
                people = tracker.push(found, picture.fit, picture.number, picture.time, cut=picture.cut)
                done += [(lane, one) for one in people]
        return done

    def _check(self, found: StafCandidates, number: int) -> None:
        if not found.finite:
            raise NonFiniteError(
                f"frame {number}: a map of the network holds NaN or infinity: its weights are damaged, or overflow"
            )
        most, slots = int(found.now.found.max()), found.now.score.shape[-1]
        if most > slots and not self._overflow_told:
            joint = self.skeleton.joints[int(found.now.found.argmax())]
            told = f"a picture has {most} candidates for {joint}, only the best {slots} of a joint are used"
            warnings.warn(f"{told} (said once)", JaxposeWarning, stacklevel=2)
            self._overflow_told = True


def _begin(
    coming: Iterator[tuple[int, Iterable[Frame | UInt8[np.ndarray, "h w 3"]]]],
) -> tuple[int, Iterator[Frame]] | None:
    """The next video and its frames, if there is one."""
    number, frames = next(coming, (-1, ()))
    return None if number < 0 else (number, numbered(frames))


class StafTracker(Tracker):
    """A recurrent network as a tracker: frames of one video after another, in constant memory.

    The options are those of `Lanes`. A frame whose size differs from the last one's starts the network anew; who is in
    the picture keeps their id where motion and pose tell it.
    """

    def __init__(
        self,
        network: Recurrent,
        params: Any,
        skeleton: Skeleton,
        *,
        size: int = 656,
        chunk: int = 1,
        decode: DecodeConfig = DecodeConfig(),
        tracking: TrackerConfig = TrackerConfig(),
    ) -> None:
        """`ValueError` for an option that is out of its range."""
        self._make = functools.partial(
            Lanes, network, skeleton=skeleton, size=size, chunk=chunk, decode=decode, tracking=tracking
        )
        self._params = params
        self._lane = self._make(params)
        self.skeleton, self.delay = skeleton, self._lane.delay

    def update(self, params: Any) -> None:
        """Take other parameters of the same shapes; nothing is compiled again."""
        self._params = params
        self._lane.update(params)

    def lanes(self, videos: int) -> Lanes:
        """So many lanes with the same network and options."""
        return self._make(self._params, videos=videos)

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the network's input for pictures of this size; lanes need one for all of them."""
        fit = fit_input(width, height, self._lane.size, STRIDE)
        return fit.width, fit.height

    def push(self, frame: Frame) -> list[People]:
        """See `Tracker.push`. The size of frames may change within a video."""
        return [people for _, people in self._lane.push([frame])]

    def flush(self) -> list[People]:
        """See `Tracker.flush`."""
        return [people for _, people in self._lane.flush()]

    def reset(self) -> None:
        """See `Tracker.reset`."""
        self._lane.reset()
