"""Whole people: MOTA, IDF1 and switches equal py-motmetrics and the score that comes with the real tracks, HOTA equals
TrackEval; and poses are compared like boxes."""

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import peers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_files import pose_file
from tracked_scenes import part, renamed, shuffled, video

from jaxpose.errors import EvaluationError
from jaxpose.evaluation.clear import Matches, clear
from jaxpose.evaluation.pairing import pair, pair_people
from jaxpose.evaluation.people import Judged, Similarity, Tracking, absorbed, boxes_of, by_person, compare
from jaxpose.evaluation.protocol import PROTOCOLS
from jaxpose.evaluation.similarity import box_similarity, oks_similarity, pckh_similarity
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.jsonl import JsonlWriter, read_poses
from jaxpose.formats.mot import read_tracks
from jaxpose.formats.poses import PoseFile
from jaxpose.geometry import iou, oks, person_box
from jaxpose.records import make_people
from jaxpose.skeletons import COCO_17, POSETRACK_15, Skeleton

VIDEOS = ("vtest", "stadtmitte", "shopfront")


@pytest.fixture(scope="session")
def score(shared_data: Path) -> ModuleType:
    """The program that scores tracks against these videos' boxes, written on py-motmetrics."""
    spec = importlib.util.spec_from_file_location("score", shared_data / "tracks" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scored(score: ModuleType, truth: Path, found: Path) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = score.read_jsonl if found.suffix == ".jsonl" else score.read_mot
        return score.score(score.read_mot(truth), read(found))


def perturbed(seed: int, truth: TrackFile) -> TrackFile:
    """What a tracker of middling quality would have made of the truth: also of what is not to be scored."""
    rng = np.random.default_rng(seed)
    ids = truth.ids.copy()
    for _ in range(25):
        late = truth.frames >= rng.integers(truth.last + 1)
        a, b = rng.choice(np.unique(ids), 2, replace=False)
        ids = np.where(late & (ids == a), b, np.where(late & (ids == b), a, ids))
    boxes = truth.boxes + rng.normal(0, 0.08, truth.boxes.shape) * np.tile(truth.boxes[:, 2:], 2)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 1)
    kept = rng.random(len(ids)) < 0.85
    false = rng.random(len(ids)) < 0.08
    moved = boxes[false] + np.column_stack([rng.normal(0, 60, (false.sum(), 2)), np.zeros((false.sum(), 2))])
    frames = np.concatenate([truth.frames[kept], truth.frames[false]])
    order = np.argsort(frames, kind="stable")
    return TrackFile(
        source="perturbed",
        frames=frames[order],
        boxes=np.concatenate([boxes[kept], moved])[order],
        ids=np.concatenate([ids[kept], 1000 + rng.integers(0, 10**6, false.sum())])[order],
        scored=np.ones(len(frames), bool),
        last=truth.last,
    )


def write(path: Path, tracks: TrackFile) -> Path:
    rows = zip((tracks.frames + 1).tolist(), tracks.ids.tolist(), tracks.boxes.tolist(), strict=True)
    path.write_text("".join(f"{f},{i},{x!r},{y!r},{w!r},{h!r},1,-1,-1,-1\n" for f, i, (x, y, w, h) in rows))
    return path


def check_score(tracking: Tracking, theirs: dict[str, float]) -> None:
    scores = tracking.compute()
    assert scores.clear.mota[-1] == pytest.approx(theirs["mota"], abs=1e-6)
    assert scores.identity.idf1[-1] == pytest.approx(theirs["idf1"], abs=1e-6)
    assert tracking.clear.switches[0] == theirs["switches"]
    assert tracking.clear.misses[0] == theirs["misses"]
    assert tracking.clear.false_positives[0] == theirs["false"]


def check_peers(tracking: Tracking, judged: Judged) -> None:
    """Against py-motmetrics and TrackEval on the people that are left to judge."""
    scores, pairing = tracking.compute(), judged.pairing
    theirs = peers.motmetrics(pairing, judged.similarity)
    for ours, name in ((scores.clear.mota, "mota"), (scores.identity.idf1, "idf1"), (scores.identity.idp, "idp")):
        assert ours[-1] == pytest.approx(100 * theirs[name], abs=1e-6)
    assert scores.clear.motp[-1] == pytest.approx(100 * (1 - theirs["motp"]), abs=1e-6)
    assert tracking.clear.switches[0] == theirs["num_switches"]
    assert tracking.clear.fragmentations[0] == theirs["num_fragmentations"]
    everybody = np.ones(len(pairing.truth_ids), bool), np.ones(len(pairing.found_ids), bool)
    theirs = peers.trackeval("HOTA", pairing, *everybody, judged.similarity)
    for field, name in (("hota", "HOTA"), ("deta", "DetA"), ("assa", "AssA"), ("loca", "LocA")):
        ours = getattr(scores.hota, field)[:, -1]
        np.testing.assert_allclose(ours, 100 * theirs[name], rtol=0, atol=1e-6, err_msg=name)


# -- the real tracks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VIDEOS)
def test_boxes_score_as_the_reference(name: str, shared_data: Path, score: ModuleType, tmp_path: Path) -> None:
    path = shared_data / "tracks" / name / "gt.txt"
    truth = read_tracks(path)
    found = perturbed(1, truth)
    tracking, judged = compare(truth, found)
    check_score(tracking, scored(score, path, write(tmp_path / "found.txt", found)))
    check_peers(tracking, judged)
    absorbs = (~truth.scored).any()
    assert absorbs == (len(judged.found_rows) < len(found.ids))
    assert 40 < tracking.compute().clear.mota[-1] < 95
    # the other way round: of what was found, nothing is unscored
    backwards, judged = compare(found, truth._replace(scored=np.ones(len(truth.ids), bool)))
    check_peers(backwards, judged)


@pytest.mark.parametrize("name", VIDEOS)
def test_poses_score_as_the_reference(name: str, shared_data: Path, score: ModuleType, tmp_path: Path) -> None:
    path = shared_data / "tracks" / name / "gt.txt"
    truth = read_tracks(path)
    file = standing(tmp_path / "found.jsonl", perturbed(2, truth))
    tracking, judged = compare(truth, read_poses(file))
    check_score(tracking, scored(score, path, file))
    check_peers(tracking, judged)
    assert 20 < tracking.compute().clear.mota[-1] < 95


def standing(path: Path, tracks: TrackFile) -> Path:
    """A result file of poses that about fill the boxes; joints are missing, of some people all but one."""
    rng = np.random.default_rng(0)
    height = np.linspace(0.07, 0.95, 17)[:, None]
    joints = np.concatenate([rng.uniform(0.1, 0.9, (17, 1)), height], axis=1)
    with JsonlWriter(path, COCO_17, source="made up", config={}) as writer:
        for frame in range(tracks.last + 1):
            rows = np.flatnonzero(tracks.frames == frame)
            xy = tracks.boxes[rows, None, :2] + joints * tracks.boxes[rows, None, 2:]
            there = (rng.random(xy.shape[:2]) < 0.9) & (rng.random((len(rows), 1)) < 0.98)
            there[:, 0] = True
            keypoints = np.concatenate([xy, np.ones((*xy.shape[:2], 1))], axis=2) * there[..., None]
            people = make_people(keypoints.astype(np.float32), np.ones(len(rows), np.float32), tracks.ids[rows])
            writer.write(people._replace(frame=frame, time=0.1 * frame))
    return path


def test_the_tracks_themselves_are_perfect(shared_data: Path) -> None:
    total = Tracking.empty()
    for name in VIDEOS:
        truth = read_tracks(shared_data / "tracks" / name / "gt.txt")
        total = total.merge(compare(truth, truth)[0])
    scores = total.compute()
    for values in (*scores.clear, *scores.identity, *scores.hota[:13]):
        np.testing.assert_allclose(values, 100)
    assert total.clear.switches[0] == total.clear.fragmentations[0] == 0


# -- similarities -----------------------------------------------------------------------------------------------------


def test_the_box_of_a_person_is_the_references(score: ModuleType) -> None:
    rng = np.random.default_rng(3)
    xy, there = rng.uniform(-50, 500, (200, 17, 2)), rng.random((200, 17)) < 0.3
    there[0] = False
    boxes = person_box(xy, there)
    assert np.isnan(boxes[0]).all()
    somebody = there.any(axis=1)
    for one, joints, box in zip(xy[somebody], there[somebody], boxes[somebody], strict=True):
        np.testing.assert_allclose(box, score.person_box(one[joints]), rtol=0, atol=1e-9)


def test_the_box_of_a_person_by_hand() -> None:
    box = person_box(np.array([[[10.0, 100.0], [40.0, 200.0], [999.0, 0.0]]]), np.array([[True, True, False]]))
    np.testing.assert_allclose(box, [[10 - 3, 100 - 10, 30 + 6, 100 + 18]])


def test_iou_is_that_of_the_package() -> None:
    rng = np.random.default_rng(4)
    a, b = (np.column_stack([rng.uniform(0, 10, (n, 2)), rng.uniform(0, 10, (n, 2))]) for n in (7, 9))
    a[0, 2:] = b[0, 2:] = 0
    pairing = pair(1, np.zeros(7, np.int64), np.arange(7), np.zeros(9, np.int64), np.arange(9))
    np.testing.assert_allclose(box_similarity(a, b, pairing).reshape(7, 9), iou(a, b), rtol=0, atol=1e-15)


def two_people(skeleton: Skeleton, xy: np.ndarray, **fields: object) -> PoseFile:
    return pose_file(skeleton, [len(xy)], xy, ids=np.arange(len(xy)), **fields)


def test_pckh_counts_the_truths_joints() -> None:
    xy = np.zeros((1, 15, 2))
    there = np.arange(15) < 5
    head = np.array([[0, 0, 30.0, 40.0]])  # half a head size is 0.5 * 0.6 * 50 = 15
    truth = two_people(POSETRACK_15, xy, there=there[None], heads=head)
    shift = np.zeros((1, 15, 2))
    shift[0, :4, 0] = [0, 15, 15.001, 3]
    found = two_people(POSETRACK_15, xy + shift, there=(np.arange(15) != 3)[None])
    np.testing.assert_allclose(pckh_similarity(truth, found, pair_people(truth, found)), [3 / 5])  # 0, 1 and 4
    assert compare(truth, found, "pckh")[0].clear.detections[0] == 1
    assert compare(truth, found, "pckh", 0.6)[0].clear.detections[0] == 1
    assert compare(truth, found, "pckh", 0.61)[0].clear.detections[0] == 0


def test_oks_is_that_of_the_package_where_all_joints_are_there() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.uniform(0, 60, (2, 17, 2)), rng.uniform(0, 60, (3, 17, 2))
    sizes = np.array([900.0, 2500.0])
    truth, found = two_people(COCO_17, a, areas=sizes), two_people(COCO_17, b)
    ours = oks_similarity(truth, found, pair_people(truth, found)).reshape(2, 3)
    keypoints = [np.concatenate([xy, np.ones((*xy.shape[:2], 1))], axis=2) for xy in (a, b)]
    theirs = oks(*keypoints, np.array(COCO_17.sigmas), np.repeat(sizes[:, None], 3, axis=1))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_oks_over_the_truths_joints_and_the_area_of_a_box() -> None:
    xy = np.arange(34.0).reshape(1, 17, 2)
    boxes = np.array([[0.0, 0.0, 20.0, 50.0]])
    truth = two_people(COCO_17, xy, boxes=boxes, there=(np.arange(17) < 4)[None])
    found = two_people(COCO_17, xy + np.array([3.0, 4.0]), there=(np.arange(17) != 0)[None])
    spread = 2 * 0.53 * 1000 * np.square(2 * np.array(COCO_17.sigmas[1:4]))
    expected = np.exp(-25 / spread).sum() / 4
    np.testing.assert_allclose(oks_similarity(truth, found, pair_people(truth, found)), [expected])
    told = truth._replace(areas=np.array([530.0]), boxes=np.full((1, 4), np.nan))
    np.testing.assert_allclose(oks_similarity(told, found, pair_people(told, found)), [expected])


@pytest.mark.parametrize(("by", "lacks"), [("pckh", "head box"), ("oks", "area")])
def test_what_a_similarity_lacks_is_told(by: Similarity, lacks: str) -> None:
    truth = two_people(COCO_17, np.ones((2, 17, 2)))
    with pytest.raises(EvaluationError, match=f"^memory, frame 0, person 0: has no {lacks}"):
        compare(truth, truth, by)
    boxes = boxes_of(truth)
    with pytest.raises(EvaluationError, match=f"^{by} compares poses"):
        compare(boxes, truth, by)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, float("nan")])
def test_a_threshold_that_makes_no_sense(threshold: float) -> None:
    boxes = boxes_of(two_people(COCO_17, np.ones((2, 17, 2))))
    with pytest.raises(EvaluationError, match="must be above 0 and at most 1"):
        compare(boxes, boxes, threshold=threshold)


# -- who is judged ----------------------------------------------------------------------------------------------------


def boxes(*rows: tuple[int, int, float], unscored: tuple[int, ...] = ()) -> TrackFile:
    """Boxes of 10 by 10 pixels; a row is frame, id, x."""
    frames, ids, x = (np.array(column) for column in zip(*rows, strict=True))
    places = np.column_stack([x, np.zeros(len(x)), np.full((len(x), 2), 10.0)])
    return TrackFile("made up", frames, places, ids, ~np.isin(ids, unscored), int(frames.max()))


def test_an_unscored_box_absorbs_one_person() -> None:
    truth = boxes((0, 1, 0.0), (0, 2, 100.0), unscored=(2,))
    found = boxes((0, 5, 0.0), (0, 6, 100.0), (0, 7, 101.0), (0, 8, 300.0))
    tracking, judged = compare(truth, found)
    assert judged.truth_rows.tolist() == [0]
    assert judged.found_rows.tolist() == [0, 2, 3]
    assert judged.matches.found.tolist() == [[0]]
    assert tracking.clear.false_positives[0] == 2
    assert tracking.hota.fp[0, 0] == 2
    assert tracking.identity.idfp[0] == 2


def test_a_scored_box_comes_before_an_unscored_one_that_is_farther() -> None:
    truth = boxes((0, 1, 0.0), (0, 2, 3.0), unscored=(2,))
    pairing = pair(1, truth.frames, truth.ids, np.zeros(1, np.int64), np.array([5]))
    similarity = box_similarity(truth.boxes, np.array([[1.0, 0.0, 10.0, 10.0]]), pairing)
    assert absorbed(pairing, truth.scored, similarity, 0.5).tolist() == [False]
    assert absorbed(pairing, ~truth.scored, similarity, 0.5).tolist() == [True]
    assert absorbed(pairing, ~truth.scored, similarity, 0.95).tolist() == [False]


def test_frames_of_one_side_count_and_rows_are_those_given() -> None:
    truth = boxes((3, 1, 0.0), (1_000_000_007, 1, 0.0))
    found = boxes((0, 9, 0.0), (3, 9, 1.0))
    tracking, judged = compare(truth, found)
    assert judged.numbers.tolist() == [0, 3, 1_000_000_007]
    assert (tracking.clear.misses[0], tracking.clear.false_positives[0], tracking.clear.detections[0]) == (1, 1, 1)
    assert judged.matches.found[:, 0].tolist() == [1, -1]
    assert judged.found_rows.tolist() == [0, 1]


def test_people_without_enough_joints_are_left_out() -> None:
    xy = np.random.default_rng(6).uniform(0, 100, (3, 17, 2))
    there = np.ones((3, 17), bool)
    there[1], there[2, 1:] = False, False
    truth = two_people(COCO_17, xy, there=there, areas=np.full(3, 500.0))
    tracking, judged = compare(truth, truth, "oks")
    assert judged.truth_rows.tolist() == judged.found_rows.tolist() == [0, 2]
    assert tracking.compute().clear.mota[-1] == 100
    tracking, judged = compare(truth, truth, "iou")
    assert judged.truth_rows.tolist() == judged.found_rows.tolist() == [0]
    assert tracking.compute().clear.mota[-1] == 100


def test_poses_of_another_skeleton_are_compared_by_the_joints_they_share() -> None:
    xy = np.random.default_rng(7).uniform(10, 100, (2, 17, 2))
    found = two_people(COCO_17, xy)
    truth = found.as_skeleton(POSETRACK_15)._replace(heads=np.tile([0, 0, 20.0, 20.0], (2, 1)))
    tracking, _ = compare(truth, found, "pckh")
    assert tracking.compute().hota.hota[0, -1] == 100


def test_crowds_of_poses_are_not_scored() -> None:
    xy = np.random.default_rng(8).uniform(0, 100, (2, 17, 2)) + np.array([[[0, 0]], [[500, 0]]])
    truth = two_people(COCO_17, xy, crowd=[False, True])
    tracking, judged = compare(truth, truth)
    assert judged.truth_rows.tolist() == judged.found_rows.tolist() == [0]
    assert tracking.clear.objects[0] == 1


def test_who_comes_first_in_the_file_keeps_a_found_id() -> None:
    """As in py-motmetrics, whose numbers are the published ones; `strict` would let whoever had it last keep it."""
    truth = boxes((0, 1, 0.0), (1, 2, 0.0), (2, 1, 3.0), (2, 2, 0.0))
    found = boxes((0, 9, 0.0), (1, 9, 0.0), (2, 9, 0.0), (2, 8, 40.0))
    tracking, judged = compare(truth, found)
    assert judged.matches.found[:, 0].tolist() == [0, 1, 2, -1]
    check_peers(tracking, judged)
    everybody = np.ones((4, 1), bool)
    cost = np.where(judged.similarity >= 0.5, 1 - judged.similarity, np.nan)[:, None]
    _, matches = clear(judged.pairing, everybody, everybody, cost, PROTOCOLS["strict"])
    assert matches.found[:, 0].tolist() == [0, 1, -1, 2]


def test_one_column_by_person() -> None:
    frame = np.arange(8)
    ids = np.array([4, 4, 4, 4, 4, 2, 2, 4])
    pairing = pair(8, frame, ids, frame, np.array([1, 1, 9, 2, 9, 9, 3, 2]))
    found = np.array([0, 1, -1, 3, -1, -1, 6, 7])[:, None]
    switched = np.zeros((8, 1), bool)
    switched[3] = True
    table = by_person(pairing, Matches(found, switched))
    assert table.ids.tolist() == [2, 4]
    assert table.frames.tolist() == [2, 6]
    assert table.matched.tolist() == [1, 4]
    assert table.switches.tolist() == [0, 1]
    assert table.fragmentations.tolist() == [0, 2]


# -- properties, with poses -------------------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)


def with_areas(file: PoseFile) -> PoseFile:
    return file._replace(areas=20 * np.square(file.heads[:, 2]))


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(["iou", "pckh", "oks"]))
def test_poses_equal_motmetrics_and_trackeval(seed: int, by: Similarity) -> None:
    truth, found = video(seed, 10, 5)
    tracking, judged = compare(with_areas(truth), found, by)
    if len(judged.truth_rows) and len(judged.found_rows) and tracking.clear.detections[0]:
        check_peers(tracking, judged)
    table = by_person(judged.pairing, judged.matches)
    assert table.switches.sum() == tracking.clear.switches[0]
    assert table.fragmentations.sum() == tracking.clear.fragmentations[0]
    assert table.matched.sum() == tracking.clear.detections[0]
    assert table.frames.sum() == tracking.clear.objects[0]


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(["iou", "pckh", "oks"]))
def test_the_truth_itself_is_perfect(seed: int, by: Similarity) -> None:
    truth = with_areas(video(seed)[0])
    tracking, judged = compare(truth, truth, by)
    scores = tracking.compute()
    if len(judged.truth_rows):
        for values in (*scores.clear, *scores.identity, *scores.hota[:13]):
            np.testing.assert_allclose(values, 100)
    else:
        assert np.isnan(scores.hota.hota).all()


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(["iou", "oks"]))
def test_order_and_names_of_people_do_not_matter(seed: int, by: Similarity) -> None:
    """The truth stays in its order: it decides which of two people keeps a found id that both were matched with."""
    truth, found = video(seed, 4, 4)
    before = compare(with_areas(truth), found, by)[0]
    after = compare(with_areas(renamed(seed, truth)), renamed(seed, shuffled(seed, found)), by)[0]
    for a, b in zip(
        (*before.clear, *before.identity, *before.hota), (*after.clear, *after.identity, *after.hota), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_videos_add_up_to_the_whole(seed: int) -> None:
    truth, found = (side._replace(ids=np.where(side.frame < 3, side.ids, side.ids + 10_000)) for side in video(seed, 8))
    whole = compare(truth, found)[0].compute()
    merged = Tracking.empty()
    for frames in (slice(0, 3), slice(3, 8)):
        merged = merged.merge(compare(part(truth, frames), part(found, frames))[0])
    for a, b in zip(whole, merged.compute(), strict=True):
        np.testing.assert_allclose(np.hstack(a), np.hstack(b), rtol=0, atol=1e-9)
