"""Every format is written and read back: exactly, but for what it cannot hold, which is told."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from result_files import POSES, told, write, write_told

from jaxpose.errors import FormatError, OutputError
from jaxpose.formats import coco, conversion, jsonl, mot, openpose
from jaxpose.formats.conversion import WRITERS, by_pictures, lost, read
from jaxpose.formats.names import FORMATS, format_of
from jaxpose.formats.poses import PoseFile, collect_people
from jaxpose.geometry import person_box
from jaxpose.records import NO_ID, make_people
from jaxpose.skeletons import (
    BODY_21A,
    BODY_25,
    COCO_17,
    COCO_18,
    COCO_23,
    MPI_15,
    MPII_16,
    POSETRACK_15,
    POSETRACK_17,
    WHOLE_135,
)

OWN = {
    "jsonl": COCO_18, "openpose": BODY_25, "coco": COCO_17, "coco-gt": COCO_23, "posetrack17": POSETRACK_15,
    "posetrack18": POSETRACK_17, "csv": BODY_21A, "mpii": MPII_16,
}  # fmt: skip
"""A skeleton that the format knows."""


def same(a: PoseFile, b: PoseFile, *fields: str) -> None:
    for name in ("numbers", "offsets", "there", *fields):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    np.testing.assert_array_equal(a.xy[a.there], b.xy[b.there])
    assert a.skeleton == b.skeleton


def test_every_format_has_a_writer() -> None:
    assert list(WRITERS) == list(FORMATS)


@pytest.mark.parametrize("form", POSES)
def test_what_is_read_back_and_written_again_is_the_same_file(tmp_path: Path, form: str) -> None:
    first = write_told(tmp_path, form, OWN[form])
    again = write(tmp_path, form, read(first).poses, stem="again")
    if form == "openpose":
        contents = [sorted((file.name, file.read_bytes()) for file in path.iterdir()) for path in (first, again)]
        assert len(contents[0]) == 4
    elif form == "mpii":  # MATLAB's head tells the time
        contents = [read(path).poses.xy.tolist() for path in (first, again)]
    else:
        contents = [path.read_bytes() for path in (first, again)]
    assert contents[0] == contents[1]


@pytest.mark.parametrize("form", POSES)
def test_joints_survive_exactly(tmp_path: Path, form: str) -> None:
    counts = (2, 3, 1)
    frames = list(told(OWN[form], counts))
    found = read(write_told(tmp_path, form, OWN[form], counts)).poses
    wanted = collect_people(frames, OWN[form])
    np.testing.assert_array_equal(found.there, wanted.there)
    np.testing.assert_array_equal(found.numbers, [0, 1, 2])
    digits = np.where(wanted.there[..., None], wanted.xy.astype(np.float64).round(2), 0)
    atol = 1e-4 if form == "mpii" else 1e-9  # what MPII's reader gives is for training, in float32
    np.testing.assert_allclose(np.where(found.there[..., None], found.xy, 0), digits, rtol=0, atol=atol)
    holds = WRITERS[form].holds
    if "ids" in holds:
        np.testing.assert_array_equal(found.ids, wanted.ids)
    else:
        assert (found.ids == NO_ID).all()
    if "scores" in holds:
        np.testing.assert_allclose(found.scores, wanted.scores, rtol=0, atol=5.1e-5)
    if "joint scores" in holds:
        there = found.there
        np.testing.assert_allclose(found.joint_scores[there], wanted.joint_scores[there], rtol=0, atol=5.1e-5)
    if "times" in holds:
        assert found.times is not None
        np.testing.assert_array_equal(found.times, [0, 0.04, 0.08])


@pytest.mark.parametrize("form", ["posetrack17", "posetrack18", "jsonl", "openpose", "coco-gt", "mpii"])
def test_frames_without_people_stay(tmp_path: Path, form: str) -> None:
    found = read(write_told(tmp_path, form, counts=(0, 1, 0, 0))).poses
    np.testing.assert_array_equal(np.diff(found.offsets), [0, 1, 0, 0])


def test_nobody_at_all(tmp_path: Path) -> None:
    for form in WRITERS:
        folder = tmp_path / form
        folder.mkdir()
        path = write_told(folder, form, counts=(0, 0))
        if form == "mot":
            assert path.read_text() == ""
        else:
            assert len(read(path).poses.ids) == 0


@pytest.mark.parametrize("form", ["posetrack17", "posetrack18", "coco-gt"])
def test_published_kinds_of_files_survive(shared_data: Path, tmp_path: Path, form: str) -> None:
    files = {
        "posetrack17": sorted(shared_data.glob("oracles/*posetrack17*/*/*.json")),
        "posetrack18": sorted(shared_data.glob("bonn/test/*.json.gz"))[:3],
        "coco-gt": [shared_data / "coco" / "val.json"],
    }[form]
    fields = {"posetrack17": ("heads", "ids"), "posetrack18": ("heads", "ids"), "coco-gt": ("areas", "boxes")}[form]
    seen = 0
    for number, file in enumerate(files):
        poses = read(file).poses
        if poses.skeleton not in (WRITERS[form].skeletons or (poses.skeleton,)):
            continue
        seen += 1
        again = read(write(tmp_path, form, poses, stem=f"{number}")).poses
        same(poses, again, *fields, "labelled", "posed", "crowd", "scores", "joint_scores")
        assert poses.names == again.names
        for before, after in zip(poses.regions, again.regions, strict=True):
            assert [polygon.tolist() for polygon in before] == [polygon.tolist() for polygon in after]
    assert seen


# -- what a format cannot hold -----------------------------------------------------------------------------------------


def test_what_is_lost_is_told() -> None:
    poses = collect_people(told(BODY_25, (1, 0)), BODY_25)._replace(times=np.array([0, 0.04]))
    assert lost(poses, WRITERS["jsonl"], BODY_25) == []
    assert lost(poses, WRITERS["csv"], BODY_25) == ["empty frames"]
    assert lost(poses, WRITERS["openpose"], BODY_25) == ["scores", "times"]
    assert lost(poses, WRITERS["mot"], BODY_25) == ["joints", "empty frames", "times"]
    gone = lost(poses, WRITERS["coco"], COCO_17)
    assert gone[:2] == ["empty frames", "times"]
    assert gone[2].startswith("the joints neck, mid_hip, left_big_toe")


@pytest.mark.parametrize(
    ("form", "given", "target"),
    [
        ("openpose", COCO_17, COCO_18),
        ("openpose", COCO_23, BODY_25),
        ("openpose", POSETRACK_17, BODY_21A),
        ("openpose", MPI_15, MPI_15),
        ("openpose", WHOLE_135, BODY_25),
        ("coco", BODY_25, COCO_17),
        ("posetrack17", COCO_17, POSETRACK_15),
        ("posetrack18", COCO_17, POSETRACK_17),
        ("mpii", BODY_21A, MPII_16),
        ("csv", WHOLE_135, WHOLE_135),
        ("jsonl", MPI_15, MPI_15),
    ],
)
def test_the_skeleton_that_a_format_takes(form: str, given: object, target: object) -> None:
    assert WRITERS[form].target(given) == target


def test_middles_are_computed_on_the_way(tmp_path: Path) -> None:
    keypoints = np.zeros((2, 17, 3))
    keypoints[0, 5], keypoints[0, 6] = (100, 40, 0.9), (140, 60, 0.3)
    keypoints[1, 5] = 100, 40, 0.9
    with WRITERS["openpose"](tmp_path / "out", COCO_17, source="v.mp4", config={}) as writer:
        writer.write(make_people(keypoints, np.ones(2)))
    people = json.loads((tmp_path / "out" / "v_000000000000_keypoints.json").read_text())["people"]
    assert people[0]["pose_keypoints_2d"][3:6] == [120, 50, 0.3]
    assert people[1]["pose_keypoints_2d"][3:6] == [0, 0, 0]


# -- each format as others know it -------------------------------------------------------------------------------------


def test_openpose_files_as_openpose_names_them(tmp_path: Path) -> None:
    folder = write_told(tmp_path, "openpose", BODY_25)
    names = sorted(file.name for file in folder.iterdir())
    assert names == [f"street_{frame:012d}_keypoints.json" for frame in range(4)]
    content = json.loads((folder / names[0]).read_text())
    assert content["version"] == 1.3
    person = content["people"][1]
    assert person["person_id"] == [8]
    assert len(person["pose_keypoints_2d"]) == 75
    assert all(person[f"{part}_keypoints_{dims}"] == [] for part in ("face", "hand_left") for dims in ("2d", "3d"))
    assert len([key for key in person if key.endswith("d") and "keypoints" in key]) == 8


def test_openpose_s_own_files_are_read(tmp_path: Path) -> None:
    person = {"person_id": [-1], "pose_keypoints_2d": [1.5, 2.5, 0.5] * 18, "hand_left_keypoints_2d": [1, 2, 0.1] * 21}
    for number in (2, 10):
        name = f"video_{number:012d}_keypoints.json"
        (tmp_path / name).write_text(json.dumps({"version": 1.3, "people": [person] * (number - 1)}))
    with pytest.warns(Warning, match="the joints of hands and faces are left out"):
        poses = openpose.read_poses(tmp_path)
    assert poses.skeleton == COCO_18
    assert poses.numbers.tolist() == [2, 10]
    assert np.diff(poses.offsets).tolist() == [1, 9]
    assert (poses.ids == NO_ID).all()


def test_coco_results_are_pycocotools_own(tmp_path: Path) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    poses = read(write_told(tmp_path, "jsonl", COCO_17, counts=(2, 1, 3))).poses
    truth = COCO(str(write(tmp_path, "coco-gt", poses, stem="truth")))
    judge = COCOeval(truth, truth.loadRes(str(write(tmp_path, "coco", poses, stem="results"))), "keypoints")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert judge.stats[0] == pytest.approx(1)


def test_mot_text_has_the_boxes_that_evaluate_compares(tmp_path: Path) -> None:
    frames = list(told(COCO_17, (2, 0, 1)))
    found = mot.read_tracks(write_told(tmp_path, "mot", COCO_17, (2, 0, 1)))
    wanted = collect_people(frames, COCO_17)
    boxes = person_box(wanted.xy.astype(np.float64).round(2), wanted.there)
    boxes[:, :2] += 0.5
    np.testing.assert_allclose(found.boxes, boxes, rtol=0, atol=0.0051)
    assert found.frames.tolist() == [0, 0, 2]
    assert found.ids.tolist() == [7, 8, 7]


def test_csv_opens_in_pandas(tmp_path: Path) -> None:
    import pandas as pd

    table = pd.read_csv(write_told(tmp_path, "csv", COCO_17))
    assert list(table.columns[:6]) == ["frame", "time", "id", "score", "nose_x", "nose_y"]
    assert table["frame"].tolist() == [0, 0, 2, 3, 3, 3]
    people = next(iter(told(COCO_17, (2,))))
    there = people.keypoints[:, 0, 2] > 0
    assert table["nose_x"][:2].isna().tolist() == (~there).tolist()
    np.testing.assert_allclose(table["nose_x"][:2][there], people.keypoints[there, 0, 0], atol=0.0051)


def test_a_packed_file_is_the_same_file(tmp_path: Path) -> None:
    plain = write_told(tmp_path, "jsonl")
    packed = tmp_path / "people.jsonl.gz"
    with WRITERS["jsonl"](packed, COCO_17, source="street.mp4", config={}) as writer:
        for people in told(COCO_17, (2, 0, 1, 3)):
            writer.write(people)
            assert len(list(jsonl.read(packed)[1])) == people.frame + 1  # before it is closed
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


def test_pictures_are_numbered_by_their_names(tmp_path: Path) -> None:
    poses = collect_people(told(COCO_17, (1, 1)), COCO_17)._replace(names=("a_000000000139.jpg", "285.png"))
    assert by_pictures(poses).numbers.tolist() == [139, 285]
    assert by_pictures(poses._replace(names=("b.jpg", "c7.jpg"))).numbers.tolist() == [0, 7]
    with pytest.raises(FormatError, match=r"b7\.jpg ends in the number of another picture"):
        by_pictures(poses._replace(names=("a7.jpg", "b7.jpg")))
    assert coco.read_result_poses(write(tmp_path, "coco", by_pictures(poses))).numbers.tolist() == [139, 285]


def test_two_pictures_of_one_id_are_refused_while_writing(tmp_path: Path) -> None:
    (people,) = told(COCO_17, (1,))
    with WRITERS["coco"](tmp_path / "a.json", COCO_17, source="", config={}) as writer:
        writer.write(people._replace(frame=7), name="a7.jpg")
        with pytest.raises(OutputError, match=r"b7\.jpg has the image id 7 of another picture"):
            writer.write(people._replace(frame=7), name="b7.jpg")
    assert len(json.loads((tmp_path / "a.json").read_text())) == 1


def test_an_id_that_two_people_have_is_refused(tmp_path: Path) -> None:
    frames = [people._replace(ids=np.array([4, 4])) for people in told(COCO_17, (2,))]
    path = write(tmp_path, "jsonl", collect_people(frames, COCO_17))
    with pytest.raises(FormatError, match="frame 0: id 4 has several people"):
        read(path)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.jsonl", "jsonl"), ("a.JSONL.GZ", "jsonl"), ("a.json", "coco"), ("a.csv", "csv"), ("a.txt", "mot"),
        ("a.mat", "mpii"), ("folder", "openpose"),
    ],
)  # fmt: skip
def test_the_format_by_the_name(name: str, form: str) -> None:
    assert format_of(Path(name), None) == form


def test_normalized_points_are_never_read_as_pixels(tmp_path: Path) -> None:
    for form in ("jsonl", "openpose", "csv"):
        path = write_told(tmp_path, form, counts=(1,), normalized=True)
        with pytest.raises(FormatError, match=r"shares of the picture's sides; write .* without --normalized"):
            conversion.read(path)
