"""The overlay strip: what it cuts out, from where, and that it holds no video in memory."""

import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pose_files import pose_file

from jaxpose.evaluation.analysis import Event
from jaxpose.evaluation.strip import GAP, GROUND, HEAD, PAPER, SIDE, strip
from jaxpose.formats.boxes import TrackFile
from jaxpose.records import Frame
from jaxpose.skeletons import COCO_17
from jaxpose.video.overlay import id_color

FRAMES = 40


def boxes(ids: list[int], first: int = 0) -> TrackFile:
    """A person who walks right, in every frame, under an id of each."""
    numbers = first + np.arange(len(ids))
    box = np.stack([100.0 + 5 * numbers, np.full(len(ids), 80), np.full(len(ids), 40), np.full(len(ids), 100)], axis=-1)
    return TrackFile("memory", numbers, box, np.array(ids), np.ones(len(ids), bool), len(ids) - 1)


def frames(read: list[int], count: int = FRAMES) -> Iterator[Frame]:
    """A video whose frames are plain, each of a grey that tells its number; notes which were read."""
    for number in range(count):
        read.append(number)
        yield Frame(number, number / 25, np.full((300, 400, 3), 100 + number, np.uint8))


TRUTH, FOUND = boxes([5] * FRAMES), boxes([12] * 20 + [31] * 20)
SWITCH = Event("switch", 20, 20, 1, (5,), (12, 31), 0.9)
MISSED = Event("missed", 7, 9, 3, (5,), (), 0.1)


def panel(picture: np.ndarray, event: int, half: int) -> np.ndarray:
    """One of the two small pictures of an event."""
    top = GAP + event // 2 * (HEAD + SIDE + GAP) + HEAD
    left = GAP + event % 2 * (2 * SIDE + 2 * GAP) + half * (SIDE + GAP)
    return picture[top : top + SIDE, left : left + SIDE]


def has(picture: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((np.abs(picture.astype(int) - color).max(axis=-1) < 12).any())


def test_each_event_has_the_frame_before_and_its_own() -> None:
    read: list[int] = []
    picture = strip([SWITCH, MISSED], TRUTH, FOUND, frames(read))
    assert picture.shape == (HEAD + SIDE + 2 * GAP, 4 * SIDE + 5 * GAP, 3)
    for event, half, number in ((0, 0, 19), (0, 1, 20), (1, 0, 6), (1, 1, 7)):
        levels, counts = np.unique(panel(picture, event, half), return_counts=True)
        assert levels[np.argmax(counts)] == 100 + number
    assert has(panel(picture, 0, 0), id_color(12))
    assert not has(panel(picture, 0, 0), id_color(31))
    assert has(panel(picture, 0, 1), id_color(31))
    assert not has(panel(picture, 0, 1), id_color(12))
    assert read == list(range(21)), "read in order, and no further than needed"


def test_no_more_of_the_video_is_kept_than_the_frame_at_hand() -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def watched() -> Iterator[Frame]:
        nonlocal most
        for frame in frames([]):
            alive.append(weakref.ref(frame.image))
            yield frame
            del frame
            most = max(most, sum(one() is not None for one in alive))

    events = [MISSED._replace(first=first) for first in range(1, FRAMES)]
    strip(events, TRUTH, FOUND, watched())
    assert len(alive) == FRAMES
    assert most <= 2


def test_the_cut_is_around_the_person_to_scale() -> None:
    lower = FOUND._replace(boxes=FOUND.boxes + np.array([0, 20, 0, 0]))
    picture = strip([SWITCH], TRUTH, lower, None)
    scale = SIDE / 150  # the truth spans 45 x 100 pixels in the two frames, so a side of 150 shows half more
    for half, number in ((0, 12), (1, 31)):
        near = np.abs(panel(picture, 0, half).astype(int) - id_color(number)).max(axis=-1) < 12
        rows, columns = np.nonzero(near[60:])  # below the plate with the id
        assert columns.min() == pytest.approx((52.5 + 5 * half) * scale, abs=3)
        assert columns.max() == pytest.approx((92.5 + 5 * half) * scale, abs=3)
        assert 60 + rows.max() == pytest.approx(145 * scale, abs=3)
    assert (panel(picture, 0, 0)[0, 0] == GROUND).all()
    assert (picture[-1, -1] == PAPER).all()


def test_the_truth_is_dashed_only_for_whom_the_event_is_about() -> None:
    other = boxes([6] * FRAMES)
    both = TRUTH._replace(
        frames=np.repeat(TRUTH.frames, 2),
        ids=np.tile([5, 6], FRAMES),
        boxes=np.stack([TRUTH.boxes, other.boxes + np.array([60, 0, 0, 0])], axis=1).reshape(-1, 4),
        scored=np.ones(2 * FRAMES, bool),
    )
    nobody = FOUND._replace(frames=FOUND.frames[:0], ids=FOUND.ids[:0], boxes=FOUND.boxes[:0], scored=FOUND.scored[:0])
    one = strip([MISSED], TRUTH, nobody, None)
    assert has(panel(one, 0, 1), (245, 245, 245))
    assert np.array_equal(strip([MISSED], both, nobody, None), one)
    false = Event("false", 7, 9, 3, (), (12,), 0.1)
    everybody = panel(strip([false], both, FOUND, None), 0, 1)
    assert (everybody[:, SIDE * 3 // 4 :] > 240).any(), "whom a false one might be, at the right, is shown"


def test_a_video_that_ends_early_leaves_plain_ground() -> None:
    picture = strip([SWITCH], TRUTH, FOUND, frames([], count=20))
    assert panel(picture, 0, 0)[0, 0, 0] == 119
    assert panel(picture, 0, 1)[0, 0, 0] == GROUND


def test_the_first_frame_has_none_before_and_a_border_is_filled() -> None:
    at_corner = TRUTH._replace(boxes=TRUTH.boxes - np.array([100, 80, 0, 0]))
    picture = strip([MISSED._replace(first=0)], at_corner, FOUND, frames([]))
    assert np.array_equal(panel(picture, 0, 0), panel(picture, 0, 1))
    assert panel(picture, 0, 0)[0, 0, 0] == GROUND
    assert panel(picture, 0, 0)[-1, -1, 0] == 100


def test_a_swap_shows_its_last_frame_and_the_last_one_known_before() -> None:
    """Only every fourth frame is judged."""
    some = [side.frames % 4 == 0 for side in (TRUTH, FOUND)]
    truth, found = (
        side._replace(frames=side.frames[rows], ids=side.ids[rows], boxes=side.boxes[rows], scored=side.scored[rows])
        for side, rows in zip((TRUTH, FOUND), some, strict=True)
    )
    swap = Event("swap", 20, 28, 2, (5, 6), (12, 31), 0.9)
    picture = strip([swap], truth, found, frames([]))
    assert [panel(picture, 0, half)[0, 0, 0] for half in (0, 1)] == [116, 128]


def test_poses_are_drawn_as_limbs() -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform(50, 150, (4, 17, 2))
    truth = pose_file(COCO_17, [1] * 4, xy, ids=[5] * 4)
    found = pose_file(COCO_17, [1] * 4, xy + 3, ids=[12, 12, 31, 31])
    picture = strip([SWITCH._replace(first=2, last=2)], truth, found, frames([]))
    assert has(panel(picture, 0, 0), id_color(12))
    assert has(panel(picture, 0, 1), id_color(31))
    jointless = found._replace(there=np.zeros((4, 17), bool))
    plain = strip([SWITCH._replace(first=2, last=2)], truth, jointless, frames([]))
    assert not has(panel(plain, 0, 0), id_color(12))


def test_without_events_there_are_no_pictures() -> None:
    assert strip([], TRUTH, FOUND, frames([])).shape == (GAP, 4 * SIDE + 5 * GAP, 3)


def test_events_of_a_real_video(shared_data: Path) -> None:
    """Two walkers of a real video trade their ids: the strip shows just them, from the video's own pixels."""
    from jaxpose import video
    from jaxpose.formats import mot

    truth = mot.read_tracks(shared_data / "tracks" / "vtest" / "gt.txt")
    event = Event("switch", 60, 60, 1, (int(truth.ids[truth.frames == 60][0]),), (1, 2), 0.9)
    picture = strip([event], truth, truth, video.read(shared_data / "videos" / "vtest.avi"))
    assert panel(picture, 0, 1).std() > 20
    assert not np.array_equal(panel(picture, 0, 0), panel(picture, 0, 1))
