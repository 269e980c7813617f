"""Whole systems: the packaged networks that find people, and those that look at one person whom another one finds."""

import hashlib
import os
import statistics
import time
from typing import Any

from identities import DATA

from jaxpose import models, video
from jaxpose.architectures import ARCHITECTURES
from jaxpose.weights import store
from jaxpose.weights.default import DETECTOR
from quality import coco, tracks
from quality.people import Subject, kept, subject

REFINER = "movenet-thunder"
"""Who looks once more at the people of a network that finds them."""

CLIP, FRAMES, SIZE, ROUNDS = DATA / "videos" / "vtest.avi", (560, 576), 656, 3
"""What is timed: these frames, at that long side of the input, so many times."""


def alone() -> list[Subject]:
    """The packaged networks that find people; each has a card of its own."""
    return [subject(name) for name in store.packaged() if _kind(name).estimator is not None]


def refined() -> list[Subject]:
    """The packaged networks for one person on the packaged detector's people, and the other networks with `REFINER`."""
    behind = [subject(DETECTOR, name) for name in store.packaged() if _kind(name).person is not None]
    return behind + [subject(one.name, REFINER) for one in alone() if one.name != DETECTOR]


def measure(one: Subject) -> dict[str, Any]:
    """The files' bytes, OKS-AP by the long side of the input, and MOTA, IDF1 and id switches by video."""
    own_tracker = ARCHITECTURES[one.architecture].tracker is not None
    return {
        "bytes": sum(store.path_of(name).stat().st_size for name in weights(one)),
        "ap": kept(one, "ap", coco.measure),
        "tracks": kept(one, "tracks", tracks.measure_own if own_tracker else tracks.measure),
    }


def speed() -> dict[str, Any]:
    """Medians in ms a frame from pictures to ids, and the ratios to the fastest system's, all in turns in one run."""
    frames = list(video.read(CLIP, start=FRAMES[0], stop=FRAMES[1]))
    everybody = [*alone(), *refined()]
    trackers = {one.called: models.load(one.name, size=SIZE, refine=one.refine) for one in everybody}
    times: dict[str, list[float]] = {name: [] for name in trackers}
    for turn in range(ROUNDS + 1):
        for name, tracker in trackers.items():
            start = time.perf_counter()
            list(tracker.track(frames))
            if turn:  # the first compiles
                times[name].append(1e3 * (time.perf_counter() - start) / len(frames))
    fastest = min(times.values(), key=statistics.median)
    rows = {
        name: {
            "ms": round(statistics.median(each)),
            "ratio": round(statistics.median(a / b for a, b in zip(each, fastest, strict=True)), 2),
        }
        for name, each in times.items()
    }
    return {"cores": len(os.sched_getaffinity(0)), "systems": rows}


def weights(one: Subject) -> dict[str, str]:
    """The digests of a system's weight files."""
    names = [one.name] if one.refine is None else [one.name, one.refine]
    return {name: hashlib.sha256(store.path_of(name).read_bytes()).hexdigest()[:12] for name in names}


def _kind(name: str) -> Any:
    return ARCHITECTURES[models.card(name).architecture]
