"""Annotations and pictures become training examples, one by one, and nothing is lost without being counted.

A picture that is missing, cannot be decoded or has another size than its annotation says is left out. A joint outside
its picture is not labelled any more (one by less than a pixel is moved onto the edge); who has no joint left becomes a
region. `Summary` keeps how often what happened, and where first.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise
from typing import Literal, Self

import numpy as np
from jaxtyping import Float32

from jaxpose.data.examples import Example
from jaxpose.data.pictures import decode
from jaxpose.data.stores import Store, frames
from jaxpose.formats.pictures import Picture, Polygon, rectangle

Coverage = Literal["all", "some", "one"]
"""Who is labelled: all people (or they are in regions), some (so a picture without people says nothing), or one
(so that everything around this person is a region)."""

MARGIN = 0.25
"""Around the one labelled person, in longer sides of the box, the picture still counts as background."""

READ_AHEAD = 64
"""Pictures that are decoded at a time, in several threads."""


@dataclasses.dataclass
class Count:
    """What one split holds."""

    pictures: int = 0
    people: int = 0
    joints: int = 0
    regions: int = 0


@dataclasses.dataclass
class Summary:
    """What was built, split by split, and what was not: for each reason how often, and an example."""

    splits: dict[str, Count] = dataclasses.field(default_factory=dict)
    notes: dict[str, tuple[int, str]] = dataclasses.field(default_factory=dict)

    def note(self, reason: str, where: str, times: int = 1) -> None:
        """Count something that was skipped or changed."""
        if times:
            count, first = self.notes.get(reason, (0, where))
            self.notes[reason] = count + times, first

    def add(self, split: str, example: Example) -> None:
        """Count an example that was kept."""
        count = self.splits.setdefault(split, Count())
        count.pictures += 1
        count.people += len(example.keypoints)
        count.joints += int((example.keypoints[..., 2] > 0).sum())
        count.regions += len(example.regions)

    def __str__(self) -> str:
        """A line for each split and each reason."""
        lines = [
            f"{split}: {count.pictures} pictures, {count.people} people, {count.joints} joints, {count.regions} regions"
            for split, count in self.splits.items()
        ]
        return "\n".join([*lines, *(f"{reason}: {n} (first: {where})" for reason, (n, where) in self.notes.items())])

    def as_json(self) -> dict[str, object]:
        """For a file."""
        return {"splits": {k: dataclasses.asdict(v) for k, v in self.splits.items()}, "notes": self.notes}

    @classmethod
    def from_json(cls, told: dict[str, dict[str, dict[str, int]]]) -> Self:
        """What `as_json` gave."""
        notes = {reason: (int(note[0]), str(note[1])) for reason, note in told["notes"].items()}  # type: ignore[index]
        return cls({split: Count(**count) for split, count in told["splits"].items()}, notes)


def gather(
    pictures: Sequence[Picture], store: Store, coverage: Coverage, split: str, summary: Summary
) -> Iterator[Example]:
    """The examples of some pictures, in their order; what happens is counted in `summary` as they are taken."""
    found = frames(store, pictures)
    with ThreadPoolExecutor() as pool:
        while some := list(islice(found, READ_AHEAD)):
            sizes = pool.map(_decoded_size, (data for _, data in some))
            for (picture, data), size in zip(some, sizes, strict=True):
                example = _example(picture, data, size, coverage, summary)
                if example is not None:
                    summary.add(split, example)
                    yield example


def _decoded_size(data: bytes | None) -> tuple[int, int] | None:
    """Width and height as the pipeline will see them; None if there is none."""
    picture = decode(data) if data else None
    return None if picture is None else (picture.width, picture.height)


def _example(
    picture: Picture, data: bytes | None, size: tuple[int, int] | None, coverage: Coverage, summary: Summary
) -> Example | None:
    if data is None:
        summary.note("left out: picture missing", picture.name)
        return None
    if size is None:
        summary.note("left out: picture cannot be decoded", picture.name)
        return None
    if picture.size is not None and picture.size != size:
        told = f"{picture.name}, {size[0]}x{size[1]}, annotated as {picture.size[0]}x{picture.size[1]}"
        summary.note("left out: picture of another size than its annotation", told)
        return None
    keypoints = _inside(picture, size, summary)
    there = (keypoints[..., 2] > 0).any(axis=1)
    summary.note("people of whom no joint is in the picture, now regions", picture.name, int((~there).sum()))
    regions = [*picture.regions, *(rectangle(box) for box in picture.boxes[~there].tolist())]
    boxes = picture.boxes[there]
    if not there.any() and coverage != "all":
        summary.note("left out: nobody labelled, which does not mean that nobody is there", picture.name)
        return None
    if coverage == "one":
        regions += surroundings(size, boxes, MARGIN)
    return Example(
        image=data,
        keypoints=keypoints[there],
        boxes=boxes,
        ids=picture.ids[there],
        regions=tuple(regions),
        sequence=picture.sequence,
        frame=picture.frame,
    )


def _inside(picture: Picture, size: tuple[int, int], summary: Summary) -> Float32[np.ndarray, "p j 3"]:
    """The joints within the picture, whose pixels reach from -0.5 to the size - 0.5."""
    keypoints = picture.keypoints.copy()
    edge = np.array(size, np.float32) - 0.5
    labelled = keypoints[..., 2] > 0
    beyond = np.max(np.maximum(-0.5 - keypoints[..., :2], keypoints[..., :2] - edge), axis=-1)
    near = labelled & (beyond > 0) & (beyond < 1)
    far = labelled & (beyond >= 1)
    summary.note("joints less than a pixel outside, moved onto the edge", picture.name, int(near.sum()))
    summary.note("joints outside the picture, not labelled any more", picture.name, int(far.sum()))
    keypoints[near, :2] = np.clip(keypoints[near, :2], -0.5, edge)
    keypoints[far] = 0
    return keypoints


def surroundings(
    size: tuple[int, int], boxes: Float32[np.ndarray, "p 4"], margin: float = MARGIN
) -> tuple[Polygon, ...]:
    """All of a picture (width, height) but some boxes, each enlarged on all sides by `margin` times its longer side.

    The polygons are rectangles that do not overlap.
    """
    edge = np.array(size, np.float64) - 0.5
    grown = boxes[:, 2:].max(axis=1, keepdims=True, initial=0) * margin
    low = np.clip(boxes[:, :2] - grown, -0.5, edge)
    high = np.clip(boxes[:, :2] + boxes[:, 2:] + grown, -0.5, edge)
    rows = np.unique(np.concatenate([[-0.5, edge[1]], low[:, 1], high[:, 1]]))
    result = []
    for top, bottom in pairwise(rows.tolist()):
        start = -0.5
        here = (low[:, 1] <= top) & (high[:, 1] >= bottom)
        for left, right in sorted(zip(low[here, 0].tolist(), high[here, 0].tolist(), strict=True)):
            if left > start:
                result.append(rectangle((start, top, left - start, bottom - top)))
            start = max(start, right)
        if start < edge[0]:
            result.append(rectangle((start, top, edge[0] - start, bottom - top)))
    return tuple(result)
