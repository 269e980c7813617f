"""The error analysis as text: each event as a sentence, all of them as a table or as CSV, each person's own counts.

Frames are named by their numbers, from 0, as in jsonl; MOTChallenge's text counts from 1.
"""

import csv
import io
from collections.abc import Mapping, Sequence

from jaxpose.evaluation.analysis import KINDS, Event
from jaxpose.evaluation.people import PersonCounts


def describe(event: Event) -> str:
    """The event as a sentence."""
    truth, found = (_listed(ids) for ids in (event.truth, event.found))
    when = f"frame {event.first}"
    span = when if event.first == event.last else f"frames {event.first}-{event.last}"
    match event.kind:
        case "swap":
            return f"truths {truth} swapped {found} at {span}"
        case "switch":
            return f"truth {truth} changed from {event.found[0]} to {event.found[1]} at {when}"
        case "missed":
            return f"truth {truth} missed in {span}"
        case "false":
            return f"found {found} is nobody in {span}"
        case "returned":
            return f"truth {truth} returned as {found} at {when}"
        case "split":
            return f"truth {truth} is split over found ids {found} in {span}"
        case _:
            return f"found {found} covers truths {truth} in {span}"


def as_table(found: Sequence[Event]) -> str:
    """A line for each event: its kind, frames, similarity and sentence, and at last how many there are of each kind."""
    rows = [("kind", "frames", "count", "similar", "what")]
    for event in found:
        span = str(event.first) if event.first == event.last else f"{event.first}-{event.last}"
        rows.append((event.kind, span, str(event.frames), f"{event.similarity:.2f}", describe(event)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{kind:<{widths[0]}}  {span:>{widths[1]}}  {count:>{widths[2]}}  {similar:>{widths[3]}}  {what}"
        for kind, span, count, similar, what in rows
    ]
    counts = {kind: sum(event.kind == kind for event in found) for kind in KINDS}
    total = ", ".join(f"{kind} {count}" for kind, count in counts.items() if count)
    return "\n".join([*lines, "", total] if total else ["nothing went wrong"])


def as_csv(found: Mapping[str, Sequence[Event]]) -> str:
    """The events of all sequences as comma-separated text; several ids are parted by blanks."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sequence", *Event._fields])
    for sequence, some in found.items():
        for event in some:
            ids = (" ".join(map(str, side)) for side in (event.truth, event.found))
            span = (event.first, event.last, event.frames)
            writer.writerow([sequence, event.kind, *span, *ids, f"{event.similarity:.6f}"])
    return text.getvalue()


def people_as_csv(people: Mapping[str, PersonCounts]) -> str:
    """What became of each person of all sequences as comma-separated text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sequence", "id", *PersonCounts._fields[1:]])
    for sequence, some in people.items():
        writer.writerows([sequence, *row] for row in zip(*(column.tolist() for column in some), strict=True))
    return text.getvalue()


def _listed(ids: tuple[int, ...]) -> str:
    """`1`, `1 and 2`, `1, 2 and 3`."""
    words = [str(number) for number in ids]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
