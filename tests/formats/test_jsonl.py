import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from spoiled import spoiled

from jaxpose.errors import FormatError, JaxposeWarning, OutputError
from jaxpose.formats import jsonl
from jaxpose.records import make_people
from jaxpose.skeletons import COCO_18, Skeleton


def some_people(count, frame, seed=0):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(0, 1, (count, 18, 3)) * (1280, 720, 1)
    keypoints[rng.uniform(size=(count, 18)) < 0.3] = 0
    return make_people(keypoints, rng.uniform(0, 1, count), np.arange(count) + 7, frame=frame, time=frame / 25)


def write(path, frames, **options):
    options = {"source": "street.mp4", "config": {"size": 656}, **options}
    with jsonl.JsonlWriter(path, COCO_18, **options) as writer:
        for people in frames:
            writer.write(people)
    return path


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "people.jsonl", [some_people(count, frame) for frame, count in enumerate([2, 0, 1, 9, 0])])


def test_what_is_written_reads_back(tmp_path):
    frames = [some_people(count, frame, seed=frame) for frame, count in enumerate([0, 1, 2, 0, 50])]
    header, found = jsonl.read(write(tmp_path / "people.jsonl", frames))
    assert (header.skeleton, header.joints, header.limbs) == (COCO_18.name, COCO_18.joints, COCO_18.limbs)
    assert (header.source, header.config) == ("street.mp4", {"size": 656})
    for wrote, got in zip(frames, found, strict=True):
        assert (got.frame, got.time) == (wrote.frame, wrote.time)
        assert [field.dtype for field in got[2:]] == [field.dtype for field in wrote[2:]]
        assert [field.shape for field in got[2:]] == [field.shape for field in wrote[2:]]
        np.testing.assert_array_equal(got.ids, wrote.ids)
        np.testing.assert_allclose(got.keypoints[..., :2], wrote.keypoints[..., :2], atol=0.0051)
        np.testing.assert_allclose(got.keypoints[..., 2], wrote.keypoints[..., 2], atol=5.1e-5)
        np.testing.assert_allclose(got.scores, wrote.scores, atol=5.1e-5)
        np.testing.assert_allclose(got.boxes, wrote.boxes, atol=0.02)


def test_the_lines_are_as_promised(tmp_path):
    keypoints = np.zeros((1, 18, 3), np.float32)
    keypoints[0, 0] = 10.126, 20, 0.75
    keypoints[0, 5] = 30.5, 5.25, 1.02
    people = make_people(keypoints, np.array([0.5]), np.array([3]), frame=4, time=0.16)
    header, line = map(json.loads, write(tmp_path / "people.jsonl", [people]).read_text().splitlines())
    assert list(header) == ["jaxpose", "skeleton", "source", "config"]
    assert header["skeleton"]["joints"] == list(COCO_18.joints)
    assert header["skeleton"]["limbs"] == [list(limb) for limb in COCO_18.limbs]
    assert list(line) == ["frame", "time", "people"]
    (person,) = line["people"]
    assert (line["frame"], line["time"], person["id"], person["score"]) == (4, 0.16, 3, 0.5)
    assert person["keypoints"][:2] == [[10.13, 20, 0.75], [0, 0, 0]]
    assert person["keypoints"][5] == [30.5, 5.25, 1]
    assert person["box"] == [10.13, 5.25, 20.37, 14.75]


@given(
    hnp.arrays(np.float64, (2, 18, 3), elements=st.floats(0, 1)),
    hnp.arrays(np.float64, 2, elements=st.floats(0, 1)),
)
def test_whatever_the_scores_no_joint_appears_or_disappears(tmp_path_factory, keypoints, scores):
    wrote = make_people(keypoints * (1920, 1080, 1), scores)
    path = write(tmp_path_factory.mktemp("jsonl") / "people.jsonl", [wrote])
    (got,) = jsonl.read(path)[1]
    there = wrote.keypoints[..., 2] > 0
    np.testing.assert_array_equal(got.keypoints[..., 2] > 0, there)
    assert (got.keypoints[~there] == 0).all()
    assert got.keypoints[..., 2].max() <= 1
    low, high = got.boxes[:, :2] - 0.005, got.boxes[:, :2] + got.boxes[:, 2:] + 0.005
    inside = (got.keypoints[..., :2] >= low[:, None]) & (got.keypoints[..., :2] <= high[:, None])
    assert inside[there].all()


@pytest.mark.parametrize("source", ["Straße/日本 😀.mp4", 'quo"te\\.mp4', "line\nbreak.mp4", "surrogate\udce4.mp4"])
def test_any_name_of_the_source_survives(tmp_path, source):
    header, frames = jsonl.read(write(tmp_path / "people.jsonl", [some_people(1, 0)], source=source))
    assert header.source == source
    assert len(list(frames)) == 1


def test_each_line_is_on_disk_when_it_is_written(tmp_path):
    path = tmp_path / "people.jsonl"
    with jsonl.JsonlWriter(path, COCO_18, source="x", config={}) as writer:
        assert path.read_bytes().count(b"\n") == 1
        for frame in range(3):
            writer.write(some_people(2, frame))
            assert path.read_bytes().count(b"\n") == frame + 2


def test_an_existing_file_stays_unless_asked(file):
    before = file.read_bytes()
    with pytest.raises(OutputError, match=r"people\.jsonl: cannot be written \(File exists\)"):
        write(file, [])
    assert file.read_bytes() == before
    write(file, [], overwrite=True)
    assert list(jsonl.read(file)[1]) == []


@pytest.mark.parametrize("place", ["absent/people.jsonl", "file/people.jsonl", "."])
def test_unwritable(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / place, [], overwrite=True)


def test_a_full_disk(tmp_path):
    path = tmp_path / "people.jsonl"
    path.symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"cannot be written \(No space left"):
        write(path, [some_people(1, 0)], overwrite=True)


def test_nan_is_never_written(tmp_path):
    people = some_people(1, 0)
    people.keypoints[0, :, :2] = np.nan
    with pytest.raises(ValueError, match="JSON"):
        write(tmp_path / "people.jsonl", [people])


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_a_cut_last_line_is_left_out_with_a_warning(file):
    content = file.read_bytes()
    last = content.rstrip().rindex(b"\n") + 1
    for cut in (last + 1, last + 20, len(content) - 2):
        file.write_bytes(content[:cut])
        got = []
        with pytest.warns(JaxposeWarning, match="line 6, the last, was cut off") as warned:
            got.extend(jsonl.read(file)[1])
        assert len(warned) == 1
        assert [people.total for people in got] == [2, 0, 1, 9]


def test_a_whole_last_line_needs_no_line_feed(file):
    file.write_bytes(file.read_bytes().rstrip())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(jsonl.read(file)[1])) == 5


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (1, '"jaxpose":', '"other":', "line 1: 'jaxpose' is missing"),
        (1, '"joints":', '"points":', "line 1: 'joints' is missing"),
        (1, '"limbs":[', '"limbs":[[Infinity,1],', "line 1: cannot convert float infinity to integer"),
        (1, "{", "[", "line 1: not JSON"),
        (1, "{", "", "line 1: not JSON"),
        (3, "{", "", "line 3: not JSON"),
        (4, '"frame":', '"fame":', "line 4: `frame` is missing"),
        (4, '"frame":2', '"frame":"two"', "line 4: `frame` must be a number"),
        (4, '"id":7,', "", "line 4: `id` is missing"),
        (4, '"score":', '"core":', "line 4: `score` is missing"),
        (4, '"box":[', '"box":[1,', "line 4, frame 2, person 7: `box` must be a list of 4"),
        (4, '"keypoints":[', '"keypoints":[[1,2,3],', "line 4, frame 2, person 7: needs 18 keypoints"),
        (4, '"keypoints":[', '"keypoints":[[1,2],', "line 4"),
        (4, '"people":[', '"people":[3,', "line 4: "),
    ],
)
def test_malformed(file, line, old, new, message):
    lines = file.read_text().split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    file.write_text("\n".join(lines))
    with pytest.raises(FormatError, match=message):
        list(jsonl.read(file)[1])


@pytest.mark.parametrize("content", [b"", b"\n", b"[]\n", b"3\n", b"null\n", b"\xff\xfe\x00\n", b"hello\n", b"{}"])
def test_not_a_result_file(tmp_path, content):
    path = tmp_path / "people.jsonl"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"people\.jsonl"):
        jsonl.read(path)


def test_missing_file(tmp_path):
    with pytest.raises(FormatError, match=r"absent\.jsonl: cannot be read \(No such file"):
        jsonl.read(tmp_path / "absent.jsonl")


# -- poses of a whole file ---------------------------------------------------------------------------------------------


def test_poses_are_those_of_the_frames(file):
    poses = jsonl.read_poses(file)
    frames = list(jsonl.read(file)[1])
    assert (poses.skeleton, poses.names, poses.numbers.tolist()) == (COCO_18, None, [0, 1, 2, 3, 4])
    assert np.diff(poses.offsets).tolist() == [people.total for people in frames]
    keypoints = np.concatenate([people.keypoints for people in frames])
    np.testing.assert_array_equal(poses.there, keypoints[..., 2] > 0)
    np.testing.assert_array_equal(poses.xy.astype(np.float32), keypoints[..., :2])
    np.testing.assert_array_equal(poses.joint_scores[poses.there].astype(np.float32), keypoints[poses.there, 2])
    assert np.isnan(poses.joint_scores[~poses.there]).all()
    for field in ("scores", "ids", "boxes"):
        joined = np.concatenate([getattr(people, field) for people in frames])
        np.testing.assert_array_equal(getattr(poses, field).astype(joined.dtype), joined)
    assert poses.labelled.all()


def test_poses_are_not_rounded(tmp_path):
    keypoints = np.zeros((1, 18, 3), np.float32)
    keypoints[0, 3] = 10.13, 20.7, 0.75
    path = write(tmp_path / "people.jsonl", [make_people(keypoints, np.ones(1))])
    assert jsonl.read_poses(path).xy[0, 3].tolist() == [10.13, 20.7]


def test_poses_by_frame_whatever_the_order_of_lines(tmp_path):
    path = write(tmp_path / "people.jsonl", [some_people(1, 7, seed=1), some_people(2, 3), some_people(0, 5)])
    poses = jsonl.read_poses(path)
    assert (poses.numbers.tolist(), poses.offsets.tolist(), poses.ids.tolist()) == ([3, 5, 7], [0, 2, 2, 3], [7, 8, 7])
    empty = jsonl.read_poses(write(tmp_path / "empty.jsonl", []))
    assert (empty.xy.shape, empty.offsets.tolist()) == ((0, 18, 2), [0])


def test_poses_of_a_file_that_was_cut_off(file):
    content = file.read_bytes()
    file.write_bytes(content[:-10])
    with pytest.warns(JaxposeWarning, match="line 6, the last, was cut off"):
        assert len(jsonl.read_poses(file).numbers) == 4


def test_poses_of_joints_that_have_no_sigma(tmp_path):
    path = tmp_path / "people.jsonl"
    with jsonl.JsonlWriter(path, Skeleton("deer", ("antler",), (), (0.1,)), source="x", config={}):
        pass
    with pytest.raises(FormatError, match=r"people\.jsonl, line 1: 'antler' is none of the"):
        jsonl.read_poses(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"frame":2', '"frame":1', "line 4: frame 1 comes a second time; keep one of the two lines"),
        ('"frame":2', '"frame":-2', "line 4: `frame` must be a whole number from 0, got -2"),
        ('"people":[', '"people":3,"x":[', "line 4: `people` must be a list, got 3"),
        ('"people":[', '"people":[3,', "line 4: must be an object, got 3"),
        ('"id":7', '"id":"a"', "line 4, frame 2, person 'a': `id` must be a number"),
        ('"score":', '"core":', "line 4: `score` is missing"),
        ('"score":', '"score":NaN,"x":', r"line 4, frame 2, person 7: `score\[0\]` must be finite"),
        ('"box":[', '"box":[1,', "line 4, frame 2, person 7: `box` must be a list of 4 numbers, got 5"),
        ('"keypoints":[', '"keypoints":[[1,2,3],', "line 4, frame 2, person 7: needs 18 keypoints of x, y, score each"),
        (
            '"keypoints":[[',
            '"keypoints":[[1,',
            "line 4, frame 2, person 7: `keypoints` must be a list of 3 numbers, got 4",
        ),
        ('"keypoints":[[', '"keypoints":[["a"],[', "line 4, frame 2, person 7: needs 18 keypoints"),
    ],
)
def test_malformed_poses_are_named(file, old, new, message):
    lines = file.read_text().split("\n")
    assert old in lines[3]
    lines[3] = lines[3].replace(old, new, 1)
    file.write_text("\n".join(lines))
    with pytest.raises(FormatError, match=rf"people\.jsonl, {message}") as raised:
        jsonl.read_poses(file)
    assert "\n" not in str(raised.value)


SKELETON = {"name": "two", "joints": ["nose", "neck"], "limbs": [[0, 1]]}
SMALL = [
    {"jaxpose": "1", "skeleton": SKELETON, "source": "x", "config": {}},
    {
        "frame": 0,
        "time": 0.0,
        "people": [{"id": 1, "score": 1, "keypoints": [[1, 2, 1], [0, 0, 0]], "box": [1, 2, 0, 0]}],
    },
    {"frame": 1, "time": 0.5, "people": []},
]


@given(spoiled(SMALL))
def test_a_spoiled_file_is_read_or_named(tmp_path_factory, lines):
    path = tmp_path_factory.getbasetemp() / "spoiled.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    told = None
    try:
        found = jsonl.read_poses(path)
    except FormatError as error:
        told = str(error)
    if told is not None:
        assert told.startswith(str(path))
        assert len(told.splitlines()) == 1
    else:
        assert found.xy.shape == (len(found.ids), len(found.skeleton.joints), 2)
        assert np.isfinite(found.xy).all()
        assert (np.diff(found.numbers) > 0).all()
