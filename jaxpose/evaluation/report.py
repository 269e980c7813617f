"""What an evaluation found, for people and for programs: tables laid out as in the papers, JSON, CSV.

`Scores` holds the numbers of one sequence or of all; `Report` those of a whole comparison. Everything is in percent but
counts. NaN (nothing to judge) is `-` in tables, empty in CSV and null in JSON.
"""

import csv
import io
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

GROUPS = {
    "Head": ("head_top", "head_bottom", "nose"),
    "Sho": ("left_shoulder", "right_shoulder"),
    "Elb": ("left_elbow", "right_elbow"),
    "Wri": ("left_wrist", "right_wrist"),
    "Hip": ("left_hip", "right_hip"),
    "Knee": ("left_knee", "right_knee"),
    "Ank": ("left_ankle", "right_ankle"),
}
"""The columns of PoseTrack's tables: the mean over these joints."""

TOTAL = "total"

TITLES = {
    "ap": "AP", "ap50": "AP50", "ap75": "AP75", "apm": "APM", "apl": "APL", "ar": "AR",
    "ar50": "AR50", "ar75": "AR75", "arm": "ARM", "arl": "ARL",
    "mota": "MOTA", "motp": "MOTP", "precision": "Prec", "recall": "Rec",
    "hota": "HOTA", "deta": "DetA", "assa": "AssA", "loca": "LocA",
    "idf1": "IDF1", "switches": "Switches", "fragmentations": "Fragm", "misses": "Misses", "false_positives": "False",
}  # fmt: skip
"""What the tables show, in their order, and how it is called there."""

ODD_NAMES = {"head_bottom": "neck"}
"""PoseTrack's evaluators call this joint otherwise, and so does the JSON."""


class Scores(NamedTuple):
    """The numbers of one sequence, or of all.

    `tables` has a value for each joint and at last the total (only the total for whole people and boxes), `numbers` and
    `counts` are what their names say.
    """

    tables: Mapping[str, Float64[np.ndarray, "j+1"]]
    numbers: Mapping[str, float]
    counts: Mapping[str, Int64[np.ndarray, "j"]]


class Report(NamedTuple):
    """A whole comparison."""

    protocol: str
    joints: tuple[str, ...]  # of the tables; none where people are judged whole
    total: Scores
    sequences: Mapping[str, Scores]
    notes: Sequence[str]  # what a reader of the numbers has to know
    skip_nan: bool = False  # the tables' columns leave out what is NaN


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain dicts, lists and numbers."""
    names = (*(ODD_NAMES.get(joint, joint) for joint in report.joints), TOTAL)
    result = {"protocol": report.protocol, **_plain(report.total, names)}
    if report.sequences:
        result["per_sequence"] = {name: _plain(scores, names) for name, scores in report.sequences.items()}
    if report.notes:
        result["notes"] = list(report.notes)
    return result


def as_table(report: Report) -> str:
    """The report as text: measures by joint group, then one line for each sequence, then the notes."""
    lines = [f"protocol {report.protocol}"]
    if report.joints:
        rows = [[title, *map(_percent, values)] for _, title, values in _grouped(report.total, report)]
        lines += _aligned(["", *GROUPS, "Total"], rows)
    columns = [name for name in TITLES if _value(report.total, name) is not None]
    if report.joints and report.total.numbers:
        lines += [
            "",
            "whole people: " + ", ".join(f"{TITLES[n]} {_shown(report.total, n)}" for n in report.total.numbers),
        ]
    several = {**report.sequences, "all": report.total} if len(report.sequences) != 1 else report.sequences
    if not report.joints or len(report.sequences) > 1:
        shown = several or {"all": report.total}
        body = [[name, *(_shown(scores, column) for column in columns)] for name, scores in shown.items()]
        lines += ["", *_aligned(["sequence", *(TITLES[column] for column in columns)], body)]
    return "\n".join([*lines, *(["", *(f"note: {note}" for note in report.notes)] if report.notes else [])])


def as_csv(report: Report) -> str:
    """The report as comma-separated text: a row for each sequence and measure."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sequence", "measure", *(GROUPS if report.joints else ()), "Total"])
    for name, scores in {**report.sequences, "all": report.total}.items():
        for _, title, values in _grouped(scores, report) if report.joints else ():
            writer.writerow([name, title, *("" if math.isnan(value) else value for value in values)])
        for column in scores.numbers if report.joints else [c for c in TITLES if _value(scores, c) is not None]:
            value = scores.numbers[column] if column in scores.numbers else float(scores.tables[column][-1])
            blank = [""] * len(GROUPS) if report.joints else []
            writer.writerow([name, TITLES[column], *blank, "" if math.isnan(value) else value])
    return text.getvalue()


def _plain(scores: Scores, names: tuple[str, ...]) -> dict[str, Any]:
    """Tables by joint, then the numbers, then the counts by joint."""
    result: dict[str, Any] = {
        measure: {name: _finite(value) for name, value in zip(names, values.tolist(), strict=True)}
        for measure, values in scores.tables.items()
    }
    result |= {name: _finite(value) for name, value in scores.numbers.items()}
    if scores.counts:
        result["counts"] = {
            name: {**dict(zip(names, values.tolist(), strict=False)), TOTAL: int(values.sum())}
            for name, values in scores.counts.items()
        }
    return result


def _grouped(scores: Scores, report: Report) -> list[tuple[str, str, list[float]]]:
    """Each table of the report by joint groups: its name, title and values, the total last."""
    result = []
    for name in TITLES:
        if name in scores.tables:
            values = scores.tables[name]
            groups = [values[[report.joints.index(j) for j in joints]] for joints in GROUPS.values()]
            result.append((name, TITLES[name], [*(_mean(g, report.skip_nan) for g in groups), float(values[-1])]))
    return result


def _mean(values: Float64[np.ndarray, "n"], skip_nan: bool) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing but NaN: the mean is NaN
        return float(np.nanmean(values) if skip_nan else np.mean(values))


def _value(scores: Scores, name: str) -> float | None:
    if name in scores.tables:
        return float(scores.tables[name][-1])
    value = scores.numbers.get(name)
    return None if value is None else float(value)


def _shown(scores: Scores, name: str) -> str:
    value = _value(scores, name)
    if isinstance(scores.numbers.get(name), int):
        return str(scores.numbers[name])
    return _percent(math.nan if value is None else value)


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text in columns: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ([cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in (head, *rows))
    return ["  ".join([line[0].strip().ljust(widths[0]), *line[1:]]).rstrip() for line in lines]
