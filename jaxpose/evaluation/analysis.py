"""What went wrong, person by person: who was swapped, missed, split or invented, and in which frames.

`clear` tells who was matched with whom; `events` makes of it a list of what a person wants to know, frames in a row as
one span. `listing` writes it down, `strip` shows it as pictures, `plots.timeline` at one glance.
"""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.evaluation.clear import Matches
from jaxpose.evaluation.pairing import Pairing
from jaxpose.records import NO_ID

KINDS = ("swap", "switch", "missed", "false", "returned", "split", "joined")
"""All kinds of events, the gravest first."""

MOMENTS = KINDS[:4]
"""The kinds that are wrong in certain frames, and can be looked at there."""


class Event(NamedTuple):
    """One thing that went wrong.

    `swap`: two ids of `truth` exchanged their two ids in `found`, one in frame `first`, the other in `last`;
    `switch`: `truth` changed from the first id in `found` to the second; `missed`: nobody was found for `truth`, though
    it is there in all these frames; `false`: `found` is nobody in all these frames; `returned`: `truth` was missed and
    has its id in `found` again; `split`: `truth` goes by all ids in `found`, in that order; `joined`: `found` covers
    all ids in `truth`, in that order.
    """

    kind: str
    first: int  # numbers of frames
    last: int
    frames: int  # in how many of them: for `returned` missed before, for `split` and `joined` matched
    truth: tuple[int, ...]
    found: tuple[int, ...]
    similarity: float  # mean: of the matches, or where nobody was matched of the best that was to be had in each frame


class _Side(NamedTuple):
    """One side's people by id, then frame, with the ids of their matches."""

    id: Int64[np.ndarray, "n"]
    frame: Int64[np.ndarray, "n"]  # its number
    other: Int64[np.ndarray, "n"]  # the id on the other side
    matched: Bool[np.ndarray, "n"]
    similarity: Float64[np.ndarray, "n"]


def events(
    pairing: Pairing, matches: Matches, numbers: Int64[np.ndarray, "f"], similarity: Float64[np.ndarray, "q"]
) -> list[Event]:
    """The events of one sequence, whole people or boxes (`matches` of one column).

    First those of certain frames, by time, then those of whole tracks (`split`, `joined`).

    `numbers` are those of the pairing's frames, as events are to name them, and tell which frames are in a row
    (`stride`); `similarity` is that of each pair, the higher the nearer, 0 or NaN for none.
    """
    if matches.found.shape[1] != 1:
        raise ValueError(f"`matches` must have one column, of whole people, got {matches.found.shape[1]}")
    truth, found = _sides(pairing, matches, numbers, similarity)
    step = stride(numbers)
    result = [
        *_switches(truth),
        *_unmatched("missed", truth, step),
        *_unmatched("false", found, step),
        *_returns(truth),
        *_several("split", truth),
        *_several("joined", found),
    ]
    return sorted(result, key=_order)


def stride(numbers: Int64[np.ndarray, "f"]) -> int:
    """From each frame to the next: the most common difference of their ascending numbers."""
    steps, counts = np.unique(np.diff(numbers), return_counts=True)
    return int(steps[np.argmax(counts)]) if len(steps) else 1


def worst(found: Iterable[Event], limit: int) -> list[Event]:
    """The gravest events, by kind and then length, of those that are wrong in certain frames (`MOMENTS`)."""
    moments = [event for event in found if event.kind in MOMENTS]
    grave = sorted(moments, key=lambda event: (KINDS.index(event.kind), -event.frames, event.first))[:limit]
    return sorted(grave, key=lambda event: event.first)


def _order(event: Event) -> tuple[bool, int, int, tuple[int, ...], tuple[int, ...]]:
    return event.kind in ("split", "joined"), event.first, KINDS.index(event.kind), event.truth, event.found


def _sides(
    pairing: Pairing, matches: Matches, numbers: Int64[np.ndarray, "f"], similarity: Float64[np.ndarray, "q"]
) -> tuple[_Side, _Side]:
    known = np.nan_to_num(similarity)
    best_truth, best_found = np.zeros(len(pairing.truth_ids)), np.zeros(len(pairing.found_ids))
    np.maximum.at(best_truth, pairing.truth, known)
    np.maximum.at(best_found, pairing.found, known)
    partner = matches.found[:, 0]
    matched = np.flatnonzero(partner >= 0)
    back = np.full(len(pairing.found_ids), -1)
    back[partner[matched]] = matched
    of_match = pairing.found == partner[pairing.truth]
    best_truth[pairing.truth[of_match]] = known[of_match]
    best_found[pairing.found[of_match]] = known[of_match]
    return (
        _side(pairing.truth_ids, numbers[pairing.truth_frame], best_truth, partner, pairing.found_ids),
        _side(pairing.found_ids, numbers[pairing.found_frame], best_found, back, pairing.truth_ids),
    )


def _side(
    ids: Int64[np.ndarray, "n"],
    frame: Int64[np.ndarray, "n"],
    similarity: Float64[np.ndarray, "n"],
    partner: Int64[np.ndarray, "n"],
    other_ids: Int64[np.ndarray, "m"],
) -> _Side:
    order = np.lexsort((frame, ids))
    other = np.append(other_ids, NO_ID)[partner]  # -1, nobody, is the last place
    return _Side(*(field[order] for field in (ids, frame, other, partner >= 0, similarity)))


def _switches(truth: _Side) -> list[Event]:
    """Switches, those that belong together as one swap."""
    rows = np.flatnonzero(truth.matched)
    changed = (np.diff(truth.id[rows]) == 0) & (np.diff(truth.other[rows]) != 0)
    before, now = rows[:-1][changed], rows[1:][changed]
    columns = (truth.id[now], truth.other[before], truth.other[now], truth.frame[now], truth.similarity[now])
    single = sorted(zip(*(column.tolist() for column in columns), strict=True), key=lambda switch: switch[3])
    result: list[Event] = []
    waiting: dict[tuple[int, int], tuple[int, Event]] = {}  # by the ids (from, to) that would complete it
    latest: dict[int, int] = {}  # of each truth: its last switch
    taken: set[int] = set()
    for number, (person, old, new, frame, similar) in enumerate(single):
        event = Event("switch", frame, frame, 1, (person,), (old, new), similar)
        partner = waiting.pop((old, new), None)
        if partner and partner[1].truth != event.truth and latest[partner[1].truth[0]] == partner[0]:
            other = partner[1]
            both = (*other.truth, person)
            mean = (other.similarity + similar) / 2
            result[partner[0]] = Event("swap", other.first, frame, 2, both, other.found, mean)
            taken.add(number)
        else:
            waiting[new, old] = (number, event)
        latest[person] = number
        result.append(event)
    return [event for number, event in enumerate(result) if number not in taken]


def _unmatched(kind: str, side: _Side, step: int) -> list[Event]:
    """Frames in a row without a match."""
    rows = np.flatnonzero(~side.matched)
    result = []
    for start, end in _runs(side.id[rows], side.frame[rows], step):
        some = rows[start:end]
        person = (int(side.id[some[0]]),)
        truth, found = (person, ()) if kind == "missed" else ((), person)
        first, last = int(side.frame[some[0]]), int(side.frame[some[-1]])
        result.append(Event(kind, first, last, len(some), truth, found, float(side.similarity[some].mean())))
    return result


def _runs(ids: Int64[np.ndarray, "k"], frame: Int64[np.ndarray, "k"], step: int) -> list[tuple[int, int]]:
    """Start and end of each stretch of one id in frames in a row."""
    cut = np.flatnonzero((np.diff(ids) != 0) | (np.diff(frame) > step)) + 1
    edges = [0, *cut.tolist(), len(ids)] if len(ids) else [0]
    return list(itertools.pairwise(edges))


def _returns(truth: _Side) -> list[Event]:
    rows = np.flatnonzero(truth.matched)
    before, now = rows[:-1], rows[1:]
    same = (truth.id[before] == truth.id[now]) & (truth.other[before] == truth.other[now])
    result = []
    for a, b in zip(before[same & (now - before > 1)].tolist(), now[same & (now - before > 1)].tolist(), strict=True):
        frame, missed = int(truth.frame[b]), b - a - 1
        ids = ((int(truth.id[b]),), (int(truth.other[b]),))
        result.append(Event("returned", frame, frame, missed, *ids, float(truth.similarity[b])))
    return result


def _several(kind: str, side: _Side) -> list[Event]:
    """Ids with matches of more than one id."""
    rows = np.flatnonzero(side.matched)
    result = []
    for some in np.split(rows, np.flatnonzero(np.diff(side.id[rows])) + 1):
        others = tuple(dict.fromkeys(side.other[some].tolist()))
        if len(others) > 1:
            one = (int(side.id[some[0]]),)
            truth, found = (one, others) if kind == "split" else (others, one)
            first, last = int(side.frame[some[0]]), int(side.frame[some[-1]])
            result.append(Event(kind, first, last, len(some), truth, found, float(side.similarity[some].mean())))
    return result
