"""The field's own tracking evaluators, TrackEval and py-motmetrics, on our arrays: what our numbers have to equal.

Both are told of one column of similarities: of one joint, of whole people, or of boxes.
"""

import warnings
from typing import Any

import numpy as np

from jaxpose.evaluation.pairing import Pairing


def trackeval_data(
    pairing: Pairing, truth_there: np.ndarray, found_there: np.ndarray, similarity: np.ndarray
) -> dict[str, Any]:
    """One column as TrackEval takes it: ids from 0 and a matrix of similarities for each frame; NaN is 0."""
    data: dict[str, Any] = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    truth_ids, truth_who = np.unique(pairing.truth_ids[truth_there], return_inverse=True)
    found_ids, found_who = np.unique(pairing.found_ids[found_there], return_inverse=True)
    truth_place, found_place = np.cumsum(truth_there) - 1, np.cumsum(found_there) - 1
    known = truth_there[pairing.truth] & found_there[pairing.found]
    steps = np.arange(pairing.frames + 1)
    truths = np.searchsorted(pairing.truth_frame[truth_there], steps)
    founds = np.searchsorted(pairing.found_frame[found_there], steps)
    pairs = np.searchsorted(pairing.frame[known], steps)
    truth, found = truth_place[pairing.truth[known]], found_place[pairing.found[known]]
    values = np.nan_to_num(similarity[known])
    for frame in range(pairing.frames):
        matrix = np.zeros((truths[frame + 1] - truths[frame], founds[frame + 1] - founds[frame]))
        some = slice(pairs[frame], pairs[frame + 1])
        matrix[truth[some] - truths[frame], found[some] - founds[frame]] = values[some]
        data["gt_ids"].append(truth_who[truths[frame] : truths[frame + 1]])
        data["tracker_ids"].append(found_who[founds[frame] : founds[frame + 1]])
        data["similarity_scores"].append(matrix)
    data["num_gt_ids"], data["num_tracker_ids"] = len(truth_ids), len(found_ids)
    data["num_gt_dets"], data["num_tracker_dets"] = len(truth_who), len(found_who)
    return data


def trackeval_metric(name: str) -> Any:
    """TrackEval's `HOTA` or `Identity`, at a similarity of 0.5."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trackeval.metrics import HOTA, Identity
    return HOTA() if name == "HOTA" else Identity({"THRESHOLD": 0.5, "PRINT_CONFIG": False})


def trackeval(
    name: str, pairing: Pairing, truth_there: np.ndarray, found_there: np.ndarray, similarity: np.ndarray
) -> dict[str, Any]:
    """What TrackEval says of one column; fractions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trackeval_metric(name).eval_sequence(trackeval_data(pairing, truth_there, found_there, similarity))


def motmetrics(pairing: Pairing, similarity: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """What py-motmetrics says of whole people; fractions and counts."""
    names = ["mota", "motp", "idf1", "idp", "idr", "num_switches", "num_misses", "num_false_positives"]
    names.append("num_fragmentations")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import motmetrics as package

        events = package.MOTAccumulator()
        for frame in range(pairing.frames):
            truth, found = (np.flatnonzero(f == frame) for f in (pairing.truth_frame, pairing.found_frame))
            some = pairing.frame == frame
            cost = np.full((len(truth), len(found)), np.nan)
            values = similarity[some]
            cost[np.searchsorted(truth, pairing.truth[some]), np.searchsorted(found, pairing.found[some])] = np.where(
                values >= threshold, 1 - values, np.nan
            )
            events.update(pairing.truth_ids[truth], pairing.found_ids[found], cost, frameid=frame)
        summary = package.metrics.create().compute(events, metrics=names, name="all").iloc[0]
    return {name: float(summary[name]) for name in names}
