"""MOTA, IDF1 and id switches on three videos with human-made ids, at a tracker's defaults."""

import functools
from typing import Any

import identities

from jaxpose import models, video
from jaxpose.evaluation.people import boxes_of
from jaxpose.formats.poses import collect_people
from quality.people import Subject


def measure(one: Subject) -> dict[str, Any]:
    """By video, in percent at IoU 0.5, with the baseline tracker."""
    folder = one.folder / "tracks"
    missing = [name for name in identities.VIDEOS if not (folder / f"{name}.npz").exists()]
    identities.find_people(one.name, folder, one.refine, missing)
    ours = functools.partial(identities.track_ours, config=identities.own_config(folder))
    return _told(identities.measure(ours, folder, list(identities.VIDEOS)))


def measure_own(one: Subject) -> dict[str, Any]:
    """The same with the tracker that the network brings along."""
    rows = []
    for name, (file, size) in identities.VIDEOS.items():
        tracker = models.load(one.name, size=size, refine=one.refine)
        people = collect_people(tracker.track(video.read(identities.DATA / file)), tracker.skeleton)
        rows.append(identities.score(identities.read_truth(name), boxes_of(people)))
    return _told(rows)


def _told(rows: list[dict[str, float]]) -> dict[str, Any]:
    return {
        name: {"size": size, **{key: round(row[key], 1) for key in ("mota", "idf1")}, "switches": int(row["switches"])}
        for (name, (_, size)), row in zip(identities.VIDEOS.items(), rows, strict=True)
    }
