"""COCO's measure of poses in pictures, OKS-AP and AR, computed by pycocotools for any skeleton with sigmas.

`oks` takes the pictures of two files, `Oks.merge` puts those of further files or shards beside them, and `Oks.compute`
hands all to pycocotools (extra `eval`), which knows nothing of files here: it gets its tables in memory and prints
nothing.
"""

import contextlib
import io
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.errors import EvaluationError
from jaxpose.evaluation.checks import refuse
from jaxpose.formats.poses import PoseFile
from jaxpose.skeletons import Skeleton

PERSON = 1
"""The number of the one category."""

AREAS = ("all", "medium", "large")
"""The rows of `OksScores.ap_at`, `ar_at` and `precision`: people of any size, of 32² to 96² pixels, of more."""


class Picture(NamedTuple):
    """Who matched whom in one picture, people of any size; places count among the picture's people of each file."""

    sequence: str
    number: int
    truth: Int64[np.ndarray, "g"]  # those that count first, then those that only absorb
    found: Int64[np.ndarray, "d"]  # best score first, 20 at most
    oks: Float64[np.ndarray, "d g"]
    matched: Int64[np.ndarray, "t d"]  # the place of the truth's person at each OKS threshold, -1 without one
    ignored: Bool[np.ndarray, "t d"]  # neither right nor wrong


class OksScores(NamedTuple):
    """In percent, NaN where nobody is to be found; `ap` and `ar` are means over ten thresholds, 0.5 to 0.95."""

    ap: float
    ap50: float
    ap75: float
    apm: float
    apl: float
    ar: float
    ar50: float
    ar75: float
    arm: float
    arl: float
    thresholds: Float64[np.ndarray, "t"]
    ap_at: Float64[np.ndarray, "a t"]  # for each of `AREAS` and each threshold
    ar_at: Float64[np.ndarray, "a t"]
    precision: Float64[np.ndarray, "a t 101"]  # at recalls 0, 1 ... 100 %, monotone
    pictures: tuple[Picture, ...]


class Oks(NamedTuple):
    """The pictures of both sides: a state that merges. A picture is known by its sequence and its number in it."""

    pictures: tuple[tuple[str, int], ...]
    truth_picture: Int64[np.ndarray, "n"]  # the place of each person's picture in `pictures`, ascending
    truth_xy: Float64[np.ndarray, "n j 2"]
    truth_there: Bool[np.ndarray, "n j"]
    truth_boxes: Float64[np.ndarray, "n 4"]
    truth_areas: Float64[np.ndarray, "n"]
    truth_crowd: Bool[np.ndarray, "n"]
    found_picture: Int64[np.ndarray, "m"]
    found_xy: Float64[np.ndarray, "m j 2"]
    found_scores: Float64[np.ndarray, "m"]
    found_areas: Float64[np.ndarray, "m"]

    @classmethod
    def empty(cls, columns: int) -> "Oks":
        """No pictures; `columns` joints."""
        nobody, places = np.zeros(0), np.zeros(0, np.int64)
        xy, there, flags = np.zeros((0, columns, 2)), np.zeros((0, columns), bool), np.zeros(0, bool)
        return cls((), places, xy, there, np.zeros((0, 4)), nobody, flags, places, xy, nobody, nobody)

    def merge(self, other: "Oks") -> "Oks":
        """The pictures of both; raises `EvaluationError` if they share one."""
        if twice := set(self.pictures) & set(other.pictures):
            sequence, number = min(twice)
            raise EvaluationError(f"{sequence}, picture {number}: given twice; merge parts that share no picture")
        shifted = other._replace(
            truth_picture=other.truth_picture + len(self.pictures),
            found_picture=other.found_picture + len(self.pictures),
        )
        arrays = [np.concatenate(pair) for pair in zip(self[1:], shifted[1:], strict=True)]
        return Oks(self.pictures + other.pictures, *arrays)

    def compute(self, skeleton: Skeleton) -> OksScores:
        """COCO's scores with the sigmas of a skeleton, the one that the truth has.

        Pictures are taken in the order of their sequences' names and their numbers: of people with equal scores in
        different pictures, that order decides who is ranked first. Raises `EvaluationError` without pycocotools.
        """
        order = sorted(range(len(self.pictures)), key=self.pictures.__getitem__)
        if not order:
            return _scores(np.full((3, 10, 101), np.nan), np.full((3, 10), np.nan), ())
        rank = np.argsort(order)  # of each picture; pycocotools takes pictures by ascending id
        evaluated = _evaluate(_truth_table(self, rank), _found_table(self, rank), np.array(skeleton.sigmas))
        precision, recall = (
            np.moveaxis(np.where(table < 0, np.nan, 100 * table)[..., 0, :, 0], -1, 0)
            for table in (evaluated.eval["precision"], evaluated.eval["recall"])
        )
        pictures = [
            _picture(self, place, evaluated, number, matches)
            for number, (place, matches) in enumerate(zip(order, evaluated.evalImgs[: len(order)], strict=True))
        ]
        return _scores(precision, recall, tuple(pictures))


def oks(truth: PoseFile, found: PoseFile, sequence: str = "") -> Oks:
    """The pictures of two files; frames are pictures, found by their numbers.

    Only joints of the truth's skeleton count. One that the found skeleton lacks is found nowhere; one that the found
    file leaves out stays where the file has it, at (0, 0) mostly, as in COCO's own evaluation. The found people's area
    is that of their box, or where they have none of the span of their joints. Crowds and people without joints absorb
    whoever matches them; frames that are not labelled are left out; ignore polygons, which COCO has not, play no part.

    `sequence` names the files where pictures of several are merged.

    Raises `EvaluationError` where the truth lacks a person's area, or the box of one without joints, where what was
    found has no score, and where somebody was found in a picture that the truth does not have.
    """
    truth = truth.keep(truth.posed & truth.labelled[truth.frame])
    found = found.keep(found.posed & ~found.crowd)
    places = np.searchsorted(truth.numbers, found.numbers).clip(max=max(len(truth.numbers) - 1, 0))
    known = np.isin(found.numbers, truth.numbers)
    refuse(found, ~known[found.frame], "the truth has no such picture; compare files of the same pictures")
    found = found.keep(truth.labelled[places[found.frame]] if len(truth.numbers) else np.zeros(len(found.ids), bool))
    refuse(found, np.isnan(found.scores), "has no score; OKS-AP needs each person's")
    refuse(truth, ~(truth.areas >= 0), "has no area; OKS needs each person's `area` in squared pixels")
    boxless = np.isnan(truth.boxes).any(-1) & ~truth.there.any(-1)
    refuse(truth, boxless, "has neither joints nor a box; give one of them, or take the person out")
    aligned = found.as_skeleton(truth.skeleton)
    foreign = [joint not in found.skeleton.joints for joint in truth.skeleton.joints]
    labelled = np.cumsum(truth.labelled) - 1
    return Oks(
        pictures=tuple((sequence, number) for number in truth.numbers[truth.labelled].tolist()),
        truth_picture=labelled[truth.frame],
        truth_xy=truth.xy,
        truth_there=truth.there,
        truth_boxes=truth.boxes,
        truth_areas=truth.areas,
        truth_crowd=truth.crowd,
        found_picture=labelled[places[found.frame]],
        found_xy=np.where(np.array(foreign)[:, None], np.inf, aligned.xy),
        found_scores=found.scores,
        found_areas=_areas(found, aligned.xy[:, ~np.array(foreign)]),
    )


def _areas(found: PoseFile, xy: Float64[np.ndarray, "m s 2"]) -> Float64[np.ndarray, "m"]:
    """The area of each person's box, or of the span of its joints where it has no box."""
    if not xy.shape[1]:
        raise EvaluationError(f"{found.source}: shares no joint with the truth; compare poses of skeletons that do")
    boxes = found.boxes[:, 2] * found.boxes[:, 3]
    return np.where(np.isnan(boxes), np.prod(np.ptp(xy, axis=1), axis=-1), boxes)


def _truth_table(state: Oks, rank: Int64[np.ndarray, "f"]) -> dict[str, Any]:
    """The truth as a COCO data set; a row's id is its place plus 1, since pycocotools takes 0 for no match."""
    labels = np.concatenate([state.truth_xy, 2.0 * state.truth_there[..., None]], axis=-1)
    rows = zip(
        rank[state.truth_picture].tolist(),
        [row.ravel().tolist() for row in labels],
        state.truth_there.sum(-1).tolist(),
        state.truth_boxes.tolist(),
        state.truth_areas.tolist(),
        state.truth_crowd.astype(int).tolist(),
        strict=True,
    )
    keys = ("image_id", "keypoints", "num_keypoints", "bbox", "area", "iscrowd")
    return _table(len(rank), [dict(zip(keys, row, strict=True)) for row in rows])


def _found_table(state: Oks, rank: Int64[np.ndarray, "f"]) -> dict[str, Any]:
    labels = np.concatenate([state.found_xy, np.ones_like(state.found_xy[..., :1])], axis=-1)
    rows = zip(
        rank[state.found_picture].tolist(),
        [row.ravel().tolist() for row in labels],
        state.found_scores.tolist(),
        state.found_areas.tolist(),
        strict=True,
    )
    keys = ("image_id", "keypoints", "score", "area")
    return _table(len(rank), [dict(zip(keys, row, strict=True)) for row in rows])


def _table(pictures: int, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    people = [{**row, "id": place + 1, "category_id": PERSON} for place, row in enumerate(annotations)]
    images = [{"id": number} for number in range(pictures)]
    return {"images": images, "categories": [{"id": PERSON, "name": "person"}], "annotations": people}


def import_pycocotools() -> tuple[Any, Any]:
    """Its `COCO` and `COCOeval`; `EvaluationError` if it is not installed."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise EvaluationError("COCO's OKS-AP needs pycocotools: pip install 'jaxpose[eval]'") from error
    return COCO, COCOeval


def _evaluate(truth: dict[str, Any], found: dict[str, Any], sigmas: Float64[np.ndarray, "j"]) -> Any:
    COCO, COCOeval = import_pycocotools()
    with contextlib.redirect_stdout(io.StringIO()):  # it tells its progress
        sides = []
        for table in (truth, found):
            side = COCO()
            side.dataset = table
            side.createIndex()
            sides.append(side)
        run = COCOeval(*sides, "keypoints")
        run.params.kpt_oks_sigmas = sigmas
        run.evaluate()
        run.accumulate()
    return run


def _picture(state: Oks, place: int, evaluated: Any, number: int, matches: Any) -> Picture:
    """What pycocotools tells of the picture at a place in the state, which it knows by a number."""
    sequence, name = state.pictures[place]
    steps = len(evaluated.params.iouThrs)
    if matches is None:  # nobody on either side
        nobody, pairs = np.zeros(0, np.int64), np.zeros((steps, 0), np.int64)
        return Picture(sequence, name, nobody, nobody, np.zeros((0, 0)), pairs, pairs.astype(bool))
    before_truth = 1 + np.searchsorted(state.truth_picture, place)  # an id less this is a place in the picture
    before_found = 1 + np.searchsorted(state.found_picture, place)
    truth = np.array(matches["gtIds"], np.int64) - before_truth
    found = np.array(matches["dtIds"], np.int64) - before_found
    similar = np.reshape(evaluated.ious[number, PERSON], (len(found), len(truth)))  # columns as in the truth's file
    matched = matches["dtMatches"].astype(np.int64)
    places = np.where(matched > 0, matched - before_truth, -1)
    return Picture(sequence, name, truth, found, similar[:, truth], places, matches["dtIgnore"].astype(bool))


def _scores(
    precision: Float64[np.ndarray, "a t 101"], recall: Float64[np.ndarray, "a t"], pictures: tuple[Picture, ...]
) -> OksScores:
    ap = precision.mean(-1)
    (all_ap, medium_ap, large_ap), (all_ar, medium_ar, large_ar) = ap.mean(-1).tolist(), recall.mean(-1).tolist()
    return OksScores(
        ap=all_ap,
        ap50=float(ap[0, 0]),
        ap75=float(ap[0, 5]),
        apm=medium_ap,
        apl=large_ap,
        ar=all_ar,
        ar50=float(recall[0, 0]),
        ar75=float(recall[0, 5]),
        arm=medium_ar,
        arl=large_ar,
        thresholds=np.linspace(0.5, 0.95, 10),
        ap_at=ap,
        ar_at=recall,
        precision=precision,
        pictures=pictures,
    )
