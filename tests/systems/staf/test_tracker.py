"""Exact synthetic motion: whoever stays in sight has one id, in every variant and topology."""

import numpy as np
import pytest
import staf_scenes
from staf_scenes import Scene, ids_of, line, scene, track, true_candidates

from jaxpose.records import People
from jaxpose.skeletons import COCO_18
from jaxpose.systems.staf.tracker import PeopleTracker
from jaxpose.systems.staf.tracker_config import TrackerConfig

VARIANTS = ("paper", "released")
B = COCO_18.temporal_links("B")


def crossing() -> Scene:
    """Two people of different heights walk past each other."""
    return scene(22, {1: (line(60, 240, 15), 200), 2: (line(390, 235, -15), 170)})


def still() -> Scene:
    """Two who do not move at all, and one beside them who walks."""
    return scene(8, {1: (line(60, 230), 180), 2: (line(160, 230), 180), 3: (line(260, 230, 10), 150)}, swing=0)


def panning() -> Scene:
    """The camera swings round: everybody moves 24 pixels a frame, and stands."""
    people = {n + 1: (line(20 + 70 * n, 220, 24), 150) for n in range(3)}
    return scene(9, people, swing=0)


def coming_and_going() -> Scene:
    """One leaves the picture to the right, another comes from the left later."""
    return scene(16, {1: (line(300, 230, 20), 160), 2: (line(180, 230, 0), 170), 3: (line(-210, 230, 20), 160)})


SCENES = {"crossing": crossing, "still": still, "panning": panning, "coming and going": coming_and_going}


@pytest.mark.parametrize("topology", ["A", "B", "C"])
@pytest.mark.parametrize("name", SCENES)
def test_everybody_keeps_one_id(name: str, topology: str) -> None:
    frames, links = SCENES[name](), COCO_18.temporal_links(topology)
    candidates = staf_scenes.decode(frames, links)
    for variant in VARIANTS:
        assert_one_id_each(staf_scenes.follow(candidates, links, TrackerConfig(variant=variant)), frames)


def assert_one_id_each(people: list[People], frames: Scene) -> None:
    ids = ids_of(people, frames)
    assert set(ids) == {person for frame in frames for person in frame}
    assert all(len(set(own)) == 1 for own in ids.values()), ids
    assert len({own[0] for own in ids.values()}) == len(ids)
    assert all(len(set(each.ids.tolist())) == each.total for each in people)
    seen = sum((pose[:, 2] > 0).sum() >= 12 for frame in frames for pose in frame.values())
    assert sum(len(own) for own in ids.values()) >= 0.9 * seen


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_short_occlusion_is_bridged_and_a_long_one_is_not(variant: str) -> None:
    frames = scene(
        20,
        {
            1: (
                line(40, 230, 12),
                170,
            ),
            2: (line(300, 230, 2, gone=range(8, 13)), 150),
        },
    )
    ids = ids_of(track(frames, B, TrackerConfig(variant=variant)), frames)
    assert ids[2] == [ids[2][0]] * 15
    ids = ids_of(track(frames, B, TrackerConfig(variant=variant, max_missed=4)), frames)
    assert ids[2] == [ids[2][0]] * 8 + [3] * 7
    assert len(set(ids[1])) == 1


def test_who_comes_back_has_the_old_id_within_the_time_of_re_entry_alone() -> None:
    frames = scene(16, {1: (line(60, 230), 170), 2: (line(300, 230, gone=range(5, 12)), 150)})
    for seconds, expected in ((0.0, 3), (6.0, 3), (8.0, 1)):
        ids = ids_of(track(frames, B, TrackerConfig(max_missed=2, reentry_seconds=seconds)), frames)
        assert ids[2] == [1] * 5 + [expected] * 4
        assert set(ids[1]) == {2}


@pytest.mark.parametrize("variant", VARIANTS)
def test_behind_a_cut_nobody_is_who_they_were(variant: str) -> None:
    frames = still()
    ids = ids_of(track(frames, B, TrackerConfig(variant=variant), cuts=[5]), frames)
    for own in ids.values():
        assert len(set(own[:5])) == 1
        assert len(set(own[5:])) == 1
    assert sorted({i for own in ids.values() for i in own}) == [1, 2, 3, 4, 5, 6]


def test_links_alone_tell_people_apart_where_motion_would_not() -> None:
    """They jump to each other's places: only the temporal fields can know, if motion has no say."""
    a, b = line(100, 230), line(260, 230)
    frames = scene(6, {1: (lambda t: (a if t % 2 else b)(t), 170), 2: (lambda t: (b if t % 2 else a)(t), 170)}, swing=0)
    for variant in VARIANTS:
        ids = ids_of(track(frames, B, TrackerConfig(variant=variant, motion=0)), frames)
        assert all(len(set(own)) == 1 for own in ids.values())
    none = [found._replace(affinity=0 * found.affinity) for found in staf_scenes.decode(frames, B)]
    tracker = PeopleTracker(COCO_18, B, TrackerConfig(birth_hits=1))
    people = [p for t, found in enumerate(none) for p in tracker.push(found, staf_scenes.SAME_SIZE, t, t / 10)]
    assert all(len(set(own)) == 2 for own in ids_of(people, frames).values())  # by place alone they are mixed up


def test_new_people_wait_until_they_have_proved_themselves() -> None:
    frames = scene(8, {1: (line(60, 230, 5), 170), 2: (line(300, 230, gone={*range(3), *range(4, 8)}), 150)})
    people = track(frames, B, TrackerConfig(birth_hits=3))
    assert [each.frame for each in people] == list(range(8))
    assert [each.ids.tolist() for each in people] == [[1]] * 8
    assert track(frames[:0], B, TrackerConfig(birth_hits=3)) == []
    late = scene(5, {1: (line(60, 230, 5), 170), 2: (line(300, 230, gone=range(3)), 150)})
    assert [each.total for each in track(late, B, TrackerConfig(birth_hits=3))] == [1, 1, 1, 2, 2]


def test_too_few_joints_start_nobody_and_keep_an_id_alive() -> None:
    frames = scene(6, {1: (line(100, 230, 5), 170)})
    for frame in frames[2:5]:
        frame[1][5:] = 0  # five joints are left
    settings = {"birth_hits": 1, "max_missed": 0}
    told = [each.ids.tolist() for each in track(frames, B, TrackerConfig(**settings))]
    assert told == [[1], [1], [], [], [], [1]]  # whoever was missed would be somebody else
    assert [each.total for each in track(frames[2:5], B)] == [0, 0, 0]


def test_frames_that_are_left_out_do_not_end_people() -> None:
    """Every fifth frame of a video: nobody is missed, whatever `max_missed` says of frames in between."""
    frames = scene(4, {1: (line(60, 230, 20), 170)})
    tracker = PeopleTracker(COCO_18, B, TrackerConfig(max_missed=0, birth_hits=1))
    people: list[People] = []
    for t, found in enumerate(staf_scenes.decode(frames, B)):
        people += tracker.push(found, staf_scenes.SAME_SIZE, 5 * t, t / 2)
    assert [each.ids.tolist() for each in people] == [[1]] * 4
    with pytest.raises(ValueError, match="in order"):
        tracker.push(found, staf_scenes.SAME_SIZE, 5 * t, t / 2)


def test_ten_thousand_frames_without_drift() -> None:
    """People come, walk, stay or go all the time: ids rise by one and are never reused, and nothing piles up."""
    rng = np.random.default_rng(0)
    tracker = PeopleTracker(COCO_18, B, TrackerConfig(birth_hits=1))
    before: dict[int, np.ndarray] = {}
    own: dict[int, int] = {}
    coming, places = 0, {}
    most = 0
    for t in range(10_000):
        for person in [p for p in places if rng.random() < 0.01]:
            del places[person]
        if len(places) < 3 and rng.random() < 0.3:
            coming += 1
            column = next(c for c in range(40, 400, 120) if all(abs(c - x) > 60 for x, _ in places.values()))
            places[coming] = (float(column), 230.0 + rng.uniform(-5, 5))
        now = {p: staf_scenes.pose(place, 170, 0.3 * t + p) for p, place in places.items()}
        now = {p: now[p] for p in rng.permutation(list(now))} if now else {}
        (people,) = tracker.push(true_candidates(before, now, B), staf_scenes.SAME_SIZE, t, t / 25)
        assert people.total == len(now)
        for person, pose in now.items():
            row = np.abs(people.keypoints - pose).max((1, 2)).argmin()
            assert own.setdefault(person, int(people.ids[row])) == people.ids[row]
        before = now
        most = max(most, len(tracker._tracks.ids))
    assert coming > 200
    assert max(own.values()) <= coming
    assert most < 10
