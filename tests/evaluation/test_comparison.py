"""Which measures two files ask for, how several files add up, and what cannot be compared."""

import copy
import json
import re
from pathlib import Path

import numpy as np
import oracles
import pytest
import tracked_files
from tracked_files import write

from jaxpose.errors import EvaluationError, FormatError
from jaxpose.evaluation.comparison import compare
from jaxpose.evaluation.inputs import Options, read_tracked
from jaxpose.evaluation.judges import COCO_SCORES, Comparison
from jaxpose.evaluation.people import boxes_of
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.jsonl import JsonlWriter
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.recognise import read_poses
from jaxpose.records import make_people
from jaxpose.skeletons import POSETRACK_15, POSETRACK_17

TRUTH, FOUND = tracked_files.truth(), tracked_files.found()


def changed(tree: dict, change) -> dict:
    tree = copy.deepcopy(tree)
    change(tree)
    return tree


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """What was found, and the truth: two videos each."""
    for name in ("a", "b"):
        write(tmp_path / "gt" / f"{name}.json", TRUTH)
        write(tmp_path / "pred" / f"{name}.json", FOUND if name == "a" else TRUTH)
    return tmp_path / "pred", tmp_path / "gt"


def lines(path: Path, tree: dict) -> Path:
    """The same people in jaxpose's own file."""
    path.parent.mkdir(exist_ok=True)
    with JsonlWriter(path, POSETRACK_17, source="video", config={}) as writer:
        for frame in range(tracked_files.FRAMES):
            some = [person for person in tree["annotations"] if person["image_id"] == 10 + frame]
            keypoints = np.array([person["keypoints"] for person in some], float).reshape(-1, 17, 3)
            keypoints[..., 2] *= [person.get("scores", [1] * 17) for person in some]
            ids = np.array([person["track_id"] for person in some])
            writer.write(make_people(keypoints, np.ones(len(some)), ids, frame=frame))
    return path


def mot(path: Path, *rows: tuple[float, ...]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(",".join(map(str, (*row, 1, -1, -1, -1))) + "\n" for row in rows))
    return path


def perfect(comparison: Comparison) -> bool:
    total = comparison.report.total
    return total.tables["mota"][-1] == pytest.approx(100) and total.numbers["idf1"] == pytest.approx(100)


# -- what is measured --------------------------------------------------------------------------------------------------


def test_posetrack_is_judged_by_joint(folders):
    found, truth = folders
    report = compare(found, truth, Options()).report
    assert (report.protocol, report.joints, report.notes) == ("poseval", POSETRACK_15.joints, [])
    assert list(report.sequences) == ["a", "b"]
    assert list(report.total.numbers) == ["idf1", "switches", "fragmentations"]
    assert report.total.numbers["switches"] == report.sequences["a"].numbers["switches"] == 2
    for name, counts in report.total.counts.items():
        np.testing.assert_array_equal(counts, sum(one.counts[name] for one in report.sequences.values()))
    strict = compare(found, truth, Options(protocol="strict")).report
    assert strict.protocol == "strict"
    frames = tracked_files.FRAMES
    assert report.total.counts["objects"].tolist() == [2 * 3 * (frames - 1)] * 15  # poseval drops the last
    assert strict.total.counts["objects"].tolist() == [2 * 3 * frames] * 15
    assert strict.skip_nan
    assert not report.skip_nan


@pytest.mark.parametrize("by", ["iou", "pckh"])
def test_posetrack_by_whole_people(folders, by):
    found, truth = folders
    report = compare(found, truth, Options(similarity=by)).report
    assert (report.protocol, report.joints) == (f"people by {by}", ())
    assert perfect(compare(truth, truth, Options(similarity=by)))
    assert report.total.counts["objects"].tolist() == [2 * 3 * tracked_files.FRAMES]


def test_whole_people_in_ignore_regions_and_unlabelled_frames_do_not_count(tmp_path):
    def ignore(tree):
        for image in tree["images"]:
            image |= {"ignore_regions_x": [[0, 100, 100, 0]], "ignore_regions_y": [[0, 0, 100, 100]]}
        tree["images"][1]["is_labeled"] = tree["images"][2]["is_labeled"] = False

    found = write(tmp_path / "found.json", FOUND)
    whole, part = (
        compare(found, write(tmp_path / "truth.json", tree), Options(similarity="pckh")).report.total
        for tree in (TRUTH, changed(TRUTH, ignore))
    )
    assert whole.numbers["false_positives"] == tracked_files.FRAMES + 2
    assert part.numbers["false_positives"] == 0  # 91 stands in the region, 90 in the frames without labels
    assert part.counts["objects"].tolist() == [3 * (tracked_files.FRAMES - 2)]


def test_lines_against_posetrack_and_against_lines(tmp_path):
    truth, same = write(tmp_path / "truth.json", TRUTH), lines(tmp_path / "same.jsonl", TRUTH)
    comparison = compare(same, truth, Options(protocol="strict"))
    assert comparison.report.joints == POSETRACK_15.joints
    assert perfect(comparison)
    comparison = compare(same, same, Options())
    assert comparison.report.protocol == "people by oks"
    assert perfect(comparison)
    worse = compare(lines(tmp_path / "found.jsonl", FOUND), same, Options()).report
    assert worse.total.numbers["switches"] == 2


def test_coco_is_judged_by_picture(request):
    folder = oracles.folder("coco_1_noise", request)
    found, truth = folder / "pred" / "pred.json", folder / "gt" / "gt.json"
    comparison = compare(found, truth, Options())
    assert comparison.report.protocol == "coco"
    assert tuple(comparison.report.total.numbers) == COCO_SCORES
    assert (comparison.videos, comparison.precision, comparison.report.sequences) == ({}, None, {})


def test_coco_s_files_add_up(request, tmp_path):
    """Two files with half of the pictures each come to what the whole comes to."""
    folder = oracles.folder("coco_1_noise", request)
    truth, found = (json.loads((folder / name).read_text()) for name in ("gt/gt.json", "pred/pred.json"))
    ids = sorted(image["id"] for image in truth["images"])
    for name, some in (("a", ids[:15]), ("b", ids[15:])):
        annotations = [person for person in truth["annotations"] if person["image_id"] in some]
        images = [image for image in truth["images"] if image["id"] in some]
        write(tmp_path / "gt" / f"{name}.json", truth | {"images": images, "annotations": annotations})
        write(tmp_path / "pred" / f"{name}.json", [person for person in found if person["image_id"] in some])
    whole = compare(folder / "pred" / "pred.json", folder / "gt" / "gt.json", Options()).report.total.numbers
    assert compare(tmp_path / "pred", tmp_path / "gt", Options()).report.total.numbers == pytest.approx(whole)


def test_boxes_against_poses(tmp_path):
    """People of fewer than two joints have no box, and count on neither side."""
    tree = changed(TRUTH, lambda tree: tree["annotations"][0].update(keypoints=[5.0, 5, 1] + [0] * 48))
    poses = lines(tmp_path / "found.jsonl", tree)
    tracks = boxes_of(read_poses(lines(tmp_path / "whole.jsonl", TRUTH)))
    rows = zip(tracks.frames + 1, tracks.ids, *tracks.boxes.T, strict=True)
    boxes = mot(tmp_path / "truth.txt", *(tuple(float(value) for value in row) for row in rows))
    total = compare(poses, boxes, Options()).report.total
    assert (total.numbers["misses"], total.numbers["false_positives"]) == (1, 0)
    total = compare(boxes, poses, Options()).report.total
    assert (total.numbers["misses"], total.numbers["false_positives"]) == (0, 1)


# -- options -----------------------------------------------------------------------------------------------------------


def test_videos_are_kept_only_if_asked_for(folders, tmp_path):
    found, truth = folders
    assert compare(found, truth, Options()).videos == {}
    videos = compare(found, truth, Options(videos=True)).videos
    assert list(videos) == ["a", "b"]
    assert all(isinstance(one.truth, PoseFile) and len(one.judged.numbers) == 8 for one in videos.values())
    boxes = mot(tmp_path / "boxes.txt", (1, 1, 5, 5, 20, 40))
    (video,) = compare(boxes, boxes, Options(videos=True)).videos.values()
    assert isinstance(video.found, TrackFile)


def test_progress_sees_every_pair(folders):
    seen = []

    def watch(files):
        for one in files:
            seen.append(one.name)
            yield one

    compare(*folders, Options(), watch)
    assert seen == ["a", "b"]


@pytest.mark.parametrize("kind", ["json", "jsonl", "txt"])
def test_filters_are_for_what_was_found(kind, tmp_path):
    """Short tracks and small people go, from what was found only, whatever the format."""
    short, small = changed(TRUTH, lambda tree: None), []
    if kind == "txt":
        large = [(frame, 1, 100, 100, 50, 90) for frame in range(1, 7)]
        small = [(frame, 2, 300, 100, 20, 39) for frame in range(1, 7)]
        some = [(1, 3, 500, 100, 50, 90)]
        truth, found = mot(tmp_path / "gt.txt", *large, *small, *some), mot(tmp_path / "f.txt", *large, *small, *some)
        sizes = ((0, 13), (40, 7))
        tracks = ((0, 13), (2, 12))
    else:
        writer = {"json": write, "jsonl": lines}[kind]
        truth = writer(tmp_path / f"gt.{kind}", short)
        found = writer(tmp_path / f"f.{kind}", FOUND)
        everybody = len(FOUND["annotations"])
        sizes = ((0, everybody), (40, everybody - 8))
        tracks = ((0, everybody), (3, everybody - 2), (7, everybody - 2 - 6))

    def people(**options):
        by = "iou" if kind != "jsonl" else "oks"
        total = compare(found, truth, Options(similarity=by, **options)).report.total
        return int(total.numbers["false_positives"] + total.counts["detections"][0])

    assert [people(min_size=size) for size, _ in sizes] == [count for _, count in sizes]
    assert [people(min_track=frames) for frames, _ in tracks] == [count for _, count in tracks]


def test_joint_thresholds(folders):
    found, truth = (folder / "a.json" for folder in folders)
    before, after = (
        compare(found, truth, Options(joint_thresholds=limits)).report.total
        for limits in ({}, {"left_knee": tracked_files.WEAK})
    )
    knee = POSETRACK_15.joints.index("left_knee")
    assert after.tables["mota"][knee] > before.tables["mota"][knee]
    others = np.delete(np.arange(15), knee)
    np.testing.assert_array_equal(after.tables["mota"][others], before.tables["mota"][others])


def test_the_threshold_of_whole_people(folders):
    found, truth = folders
    easy, hard = (compare(found, truth, Options(threshold=value)).report.total for value in (0.5, 0.95))
    assert hard.numbers["idf1"] < easy.numbers["idf1"]
    np.testing.assert_array_equal(hard.tables["mota"], easy.tables["mota"])  # by joint: PCKh@0.5 whatever it be


# -- ids ---------------------------------------------------------------------------------------------------------------


def forget(tree):
    for person in tree["annotations"]:
        person.pop("track_id")


def test_without_ids_ap_is_judged_alone(folders):
    found, truth = folders
    whole = compare(found, truth, Options()).report.total.tables
    for name in ("a", "b"):
        write(found / f"{name}.json", changed(json.loads((found / f"{name}.json").read_text()), forget))
    comparison = compare(found, truth, Options(videos=True))
    assert list(comparison.report.total.tables) == ["ap", "ap_precision", "ap_recall"]
    assert comparison.report.total.numbers == {}
    (note,) = comparison.report.notes
    assert re.fullmatch(r"nobody has an id \(.*a\.json\): only AP is judged", note)
    assert comparison.videos == {}
    np.testing.assert_array_equal(comparison.report.total.tables["ap"], whole["ap"])


def test_all_files_have_ids_or_none(folders):
    found, truth = folders
    write(found / "b.json", changed(FOUND, forget))
    with pytest.raises(EvaluationError, match=r"pred/b\.json: nobody has an id, but in .*pred/a\.json; track all"):
        compare(found, truth, Options())
    write(found / "b.json", FOUND | {"annotations": []})  # nobody found is no want of ids
    parts = compare(found, truth, Options()).report.sequences
    np.testing.assert_array_equal(parts["b"].counts["objects"], tracked_files.FRAMES - 1)  # one of each frame is missed


@pytest.mark.parametrize("options", [Options(min_track=2), Options(similarity="pckh")])
def test_what_needs_ids_says_so(folders, options):
    found, truth = folders
    write(found / "a.json", changed(FOUND, forget))
    with pytest.raises(EvaluationError, match=r"pred/a\.json, frame 000000\.jpg, person 1 of the frame: has no id"):
        compare(found, truth, options)


# -- what cannot be compared -------------------------------------------------------------------------------------------


def test_formats_are_not_mixed(folders):
    found, truth = folders
    mot(truth / "b.txt", (1, 1, 5, 5, 20, 40))
    (truth / "b.json").unlink()
    told = r"gt: a\.json is PoseTrack 2018 and b\.txt is MOTChallenge text; compare files of one format at a time"
    with pytest.raises(EvaluationError, match=told):
        compare(found, truth, Options())


def test_similarities_are_not_mixed(tmp_path):
    for name in ("a", "b"):
        lines(tmp_path / "gt" / f"{name}.jsonl", TRUTH)
    lines(tmp_path / "pred" / "a.jsonl", TRUTH)
    mot(tmp_path / "pred" / "b.txt", (1, 1, 5, 5, 20, 40))
    told = r"pred/a\.jsonl by oks and .*pred/b\.txt by iou cannot be added up; compare all by one similarity"
    with pytest.raises(EvaluationError, match=told):
        compare(tmp_path / "pred", tmp_path / "gt", Options())
    report = compare(tmp_path / "pred", tmp_path / "gt", Options(similarity="iou")).report
    assert report.protocol == "people by iou"


def test_boxes_have_no_joints(tmp_path):
    boxes = mot(tmp_path / "boxes.txt", (1, 1, 5, 5, 20, 40))
    with pytest.raises(EvaluationError, match=r"boxes\.txt: boxes have no joints that thresholds could leave out"):
        compare(boxes, boxes, Options(joint_thresholds={"nose": 0.5}))
    for by in ("oks", "pckh"):
        with pytest.raises(EvaluationError, match=f"{by} compares poses, and one side has only boxes"):
            compare(boxes, boxes, Options(similarity=by))


def test_coco_s_files_have_the_same_joints(request, tmp_path):
    folder = oracles.folder("coco_1_noise", request)
    tree = json.loads((folder / "gt/gt.json").read_text())
    names = tree["categories"][0]["keypoints"]
    other = changed(tree, lambda tree: tree["categories"][0].update(keypoints=[*names[:5], *reversed(names[5:])]))
    for name, some in (("a", tree), ("b", other)):
        write(tmp_path / "gt" / f"{name}.json", some)
        write(tmp_path / "pred" / f"{name}.json", json.loads((folder / "pred/pred.json").read_text()))
    with pytest.raises((EvaluationError, FormatError), match=r"gt/b\.json"):
        compare(tmp_path / "pred", tmp_path / "gt", Options())


def test_what_thresholds_are_learnt_from(folders, tmp_path):
    found, truth = folders
    pairs = read_tracked(found, truth)
    assert [(one.source, other.source) for one, other in pairs] == [
        (str(truth / f"{name}.json"), str(found / f"{name}.json")) for name in ("a", "b")
    ]
    assert all(file.skeleton == POSETRACK_15 for pair in pairs for file in pair)
    write(found / "b.json", changed(FOUND, forget))
    with pytest.raises(EvaluationError, match=r"pred/b\.json, .*: has no id"):
        read_tracked(found, truth)
    write(truth / "a.json", changed(TRUTH, lambda tree: tree["annotations"][4].pop("bbox_head")))
    with pytest.raises(EvaluationError, match=r"gt/a\.json, frame 000001\.jpg, person 1: has no head box"):
        read_tracked(found / "a.json", truth)
