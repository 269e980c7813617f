"""COCO's JSON: whose boxes and poses are read, of which frame, and one clear line for whatever is malformed."""

import json

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoiled import spoiled

from jaxpose.errors import FormatError
from jaxpose.formats import coco
from jaxpose.records import NO_ID, Frame
from jaxpose.skeletons import COCO_17, COCO_18

PERSON = {"id": 1, "name": "person"}


def read(tmp_path, tree, **options):
    path = tmp_path / "boxes.json"
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return coco.read_boxes(path, **options)


def truth(*annotations, images=({"id": 5}, {"id": 3}), **more):
    entries = [{"image_id": 3, "category_id": 1, "bbox": [10, 20, 30, 40], **entry} for entry in annotations]
    return {"images": list(images), "annotations": entries, **more}


def result(**entry):
    return {"image_id": 2, "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.5, **entry}


def without(entry, key):
    return {name: value for name, value in entry.items() if name != key}


def test_images_are_frames_in_the_order_of_their_ids(tmp_path):
    found = read(
        tmp_path,
        truth({"image_id": 5}, {"bbox": [0, 0, 640, 480]}, {"image_id": 9}, images=[{"id": 9}, {"id": 5}, {"id": 3}]),
    )
    assert found.frames.tolist() == [0, 1, 2]
    assert found.boxes.tolist() == [[-0.5, -0.5, 640, 480], [9.5, 19.5, 30, 40], [9.5, 19.5, 30, 40]]
    assert found.scores.tolist() == [1, 1, 1]
    assert found.ids.tolist() == [NO_ID] * 3
    assert [column.dtype for column in found[1:5]] == [np.int64, np.float32, np.float32, np.int64]


def test_frame_index_counts_where_all_images_have_it(tmp_path):
    images = [{"id": 3, "frame_index": 8, "frame_id": 1000}, {"id": 5, "frame_index": 4, "frame_id": 1001}]
    found = read(tmp_path, truth({}, {"image_id": 5}, images=images))
    assert (found.frames.tolist(), found.last) == ([4, 8], 8)
    found = read(tmp_path, truth({}, {"image_id": 5}, images=[images[0], without(images[1], "frame_index")]))
    assert (found.frames.tolist(), found.last) == ([0, 1], 1)


def test_images_without_people_belong_to_the_video(tmp_path):
    found = read(tmp_path, truth({}, images=[{"id": i} for i in (3, 4, 5, 6)]))
    assert (found.frames.tolist(), found.last) == ([0], 3)
    found = read(tmp_path, truth(images=[]))
    assert (found.boxes.shape, found.last) == ((0, 4), -1)


def test_only_people_are_read(tmp_path):
    entries = [{}, {"category_id": 2}, {"iscrowd": 1}, {"iscrowd": 0}]
    assert len(read(tmp_path, truth(*entries)).frames) == 2
    assert len(read(tmp_path, truth(*entries, categories=[PERSON, {"id": 2, "name": "dog"}])).frames) == 2
    renamed = [{"id": 1, "name": "dog"}, {"id": 2, "name": "person"}]
    assert len(read(tmp_path, truth(*entries, categories=renamed)).frames) == 1
    assert len(read(tmp_path, [result(), result(category_id=17), without(result(), "category_id")]).frames) == 2


def test_score_and_id_are_read_where_they_are_told(tmp_path):
    found = read(tmp_path, truth({"score": 0.25, "track_id": 0}, {}))
    assert found.scores.tolist() == [0.25, 1]
    assert found.ids.tolist() == [0, NO_ID]


def test_results_count_frames_by_image_id_from_the_first(tmp_path):
    found = read(tmp_path, [result(), result(image_id=4, score=0.75), result(image_id=2, score=1)])
    assert (found.frames.tolist(), found.scores.tolist(), found.last) == ([2, 2, 4], [0.5, 1, 0.75], 4)
    found = read(tmp_path, [result(), result(image_id=4)], first=2)
    assert (found.frames.tolist(), found.last) == ([0, 2], 2)
    with pytest.raises(FormatError, match=r"result \[1\]: `image_id` must be a whole number from 3, got 2"):
        read(tmp_path, [result(image_id=3), result()], first=3)
    assert read(tmp_path, []).last == -1


def test_a_pose_without_a_box_has_that_of_its_joints(tmp_path):
    pose = without(result(), "bbox")
    joints = [10, 20, 0.5, 0, 0, 0, 14, 50, 0.1]
    found = read(
        tmp_path, [{**pose, "keypoints": joints}, {**pose, "keypoints": joints[:6]}, {**pose, "keypoints": []}]
    )
    assert found.boxes.tolist() == [[10, 20, 4, 30]]
    assert found.last == 2
    assert read(tmp_path, [result(keypoints=joints)]).boxes.tolist() == [[9.5, 19.5, 30, 40]]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (3, "must be an object, got 3"),
        (without(result(), "image_id"), "`image_id` is missing"),
        (without(result(), "score"), "`score` is missing"),
        (without(result(), "bbox"), "`keypoints` is missing"),
        (result(image_id="2"), "`image_id` must be a number, got '2'"),
        (result(image_id=2.5), r"`image_id` must be a whole number from 0, got 2\.5"),
        (result(image_id=10**400), "`image_id` must be a number, got 1000"),
        (result(image_id=True), "`image_id` must be a number, got True"),
        (result(score=1.5), r"`score` must be in 0\.\.1, got 1\.5; rescale"),
        (result(score=None), "`score` must be a number, got None"),
        (result(score=float("nan")), r"`score` must be in 0\.\.1, got nan"),
        (result(track_id=-7), "`track_id` must be a whole number from -1, got -7"),
        (result(bbox=[1, 2, 3]), r"`bbox` must be a list of x, y, w, h, got \[1, 2, 3\]"),
        (result(bbox=None), "`bbox` must be a list of x, y, w, h, got None"),
        (result(bbox=[1, 2, 3, "4"]), "`h` must be a number, got '4'"),
        (result(bbox=[1, 2, 3, 0]), "height must be above 0, got 0"),
        (result(bbox=[1, 2, -3, 4]), "width must be above 0, got -3"),
        (result(bbox=[float("nan"), 2, 3, 4]), "`x` must be a number of pixels within ±1000000, got nan"),
        (result(bbox=[1, float("inf"), 3, 4]), "`y` must be a number of pixels within ±1000000, got inf"),
        ({**without(result(), "bbox"), "keypoints": [1, 2]}, "`keypoints` must be a list of x, y, score"),
        ({**without(result(), "bbox"), "keypoints": [1, None, 2]}, "`keypoints` must be a number, got None"),
    ],
)
def test_a_malformed_entry_is_named(tmp_path, entry, told):
    with pytest.raises(FormatError, match=rf"boxes\.json, result \[1\]: .*{told}") as raised:
        read(tmp_path, [result(), entry])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (truth({}, {"image_id": 4}), r"annotations\[1\]: `image_id` must be the id of one of the 2 `images`, got 4"),
        (truth({"bbox": [1, 2, 0, 4]}), r"annotations\[0\]: a box's width must be above 0, got 0"),
        (truth(images=[{"id": 1}, {}]), r"images\[1\]: `id` is missing"),
        (truth(images=[{"id": 1}, 7]), r"images\[1\]: must be an object, got 7"),
        (truth(images=[{"id": 1}, {"id": 1}]), r"images\[1\]: `id` must be another one for each image, got 1 again"),
        (
            truth(images=[{"id": 1, "frame_index": 0}, {"id": 2, "frame_index": 0}]),
            r"images\[1\]: `frame_index` must be another one for each image, got 0 again; split",
        ),
        (truth(images=[{"id": 1, "frame_index": -1}]), r"images\[0\]: `frame_index` must be a whole number from 0"),
        (
            truth(categories=[{"id": 1, "name": "cat"}]),
            r"categories: one must be named 'person', got \['cat'\]",
        ),
        (truth(categories={"id": 1}), "categories: must be a list"),
        (truth(categories=[1]), "categories: must be an object, got 1"),
        ({"images": []}, r"must be an object with the lists .* got an object of \['images'\]"),
        ({"images": 1, "annotations": []}, "must be an object with the lists"),
        ("3", "must be an object with the lists .* got 3"),
        ("", "not JSON"),
        ('[{"image_id": 1,', "not JSON"),
        ("[" * 200_000, "not JSON"),
        ("\x00\x01PNG", "not JSON"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, tree, told):
    with pytest.raises(FormatError, match=rf"boxes\.json[,:] {told}") as raised:
        read(tmp_path, tree)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FormatError, match=r"none\.json: cannot be read \(No such file"):
        coco.read_boxes(tmp_path / "none.json")


KEYS = ["id", "name", "image_id", "category_id", "bbox", "score", "keypoints", "frame_index", "track_id", "iscrowd"]
ODD = st.sampled_from([0, 1, 2.5, -1, 10**400, 1e308, float("nan"), float("inf"), True, None, "x", "person", [], {}])
LISTS = st.lists(st.sampled_from([1, 9, 0.5, 1e-300, 1e39, float("nan"), None]), min_size=3, max_size=6)
SPOILED = st.dictionaries(st.sampled_from(KEYS), ODD | LISTS, max_size=2)
ENTRIES = SPOILED.map(lambda odd: result(image_id=1) | odd) | SPOILED.map(lambda odd: {"id": 1} | odd) | ODD
TREES = (
    st.lists(ENTRIES, max_size=2)
    | st.lists(ENTRIES, max_size=2).map(lambda entries: {"images": [{"id": 1}, {"id": 2}], "annotations": entries})
    | st.dictionaries(st.sampled_from(["images", "annotations", "categories"]), st.lists(ENTRIES, max_size=2) | ODD)
)


@given(st.binary(max_size=100) | TREES.map(lambda tree: json.dumps(tree).encode()))
def test_any_bytes_are_boxes_or_a_format_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    told = None
    try:
        found = coco.read_boxes(path)
    except FormatError as error:
        told = str(error)
    if told is not None:
        assert told.startswith(str(path))
        assert len(told.splitlines()) == 1
    else:
        assert np.isfinite(found.boxes).all()
        assert (found.boxes[:, 2:] > 0).all()
        assert ((found.scores >= 0) & (found.scores <= 1)).all()
        assert (np.diff(found.frames) >= 0).all()
        assert ((found.frames >= 0) & (found.frames <= found.last)).all()


def test_real_file(shared_data):
    path = shared_data / "coco" / "val.json"
    found = coco.read_boxes(path)
    assert (len(found.frames), found.last) == (1240 - 32, 299)
    tree = json.loads(path.read_text())
    image = sorted(tree["images"], key=lambda image: image["id"])[17]
    boxes = [a["bbox"] for a in tree["annotations"] if a["image_id"] == image["id"] and not a["iscrowd"]]
    here = found.of(Frame(17, 0.0, np.zeros((4, 4, 3), np.uint8))).boxes
    np.testing.assert_allclose(here, np.array(boxes) - [0.5, 0.5, 0, 0], rtol=1e-6)
    # COCO's boxes end at the picture's outer edge: in these coordinates half a pixel before its width
    widths = np.array([image["width"] for image in sorted(tree["images"], key=lambda image: image["id"])])
    right = (found.boxes[:, 0] + found.boxes[:, 2]) - (widths[found.frames] - 0.5)
    assert right.max() < 0.01
    assert (np.abs(right) < 0.01).sum() > 50
    assert len(coco.read_boxes(shared_data / "coco" / "val_empty.json").frames) == 0


def test_real_detections_and_tracks(shared_data):
    found = coco.read_boxes(shared_data / "coco_fixtures" / "coco" / "test_coco_det_AP_H_56.json", first=785)
    assert len(found.frames) > 30
    assert found.frames[0] == 0
    for path in (shared_data / "oracles" / "02_jitter" / "gt").iterdir():
        found = coco.read_boxes(path)
        assert len(found.frames) > 30
        assert (found.ids > NO_ID).all()


# -- poses -------------------------------------------------------------------------------------------------------------

JOINTS = [value for joint in range(17) for value in (10 + joint, 20 + joint, 2)]


def person(**more):
    return {"image_id": 3, "category_id": 1, "keypoints": JOINTS, **more}


def write(tmp_path, tree, name="poses.json"):
    path = tmp_path / name
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return path


def read_truth(tmp_path, *people, images=({"id": 5}, {"id": 3}), **more):
    return coco.read_poses(write(tmp_path, {"images": list(images), "annotations": list(people), **more}))


def test_poses_of_a_ground_truth(tmp_path):
    invisible = [1, 2, 0, *JOINTS[3:]]
    crowd = person(image_id=5, iscrowd=1, area=900, bbox=[0, 0, 30, 40], keypoints=[0] * 51, num_keypoints=0, id=4)
    people = [crowd, person(keypoints=invisible, num_keypoints=16, area=1.5, bbox=[1, 2, 3, 4], id=9), person(id=2)]
    found = read_truth(tmp_path, *people, {"image_id": 3, "category_id": 2, "id": 7, "num_keypoints": 0})
    assert (found.skeleton, found.names, found.numbers.tolist()) == (COCO_17, None, [3, 5])
    assert (found.frame.tolist(), found.crowd.tolist()) == ([0, 0, 1], [False, False, True])
    assert found.there[0].tolist() == [False] + [True] * 16
    assert found.xy[0, 0].tolist() == [1, 2]
    assert found.there.sum(-1).tolist() == [16, 17, 0]
    np.testing.assert_array_equal(found.areas, [1.5, np.nan, 900])
    np.testing.assert_array_equal(found.boxes[:, 2], [3, np.nan, 30])
    assert found.labelled.all()
    assert (found.ids == NO_ID).all()


def test_a_skeleton_is_known_by_its_joints(tmp_path):
    category = {"id": 1, "name": "person", "keypoints": list(COCO_18.joints)}
    assert read_truth(tmp_path, person(keypoints=[1] * 54), categories=[category]).skeleton == COCO_18
    mixed = ["right_hip", "nose", "chin"]
    found = read_truth(tmp_path, person(keypoints=[1] * 9), categories=[{**category, "keypoints": mixed}]).skeleton
    assert (found.joints, found.limbs, found.sigmas) == (tuple(mixed), (), (0.107, 0.026, 0.020))
    with pytest.raises(FormatError, match=r"poses\.json, categories: 'antler' is none of the .* rename it"):
        read_truth(tmp_path, categories=[{**category, "keypoints": ["nose", "antler"]}])
    with pytest.raises(FormatError, match=r"poses\.json, categories: joints_2: joint names must differ"):
        read_truth(tmp_path, categories=[{**category, "keypoints": ["nose", "nose"]}])


def test_results_are_read_for_the_pictures_of_the_truth(tmp_path):
    truth = read_truth(
        tmp_path, images=[{"id": 5, "file_name": "b"}, {"id": 4, "file_name": "c"}, {"id": 3, "file_name": "a"}]
    )
    scored = [0, 0, 0, 5, 6, 0, *[1, 2, 0.5] * 15]
    entries = [
        person(image_id=5, score=0.25, keypoints=scored),
        person(image_id=3, score=7, scores=[3] * 17),
        person(image_id=5, score=0),
    ]
    found = coco.read_results(write(tmp_path, entries), truth)
    assert (found.names, found.numbers.tolist(), found.frame.tolist()) == (("a", "c", "b"), [3, 4, 5], [0, 2, 2])
    assert found.scores.tolist() == [7, 0.25, 0]
    assert found.there[1].tolist() == [False] + [True] * 16
    np.testing.assert_array_equal(found.joint_scores[1], [np.nan, 0] + [0.5] * 15)
    assert found.joint_scores[0].tolist() == [3] * 17
    assert found.skeleton == truth.skeleton
    assert coco.read_results(write(tmp_path, []), truth).offsets.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("case", oracles.COCO_CASES)
def test_the_cases_tell_what_a_plain_loop_finds(case, request):
    folder = oracles.folder(case, request)
    tree = json.loads((folder / "gt" / "gt.json").read_text())
    truth = coco.read_poses(folder / "gt" / "gt.json")
    assert truth.numbers.tolist() == sorted(image["id"] for image in tree["images"])
    results = json.loads((folder / "pred" / "pred.json").read_text())
    for found, entries in (
        (truth, tree["annotations"]),
        (coco.read_results(folder / "pred" / "pred.json", truth), results),
    ):
        ordered = sorted(entries, key=lambda entry: entry["image_id"])
        assert found.numbers[found.frame].tolist() == [entry["image_id"] for entry in ordered]
        told = np.array([entry["keypoints"] for entry in ordered], float).reshape(-1, 17, 3)
        np.testing.assert_array_equal(found.xy, told[..., :2])
    ordered = sorted(tree["annotations"], key=lambda entry: entry["image_id"])
    assert truth.there.sum(-1).tolist() == [entry["num_keypoints"] for entry in ordered]
    assert truth.areas.tolist() == [entry["area"] for entry in ordered]
    assert truth.boxes.tolist() == [entry["bbox"] for entry in ordered]
    assert truth.crowd.tolist() == [entry["iscrowd"] == 1 for entry in ordered]


def test_poses_of_real_files(shared_data):
    found = coco.read_poses(shared_data / "coco" / "val.json")
    assert (len(found.numbers), len(found.ids), found.crowd.sum()) == (300, 1240, 32)
    assert (found.there.any(-1) & ~found.crowd).sum() == 815
    assert len(coco.read_poses(shared_data / "coco" / "val_empty.json").ids) == 0
    whole = coco.read_poses(shared_data / "coco_fixtures" / "coco" / "test_coco.json")
    assert whole.names is not None
    with pytest.raises(FormatError, match=r"test_crowdpose\.json, categories: 'head' is none of the .* rename it"):
        coco.read_poses(shared_data / "coco_fixtures" / "crowdpose" / "test_crowdpose.json")


@pytest.mark.parametrize(
    ("people", "told"),
    [
        (
            [person(keypoints=JOINTS[:6])],
            r"annotations\[0\], frame 3, person .*: `keypoints` must be a list of 51 numbers",
        ),
        ([person(), {"image_id": 5}], r"annotations\[1\], frame 5, person .*: `keypoints` is missing"),
        ([person(area=float("nan"))], r"annotations\[0\], frame 3, .*: `area\[0\]` must be finite"),
        ([person(bbox=[1, 2])], r"annotations\[0\], frame 3, .*: `bbox` must be a list of 4 numbers, got 2"),
        ([person(id=1), person(id=1)], r"annotations\[1\]: `id` must be another one for each annotation, got 1 again"),
        ([person(id=1), person()], r"annotations\[1\]: `id` is missing"),
        (
            [person(num_keypoints=0)],
            r"annotations\[0\]: `num_keypoints` must count the joints that are visible, 17, got 0",
        ),
        ([person(num_keypoints="a")], r"annotations\[0\]: `num_keypoints` must be a number"),
        ([person(image_id=4)], r"annotations\[0\]: `image_id` must be the id of one of the 2 `images`, got 4"),
        ([7], r"annotations\[0\]: must be an object, got 7"),
    ],
)
def test_a_malformed_pose_is_named(tmp_path, people, told):
    with pytest.raises(FormatError, match=rf"poses\.json, {told}") as raised:
        read_truth(tmp_path, *people)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (person(), r"result \[1\]: `score` is missing"),
        (result(image_id=3), r"result \[1\]: `keypoints` is missing"),
        (without(person(score=1), "category_id"), r"result \[1\]: `category_id` is missing"),
        (
            person(score=1, category_id=2),
            r"result \[1\]: `category_id` must be the same for all, people's, got \[1, 2\]",
        ),
        (person(score=1, image_id=4), r"result \[1\]: `image_id` must be the id of one of the 2 `images`, got 4"),
        (person(score=float("nan")), r"result \[1\], frame 3, person .*: `score\[0\]` must be finite"),
        (person(score=1, keypoints=[1]), r"result \[1\], frame 3, person .*: `keypoints` must be a list of 51 numbers"),
        (person(score=1, keypoints=[*JOINTS[:50], None]), r"`keypoints\[50\]` must be a number, got None"),
    ],
)
def test_a_malformed_result_is_named(tmp_path, entry, told):
    truth = read_truth(tmp_path)
    with pytest.raises(FormatError, match=rf"found\.json, .*{told}") as raised:
        coco.read_results(write(tmp_path, [person(score=1), entry], "found.json"), truth)
    assert "\n" not in str(raised.value)


def test_truth_and_results_are_not_taken_for_each_other(tmp_path):
    with pytest.raises(FormatError, match=r"poses\.json: must be an object with the lists .* got \[\]"):
        coco.read_poses(write(tmp_path, []))
    truth = read_truth(tmp_path)
    with pytest.raises(FormatError, match=r"poses\.json: must be a list of results, got an object of"):
        coco.read_results(tmp_path / "poses.json", truth)


SMALL = {
    "images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "b"}],
    "annotations": [
        person(image_id=1, keypoints=[1, 2, 2, 0, 0, 0], num_keypoints=1, area=4, bbox=[1, 2, 3, 4], iscrowd=0, id=1),
        person(image_id=2, keypoints=[0] * 6, num_keypoints=0, area=4, bbox=[1, 2, 3, 4], iscrowd=1, id=2),
    ],
    "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "neck"]}],
}
RESULTS = [person(image_id=1, keypoints=[1, 2, 2, 0, 0, 0], score=1), person(image_id=2, keypoints=[1] * 6, score=0.5)]


@given(spoiled(SMALL), spoiled(RESULTS))
def test_spoiled_files_are_read_or_named(tmp_path_factory, truth, results):
    folder = tmp_path_factory.getbasetemp()
    told = None
    try:
        read = coco.read_poses(write(folder, SMALL, "truth.json"))
        found = coco.read_results(write(folder, results, "spoiled.json"), read)
        spoilt = coco.read_poses(write(folder, truth, "spoiled.json"))
    except FormatError as error:
        told = str(error)
    if told is not None:
        assert told.startswith(str(folder / "spoiled.json"))
        assert len(told.splitlines()) == 1
    else:
        for file in (found, spoilt):
            assert file.xy.shape == (len(file.ids), len(file.skeleton.joints), 2)
            assert np.isfinite(file.xy).all()
        assert np.isfinite(found.scores).all()
