"""Which format a file has, which files belong together, and how two of any formats are read."""

import gzip
import json

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxpose.errors import FormatError
from jaxpose.formats.jsonl import JsonlWriter
from jaxpose.formats.recognise import Kind, kind_of, partners, read_pair, read_poses, stem
from jaxpose.skeletons import COCO_17, POSETRACK_15, POSETRACK_17

KEYPOINTS = [value for joint in range(17) for value in (10 + joint, 20 + joint, 1)]
PERSON = {"image_id": 4, "category_id": 1, "keypoints": KEYPOINTS}
PLAIN = {"images": [{"id": 4, "file_name": "a"}, {"id": 2, "file_name": "b"}], "annotations": [PERSON]}
TRACKED = {"images": PLAIN["images"], "annotations": [PERSON | {"track_id": 1}]}
LABELLED = {"images": [image | {"is_labeled": True} for image in PLAIN["images"]], "annotations": []}


def write(tmp_path, tree, name="a.json"):
    path = tmp_path / name
    content = (tree if isinstance(tree, str) else json.dumps(tree, indent=1)).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["a.json", "A.JSON.gz", "a"])
@pytest.mark.parametrize(
    ("tree", "kind"),
    [
        ({"annolist": []}, Kind.POSETRACK_2017),
        (TRACKED, Kind.POSETRACK_2018),
        (LABELLED, Kind.POSETRACK_2018),
        ({"images": [{"id": 4, "vid_id": "1"}], "annotations": []}, Kind.POSETRACK_2018),
        (PLAIN, Kind.COCO),
        ({"info": {"description": '"track_id": 7'}, **PLAIN}, Kind.COCO),
        ([], Kind.COCO_RESULTS),
        ([PERSON | {"track_id": 1, "score": 1}], Kind.COCO_RESULTS),
        ("\ufeff \n [ ]", Kind.COCO_RESULTS),
        ('{"jaxpose":"1","skeleton":{}}\n{"frame":0}\n', Kind.JSONL),
    ],
)
def test_a_format_is_known_by_what_comes_first(tmp_path, name, tree, kind):
    assert kind_of(write(tmp_path, tree, name)) == kind


def test_a_format_is_known_by_its_name(tmp_path):
    assert kind_of(write(tmp_path, "", "a.txt")) == Kind.MOT
    assert kind_of(write(tmp_path, "", "a.jsonl")) == Kind.JSONL


def test_only_the_first_of_a_large_file_is_read(tmp_path):
    path = write(tmp_path, '{"images": [' + " " * 70000 + '"annolist": ')
    assert kind_of(path) == Kind.COCO


def test_no_format(tmp_path):
    for content in ("", "frame,id", "\x00"):
        with pytest.raises(FormatError, match=r"a\.json: of no known format; give PoseTrack's or COCO's JSON"):
            kind_of(write(tmp_path, content))
    with pytest.raises(FormatError, match=r"none\.json: cannot be read \(No such file"):
        kind_of(tmp_path / "none.json")
    with pytest.raises(FormatError, match="cannot be read"):
        kind_of(tmp_path)
    packed = gzip.compress(json.dumps(PLAIN).encode())
    for damaged in (packed[:20], packed[:12] + b"\xff\xff" + packed[14:], packed[:2]):
        (tmp_path / "a.json").write_bytes(damaged)
        with pytest.raises(FormatError, match=r"a\.json: a damaged gzip file"):
            kind_of(tmp_path / "a.json")


@given(st.binary(max_size=60) | st.binary(max_size=40).map(gzip.compress))
def test_any_bytes_are_of_a_format_or_none(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    try:
        told = kind_of(path).value
    except FormatError as error:
        told = str(error)
    refusals = (f"{path}: of no known format", f"{path}: a damaged gzip file")
    assert told in {kind.value for kind in Kind} or (told.startswith(refusals) and len(told.splitlines()) == 1)


@pytest.mark.parametrize("case", [*oracles.CASES, *oracles.COCO_CASES])
def test_the_cases_are_read(case, request):
    folder = oracles.folder(case, request)
    pairs = partners(folder / "gt", folder / ("gt" if case.startswith("coco") else "pred"))
    assert [pair.name for pair in pairs] == sorted(path.stem for path in (folder / "gt").iterdir())
    skeleton = COCO_17 if case.startswith("coco") else POSETRACK_15 if "posetrack17" in case else POSETRACK_17
    for pair in pairs:
        found = folder / "pred" / "pred.json" if case.startswith("coco") else pair.found
        for poses in read_pair(pair.truth, found):
            assert poses.skeleton == skeleton


def test_a_file_that_tells_nothing_of_a_video_is_read_as_the_truth_is(tmp_path):
    plain, tracked = write(tmp_path, PLAIN), write(tmp_path, TRACKED, "b.json")
    truth, found = read_pair(tracked, plain)
    assert (truth.skeleton, found.skeleton, found.numbers.tolist()) == (POSETRACK_17, POSETRACK_17, [0, 1])
    truth, found = read_pair(plain, plain)
    assert (truth.skeleton, found.skeleton, found.numbers.tolist()) == (COCO_17, COCO_17, [2, 4])


def test_results_and_lines_are_read_for_a_truth(tmp_path):
    plain = write(tmp_path, PLAIN)
    found = read_pair(plain, write(tmp_path, [PERSON | {"score": 1}], "b.json"))[1]
    assert (found.numbers.tolist(), found.frame.tolist()) == ([2, 4], [1])
    with JsonlWriter(tmp_path / "c.jsonl", COCO_17, source="x", config={}):
        pass
    found = read_pair(plain, tmp_path / "c.jsonl")[1]
    assert (found.skeleton, len(found.numbers)) == (COCO_17, 0)


def test_what_holds_no_poses(tmp_path):
    plain, boxes = write(tmp_path, PLAIN), write(tmp_path, "1,1,5,5,9,9,1\n", "b.txt")
    with pytest.raises(FormatError, match=r"b\.txt: MOTChallenge text holds boxes; give one of PoseTrack 2017"):
        read_pair(plain, boxes)
    with pytest.raises(FormatError, match=r"c\.json: COCO results holds results, whose pictures only a ground truth"):
        read_pair(write(tmp_path, [], "c.json"), plain)
    with pytest.raises(FormatError, match=r"c\.json: COCO results holds results, whose pictures"):
        read_poses(tmp_path / "c.json")
    assert read_poses(plain).skeleton == COCO_17


# -- folders -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    for side, names in (("gt", ["b.json", "a.json.gz", "c.txt"]), ("pred", ["a.jsonl", "c.txt", "b.json"])):
        (tmp_path / side).mkdir()
        for name in names:
            write(tmp_path / side, PLAIN, name)
    return tmp_path / "gt", tmp_path / "pred"


def test_files_of_folders_are_matched_by_name(folders):
    truth, found = folders
    write(truth, "", "README.md")
    write(truth, "", ".a.json")
    assert partners(truth, found) == [
        ("a", truth / "a.json.gz", found / "a.jsonl"),
        ("b", truth / "b.json", found / "b.json"),
        ("c", truth / "c.txt", found / "c.txt"),
    ]


def test_two_files_are_known_by_the_name_of_what_was_found(folders):
    truth, found = folders
    assert partners(truth / "b.json", str(found / "a.jsonl")) == [("a", truth / "b.json", found / "a.jsonl")]


def test_of_a_folder_the_file_that_has_the_other_s_name_is_taken(folders):
    truth, found = folders
    assert partners(truth, found / "a.jsonl") == [("a", truth / "a.json.gz", found / "a.jsonl")]
    assert partners(truth / "a.json.gz", found) == [("a", truth / "a.json.gz", found / "a.jsonl")]
    (found / "b.json").unlink()
    with pytest.raises(FormatError, match=r"gt/b\.json: has no partner named b in .*pred; add it, or take"):
        partners(truth / "b.json", found)
    with pytest.raises(FormatError, match=r"gt/b\.json: has no partner named b in .*pred; add it, or take"):
        partners(found, truth / "b.json")


def test_a_file_without_partner_is_named(folders):
    truth, found = folders
    (found / "b.json").unlink()
    with pytest.raises(
        FormatError, match=r"gt/b\.json: has no partner named b in .*pred; add it, or take this file out"
    ):
        partners(truth, found)
    with pytest.raises(FormatError, match=r"gt/b\.json: has no partner named b in .*pred"):
        partners(found, truth)


def test_folders_that_do_not_fit(folders, tmp_path):
    truth, found = folders
    with pytest.raises(FormatError, match=r"none: cannot be read \(No such file"):
        partners(truth, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=r"empty: has no files named \.json, "):
        partners(truth, tmp_path / "empty")
    write(found, PLAIN, "a.json")
    with pytest.raises(FormatError, match=r"pred/a\.jsonl: has the name of a\.json; keep one of the two"):
        partners(truth, found)


def test_the_name_without_its_suffix(tmp_path):
    names = ["a.b.json.gz", "a.b.JSON", "a.b.jsonl", "a.b.txt", "a.b.c"]
    assert {stem(tmp_path / name) for name in names} == {"a.b"}


def test_reading_again_gives_the_same(tmp_path):
    path = write(tmp_path, TRACKED, "a.json.gz")
    first, second = read_pair(path, path)
    np.testing.assert_array_equal(first.xy, second.xy)
