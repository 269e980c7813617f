"""Reference cases of pose tracking measures: where they lie, their files, and the numbers of the field's evaluators.

The cases whose poses are invented lie in tests/data/oracles; those made of real annotations only in the shared data,
and their tests are skipped without it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxpose.skeletons import POSETRACK_15

CASES = (
    "01_gt_as_prediction",
    "02_jitter",
    "03_id_switches",
    "04_missed_and_false",
    "05_empty_and_unlabeled",
    "06_single_labelled_frame",
    "07_ignore_regions",
    "08_joint_subsets",
    "09_odd_points",
    "10_multi_sequence",
    "11_crowd30",
    "12_score_ties",
    "13_posetrack17_bonn",
    "14_posetrack17_ignore",
    "15_labelled_frame_without_gt",
)
COCO_CASES = ("coco_1_noise", "coco_2_dense_ties", "coco_3_edge")

JOINTS = tuple("neck" if joint == "head_bottom" else joint for joint in POSETRACK_15.joints)
"""The joints as the expected numbers name them, in the order of `POSETRACK_15`."""


def folder(case: str, request: pytest.FixtureRequest) -> Path:
    """The folder of a case; skips the test if only the shared data have it and they are absent."""
    local = Path(__file__).parent / "data" / "oracles" / case
    return local if local.is_dir() else request.getfixturevalue("shared_data") / "oracles" / case


def expected(case: Path) -> dict[str, Any]:
    """The numbers that the evaluators give for a case."""
    return json.loads((case / "expected.json").read_text())


def sequences(case: Path) -> dict[str, tuple[Path, Path]]:
    """The files of each sequence of a case: the truth, and what was found."""
    return {truth.stem: (truth, case / "pred" / truth.name) for truth in sorted((case / "gt").iterdir())}


def row(table: dict[str, float | None], total: bool = True) -> np.ndarray:
    """A table by joint as an array in the order of `POSETRACK_15`, the total last; null is NaN."""
    values = [table[joint] for joint in (*JOINTS, "total")[: None if total else -1]]
    return np.array([np.nan if value is None else value for value in values], float)
