"""PoseTrack's files: which joints, people and frames they tell of, and one clear line for whatever is malformed."""

import gzip
import json

import numpy as np
import oracles
import pytest
from hypothesis import given
from spoiled import spoiled

from jaxpose.errors import FormatError
from jaxpose.formats import posetrack
from jaxpose.records import NO_ID
from jaxpose.skeletons import POSETRACK_15, POSETRACK_17

NAMES_18 = list(POSETRACK_17.joints)


def person_18(image=11, **more):
    keypoints = [value for joint in range(17) for value in (10 + joint, 20 + joint, 1)]
    return {"image_id": image, "category_id": 1, "track_id": 3, "keypoints": keypoints, **more}


def file_18(*people, images=({"id": 11, "file_name": "v/1.jpg"}, {"id": 12, "file_name": "v/2.jpg"}), **more):
    return {"images": list(images), "annotations": list(people), **more}


def point(joint, x=1.5, y=2.5, **more):
    return {"id": [joint], "x": [x], "y": [y], **more}


def person_17(*points, track=3, **more):
    return {"track_id": [track], "annopoints": [{"point": list(points)}], **more}


def file_17(*frames, **more):
    return {
        "annolist": [
            {"image": [{"name": f"v/{number}.jpg"}], "annorect": list(people), **more}
            for number, people in enumerate(frames)
        ]
    }


@pytest.fixture
def read(tmp_path):
    def read(tree):
        path = tmp_path / "poses.json"
        path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
        return posetrack.read_poses(path)

    return read


# -- 2018 --------------------------------------------------------------------------------------------------------------


def test_2018_all_that_a_file_tells(read):
    scores = [joint / 20 for joint in range(17)]
    more = {"bbox": [1, 2, 3, 4], "bbox_head": [5.25, 6, 7, 8], "scores": scores, "score": 0.5, "area": 9}
    found = read(file_18(person_18(12, track_id=4), person_18(12, **more), person_18(11, bbox_head=[])))
    assert found.skeleton == POSETRACK_17
    assert found.names == ("v/1.jpg", "v/2.jpg")
    assert (found.numbers.tolist(), found.offsets.tolist(), found.frame.tolist()) == ([0, 1], [0, 1, 3], [0, 1, 1])
    assert found.ids.tolist() == [3, 4, 3]  # within a frame in the file's order
    assert found.xy[2, 16].tolist() == [26, 36]
    assert found.there.all()
    assert found.posed.all()
    assert not found.crowd.any()
    assert found.heads[2].tolist() == [5.25, 6, 7, 8]
    assert found.boxes[2].tolist() == [1, 2, 3, 4]
    assert (found.scores[2], found.areas[2]) == (0.5, 9)
    assert found.joint_scores[2].tolist() == scores
    for untold in (found.heads[:2], found.boxes[:2], found.scores[:2], found.areas[:2], found.joint_scores[:2]):
        assert np.isnan(untold).all()


def test_2018_only_three_zeros_make_a_joint_absent(read):
    keypoints = person_18()["keypoints"]
    keypoints[:15] = [0, 0, 0, 0, 0, 1, -3, 0, 0, 0, 7, 0, 5, 6, 0]
    found = read(file_18(person_18(keypoints=keypoints), person_18(keypoints=[0] * 51)))
    assert found.there[0].tolist() == [False] + [True] * 16
    assert not found.there[1].any()
    assert found.posed[1]  # a person without joints stays a person


def test_2018_frames_are_numbered_by_index_or_place(read):
    images = [{"id": 11, "frame_index": 7}, {"id": 12, "frame_index": 2}]
    found = read(file_18(person_18(11, track_id=1), person_18(12, track_id=2), images=images))
    assert (found.names, found.numbers.tolist(), found.ids.tolist()) == (None, [2, 7], [2, 1])
    found = read(file_18(person_18(11, track_id=1), person_18(12, track_id=2), images=[images[0], {"id": 12}]))
    assert (found.numbers.tolist(), found.ids.tolist()) == ([0, 1], [1, 2])
    backwards = [{"id": 12, "file_name": "b"}, {"id": 11, "file_name": "a"}]
    assert read(file_18(person_18(11), images=backwards)).frame.tolist() == [1]


def test_2018_labels_and_regions(read):
    images = [
        {"id": 1, "is_labeled": False},
        {"id": 2, "ignore_regions_x": [], "ignore_regions_y": []},
        {"id": 3, "ignore_regions_x": [[0, 9, 9], [1, 2]], "ignore_regions_y": [[0, 0, 9.5], [3, 4]]},
        {"id": 4, "ignore_regions_x": [0, 9, 9], "ignore_regions_y": [0, 0, 9.5]},
    ]
    found = read(file_18(images=images))
    assert found.labelled.tolist() == [False, True, True, True]
    corners = [[0, 0], [9, 0], [9, 9.5]]
    told = [[polygon.tolist() for polygon in polygons] for polygons in found.regions]
    assert told == [[], [], [corners, [[1, 3], [2, 4]]], [corners]]
    assert (found.xy.shape, found.offsets.tolist()) == ((0, 17, 2), [0] * 5)


def test_2018_the_category_tells_the_order_of_joints(read):
    category = {"id": 1, "name": "person", "keypoints": NAMES_18[::-1]}
    found = read(file_18(person_18(), categories=[category])).as_skeleton(POSETRACK_17)
    plain = read(file_18(person_18()))
    np.testing.assert_array_equal(found.xy[:, ::-1], plain.xy)
    spaced = [name.replace("_", " ").title() for name in NAMES_18]
    assert read(file_18(person_18(), categories=[{**category, "keypoints": spaced}])).skeleton == POSETRACK_17
    fewer = {**category, "keypoints": list(POSETRACK_15.joints)}
    found = read(file_18(person_18(keypoints=list(range(45))), categories=[fewer]))
    assert found.skeleton == POSETRACK_15
    with pytest.raises(FormatError, match=r"categories: 'tail' is none of the .* joints of jaxpose\.skeletons; rename"):
        read(file_18(person_18(), categories=[{**category, "keypoints": [*NAMES_18[:16], "tail"]}]))


def test_2018_only_people_are_read(read):
    categories = [{"id": 7, "name": "person", "keypoints": NAMES_18}, {"id": 1, "name": "dog"}]
    assert len(read(file_18(person_18(), person_18(category_id=7), categories=categories)).ids) == 1


def test_2018_crowds_are_told_by_number_or_truth(read):
    people = [person_18(iscrowd=told) for told in (0, 1, False, True)]
    assert read(file_18(person_18(), *people)).crowd.tolist() == [False, False, True, False, True]


def test_packed_by_gzip(read, tmp_path):
    plain = read(file_18(person_18()))
    path = tmp_path / "poses.json.gz"
    packed = gzip.compress(json.dumps(file_18(person_18())).encode())
    path.write_bytes(packed)
    np.testing.assert_array_equal(posetrack.read_poses(path).xy, plain.xy)
    for damaged in (packed[:-20], packed[:30] + b"\x00\x00" + packed[32:], packed[:3]):
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match=r"poses\.json\.gz: a damaged gzip file"):
            posetrack.read_poses(path)


# -- 2017 --------------------------------------------------------------------------------------------------------------


def test_2017_all_that_a_file_tells(read):
    head = {"x1": [10], "y1": [20], "x2": [13.5], "y2": [24]}
    full = person_17(point(14, 3, 4, score=[0.25], is_visible=[0]), point(0), track=5, score=[0.5], **head)
    found = read(file_17([full, person_17(point(3, 0, 0))], [], is_labeled=[1]))
    assert found.skeleton == POSETRACK_15
    assert (found.names, found.numbers.tolist(), found.offsets.tolist()) == (("v/0.jpg", "v/1.jpg"), [0, 1], [0, 2, 2])
    assert found.ids.tolist() == [5, 3]
    assert np.flatnonzero(found.there[0]).tolist() == [0, 14]
    assert np.flatnonzero(found.there[1]).tolist() == [3]  # listed, so it is there, wherever it is
    assert found.xy[0, [0, 14]].tolist() == [[1.5, 2.5], [3, 4]]
    assert found.joint_scores[0, 14] == 0.25
    assert np.isnan(found.joint_scores).sum() == 29
    assert found.heads[0].tolist() == [10, 20, 3.5, 4]
    assert np.isnan(found.heads[1]).all()
    assert found.scores[0] == 0.5
    assert np.isnan(found.scores[1])
    assert found.labelled.all()


def test_2017_of_a_joint_given_twice_the_first_counts(read):
    found = read(file_17([person_17(point(4, 1, 1, score=[0.5]), point(4, 9, 9, score=[0.75]), point(4, 7, 7))]))
    assert found.xy[0, 4].tolist() == [1, 1]
    assert found.joint_scores[0, 4] == 0.5


def test_2017_people_without_a_list_of_points(read):
    bare = {"track_id": [1]}
    people = [bare, {**bare, "annopoints": []}, {**bare, "annopoints": [{}]}, person_17(), person_17(point(1))]
    found = read(file_17(people))
    assert found.posed.tolist() == [False, False, False, True, True]
    assert found.there.sum(-1).tolist() == [0, 0, 0, 0, 1]


def test_2017_labels_and_regions(read):
    tree = file_17([], [], [], [])
    corners = [{"x": [0], "y": [0]}, {"x": [9], "y": [0]}, {"x": [9], "y": [9.5]}]
    lists = [{"x": [0, 9, 9], "y": [0, 0, 9.5]}]
    tree["annolist"][0] |= {"is_labeled": [0], "ignore_regions": []}
    tree["annolist"][1] |= {"is_labeled": [1], "ignore_regions": [{"point": corners}, {"point": []}]}
    tree["annolist"][2] |= {"ignore_regions": [{"point": lists}]}
    del tree["annolist"][3]["annorect"]
    found = read(tree)
    assert found.labelled.tolist() == [False, True, True, True]
    polygon = [[0, 0], [9, 0], [9, 9.5]]
    told = [[polygon.tolist() for polygon in polygons] for polygons in found.regions]
    assert told == [[], [polygon, []], [polygon], []]
    del tree["annolist"][0]["image"]
    with pytest.raises(FormatError, match=r"annolist\[0\]: `image` is missing"):
        read(tree)
    assert read({"annolist": [{"annorect": []}]}).names is None


# -- against the cases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", oracles.CASES)
def test_the_cases_tell_what_a_plain_loop_finds(case, request):
    for paths in oracles.sequences(oracles.folder(case, request)).values():
        for path in paths:
            tree, found = json.loads(path.read_text()), posetrack.read_poses(path)
            plain = plain_2017(tree) if "annolist" in tree else plain_2018(tree)
            for person, (frame, track, joints) in enumerate(plain):
                assert (found.frame[person], found.ids[person]) == (frame, track)
                there = {joint: tuple(found.xy[person, joint]) for joint in np.flatnonzero(found.there[person])}
                assert there == joints
            assert len(found.ids) == len(plain)
            assert len(found.numbers) == len(tree.get("annolist", tree.get("images")))


def plain_2018(tree):
    """Frame, id and joints of each person."""
    people = []
    for frame, image in enumerate(tree["images"]):
        for entry in tree["annotations"]:
            if entry["image_id"] == image["id"]:
                triples = [entry["keypoints"][3 * joint : 3 * joint + 3] for joint in range(17)]
                joints = {j: (x, y) for j, (x, y, v) in enumerate(triples) if (x, y, v) != (0, 0, 0)}
                people.append((frame, entry["track_id"], joints))
    return people


def plain_2017(tree):
    """Frame, id and joints of each person."""
    people = []
    for frame, told in enumerate(tree["annolist"]):
        for rect in told["annorect"]:
            joints = {}
            for found in (rect.get("annopoints") or [{}])[0].get("point", []):
                joints.setdefault(found["id"][0], (found["x"][0], found["y"][0]))
            people.append((frame, rect["track_id"][0], joints))
    return people


# -- bad input ---------------------------------------------------------------------------------------------------------


def spoilt(keypoint):
    return [*person_18()["keypoints"][:6], keypoint, *person_18()["keypoints"][7:]]


PERSON = r"annotations\[1\], frame v/2\.jpg, person 8"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"keypoints": spoilt(float("nan"))},
            PERSON + r": `keypoints\[6\]` must be finite and within ±1e\+06, got nan",
        ),
        ({"keypoints": spoilt(float("inf"))}, PERSON + r": `keypoints\[6\]` must be finite .* got inf"),
        ({"keypoints": spoilt(10**400)}, PERSON + r": `keypoints\[6\]` must be a number, got 1000"),
        ({"keypoints": spoilt("4")}, PERSON + r": `keypoints\[6\]` must be a number, got '4'"),
        ({"keypoints": spoilt(None)}, PERSON + r": `keypoints\[6\]` must be a number, got None"),
        ({"keypoints": spoilt(True)}, PERSON + r": `keypoints\[6\]` must be a number, got True"),
        ({"keypoints": spoilt([])}, PERSON + r": `keypoints\[6\]` must be a number, got \[\]"),
        ({"keypoints": [1, 2, 3]}, PERSON + r": `keypoints` must be a list of 51 numbers, got 3 in \[1, 2, 3\]"),
        ({"keypoints": []}, PERSON + r": `keypoints` must be a list of 51 numbers, got 0 in \[\]"),
        ({"keypoints": {}}, PERSON + r": `keypoints` must be a list of 51 numbers, got {}"),
        ({"keypoints": None}, PERSON + ": `keypoints` is missing"),
        ({"scores": [1.0] * 15}, PERSON + ": `scores` must be a list of 17 numbers, got 15 in"),
        ({"scores": [float("nan")] * 17}, PERSON + r": `scores\[0\]` must be finite .* got nan"),
        ({"score": float("nan")}, PERSON + r": `score\[0\]` must be finite .* got nan"),
        ({"score": "high"}, PERSON + r": `score\[0\]` must be a number, got 'high'"),
        ({"bbox_head": [1, 2, 3]}, PERSON + r": `bbox_head` must be a list of 4 numbers, got 3 in \[1, 2, 3\]"),
        ({"bbox": 7}, PERSON + ": `bbox` must be a list of 4 numbers, got 7"),
        ({"iscrowd": "no"}, PERSON + ": `iscrowd` must be a number, got 'no'"),
        ({"image_id": 13}, r"annotations\[1\]: `image_id` must be the id of one of the 2 `images`, got 13"),
        ({"image_id": [12]}, r"annotations\[1\]: `image_id` must be a number, got \[12\]"),
    ],
)
def test_a_malformed_person_of_2018_is_named(read, more, told):
    with pytest.raises(FormatError, match=rf"poses\.json, {told}") as raised:
        read(file_18(person_18(), person_18(12, track_id=8) | more))
    assert "\n" not in str(raised.value)


def test_a_malformed_id_is_named(read):
    with pytest.raises(FormatError, match=r"frame v/1\.jpg, person 'a': `track_id` must be a number, got 'a'"):
        read(file_18(person_18(track_id="a")))
    with pytest.raises(FormatError, match=r"frame v/1\.jpg, person -2: `track_id` must be a whole number from -1"):
        read(file_18(person_18(track_id=-2)))
    untracked = person_18(keypoints=[])
    del untracked["track_id"]
    with pytest.raises(FormatError, match=r"annotations\[0\], frame v/1\.jpg, person without id: `keypoints`"):
        read(file_18(untracked))
    assert read(file_18({**untracked, "keypoints": [0] * 51})).ids.tolist() == [NO_ID]


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ({"is_labeled": "yes"}, r"frame v/2\.jpg: `is_labeled` must be true or false, got 'yes'"),
        ({"is_labeled": 2}, r"frame v/2\.jpg: `is_labeled` must be true or false, got 2"),
        ({"ignore_regions_x": [[1, 2, 3]]}, r"frame v/2\.jpg: .* must have as many polygons and corners each"),
        ({"ignore_regions_x": [[1, 2]], "ignore_regions_y": [[1]]}, r"frame v/2\.jpg: .* must have as many polygons"),
        ({"ignore_regions_x": [["a"]], "ignore_regions_y": [[1]]}, "`ignore_regions_x` must be a number, got 'a'"),
        ({"ignore_regions_x": [1, [2]], "ignore_regions_y": [1, [2]]}, "`ignore_regions_x` must be a list, got 1"),
        ({"ignore_regions_x": None}, "`ignore_regions_x` must be a list, got None"),
        ({"file_name": 2}, "`file_name` must be a line of text, got 2"),
        ({"file_name": "a\nb"}, r"`file_name` must be a line of text, got 'a\\nb'"),
        ({"id": "2"}, r"images\[1\]: `id` must be a number, got '2'"),
        ({"id": 11}, r"images\[1\]: `id` must be another one for each image, got 11 again"),
    ],
)
def test_a_malformed_image_is_named(read, image, told):
    images = [{"id": 11, "file_name": "v/1.jpg"}, {"id": 12, "file_name": "v/2.jpg"} | image]
    with pytest.raises(FormatError, match=rf"poses\.json, .*{told}") as raised:
        read(file_18(images=images))
    assert "\n" not in str(raised.value)


def test_an_image_without_its_name(read):
    with pytest.raises(FormatError, match=r"poses\.json, image 12: `file_name` is missing"):
        read(file_18(images=[{"id": 11, "file_name": "v/1.jpg"}, {"id": 12}]))


@pytest.mark.parametrize(
    ("person", "told"),
    [
        (7, r"annorect\[1\]: must be an object, got 7"),
        (person_17(point(15)), r"annorect\[1\], person 3, point\[0\]: `id` must be a joint's, 0 to 14, got 15"),
        (
            person_17(point(1), point(-1)),
            r"annorect\[1\], person 3, point\[1\]: `id` must be a whole number from 0",
        ),
        (person_17(point(1, float("nan"))), r"point\[0\]: `x\[0\]` must be finite and within ±1e\+06, got nan"),
        (person_17({"id": [1], "x": [1]}), r"point\[0\]: `y` is missing"),
        (person_17({"id": 1, "x": 1, "y": 2}), r"point\[0\]: `x` must be a list of 1 numbers, got 1"),
        (person_17({"id": [1, 2], "x": [1], "y": [1]}), r"point\[0\]: `id` must be a number, got \[1, 2\]"),
        (person_17({"x": [1], "y": [1]}), r"annorect\[1\]: `id` is missing"),
        (person_17(point(1, score=["a"])), r"point\[0\]: `score\[0\]` must be a number, got 'a'"),
        (person_17(point(1), score=[float("inf")]), r"person 3: `score\[0\]` must be finite"),
        (person_17(point(1), x1=["a"]), r"person 3: `x1\[0\]` must be a number, got 'a'"),
        (person_17(point(1), track="a"), r"person 'a': `track_id` must be a number, got 'a'"),
        ({"annopoints": [{}, {}]}, r"annorect\[1\]: `annopoints` must hold one list of points, got 2"),
        ({"annopoints": 3}, r"annorect\[1\]: `annopoints` must be a list, got 3"),
        ({"annopoints": [3]}, r"annorect\[1\]: must be an object, got 3"),
        ({"annopoints": [{"point": 3}]}, r"annorect\[1\]: `point` must be a list, got 3"),
        (person_17(3), r"annorect\[1\]: must be an object, got 3"),
    ],
)
def test_a_malformed_person_of_2017_is_named(read, person, told):
    with pytest.raises(FormatError, match=rf"poses\.json, frame v/1\.jpg, .*{told}") as raised:
        read(file_17([person_17(point(2))], [person_17(point(2)), person]))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ({"is_labeled": 1}, r"frame v/0\.jpg: `is_labeled` must be \[0\] or \[1\], got 1"),
        ({"ignore_regions": [{"point": [{"x": [1]}]}]}, r"frame v/0\.jpg: `y` is missing"),
        ({"ignore_regions": [{"point": [{"x": [1, 2], "y": [1]}]}]}, "must have as many x as y, got 2 and 1"),
        ({"annorect": {}}, r"frame v/0\.jpg: `annorect` must be a list, got {}"),
        ({"image": "a.jpg"}, r"annolist\[0\]: `image` must be a list, got 'a\.jpg'"),
        ({"image": [{"name": 3}]}, r"annolist\[0\]: `name` must be a line of text, got 3"),
        ({"image": []}, r"annolist\[0\]: `image` must hold one picture's `name`, got \[\]"),
    ],
)
def test_a_malformed_frame_of_2017_is_named(read, frame, told):
    tree = file_17([])
    tree["annolist"][0] |= frame
    with pytest.raises(FormatError, match=rf"poses\.json, .*{told}") as raised:
        read(tree)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (json.dumps(file_18(person_18()))[:-9], "poses.json: not JSON"),
        ("", "poses.json: not JSON"),
        ("[1, 2]", r"poses.json: must be an object with the lists .* got \[1, 2\]"),
        ({"annolist": {}}, r"must be an object with the lists .* got an object of \['annolist'\]"),
        ({"annolist": [3]}, r"annolist\[0\]: must be an object, got 3"),
    ],
)
def test_a_malformed_file_is_named(read, tree, told):
    with pytest.raises(FormatError, match=told) as raised:
        read(tree)
    assert "\n" not in str(raised.value)


IMAGE_18 = {"id": 1, "file_name": "a", "is_labeled": True, "ignore_regions_x": [[1]], "ignore_regions_y": [[2]]}
CATEGORIES = [{"id": 1, "name": "person", "keypoints": ["nose", "neck"]}]
SMALL_18 = file_18(
    person_18(1, keypoints=[1, 2, 1, 3, 4, 1], scores=[0.5, 0.5], score=0.5, bbox_head=[1, 2, 3, 4], bbox=[1, 2, 3, 4]),
    person_18(2, keypoints=[0, 0, 0, 3, 4, 1], iscrowd=0, area=4.5),
    images=[{**IMAGE_18, "frame_index": 0}, {**IMAGE_18, "id": 2, "frame_index": 1}],
    categories=CATEGORIES,
)
SMALL_17 = file_17(
    [person_17(point(1, score=[0.5]), point(2), score=[1], x1=[1], y1=[1], x2=[2], y2=[3])],
    [{"annopoints": [{}], "track_id": [4]}],
    is_labeled=[1],
    ignore_regions=[{"point": [{"x": [1], "y": [2]}]}],
)


@given(spoiled(SMALL_18) | spoiled(SMALL_17))
def test_a_spoiled_file_is_read_or_named(tmp_path_factory, tree):
    path = tmp_path_factory.getbasetemp() / "spoiled.json"
    path.write_text(json.dumps(tree))
    told = None
    try:
        found = posetrack.read_poses(path)
    except FormatError as error:
        told = str(error)
    if told is not None:
        assert told.startswith(str(path))
        assert len(told.splitlines()) == 1
    else:
        people, joints = len(found.ids), len(found.skeleton.joints)
        assert (found.xy.shape, found.there.shape) == ((people, joints, 2), (people, joints))
        assert np.isfinite(found.xy).all()
        assert not np.isinf(found.joint_scores).any()
        assert (found.offsets[0], found.offsets[-1]) == (0, people)
        assert (np.diff(found.numbers) > 0).all()
