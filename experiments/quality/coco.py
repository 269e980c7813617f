"""OKS-AP on COCO pictures, and how many people are found in pictures that have none."""

from collections.abc import Iterator
from typing import Any

from coco_pictures import average_precision, pictures

from quality.people import SIZES, Named, Subject, find, strong, total


def named(split: str) -> Iterator[Named]:
    """COCO's pictures of a split, by their ids."""
    return (Named(str(entry["id"]), image) for entry, image in pictures(split, 1))


def measure(one: Subject) -> dict[str, Any]:
    """By the long side of the input: OKS-AP in percent, people a picture, and false people at the model's defaults.

    "strong" are the false people whom a tracker would tell of.
    """
    return {str(size): _at(one, size) for size in SIZES}


def _at(one: Subject, size: int) -> dict[str, Any]:
    found = find(one, named("val"), "coco-val", size, thorough=True)
    empty = find(one, named("val_empty"), "coco-empty", size)
    precision = average_precision("val", {int(name): poses for name, poses in found.items()}, one.skeleton)
    return {
        **{name: round(value, 1) for name, value in precision.items()},
        "pictures": len(found),
        "people a picture": round(total(found) / len(found), 2),
        "empty pictures": len(empty),
        "people in empty pictures": total(empty),
        "strong": sum(len(strong(poses, one.strong_score).scores) for poses in empty.values()),
    }
