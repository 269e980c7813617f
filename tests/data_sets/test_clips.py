import dataclasses

import dotted
import numpy as np
import pytest

from jaxpose.data import clips
from jaxpose.data.config import ClipConfig, CropConfig, OccluderConfig, PlaceConfig
from jaxpose.data.crops import Crop
from jaxpose.data.pipeline import Batches
from jaxpose.data.placement import Placement
from jaxpose.records import NO_ID

CALM = PlaceConfig(scale=(0.9, 1.1), shift=20.0)


def config_of(frames, place=CALM, **settings):
    return CropConfig(place=place, occluders=OccluderConfig(most=0), clip=ClipConfig(frames=frames, **settings))


def batches_of(source, config, **settings):
    return Batches([(source, 1.0)], dotted.SKELETON, config, batch=6, **settings)


def similarity(points, moved):
    """Scale times turn as a complex number, and where 0 goes: the best similarity between points [n, 2]."""
    a, b = (each[:, 0] + 1j * each[:, 1] for each in (points.astype(float), moved.astype(float)))
    factor = ((b - b.mean()) * (a - a.mean()).conj()).sum() / (abs(a - a.mean()) ** 2).sum()
    return factor, b.mean() - factor * a.mean()


def people_shown(image, keypoints):
    """For each person the one whose colour is at its joints, as far as they are in the crop; None where none is."""
    shown = []
    for person in keypoints:
        seen = set()
        for x, y, there in person:
            if there and min(x, y) > 8 and max(x, y) < 360:
                away = np.abs(dotted.COLORS - image[round(float(y)), round(float(x))].astype(int)).max(axis=-1)
                assert away.min() < 40
                seen.add(int(away.min(axis=1).argmin()))
        assert len(seen) <= 1
        shown.append(seen.pop() if seen else None)
    return shown


def test_a_picture_moves_evenly_between_two_placements():
    source = dotted.Dots(1, people=1)
    batch = batches_of(source, config_of(6, PlaceConfig(flip=0.0)))[0]
    assert batch.images.shape == (6, 6, 368, 368, 3)
    assert batch.known.shape == (6, 6, 5)
    assert batch.valid.shape == (6, 6, 46, 46)
    x, y, w, h = source[0].boxes[0]
    ways = []
    for keypoints in batch.keypoints[:, :, 0]:
        fits = [similarity(source[0].keypoints[0, :, :2], frame[:, :2]) for frame in keypoints]
        scales, angles = (np.array([measure(factor) for factor, _ in fits]) for measure in (abs, np.angle))
        middles = np.array([factor * complex(x + w / 2, y + h / 2) + to for factor, to in fits])
        moves = np.stack([100 * scales, np.degrees(angles), middles.real, middles.imag])
        np.testing.assert_allclose(np.diff(moves, 2), 0, atol=0.02)
        ways.append(moves[:, -1] - moves[:, 0])
    assert (np.median(np.abs(ways), axis=0) > 3).all()


def test_one_flip_for_a_clip():
    batch = batches_of(dotted.Dots(1, people=1), config_of(4))[0]
    points = dotted.Dots(1, people=1)[0].keypoints[0, :, :2].astype(float)
    across = np.linalg.det(points[1:3] - points[0])
    ways = batch.keypoints[:, :, 0, 1:3, :2] - batch.keypoints[:, :, 0, :1, :2]
    assert (np.linalg.det(ways) * across > 0).all()  # a mirrored person's left wrist is the one that was its right
    wrists = [
        [
            int(np.abs(dotted.COLORS[0] - image[round(float(y)), round(float(x))].astype(int)).max(axis=-1).argmin())
            for image, (x, y) in zip(images, places, strict=True)
        ]
        for images, places in zip(batch.images, batch.keypoints[:, :, 0, 1, :2], strict=True)
    ]
    assert all(len(set(each)) == 1 for each in wrists)
    assert {each[0] for each in wrists} == {1, 2}


def test_every_frame_shows_what_its_joints_say():
    batch = batches_of(dotted.Dots(5, people=2, radius=12), config_of(3))[0]
    for images, frames in zip(batch.images, batch.keypoints, strict=True):
        shown = [people_shown(image, keypoints) for image, keypoints in zip(images, frames, strict=True)]
        for slot in range(2):
            assert len({frame[slot] for frame in shown} - {None}) == 1


def test_placements_of_a_motion():
    rng = np.random.default_rng(0)
    start, end = Placement(10, 20, 180, 180, 0.5, -20, False), Placement(30, 20, 200, 160, 1.5, 40, True)
    path = clips.moving(rng, start, end, ClipConfig(frames=4))
    assert path[0] == start
    assert path[1] == Placement(15, 20, 185, 175, 0.75, -5, False)
    assert len(path) == 4
    assert clips.moving(rng, start, end, ClipConfig(frames=3, motion=False)) == [start] * 3
    further = ClipConfig(frames=2, extra_shift=100.0, extra_rotation=10.0)
    halfway = np.array([clips.moving(rng, start, end, further)[1][2:6] for _ in range(300)])
    middle = np.array([190, 170, 1.0, 10])
    reach = np.array([50, 50, 0, 5])
    assert (abs(halfway - middle) <= reach + 1e-9).all()
    assert (abs(halfway - middle).max(axis=0) >= 0.95 * reach).all()


def test_a_motion_changes_sizes_by_no_more_than_allowed():
    rng, start = np.random.default_rng(0), Placement(0, 0, 0, 0, 0.5, 0, False)
    for drawn, kept in ((1.5, 0.7), (0.1, 0.5 / 1.4), (0.6, 0.6)):
        path = clips.moving(rng, start, start._replace(scale=drawn), ClipConfig(frames=2, zoom=1.4))
        assert path[1].scale == pytest.approx((0.5 + kept) / 2)


def frames_of(source, index, rng=0, **settings):
    chosen = clips.choose_frames(np.random.default_rng(rng), source, index, ClipConfig(**settings))
    return [(example.sequence, example.frame) for example in chosen]


def test_frames_of_videos():
    source = dotted.Dots(40, videos=20)
    gaps = set()
    for seed in range(60):
        chosen = frames_of(source, 10, seed, frames=4, skip=2)
        steps = np.diff([frame for _, frame in chosen])
        assert {sequence for sequence, _ in chosen} == {"video 0"}
        assert len(set(steps.tolist())) == 1
        gaps.add(int(steps[0]))
    assert gaps == {-3, -2, -1, 1, 2, 3}
    forwards = {frames_of(source, 10, seed, frames=4, skip=0, reverse=0.0)[1] for seed in range(20)}
    assert forwards == {("video 0", 11)}


def test_at_a_video_s_end_the_clip_turns_round_or_leaves_out_less():
    source = dotted.Dots(40, videos=20)
    for seed in range(20):
        assert frames_of(source, 20, seed, frames=4, skip=0)[-1] == ("video 1", 3)
        assert frames_of(source, 39, seed, frames=4, skip=0)[-1] == ("video 1", 16)
        chosen = frames_of(source, 3, seed, frames=15, skip=3)
        assert chosen == [("video 0", 3 + i) for i in range(15)]
        assert frames_of(source, 3, seed, frames=19, skip=3) == [("video 0", 3)] * 19
    assert frames_of(dotted.Dots(5), 2, frames=3) == [("2", 0)] * 3


def test_people_of_videos_keep_their_slots():
    source = dotted.Dots(12, videos=12, people=3, radius=12, ids=[70, -1, 4])
    batch = batches_of(source, config_of(3, dataclasses.replace(CALM, people=4)))[0]
    told = set()
    for images, frames, ids in zip(batch.images, batch.keypoints, batch.ids, strict=True):
        assert ((ids == np.arange(4)) | (ids == NO_ID)).all()
        shown = [people_shown(image, keypoints) for image, keypoints in zip(images, frames, strict=True)]
        for slot in range(4):
            people = {frame[slot] for frame, own in zip(shown, ids, strict=True) if own[slot] >= 0} - {None}
            assert len(people) <= 1
            told |= people
        untold = {person for frame, own in zip(shown, ids, strict=True) for person in np.array(frame)[own < 0]}
        assert untold <= {None, 1}
    assert told == {0, 2}


def crop_of(places, ids, size=64):
    """A crop with people of two joints, at and 10 px beside the places."""
    keypoints = np.ones((len(places), 2, 3), np.float32)
    keypoints[:, 0, :2] = np.reshape(places, (-1, 2))
    keypoints[:, 1, :2] = keypoints[:, 0, :2] + 10
    valid = np.ones((size // 8, size // 8), np.uint8)
    return Crop(np.zeros((size, size, 3), np.uint8), keypoints, np.array(ids), valid)


def test_slots():
    crops = [
        crop_of([(5, 5), (20, 20), (500, 20), (40, 40)], [3, NO_ID, 4, 5]),
        crop_of([(42, 40), (30, 30), (31, 31)], [5, 3, NO_ID]),
    ]
    keypoints, ids = clips.settle(crops, 4, 8)
    assert ids.tolist() == [[0, 1, -1, -1], [0, 1, -1, -1]]
    assert keypoints[:, :3, 0, 0].tolist() == [[5, 40, 20], [30, 42, 31]]
    assert not keypoints[:, 3].any()
    assert all((crop.valid == 1).all() for crop in crops)


def test_people_beyond_the_slots_make_their_cells_invalid():
    crops = [crop_of([(0, 0), (40, 40), (20, 4)], [0, 1, 2])]
    keypoints, ids = clips.settle(crops, 1, 8)
    assert ids.tolist() == [[0]]
    assert keypoints[0, 0, 0].tolist() == [0, 0, 1]
    expected = np.ones((8, 8))
    expected[5:7, 5:7] = expected[0:2, 2:4] = 0
    np.testing.assert_array_equal(crops[0].valid, expected)


def test_who_reaches_into_the_crop():
    keypoints = crop_of([(-20, 5), (-17, 5), (-30, -30), (80, 5), (30, 30)], [0] * 5).keypoints
    keypoints[2, 1, :2] = 30  # from one corner into the middle
    keypoints[4, :, 2] = 0
    assert clips.reaches_into(keypoints, 64, 64, 8).tolist() == [False, True, True, False, False]


def test_numbers():
    still = dotted.Dots(3, people=3, ids=[5, 5, -1])
    assert [n.tolist() for n in clips.number([still[1]] * 2)] == [[0, 1, 2], [0, 1, 2]]
    video = [still[0], still[1]._replace(ids=np.array([9, -1, 5]))]
    assert [n.tolist() for n in clips.number(video)] == [[0, 0, -1], [1, -1, 0]]
