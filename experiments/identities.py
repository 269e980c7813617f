"""Ids of the baseline tracker against four published box trackers, on the same poses of three real videos.

    python experiments/identities.py poses --model movenet-multipose --out runs/poses    # here: people without ids
    pip install trackers==2.6.1 jaxtyping && export PYTHONPATH=.    # in an environment of its own
    python experiments/identities.py published runs/poses                      # there
    python experiments/identities.py ours runs/poses                           # there: needs no jax
    python experiments/identities.py spread runs/poses                         # there: all of them, on worse poses too

`published` and `ours` print one row a tracker: MOTA / IDF1 / id switches (in percent, at IoU 0.5) of each video and the
means, by the package's own evaluation. One id switch more or less moves a video's IDF1 by points, so `spread` prints
MOTA / IDF1 over ten variants of each video instead. The published trackers get people with at least four joints and a
mean joint score of 0.25, and the boxes that the evaluation makes of poses; their settings are those of the table beside
the videos. `vtest` and `stadtmitte` served to choose our defaults (choose_identities.py), `shopfront` did not.
"""

import argparse
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxpose.association.config import IdentityConfig
from jaxpose.association.identities import IdentityTracker
from jaxpose.evaluation import people as whole_people
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.mot import read_tracks
from jaxpose.formats.poses import collect_people
from jaxpose.geometry import person_box
from jaxpose.records import joint_boxes, make_people
from jaxpose.skeletons import BODY_21A, COCO_17, COCO_18, COCO_19

DATA = Path(os.environ.get("JAXPOSE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
VIDEOS = {  # file, long side of the network's input
    "vtest": ("videos/vtest.avi", 768),
    "stadtmitte": ("tracks/stadtmitte/video.mp4", 640),
    "shopfront": ("tracks/shopfront/video.mp4", 656),
}
SKELETONS = {len(skeleton.joints): skeleton for skeleton in (COCO_17, COCO_18, COCO_19, BODY_21A)}


def find_people(model: str, out: Path, refine: str | None = None, names: Iterable[str] = tuple(VIDEOS)) -> None:
    """Store each video's poses: `keypoints` [n, j, 3] and `scores` [n]; frame f's lie from offsets[f] to [f + 1].

    With them the model's own `strong_score`, a setting of our tracker; or that of `refine`, which looks once more.
    """
    from jaxpose import models, video
    from jaxpose.architectures import ARCHITECTURES

    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        file, size = VIDEOS[name]
        estimator = models.estimator(model, size=size, refine=refine)
        found = [estimator.collect(estimator.dispatch([frame.image], 1))[0] for frame in video.read(DATA / file)]
        np.savez(
            out / f"{name}.npz",
            offsets=np.cumsum([0, *(people.total for people in found)]),
            keypoints=np.concatenate([people.keypoints for people in found]),
            scores=np.concatenate([people.scores for people in found]),
            strong_score=ARCHITECTURES[models.card(refine or model).architecture].strong_score,
        )
        print(f"{name}: {len(found)} frames, {sum(people.total for people in found)} people")


def read_poses(folder: Path, name: str) -> list[np.ndarray]:
    """Keypoints [p, j, 3] of each frame."""
    stored = np.load(folder / f"{name}.npz")
    return np.split(stored["keypoints"], stored["offsets"][1:-1])


def own_config(folder: Path) -> IdentityConfig:
    """The defaults for the model whose poses these are."""
    return IdentityConfig(strong_score=float(np.load(next(folder.glob("*.npz")))["strong_score"]))


def track_ours(frames: Iterable[np.ndarray], config: IdentityConfig) -> TrackFile:
    frames = list(frames)
    skeleton = SKELETONS[frames[0].shape[1]]
    tracker = IdentityTracker(skeleton, config)
    done = []
    for index, keypoints in enumerate(frames):
        done += tracker.push(make_people(keypoints, np.ones(len(keypoints)), frame=index))
    return whole_people.boxes_of(collect_people([*done, *tracker.flush()], skeleton))


def track_published(make: Callable[[], Any], frames: Iterable[np.ndarray]) -> TrackFile:
    import supervision

    tracker, ids, boxes = make(), [np.zeros(0, np.int64)], [np.zeros((0, 4))]
    counts = []
    for keypoints in frames:
        count = (keypoints[..., 2] > 0).sum(1)
        scores = keypoints[..., 2].sum(1) / np.maximum(count, 1)
        good = (count >= 4) & (scores >= 0.25)
        found = person_box(keypoints[good, :, :2].astype(float), keypoints[good, :, 2] > 0)
        corners = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1).astype(np.float32)
        people = supervision.Detections(corners, confidence=scores[good], class_id=np.zeros(len(corners), int))
        people = tracker.update(people)
        tracked = np.zeros(0, int) if people.tracker_id is None else people.tracker_id
        named = tracked >= 0
        corners = people.xyxy[named].astype(float)
        ids.append(tracked[named])
        boxes.append(np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1))
        counts.append(named.sum())
    return TrackFile(
        source="memory",
        frames=np.repeat(np.arange(len(counts)), counts),
        boxes=np.concatenate(boxes),
        ids=np.concatenate(ids),
        scored=np.ones(sum(counts), bool),
        last=len(counts) - 1,
    )


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


def read_truth(name: str) -> TrackFile:
    return read_tracks(DATA / "tracks" / name / "gt.txt")


def score(truth: TrackFile, found: TrackFile) -> dict[str, float]:
    """MOTA and IDF1 in percent at IoU 0.5, id switches."""
    tracking, _ = whole_people.compare(truth, found)
    scores = tracking.compute()
    return {
        "mota": float(scores.clear.mota[-1]),
        "idf1": float(scores.identity.idf1[-1]),
        "switches": int(tracking.clear.switches[0]),
    }


def measure(
    track: Callable[[list[np.ndarray]], TrackFile], folder: Path, names: Sequence[str]
) -> list[dict[str, float]]:
    """The scores of each video."""
    return [score(read_truth(name), track(read_poses(folder, name))) for name in names]


def both_ways(folder: Path, name: str) -> list[tuple[list[np.ndarray], TrackFile]]:
    """Poses of each frame and the truth of a video, forwards and backwards."""
    frames, truth = read_poses(folder, name), read_truth(name)
    order = np.argsort(-truth.frames, kind="stable")
    fields = {field: getattr(truth, field)[order] for field in ("boxes", "ids", "scored")}
    return [(frames, truth), (frames[::-1], truth._replace(frames=len(frames) - 1 - truth.frames[order], **fields))]


def degrade(frames: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Worse poses: 8 % of the people and 5 % of the joints taken out, joints moved by 2 % of the person's size."""
    result = []
    for keypoints in frames:
        kept = keypoints[rng.random(len(keypoints)) > 0.08].copy()
        size = np.sqrt(joint_boxes(kept)[:, 2:].prod(1))[:, None, None]
        kept[..., :2] += rng.normal(0, 0.02, kept[..., :2].shape) * size
        kept[(kept[..., 2] == 0) | (rng.random(kept.shape[:2]) < 0.05)] = 0
        result.append(kept)
    return result


def print_spread(
    label: str, track: Callable[[list[np.ndarray]], TrackFile], folder: Path, names: Sequence[str]
) -> None:
    """Means and spreads over ten variants of each video: both ways, as found and degraded four times."""
    cells = []
    for name in names:
        ways = both_ways(folder, name)
        ways += [
            (degrade(frames, np.random.default_rng(seed)), truth) for seed in range(4) for frames, truth in ways[:2]
        ]
        rows = [score(truth, track(frames)) for frames, truth in ways]
        mota, idf1 = (np.array([row[key] for row in rows]) for key in ("mota", "idf1"))
        cells.append(f"{mota.mean():.1f} ± {mota.std():.1f} / {idf1.mean():.1f} ± {idf1.std():.1f}")
    print(f"| {label} | {' | '.join(cells)} |", flush=True)


def print_row(label: str, track: Callable[[list[np.ndarray]], TrackFile], folder: Path, names: Sequence[str]) -> None:
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
    for command in ("published", "ours", "spread"):
        tracking = commands.add_parser(command)
        tracking.add_argument("poses", type=Path)
        tracking.add_argument("--videos", nargs="+", choices=VIDEOS, default=list(VIDEOS))
    args = parser.parse_args()
    if args.command == "poses":
        find_people(args.model, args.out)
        return
    means = [] if args.command == "spread" else ["mean MOTA", "mean IDF1"]
    print(f"| {' | '.join(['tracker', *args.videos, *means])} |")
    print(f"|{'---|' * (1 + len(args.videos) + len(means))}")
    show = print_spread if args.command == "spread" else print_row
    if args.command != "ours":
        warnings.simplefilter("ignore")  # the package's own deprecations
        for label, make in published().items():
            show(label, lambda frames, make=make: track_published(make, frames), args.poses, args.videos)
    if args.command != "published":
        config = own_config(args.poses)
        show("ours", lambda frames: track_ours(frames, config), args.poses, args.videos)


if __name__ == "__main__":
    main()
