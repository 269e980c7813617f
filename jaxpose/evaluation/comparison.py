"""Predictions against truth, files or folders, whatever their formats: which measures they ask for, and their report.

The truth decides: PoseTrack's files are judged joint by joint (AP, MOTA, HOTA) and by whole people (IDF1, switches),
COCO's by OKS-AP, MOTChallenge's boxes and jaxpose's own files by whole people. A `similarity` asks for whole people
alone. `compare` reads and judges one pair of files after the other; the three judges below hold what they add up to.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from jaxpose.errors import EvaluationError
from jaxpose.evaluation import people
from jaxpose.evaluation.checks import check_boxes, fit, need_heads, need_ids
from jaxpose.evaluation.filters import large_people, long_tracks, without_weak_joints
from jaxpose.evaluation.judged import for_joints
from jaxpose.evaluation.oks import Oks, oks
from jaxpose.evaluation.people import Judged, Similarity, Tracking
from jaxpose.evaluation.posetrack import PoseTrack, measure
from jaxpose.evaluation.precision import Precision
from jaxpose.evaluation.protocol import PROTOCOLS
from jaxpose.evaluation.report import Report, Scores
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.mot import read_tracks
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.recognise import Kind, Partners, kind_of, partners, read_pair, read_poses
from jaxpose.records import NO_ID
from jaxpose.skeletons import POSETRACK_15, Skeleton

COCO_SCORES = ("ap", "ap50", "ap75", "apm", "apl", "ar", "ar50", "ar75", "arm", "arl")


@dataclasses.dataclass(frozen=True)
class Options:
    """How to judge; the filters are for what was found."""

    protocol: str = "poseval"  # one of `PROTOCOLS`, for PoseTrack's joints
    similarity: Similarity | None = None  # judge whole people alone, by this
    threshold: float = 0.5  # of the similarity of whole people, from which two may match
    min_track: int = 0  # leave out ids that are seen in fewer frames
    min_size: float = 0.0  # leave out people smaller than so many pixels
    joint_thresholds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    videos: bool = False  # keep what plots and the error analysis need, which grows with the number of files


class Video(NamedTuple):
    """One sequence that was judged by whole people, for whoever wants to see what went wrong."""

    truth: PoseFile | TrackFile
    found: PoseFile | TrackFile
    judged: Judged


class Comparison(NamedTuple):
    """The report, and what plots and the error analysis are made of."""

    report: Report
    videos: Mapping[str, Video]  # if asked for, and people have ids
    precision: Precision | None  # of all files, by PoseTrack's joints


class Judge(Protocol):
    """Adds up files of one kind."""

    def add(self, files: Partners) -> None:
        """Read and judge two files."""
        ...

    def result(self) -> Comparison:
        """What all files came to."""
        ...


def compare(
    found: Path,
    truth: Path,
    options: Options,
    progress: Callable[[Iterable[Partners]], Iterable[Partners]] = iter,
) -> Comparison:
    """Judge a file, or a folder of files, of predictions; `progress` may watch the files go by.

    Raises `FormatError` or `EvaluationError` at the first thing that is wrong with any of them.
    """
    files = partners(truth, found)
    judge = _judge(files, options)
    for one in progress(files):
        judge.add(one)
    return judge.result()


def _judge(files: list[Partners], options: Options) -> Judge:
    kinds = {kind_of(one.truth): one.truth for one in files}
    if len(kinds) > 1:
        told = " and ".join(f"{path.name} is {kind}" for kind, path in kinds.items())
        raise EvaluationError(f"{files[0].truth.parent}: {told}; compare files of one format at a time")
    (kind,) = kinds
    if kind == Kind.COCO_RESULTS:
        raise EvaluationError(f"{files[0].truth}: a list of results has no truth to compare with; give the annotations")
    if options.similarity is None and kind in (Kind.POSETRACK_2017, Kind.POSETRACK_2018):
        return ByJoint(options)
    if options.similarity is None and kind == Kind.COCO:
        return ByPicture(options)
    return ByPerson(options)


def read_tracked(found: Path, truth: Path) -> list[tuple[PoseFile, PoseFile]]:
    """Truth and predictions with ids and head boxes, of PoseTrack's joints: what thresholds are learnt from."""
    pairs = [_read_poses(files, POSETRACK_15, Options()) for files in partners(truth, found)]
    for one, other in pairs:
        need_heads(one)
        need_ids(other)
    return pairs


class ByJoint:
    """PoseTrack's measures, and beside them whole people by PCKh."""

    def __init__(self, options: Options) -> None:
        self._options, self._protocol = options, PROTOCOLS[options.protocol]
        self._total, self._people = PoseTrack.empty(), Tracking.empty()
        self._parts: dict[str, tuple[PoseTrack, Tracking]] = {}
        self._videos: dict[str, Video] = {}
        self._tracked: dict[bool, str] = {}  # whether people have ids: the first such file
        self._failing: dict[str, list[str]] = {}  # sequences at which the published evaluators fail, by reason

    def add(self, files: Partners) -> None:
        """Read and judge two files; the predictions of a file have ids all or none."""
        truth, found = _read_poses(files, POSETRACK_15, self._options)
        need_heads(truth)
        tracked = bool((found.ids != NO_ID).any()) or not len(found.ids)
        if len(found.ids):
            self._tracked.setdefault(tracked, found.source)
        if len(self._tracked) > 1:
            raise EvaluationError(f"{self._tracked[False]}: nobody has an id, but in {self._tracked[True]}; track all")
        state = measure(truth, found, self._protocol, tracked=tracked)
        self._total = self._total.merge(state)
        tracking = self._add_people(files.name, truth, found) if tracked else Tracking.empty()
        self._parts[files.name] = state, tracking
        peopled = np.diff(truth.offsets) > 0
        if not self._protocol.last_frame and peopled.sum() == 1:
            self._failing.setdefault("poseval's MOT fails for a single frame", []).append(files.name)
        if not self._protocol.frame_misses and (truth.labelled & ~peopled).any():
            reason = "PoseTrack21's HOTA fails for a labelled frame without people in the truth"
            self._failing.setdefault(reason, []).append(files.name)

    def _add_people(self, name: str, truth: PoseFile, found: PoseFile) -> Tracking:
        """Judge people whole."""
        need_ids(truth)
        need_ids(found)
        truth, found = for_joints(truth, found, PROTOCOLS["strict"])
        tracking, judged = people.compare(truth, found, "pckh", self._options.threshold)
        self._people = self._people.merge(tracking)
        if self._options.videos:
            self._videos[name] = Video(truth, found, judged)
        return tracking

    def result(self) -> Comparison:
        """The report by joint; the tracking measures are left out where people have no ids."""
        tracked = False not in self._tracked
        notes = []
        if not tracked:
            notes.append("the predictions have no ids: only AP is judged")
        else:
            failing = self._failing.items()
            notes += [f"{reason} ({', '.join(names)}): it is counted as in strict" for reason, names in failing]
        sequences = {
            name: _with_people(state.compute(self._protocol, tracked=tracked, one=True), tracking if tracked else None)
            for name, (state, tracking) in self._parts.items()
        }
        total = _with_people(self._total.compute(self._protocol, tracked=tracked), self._people if tracked else None)
        report = Report(
            self._protocol.name, POSETRACK_15.joints, total, sequences, notes, skip_nan=self._protocol.absent_joints
        )
        return Comparison(report, self._videos if tracked else {}, self._total.precision)


class ByPicture:
    """COCO's OKS-AP and AR."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._state: Oks | None = None
        self._skeleton: Skeleton | None = None

    def add(self, files: Partners) -> None:
        """Read two files."""
        truth, found = read_pair(files.truth, files.found)
        found = _filtered(found, self._options)
        if self._skeleton not in (None, truth.skeleton):
            raise EvaluationError(f"{truth.source}: has other joints than the files before it; compare it alone")
        self._skeleton = truth.skeleton
        state = oks(truth, found, files.name)
        self._state = state if self._state is None else self._state.merge(state)

    def result(self) -> Comparison:
        """COCO's ten numbers."""
        assert self._state is not None
        assert self._skeleton is not None
        scores = self._state.compute(self._skeleton)
        numbers = {name: float(getattr(scores, name)) for name in COCO_SCORES}
        return Comparison(Report("coco", (), Scores({}, numbers, {}), {}, ()), {}, None)


class ByPerson:
    """Whole people: boxes by IoU, poses by OKS unless another similarity is asked for."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._total = Tracking.empty()
        self._parts: dict[str, Tracking] = {}
        self._videos: dict[str, Video] = {}
        self._by: Similarity = options.similarity or "oks"

    def add(self, files: Partners) -> None:
        """Read and judge two files."""
        truth: PoseFile | TrackFile
        found: PoseFile | TrackFile
        if Kind.MOT in (kind_of(files.truth), kind_of(files.found)):
            self._by = self._options.similarity or "iou"
            truth, found = _read_tracks(files, self._options)
        else:
            truth, found = _read_poses(files, None, self._options)
            need_ids(truth)
            need_ids(found)
        tracking, judged = people.compare(truth, found, self._by, self._options.threshold)
        self._total = self._total.merge(tracking)
        self._parts[files.name] = tracking
        if self._options.videos:
            self._videos[files.name] = Video(truth, found, judged)

    def result(self) -> Comparison:
        """MOTA, IDF1, HOTA and the counts, of each file and of all."""
        sequences = {name: _whole(tracking) for name, tracking in self._parts.items()}
        report = Report(f"people by {self._by}", (), _whole(self._total), sequences, ())
        return Comparison(report, self._videos, None)


def _read_poses(files: Partners, skeleton: Skeleton | None, options: Options) -> tuple[PoseFile, PoseFile]:
    """Two files of poses with the same frames and joints, those of the truth unless a skeleton is named."""
    truth, found = read_pair(files.truth, files.found)
    truth, found = fit(truth, found, skeleton or truth.skeleton)
    return truth, _filtered(found, options)


def _filtered(found: PoseFile, options: Options) -> PoseFile:
    if options.joint_thresholds:
        found = without_weak_joints(found, options.joint_thresholds)
    if options.min_size:
        found = found.keep(large_people(people.boxes_of(found).boxes, options.min_size))
    return found.keep(long_tracks(found.ids, options.min_track)) if options.min_track else found


def _read_tracks(files: Partners, options: Options) -> tuple[TrackFile, TrackFile]:
    """The boxes of two files, one of which may hold poses."""
    truth, found = (
        read_tracks(path) if kind_of(path) == Kind.MOT else people.boxes_of(read_poses(path))
        for path in (files.truth, files.found)
    )
    for file in (truth, found):
        check_boxes(file)
    kept = np.ones(len(found.ids), bool)
    if options.min_track:
        kept &= long_tracks(found.ids, options.min_track)
    if options.min_size:
        kept &= large_people(found.boxes, options.min_size)
    return truth, found.keep(kept)


def _with_people(scores: Scores, tracking: Tracking | None) -> Scores:
    """Scores by joint, with those of the same people judged whole that have no joints: IDF1, switches, fragments."""
    if tracking is None:
        return scores
    whole = _whole(tracking)
    numbers = {name: whole.numbers[name] for name in ("idf1", "switches", "fragmentations")}
    return scores._replace(numbers=numbers)


def _whole(tracking: Tracking) -> Scores:
    """The scores of whole people."""
    scores = tracking.compute()
    means = scores.hota.mean()
    tables = {**scores.clear._asdict(), **{name: means[name] for name in ("hota", "deta", "assa", "loca")}}
    state = tracking.clear
    numbers = {
        "idf1": float(scores.identity.idf1[-1]),
        "switches": int(state.switches[0]),
        "fragmentations": int(state.fragmentations[0]),
        "misses": int(state.misses[0]),
        "false_positives": int(state.false_positives[0]),
    }
    counts = {"objects": state.objects, "detections": state.detections}
    return Scores({name: values[-1:] for name, values in tables.items()}, numbers, counts)
