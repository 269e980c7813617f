"""The error analysis as text."""

import csv
import io

import pytest

from jaxpose.evaluation.analysis import Event
from jaxpose.evaluation.listing import as_csv, as_table, describe


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (Event("swap", 80, 80, 2, (5, 7), (12, 31), 0.9), "truths 5 and 7 swapped 12 and 31 at frame 80"),
        (Event("swap", 80, 97, 2, (5, 7), (12, 31), 0.9), "truths 5 and 7 swapped 12 and 31 at frames 80-97"),
        (Event("switch", 80, 80, 1, (5,), (12, 31), 0.9), "truth 5 changed from 12 to 31 at frame 80"),
        (Event("missed", 51, 64, 14, (3,), (), 0.1), "truth 3 missed in frames 51-64"),
        (Event("missed", 51, 51, 1, (3,), (), 0.1), "truth 3 missed in frame 51"),
        (Event("false", 51, 64, 14, (), (8,), 0.1), "found 8 is nobody in frames 51-64"),
        (Event("returned", 65, 65, 14, (3,), (7,), 0.8), "truth 3 returned as 7 at frame 65"),
        (Event("split", 0, 99, 90, (4,), (2, 7, 9), 0.8), "truth 4 is split over found ids 2, 7 and 9 in frames 0-99"),
        (Event("joined", 0, 99, 90, (1, 2), (8,), 0.8), "found 8 covers truths 1 and 2 in frames 0-99"),
    ],
)
def test_each_event_is_a_sentence(event: Event, sentence: str) -> None:
    assert describe(event) == sentence


SOME = [
    Event("switch", 12, 12, 1, (5,), (12, 31), 1.0),
    Event("missed", 13, 24, 12, (5,), (), 0.0),
    Event("split", 10, 12, 3, (5,), (12, 31), 2 / 3),
]


def test_the_table_has_a_line_for_each_and_counts_kinds() -> None:
    lines = as_table(SOME).splitlines()
    assert lines == [
        "kind    frames  count  similar  what",
        "switch      12      1     1.00  truth 5 changed from 12 to 31 at frame 12",
        "missed   13-24     12     0.00  truth 5 missed in frames 13-24",
        "split    10-12      3     0.67  truth 5 is split over found ids 12 and 31 in frames 10-12",
        "",
        "switch 1, missed 1, split 1",
    ]
    assert as_table([]) == "nothing went wrong"


def test_csv_has_a_row_for_each_of_all_sequences() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv({"a,b": SOME, "c": [], "d": SOME[:1]}))))
    assert [(row["sequence"], row["kind"]) for row in rows] == [
        ("a,b", "switch"),
        ("a,b", "missed"),
        ("a,b", "split"),
        ("d", "switch"),
    ]
    assert rows[2] == {
        "sequence": "a,b", "kind": "split", "first": "10", "last": "12", "frames": "3", "truth": "5", "found": "12 31",
        "similarity": "0.666667",
    }  # fmt: skip
