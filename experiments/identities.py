"""Ids of the baseline tracker against four published box trackers, on the same poses of three real videos.

    python experiments/identities.py poses --model movenet-multipose --out runs/poses    # here: people without ids
    pip install trackers==2.6.1 motmetrics jaxtyping && export PYTHONPATH=.    # in an environment of its own
    python experiments/identities.py published runs/poses                      # there
    python experiments/identities.py ours runs/poses                           # there: needs no jax

`published` and `ours` print one row a tracker: MOTA / IDF1 / id switches (in percent, at IoU 0.5) of each video and the
means, measured by the scorer that lies with the videos. The published trackers get people with at least four joints and
a mean joint score of 0.25, and the boxes by which the scorer judges; their settings are those of the table beside the
videos. `vtest` and `stadtmitte` served to choose our defaults (choose_identities.py), `shopfront` did not.
"""

import argparse
import functools
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from jaxpose.association.config import IdentityConfig
from jaxpose.association.identities import IdentityTracker
from jaxpose.records import make_people
from jaxpose.skeletons import COCO_17, COCO_18

DATA = Path(os.environ.get("JAXPOSE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
VIDEOS = {  # file, long side of the network's input
    "vtest": ("videos/vtest.avi", 768),
    "stadtmitte": ("tracks/stadtmitte/video.mp4", 640),
    "shopfront": ("tracks/shopfront/video.mp4", 656),
}
SKELETONS = {len(skeleton.joints): skeleton for skeleton in (COCO_17, COCO_18)}

Tracked = dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]
"""What the scorer reads: frame from 1 -> ids [p], boxes [p, 4], flags [p]."""


def find_people(model: str, out: Path) -> None:
    """Store each video's poses: `keypoints` [n, j, 3] and `scores` [n]; frame f's lie from offsets[f] to [f + 1]."""
    from jaxpose import models, video

    out.mkdir(parents=True, exist_ok=True)
    for name, (file, size) in VIDEOS.items():
        estimator: Any = models.estimator(model, size=size)
        found = [estimator.collect(estimator.dispatch([frame.image], 1))[0] for frame in video.read(DATA / file)]
        np.savez(
            out / f"{name}.npz",
            offsets=np.cumsum([0, *(people.total for people in found)]),
            keypoints=np.concatenate([people.keypoints for people in found]),
            scores=np.concatenate([people.scores for people in found]),
        )
        print(f"{name}: {len(found)} frames, {sum(people.total for people in found)} people")


def read_poses(folder: Path, name: str) -> list[np.ndarray]:
    """Keypoints [p, j, 3] of each frame."""
    stored = np.load(folder / f"{name}.npz")
    return np.split(stored["keypoints"], stored["offsets"][1:-1])


def track_ours(frames: Iterable[np.ndarray], config: IdentityConfig | None = None) -> Tracked:
    frames = list(frames)
    tracker = IdentityTracker(SKELETONS[frames[0].shape[1]], config)
    done = []
    for index, keypoints in enumerate(frames):
        done += tracker.push(make_people(keypoints, np.ones(len(keypoints)), frame=index))
    done += tracker.flush()
    return {people.frame + 1: (people.ids, scored_boxes(people.keypoints), np.ones(people.total)) for people in done}


def track_published(make: Callable[[], Any], frames: Iterable[np.ndarray]) -> Tracked:
    import supervision

    tracker, result = make(), {}
    for index, keypoints in enumerate(frames):
        count = (keypoints[..., 2] > 0).sum(1)
        scores = keypoints[..., 2].sum(1) / np.maximum(count, 1)
        good = (count >= 4) & (scores >= 0.25)
        boxes = scored_boxes(keypoints[good])
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1).astype(np.float32)
        people = supervision.Detections(corners, confidence=scores[good], class_id=np.zeros(len(corners), int))
        people = tracker.update(people)
        ids = np.zeros(0, int) if people.tracker_id is None else people.tracker_id
        named = ids >= 0
        found = people.xyxy[named].astype(float)
        boxes = np.concatenate([found[:, :2], found[:, 2:] - found[:, :2]], axis=1)
        result[index + 1] = (ids[named], boxes, np.ones(len(boxes)))
    return result


def published() -> dict[str, Callable[[], Any]]:
    """The four trackers with the settings of the table beside the videos."""
    import trackers

    high = {"lost_track_buffer": 30, "high_conf_det_threshold": 0.45}
    careful = {"minimum_consecutive_frames": 2, "minimum_iou_threshold": 0.2}
    return {
        "SORT": lambda: trackers.SORTTracker(lost_track_buffer=30, track_activation_threshold=0.25, **careful),
        "ByteTrack": lambda: trackers.ByteTrackTracker(track_activation_threshold=0.5, **high),
        "OC-SORT": lambda: trackers.OCSORTTracker(**careful, **high),
        "C-BIoU": lambda: trackers.CBIoUTracker(track_activation_threshold=0.5, **high),
    }


@functools.cache
def scorer() -> ModuleType:
    """The scorer that lies with the videos."""
    spec = importlib.util.spec_from_file_location("score", DATA / "tracks" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_truth(name: str) -> Tracked:
    return scorer().read_mot(DATA / "tracks" / name / "gt.txt")


def scored_boxes(keypoints: np.ndarray) -> np.ndarray:
    """The boxes [p, 4] by which the scorer judges poses."""
    box = scorer().person_box
    return np.array([box(pose[pose[:, 2] > 0, :2].astype(float)) for pose in keypoints]).reshape(-1, 4)


def measure(track: Callable[[list[np.ndarray]], Tracked], folder: Path, names: Sequence[str]) -> list[dict[str, float]]:
    """What the scorer says of each video."""
    return [scorer().score(read_truth(name), track(read_poses(folder, name))) for name in names]


def print_row(label: str, track: Callable[[list[np.ndarray]], Tracked], folder: Path, names: Sequence[str]) -> None:
    rows = measure(track, folder, names)
    cells = [f"{row['mota']:.1f} / {row['idf1']:.1f} / {row['switches']}" for row in rows]
    means = [f"{np.mean([row[key] for row in rows]):.1f}" for key in ("mota", "idf1")]
    print(f"| {label} | {' | '.join([*cells, *means])} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    poses = commands.add_parser("poses")
    poses.add_argument("--model", required=True)
    poses.add_argument("--out", type=Path, required=True)
    for command in ("published", "ours"):
        tracking = commands.add_parser(command)
        tracking.add_argument("poses", type=Path)
        tracking.add_argument("--videos", nargs="+", choices=VIDEOS, default=list(VIDEOS))
    args = parser.parse_args()
    if args.command == "poses":
        find_people(args.model, args.out)
        return
    print(f"| tracker | {' | '.join(args.videos)} | mean MOTA | mean IDF1 |")
    print(f"|{'---|' * (len(args.videos) + 3)}")
    if args.command == "ours":
        print_row("ours", track_ours, args.poses, args.videos)
        return
    warnings.simplefilter("ignore")  # the package's own deprecations
    for label, make in published().items():
        print_row(label, lambda frames, make=make: track_published(make, frames), args.poses, args.videos)


if __name__ == "__main__":
    main()
