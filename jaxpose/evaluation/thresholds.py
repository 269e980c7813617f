"""Joint score thresholds learnt on held-out data: for each joint the one that gives the most MOTA.

PoseTrack's MOTA counts every joint that is told, so a tracker is judged better without its weak joints; which are weak
differs from joint to joint. `filters.without_weak_joints` applies what is learnt here.
"""

import dataclasses
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from jaxpose.errors import EvaluationError, FormatError, writing
from jaxpose.evaluation.clear import Clear, clear
from jaxpose.evaluation.filters import without_weak_joints
from jaxpose.evaluation.judged import for_joints
from jaxpose.evaluation.pairing import head_distances, near, pair_people
from jaxpose.evaluation.protocol import Protocol
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.values import read_json
from jaxpose.skeletons import POSETRACK_15

STEPS = 40
"""So many thresholds are tried, at equal shares of the scores that occur."""


class Thresholds(NamedTuple):
    """What was learnt; MOTA in percent, the last of each is the total."""

    joints: tuple[str, ...]
    thresholds: Float64[np.ndarray, "j"]
    mota_before: Float64[np.ndarray, "j+1"]
    mota_after: Float64[np.ndarray, "j+1"]


def fit_thresholds(sequences: Sequence[tuple[PoseFile, PoseFile]], protocol: Protocol) -> Thresholds:
    """The threshold of each joint with the highest MOTA over all pairs of truth and predictions; the lowest of equals.

    Every threshold is tried on all joints at once, since joints are matched independently. They are so only if a frame
    that thresholds leave without anybody still counts all its people (`count_people`), so they are chosen by that rule
    under any protocol; the MOTA that is told is the protocol's. Raises `EvaluationError` without scores to choose by.
    """
    joints = sequences[0][0].skeleton.joints if sequences else ()
    scores = np.concatenate([found.joint_scores[found.there] for _, found in sequences]) if sequences else np.zeros(0)
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        raise EvaluationError("there are no joint scores to choose thresholds by; write them into the predictions")
    tried = np.concatenate([[0.0], np.unique(np.quantile(scores, np.linspace(0, 1, STEPS, endpoint=False)))])
    rules = dataclasses.replace(protocol, count_people=True)
    mota = np.array([_mota(sequences, dict.fromkeys(joints, float(limit)), rules)[:-1] for limit in tried])
    best = np.argmax(np.where(np.isnan(mota), -np.inf, mota), axis=0)
    chosen = tried[best]
    return Thresholds(
        joints=joints,
        thresholds=chosen,
        mota_before=_mota(sequences, {}, protocol),
        mota_after=_mota(sequences, dict(zip(joints, chosen.tolist(), strict=True)), protocol),
    )


def write_thresholds(path: str | os.PathLike[str], learnt: Thresholds) -> None:
    """As JSON: `thresholds` by joint, and MOTA before and after; `OutputError` if it cannot be written."""
    content = {
        "thresholds": dict(zip(learnt.joints, learnt.thresholds.tolist(), strict=True)),
        "mota_before": float(learnt.mota_before[-1]),
        "mota_after": float(learnt.mota_after[-1]),
    }
    with writing(path):
        Path(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_thresholds(path: str | os.PathLike[str]) -> dict[str, float]:
    """The thresholds by joint of a file that `write_thresholds` wrote; raises `FormatError`."""
    tree = read_json(path)
    table = tree.get("thresholds") if isinstance(tree, dict) else None
    if not isinstance(table, dict):
        raise FormatError(f"{path}: `thresholds` by joint are missing; write the file with `jaxpose fit-thresholds`")
    for joint, value in table.items():
        if joint not in POSETRACK_15.joints:
            raise FormatError(f"{path}: {joint!r} must be one of {', '.join(POSETRACK_15.joints)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise FormatError(f"{path}: the threshold of {joint} must be a number, got {value!r}")
    return {joint: float(value) for joint, value in table.items()}


def _mota(
    sequences: Iterable[tuple[PoseFile, PoseFile]], thresholds: dict[str, float], protocol: Protocol
) -> Float64[np.ndarray, "j+1"]:
    state: Clear | None = None
    for one in _counts(sequences, thresholds, protocol):
        state = one if state is None else state.merge(one)
    assert state is not None
    return state.compute(protocol).mota


def _counts(
    sequences: Iterable[tuple[PoseFile, PoseFile]], thresholds: dict[str, float], protocol: Protocol
) -> Iterator[Clear]:
    for truth, found in sequences:
        judged, left = for_joints(truth, without_weak_joints(found, thresholds), protocol)
        pairing = pair_people(judged, left)
        cost = near(head_distances(judged, left, pairing))
        yield clear(pairing, judged.there, left.there, cost, protocol)[0]
