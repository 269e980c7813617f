"""What files of one kind add up to: PoseTrack's by joint, COCO's by picture, everybody else's by whole people."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from jaxpose.errors import EvaluationError
from jaxpose.evaluation.checks import need_heads, need_ids
from jaxpose.evaluation.inputs import Options, filtered, read_people, read_poses
from jaxpose.evaluation.judged import for_hota, for_joints
from jaxpose.evaluation.oks import Oks, oks
from jaxpose.evaluation.people import Judged, Similarity, Tracking, compare
from jaxpose.evaluation.posetrack import PoseTrack, measure
from jaxpose.evaluation.precision import Precision
from jaxpose.evaluation.protocol import PROTOCOLS
from jaxpose.evaluation.report import Report, Scores
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.recognise import Kind, Partners, kind_of, read_pair
from jaxpose.records import NO_ID
from jaxpose.skeletons import POSETRACK_15, Skeleton

POSETRACK = (Kind.POSETRACK_2017, Kind.POSETRACK_2018)

COCO_SCORES = ("ap", "ap50", "ap75", "apm", "apl", "ar", "ar50", "ar75", "arm", "arl")


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
        """Read and judge two files; everybody in them has an id, or nobody in one of them."""
        truth, found = read_poses(files, POSETRACK_15, self._options)
        need_heads(truth)
        untracked = [file.source for file in (truth, found) if len(file.ids) and (file.ids == NO_ID).all()]
        tracked = not untracked
        if untracked or len(found.ids):
            self._tracked.setdefault(tracked, untracked[0] if untracked else found.source)
        if len(self._tracked) > 1:
            raise EvaluationError(f"{self._tracked[False]}: nobody has an id, but in {self._tracked[True]}; track all")
        state = measure(truth, found, self._protocol, tracked=tracked)
        self._total = self._total.merge(state)
        tracking = self._add_people(files.name, truth, found) if tracked else Tracking.empty()
        self._parts[files.name] = state, tracking
        peopled = np.diff(truth.offsets) > 0
        if not self._protocol.last_frame and peopled.sum() == 1:
            self._failing.setdefault("poseval's MOT fails for a single frame", []).append(files.name)
        if not self._protocol.frame_misses and not np.diff(for_hota(truth, found, self._protocol)[0].offsets).all():
            reason = "PoseTrack21's HOTA fails for a labelled frame in which the truth has nobody to judge"
            self._failing.setdefault(reason, []).append(files.name)

    def _add_people(self, name: str, truth: PoseFile, found: PoseFile) -> Tracking:
        """Judge people whole."""
        need_ids(truth)
        need_ids(found)
        truth, found = for_joints(truth, found, PROTOCOLS["strict"])
        tracking, judged = compare(truth, found, "pckh", self._options.threshold)
        self._people = self._people.merge(tracking)
        if self._options.videos:
            self._videos[name] = Video(truth, found, judged)
        return tracking

    def result(self) -> Comparison:
        """The report by joint; the tracking measures are left out where people have no ids."""
        tracked = False not in self._tracked
        notes = []
        if not tracked:
            notes.append(f"nobody has an id ({self._tracked[False]}): only AP is judged")
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
        found = filtered(found, self._options)
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
        self._by: dict[Similarity, Path] = {}  # the first file that is compared so

    def add(self, files: Partners) -> None:
        """Read and judge two files."""
        truth: PoseFile | TrackFile
        found: PoseFile | TrackFile
        boxes = Kind.MOT in (kind_of(files.truth), kind_of(files.found))
        by = self._options.similarity or ("iou" if boxes else "oks")
        self._by.setdefault(by, files.found)
        if len(self._by) > 1:
            told = " and ".join(f"{path} by {name}" for name, path in self._by.items())
            raise EvaluationError(f"{told} cannot be added up; compare all by one similarity, or one by one")
        if boxes:
            truth, found = read_people(files, self._options)
        else:
            truth, found = read_poses(files, None, self._options)
            if kind_of(files.truth) in POSETRACK:  # only these have ignore regions and unlabelled frames
                truth, found = for_joints(truth, found, PROTOCOLS["strict"])
            need_ids(truth)
            need_ids(found)
        tracking, judged = compare(truth, found, by, self._options.threshold)
        self._total = self._total.merge(tracking)
        self._parts[files.name] = tracking
        if self._options.videos:
            self._videos[files.name] = Video(truth, found, judged)

    def result(self) -> Comparison:
        """MOTA, IDF1, HOTA and the counts, of each file and of all."""
        sequences = {name: _whole(tracking) for name, tracking in self._parts.items()}
        (by,) = self._by
        report = Report(f"people by {by}", (), _whole(self._total), sequences, ())
        return Comparison(report, self._videos, None)


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
