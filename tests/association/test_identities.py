"""The baseline tracker of ids on small scenes whose truth is known."""

import dataclasses

import numpy as np
import pytest

from jaxpose.association.config import IdentityConfig
from jaxpose.association.identities import IdentityTracker
from jaxpose.records import NO_ID, make_people
from jaxpose.skeletons import COCO_17, COCO_18

STANDING = np.zeros((17, 2))  # COCO_17, 100 pixels tall, around (0, 0)
for _name, _x, _y in (
    ("nose", 0, -45), ("eye", 3, -48), ("ear", 6, -46), ("shoulder", 12, -32), ("elbow", 16, -12), ("wrist", 17, 6),
    ("hip", 8, 8), ("knee", 9, 30), ("ankle", 9, 52),
):  # fmt: skip
    for _side, _sign in (("", 0), ("left_", 1), ("right_", -1)):
        if _side + _name in COCO_17.joints:
            STANDING[COCO_17.index(_side + _name)] = (_sign * _x, _y)


def person(x, y=200.0, *, tall=100.0, score=0.8, joints=17):
    """A pose with its middle at (x, y); only the last `joints` joints are there."""
    pose = np.concatenate([STANDING * tall / 100 + (x, y), np.full((17, 1), score)], axis=1)
    pose[: 17 - joints] = 0
    return pose


def frame_of(poses, index):
    """People of one frame with their places in the list as scores, by which the tests know them again."""
    poses = np.array(poses, np.float32).reshape(-1, 17, 3)
    return make_people(poses, np.arange(len(poses)) / 100, frame=index, time=index / 10)


def run(scene, config=None, indices=None):
    """All results of a scene, a list of poses for each frame."""
    tracker = IdentityTracker(COCO_17, config)
    indices = range(len(scene)) if indices is None else indices
    done = [people for poses, i in zip(scene, indices, strict=True) for people in tracker.push(frame_of(poses, i))]
    return done + tracker.flush()


def ids(done):
    """For each frame which id the person at each place of the list got."""
    return [{round(100 * float(s)): int(i) for s, i in zip(p.scores, p.ids, strict=True)} for p in done]


def noisy(scene, seed=0, by=1.0):
    rng = np.random.default_rng(seed)
    for poses in scene:
        for pose in poses:
            pose[:, :2] += rng.normal(0, by, (17, 2))
    return scene


def crossing(frames=60):
    """Two people who walk past each other, the one a little behind the other."""
    return noisy([[person(100 + 4 * t, 200), person(340 - 4 * t, 240, tall=120)] for t in range(frames)])


@pytest.mark.parametrize("matching", ["hungarian", "greedy"])
def test_crossing_people_keep_their_ids(matching):
    done = ids(run(crossing(), IdentityConfig(matching=matching)))
    assert sorted(done[0].values()) == [1, 2]
    assert all(one == done[0] for one in done)


def test_crossing_with_full_occlusion():
    scene = crossing()
    for poses in scene[26:36]:
        poses[1] = np.zeros((17, 3))  # nothing of the hidden one is found
    done = ids(run(scene))
    assert len({one[0] for one in done}) == 1
    assert {one[1] for one in done[:26] + done[36:]} == {3 - done[0][0]}
    assert not any(1 in one for one in done[26:36])


def test_still_people_keep_their_ids():
    done = ids(run(noisy([[person(100), person(150), person(400)] for _ in range(40)], by=2)))
    assert sorted(done[0].values()) == [1, 2, 3]
    assert all(one == done[0] for one in done)


def test_leaving_and_entering_gives_a_new_id():
    config = IdentityConfig(max_missed=10)
    scene = [[person(100)]] * 10 + [[]] * 20 + [[person(100)]] * 10 + [[]] * 20 + [[person(100), person(400)]] * 10
    done = ids(run(scene, config))
    assert done[:10] == [{0: 1}] * 10
    assert done[30:40] == [{0: 2}] * 10
    assert sorted(done[60].values()) == [3, 4]
    assert all(one == done[60] for one in done[60:])
    assert not any(done[10:30])
    assert not any(done[40:60])


@pytest.mark.parametrize("missed", [1, 7, 20])
def test_a_missed_walker_keeps_the_id(missed):
    scene = [[person(100 + 5 * t)] for t in range(70)]
    for t in range(30, 30 + missed):
        scene[t] = []
    done = ids(run(noisy(scene)))
    assert [one for one in done if one] == [{0: 1}] * (70 - missed)


def test_a_walker_missed_soon_keeps_the_id():
    """Three sights are enough for a velocity: with the settled filter's gain it would be far too low."""
    scene = [[person(100 + 10 * t)] for t in range(3)] + [[]] * 14 + [[person(100 + 10 * t)] for t in range(17, 24)]
    assert [one for one in ids(run(scene)) if one] == [{0: 1}] * 10


@pytest.mark.parametrize(("growth", "same"), [(0.0, False), (0.05, True)])
def test_after_a_long_miss_more_distance_is_forgiven(growth, same):
    config = IdentityConfig(blur_growth=growth, max_missed=60)
    scene = [[person(100)]] * 10 + [[]] * 40 + [[person(155)]] * 5
    assert ids(run(scene, config))[-1] == ({0: 1} if same else {0: 2})


@pytest.mark.parametrize(("missed", "same"), [(9, True), (10, False)])
def test_death_after_max_missed_frames(missed, same):
    scene = [[person(100)]] * 5 + [[]] * missed + [[person(100)]] * 5
    done = ids(run(scene, IdentityConfig(max_missed=9)))
    assert done[-1] == ({0: 1} if same else {0: 2})


def test_short_detections_get_no_id_and_use_none_up():
    scene = [[person(100)] + [person(300 + 5 * t)] * (t in (3, 4, 10)) for t in range(15)]
    scene += [[person(100), person(500)] for _ in range(15)]
    done = ids(run(scene))
    assert done[:15] == [{0: 1}] * 15
    assert done[15:] == [{0: 1, 1: 2}] * 15


def test_first_sights_carry_the_id():
    assert ids(run([[person(100)]] * 5))[0] == {0: 1}


@pytest.mark.parametrize("weak", [{"score": 0.3}, {"joints": 5}])
def test_weak_people_keep_tracks_alive_but_start_none_and_are_not_shown(weak):
    assert not any(ids(run([[person(100, **weak)]] * 10 + [[person(100)]] * 2 + [[]])))  # two sights are no birth
    config = IdentityConfig(max_missed=5)
    walk = [person(100 + 5 * t, **(weak if 10 <= t < 30 else {})) for t in range(40)]
    done = ids(run([[pose] for pose in walk], config))
    assert done == [{0: 1}] * 10 + [{}] * 20 + [{0: 1}] * 10
    unseen = ids(run([[pose] if not 10 <= t < 30 else [] for t, pose in enumerate(walk)], config))
    assert unseen[30:] == [{0: 2}] * 10


def test_weak_people_take_no_track_from_strong_ones():
    weak = person(100, score=0.3)
    done = ids(run([[person(100)]] * 5 + [[weak, person(130)]] * 5))
    assert done[5:] == [{1: 1}] * 5


@pytest.mark.parametrize("hopeless", [person(100, joints=3), person(100, score=0.1), np.zeros((17, 3))])
def test_people_of_few_joints_or_no_score_keep_no_track_alive(hopeless):
    scene = [[person(100)]] * 5 + [[hopeless]] * 6 + [[person(100)]] * 5
    assert ids(run(scene, IdentityConfig(max_missed=5))) == [{0: 1}] * 5 + [{}] * 6 + [{0: 2}] * 5


def test_duplicates_are_left_out():
    twin = person(102, score=0.6)
    assert ids(run([[twin, person(100)]] * 6)) == [{1: 1}] * 6


@pytest.mark.parametrize("scene", [[], [[]], [[]] * 20])
def test_nobody(scene):
    done = run(scene)
    assert [people.frame for people in done] == list(range(len(scene)))
    assert all(people.keypoints.shape == (0, 17, 3) and people.ids.dtype == np.int64 for people in done)


def test_one_frame():
    assert ids(run([[person(100), person(300)]])) == [{0: 1, 1: 2}]
    assert sorted(ids(run([[person(100), person(300)]], IdentityConfig(birth_hits=1)))[0].values()) == [1, 2]


def test_many_people():
    places = [(80 * i, 150 * j) for i in range(15) for j in range(6)]
    scene = noisy([[person(x + 2 * t, y) for x, y in places] for t in range(12)])
    done = ids(run(scene))
    assert sorted(done[0].values()) == list(range(1, 91))
    assert all(one == done[0] for one in done)


@pytest.mark.parametrize("birth_hits", [1, 2, 3, 5])
def test_every_frame_once_in_order_and_at_most_delay_late(birth_hits):
    tracker = IdentityTracker(COCO_17, IdentityConfig(birth_hits=birth_hits))
    assert tracker.delay == birth_hits - 1
    done = []
    for index, poses in enumerate(crossing(20)):
        done += tracker.push(frame_of(poses, index))
        assert len(done) >= index + 1 - tracker.delay
    done += tracker.flush()
    assert [people.frame for people in done] == list(range(20))
    assert [people.time for people in done] == [index / 10 for index in range(20)]
    assert tracker.flush() == []


def same(a, b):
    return len(a) == len(b) and all(
        np.array_equal(p, q) for x, y in zip(a, b, strict=True) for p, q in zip(x, y, strict=True)
    )


@pytest.mark.parametrize("end", ["reset", "flush"])
def test_reset_and_flush_make_it_as_new(end):
    tracker = IdentityTracker(COCO_17)
    results = []
    for _ in range(2):
        results.append([p for i, poses in enumerate(crossing(30)) for p in tracker.push(frame_of(poses, i))])
        getattr(tracker, end)()
    assert same(*results)
    assert results[0][-1].total == 2


def test_only_the_ids_are_changed():
    scene = crossing(10)
    for index, people in enumerate(run(scene)):
        given = frame_of(scene[index], index)
        np.testing.assert_array_equal(people.keypoints, given.keypoints)
        np.testing.assert_array_equal(people.boxes, given.boxes)
        assert (given.ids == NO_ID).all()


def crowd():
    """Six walkers who cross, are missed at random and have twins now and then."""
    rng = np.random.default_rng(5)
    starts, speeds = rng.uniform((0, 100), (500, 300), (6, 2)), rng.uniform((-6, -1), (6, 1), (6, 2))
    scene = []
    for t in range(50):
        places = starts + t * speeds
        poses = [person(*place, tall=90 + 5 * n, score=0.6 + 0.05 * n) for n, place in enumerate(places)]
        poses = [pose for pose in poses if rng.random() > 0.1]
        if rng.random() < 0.2:
            poses.append(poses[0] - (3, 0, 0.2))
        scene.append(poses)
    return noisy(scene, seed=6)


def by_place(done):
    """Frame and place of the first ankle there -> id, whatever the order of people."""
    ankle = COCO_17.index("left_ankle")
    return {
        (people.frame, *map(float, pose[ankle, :2])): int(i)
        for people in done
        for pose, i in zip(people.keypoints, people.ids, strict=True)
    }


def test_order_of_people_does_not_matter():
    scene, rng = crowd(), np.random.default_rng(7)
    shuffled = [[poses[i] for i in rng.permutation(len(poses))] for poses in scene]
    expected = by_place(run(scene))
    assert len(expected) > 200
    assert by_place(run(shuffled)) == expected


def test_mirrored_people_get_the_same_ids():
    scene = crowd()
    mirrored = [[pose[list(COCO_17.flip)] * (-1, 1, 1) + (512, 0, 0) for pose in poses] for poses in scene]
    assert ids(run(mirrored)) == ids(run(scene))


def test_left_out_frames_do_not_bend_the_motion():
    indices = [t for t in range(60) if t % 7 not in (3, 4, 5)]
    scene = crossing(60)
    done = run([scene[t] for t in indices], indices=indices)
    assert [people.frame for people in done] == indices
    assert all(one == ids(done)[0] for one in ids(done))


def test_ids_are_never_used_twice_and_dead_tracks_are_forgotten():
    """Walkers come and go for long; each is there for 12 frames."""
    tracker = IdentityTracker(COCO_17, IdentityConfig(max_missed=5))
    seen: dict[int, list[int]] = {}
    most = 0
    for t in range(1200):
        poses = [
            person(100 + 150 * (start // 20 % 7) + 2 * (t - start), 200)
            for start in range(0, t + 1, 20)
            if t < start + 12
        ]
        for people in tracker.push(frame_of(poses, t)):
            for i in people.ids:
                seen.setdefault(int(i), []).append(people.frame)
        most = max(most, len(tracker._tracks.ids) + len(tracker._waiting))
    assert sorted(seen) == list(range(1, 61))
    assert all(frames == list(range(20 * i - 20, 20 * i - 8)) for i, frames in seen.items())
    assert most <= 5


def test_other_skeletons():
    tracker = IdentityTracker(COCO_18)
    poses = np.concatenate([np.random.default_rng(0).uniform(0, 80, (1, 18, 2)), np.ones((1, 18, 1))], axis=2)
    for index in range(3):
        done = tracker.push(make_people(poses, np.ones(1), frame=index))
    assert done[0].ids.tolist() == [1]


def test_wrong_calls():
    tracker = IdentityTracker(COCO_17)
    tracker.push(frame_of([], 4))
    with pytest.raises(ValueError, match="got frame 4 after 4"):
        tracker.push(frame_of([], 4))
    with pytest.raises(ValueError, match=r"\[p, 17, 3\] for coco_17, got \(1, 18, 3\)"):
        tracker.push(make_people(np.zeros((1, 18, 3)), np.zeros(1), frame=5))
    tracker.reset()
    assert tracker.push(frame_of([], 0)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("birth_hits", 0), ("max_missed", -1), ("min_similarity", 0), ("velocity_gain", 1.5), ("matching", "best")],
)
def test_wrong_settings(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        dataclasses.replace(IdentityConfig(), **{name: value})


@pytest.mark.parametrize("frames", [1, 2])
def test_a_video_shorter_than_the_proof_still_has_people(frames):
    done = run([[person(100), person(300)]] * frames)
    assert [sorted(people.ids.tolist()) for people in done] == [[1, 2]] * frames
