"""MOTA, IDF1 and id switches on three videos with human-made ids, with the baseline tracker's defaults."""

import functools
from typing import Any

import identities

from quality.people import Subject


def measure(one: Subject) -> dict[str, Any]:
    """By video, in percent at IoU 0.5."""
    folder = one.folder / "tracks"
    if not all((folder / f"{video}.npz").exists() for video in identities.VIDEOS):
        identities.find_people(one.name, folder)
    ours = functools.partial(identities.track_ours, config=identities.own_config(folder))
    rows = identities.measure(ours, folder, list(identities.VIDEOS))
    return {
        video: {"size": size, **{key: round(row[key], 1) for key in ("mota", "idf1")}, "switches": int(row["switches"])}
        for (video, (_, size)), row in zip(identities.VIDEOS.items(), rows, strict=True)
    }
