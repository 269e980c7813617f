"""Two files are compared only if they fit: the same frames and joints, ids, head boxes; else one line tells why not."""

import json
import warnings

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pose_files import pose_file
from spoiled import spoiled

from jaxpose.errors import EvaluationError, FormatError, JaxposeWarning
from jaxpose.evaluation.checks import check_boxes, check_frames, fit, need_heads, need_ids
from jaxpose.evaluation.comparison import compare
from jaxpose.evaluation.inputs import Options
from jaxpose.formats.mot import read_tracks
from jaxpose.formats.posetrack import read_poses
from jaxpose.formats.recognise import read_pair
from jaxpose.records import NO_ID
from jaxpose.skeletons import COCO_17, COCO_18, HAND_21, POSETRACK_15, POSETRACK_17


def some(counts=(2, 0, 3), skeleton=POSETRACK_17, seed=0, **fields):
    """Random poses with ids counted from 0 in each frame."""
    people = sum(counts)
    xy = np.random.default_rng(seed).uniform(0, 500, (people, len(skeleton.joints), 2))
    fields = {"ids": np.concatenate([np.arange(count) for count in counts]), **fields}
    fields = {"heads": np.tile([1.0, 2, 3, 4], (people, 1)), **fields}
    names = fields.pop("names", None)
    return pose_file(skeleton, counts, xy, **fields)._replace(names=names)


def assert_same(a, b):
    for field, value, other in zip(a._fields, a, b, strict=True):
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, other, err_msg=field)
        elif field == "regions":
            assert [len(polygons) for polygons in value] == [len(polygons) for polygons in other]
        elif field != "source":
            assert value == other, field


def shuffled(file, order):
    """The file with its frames in another order, as it would be read."""
    names = file.names or tuple(str(number) for number in file.numbers)
    parts = [np.arange(file.offsets[frame], file.offsets[frame + 1]) for frame in order]
    people = np.concatenate([*parts, np.zeros(0, int)])
    per_person = {field: getattr(file, field)[people] for field in ("xy", "ids", "heads", "scores", "joint_scores")}
    counts = [len(part) for part in parts]
    return file._replace(
        names=tuple(names[frame] for frame in order), offsets=np.concatenate([[0], np.cumsum(counts)]), **per_person
    )


# -- frames ------------------------------------------------------------------------------------------------------------


@given(st.permutations(range(5)), st.booleans())
def test_found_people_come_in_the_order_of_the_truth(order, in_folders):
    names = tuple(f"{letter}.jpg" for letter in "edcba")
    truth = some((2, 0, 3, 1, 1), names=names, scores=np.arange(7.0))
    found = shuffled(truth, order)
    if in_folders:
        found = found._replace(names=tuple(f"some/other\\{name}" for name in found.names))
    for file in fit(truth, found, POSETRACK_17):
        assert_same(file, truth)


def test_frames_are_matched_by_number_where_one_file_has_no_names():
    truth, found = some(names=("a", "b", "c"), numbers=[2, 5, 9]), some(numbers=[2, 5, 9], seed=1)
    fitted = fit(truth, found, POSETRACK_17)[1]
    assert fitted.names == ("a", "b", "c")
    np.testing.assert_array_equal(fitted.xy, found.xy)
    assert fit(found, truth, POSETRACK_17)[1].names is None


@pytest.mark.parametrize(
    ("truth", "found", "told"),
    [
        (dict(numbers=[0, 1, 2]), dict(numbers=[0, 1, 4]), r"found, frame 4: is not in truth; give files of the same"),
        (dict(names=("v/a", "v/b", "v/c")), dict(names=("w/a", "w/b", "w/x")), "found, frame w/x: is not in truth"),
        (dict(names=("v/a", "w/a", "v/c")), dict(names=("a", "a", "c")), "found: 2 frames are called a; give each"),
        (dict(names=("a", "b", "b")), dict(names=("a", "b", "b")), "truth: 2 frames are called b; give each another"),
    ],
)
def test_frames_that_differ(truth, found, told):
    with pytest.raises(EvaluationError, match=f"^{told}") as raised:
        fit(some(**truth)._replace(source="truth"), some(**found)._replace(source="found"), POSETRACK_17)
    assert "\n" not in str(raised.value)


def test_frames_that_are_lacking():
    truth = some(names=("a", "b", "c"))._replace(source="truth")
    found = truth.keep_frames(np.array([True, False, False]))._replace(source="found")
    told = "truth, frame b: is not in found, which lacks 2 of 3 frames; list frames without people too"
    with pytest.raises(EvaluationError, match=f"^{told}$"):
        fit(truth, found, POSETRACK_17)
    with pytest.raises(EvaluationError, match=r"^truth, frame b: is not in found; give files of the same frames$"):
        fit(found, truth, POSETRACK_17)


# -- joints ------------------------------------------------------------------------------------------------------------


def test_both_get_the_joints_that_are_asked_for():
    truth, found = fit(some(), some(seed=1), POSETRACK_15)
    assert truth.skeleton == found.skeleton == POSETRACK_15
    place = POSETRACK_17.index("left_knee")
    np.testing.assert_array_equal(found.xy[:, POSETRACK_15.index("left_knee")], some(seed=1).xy[:, place])


def test_joints_that_are_not_found_are_told():
    with pytest.warns(JaxposeWarning, match="memory: coco_18 has no head_bottom, head_top, which the truth has: these"):
        found = fit(some(), some(skeleton=COCO_18), POSETRACK_15)[1]
    assert found.there.sum(-1).tolist() == [13] * 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EvaluationError, match="is twice in the frame"):  # a refusal is all that is told
            fit(some(), some(skeleton=COCO_18, ids=[0, 0, 0, 0, 0]), POSETRACK_15)
        fit(some(skeleton=COCO_17), some(), COCO_17.__class__("legs", ("left_knee",), (), (0.1,)))
    with pytest.raises(
        EvaluationError, match=r"its joints \(hand_21\) and those of memory \(posetrack_17\) share none"
    ):
        fit(some(), some(skeleton=HAND_21), POSETRACK_15)


# -- people ------------------------------------------------------------------------------------------------------------


def test_an_id_twice_in_a_frame():
    names = ("a", "b", "c")
    twice = some(names=names, ids=[7, 8, 8, 9, 8])._replace(source="twice")
    for sides in ((twice, some(names=names)), (some(names=names), twice)):
        with pytest.raises(
            EvaluationError, match=r"^twice, frame c, person 8: is twice in the frame; an id must be one"
        ):
            fit(*sides, POSETRACK_17)
    fit(twice._replace(crowd=np.array([0, 0, 0, 0, 1], bool)), some(names=names), POSETRACK_17)
    fit(twice._replace(posed=np.array([1, 1, 0, 1, 1], bool)), some(names=names), POSETRACK_17)
    fit(some(ids=[NO_ID] * 5), some(), POSETRACK_17)
    fit(some(counts=(1, 1, 1), ids=[4, 4, 4]), some(counts=(0, 0, 0)), POSETRACK_17)


@pytest.mark.parametrize(
    ("field", "place", "value", "told"),
    [
        ("xy", (3, 4, 1), np.nan, "person 1: has a joint whose x or y is not a finite number; mend it or leave"),
        ("xy", (3, 0, 0), -np.inf, "person 1: has a joint whose x or y is not a finite number"),
        ("scores", 3, np.inf, "person 1: has an infinite score; give a number, or leave"),
        ("joint_scores", (3, 2), -np.inf, "person 1: has an infinite score"),
    ],
)
def test_what_is_not_finite(field, place, value, told):
    for side in range(2):
        files = [some(), some()]
        getattr(files[side], field)[place] = value
        files[side] = files[side]._replace(source="odd")
        with pytest.raises(EvaluationError, match=f"^odd, frame 2, {told}"):
            fit(*files, POSETRACK_17)


def test_what_does_not_count_need_not_be_finite():
    file = some()
    file.xy[0, 0], file.there[0, 0] = np.nan, False
    fit(file, some(), POSETRACK_17)  # a score that is NaN is one that the file does not tell: `some` has none


def test_ids_that_are_needed():
    need_ids(some())
    nameless = some(ids=[0, 1, NO_ID, 1, NO_ID])
    with pytest.raises(
        EvaluationError, match=r"^memory, frame 2, person 1 of the frame: has no id; tracking measures need"
    ):
        need_ids(nameless)
    need_ids(nameless._replace(crowd=nameless.ids == NO_ID))
    need_ids(nameless._replace(posed=nameless.ids != NO_ID))


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ([np.nan] * 4, "has no head box to measure distances by; add it, or judge whole people"),
        ([1, 2, np.nan, 4], "has no head box"),
        ([1, 2, 0, 0], "has a head box without size to measure distances by; mend it"),
    ],
)
def test_heads_that_are_needed(head, told):
    need_heads(some())
    truth = some()
    truth.heads[3] = head
    with pytest.raises(EvaluationError, match=f"^memory, frame 2, person 1: {told}"):
        need_heads(truth)
    here = np.arange(5) == 3
    need_heads(truth._replace(crowd=here))
    need_heads(truth._replace(there=np.broadcast_to(~here[:, None], truth.there.shape)))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([(3, 7), (1, 7), (3, 8)], None),
        ([], None),
        (
            [(3, 7), (1, 7), (3, 8), (3, 7)],
            "frame 2 counted from 0, person 7: is twice in the frame; an id must be one",
        ),
        ([(3, 7), (1, -1)], "frame 0 counted from 0, person -1: has no id; give each box one"),
    ],
)
def test_boxes_need_ids(tmp_path, rows, told):
    path = tmp_path / "tracks.txt"
    path.write_text("".join(f"{frame},{track},5,5,9,9,{track % 2}\n" for frame, track in rows))
    file = read_tracks(path)
    if told is None:
        check_boxes(file)
    else:
        with pytest.raises(EvaluationError, match=rf"tracks\.txt, {told}") as raised:
            check_boxes(file)
        assert "\n" not in str(raised.value)


def test_poses_need_the_frames_that_have_boxes(tmp_path):
    path = tmp_path / "tracks.txt"
    path.write_text("1,7,5,5,9,9,1\n2,7,5,5,9,9,1\n3,8,5,5,9,9,1\n")
    boxes, poses = read_tracks(path), some()
    check_frames(poses, boxes)
    check_frames(poses, boxes.keep(np.array([False, True, False])))
    lacking = r"tracks\.txt, frame 1 counted from 0: is not in memory, which lacks 2 of the 3 frames that have boxes"
    with pytest.raises(EvaluationError, match=lacking):
        check_frames(poses.keep_frames(np.arange(len(poses.numbers)) < 1), boxes)


def test_a_run_that_stopped_early_is_not_judged(tmp_path):
    boxes, run = tmp_path / "gt.txt", tmp_path / "run.jsonl"
    boxes.write_text("1,7,5,5,9,9,1\n3,8,5,5,9,9,1\n")
    header = {"jaxpose": "0", "skeleton": {"name": "one", "joints": ["nose"], "limbs": []}, "source": "", "config": {}}
    lines = [json.dumps(header), *(json.dumps({"frame": frame, "time": 0, "people": []}) for frame in range(3))]
    run.write_text("".join(f"{line}\n" for line in lines))
    assert compare(run, boxes, Options()).report.total.counts["objects"].tolist() == [2]
    run.write_text("".join(f"{line}\n" for line in lines[:3]))
    for one, other in ((run, boxes), (boxes, run)):
        with pytest.raises(EvaluationError, match=r"gt\.txt, frame 2 counted from 0: is not in .*run\.jsonl"):
            compare(one, other, Options())


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", oracles.CASES)
def test_the_cases_fit(case, request):
    for truth, found in oracles.sequences(oracles.folder(case, request)).values():
        fitted = fit(read_poses(truth), read_poses(found), POSETRACK_15)
        for file in fitted:
            need_ids(file)
        need_heads(fitted[0])
        assert fitted[0].names == fitted[1].names


def person(image, track, *keypoints):
    return {
        "image_id": image,
        "track_id": track,
        "keypoints": [*keypoints],
        "bbox_head": [1, 2, 3, 4],
        "scores": [1, 1],
    }


TREE = {
    "images": [{"id": 1, "file_name": "v/a", "is_labeled": True}, {"id": 2, "file_name": "v/b", "is_labeled": True}],
    "annotations": [person(1, 1, 1, 2, 2, 0, 0, 0), person(1, 2, 3, 4, 1, 5, 6, 1), person(2, 1, 0, 0, 0, 9, 9, 9)],
    "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "head_top"]}],
}


@given(spoiled(TREE))
def test_spoiled_files_fit_or_are_named(tmp_path_factory, tree):
    folder = tmp_path_factory.getbasetemp()
    (folder / "truth.json").write_text(json.dumps(TREE))
    (folder / "spoiled.json").write_text(json.dumps(tree))
    for names in (["truth.json", "spoiled.json"], ["spoiled.json", "truth.json"]):
        told = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", JaxposeWarning)
                truth, found = fit(*read_pair(*(folder / name for name in names)), POSETRACK_15)
                need_ids(truth)
                need_ids(found)
                need_heads(truth)
        except (FormatError, EvaluationError) as error:
            told = str(error)
        if told is not None:
            assert len(told.splitlines()) == 1
            assert str(folder) in told
        else:
            assert truth.names == found.names
            assert len(found.ids) == found.offsets[-1]
            assert np.isfinite(found.xy[found.there]).all()
