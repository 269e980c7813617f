"""Choose the thresholds of an OpenPose network's `fast` decoding, on training photographs that were set aside.

    jaxpose data build coco ../shared/data/coco     # as for training
    python experiments/choose_decoding.py openpose-lite [--reference lightweight] [--size 656]

The pictures are every 15th of COCO's training pictures, which `Share.leave_out=15` keeps from the training, and those
of the training pictures without people: every 15th was set aside there too, but these are few, so the others are
counted beside them, though the network has seen them. The fields of all are computed once; then every setting of
`GRID` makes people of them. Each is judged at the lowest `min_score` with which the share of empty pictures' people is
no higher than the reference's at its own defaults, on the pictures set aside as well as on all. OKS-AP hardly tells
these settings apart, and does not mind limbs across a crowd: of those within a tenth of a point of the best the
strictest is named. The last table tells, for people of that setting by the mean score of their
joints, how many are right (OKS 0.5 with somebody of the truth, or in a region where people are unlabelled: left out):
the score at which more are right than wrong is the architecture's `strong_score`.
"""

import argparse
import dataclasses
import itertools
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from coco_pictures import DATA, Poses, average_precision
from quality.matching import best_pairs, truth_oks
from quality.people import padded

from jaxpose import models
from jaxpose.association.config import ParserConfig
from jaxpose.association.parsing import parse
from jaxpose.cli.compilation import kept_compilations
from jaxpose.data.examples import Source
from jaxpose.data.pictures import decode
from jaxpose.data.sources import open_data
from jaxpose.data.subsets import left_out
from jaxpose.fields.config import DecodeConfig
from jaxpose.geometry import Fit, fit_input, to_source
from jaxpose.inference import fitted_batch
from jaxpose.records import Candidates
from jaxpose.skeletons import COCO_17, Skeleton, convert
from jaxpose.systems.openpose.estimator import decode_fields
from jaxpose.systems.openpose.fields import Fields
from jaxpose.systems.openpose.lightweight import STRIDE

EVERY = 15
GRID: dict[str, tuple[float, ...]] = {
    "peak_threshold": (0.05, 0.08, 0.12, 0.18),
    "sample_threshold": (0.02, 0.05, 0.1),
    "sample_share": (0.6, 0.8, 0.9),
}
AS_GOOD = 0.1
"""Points of OKS-AP within which settings are as good as the best."""

MIN_SCORES = np.arange(0.1, 1.21, 0.02)
LOOSE = ParserConfig(min_score=0.0)
BINS = np.arange(0.1, 0.81, 0.05)


class Seen(NamedTuple):
    """One picture's fields, in half precision."""

    picture: int  # COCO's id; of a picture without people its place
    fit: Fit
    fields: Fields


class Found(NamedTuple):
    """One picture's people, with the score per joint that `min_score` is compared with."""

    poses: Poses
    per_joint: np.ndarray


def images(source: Source, size: int) -> Iterator[tuple[str, np.ndarray]]:
    """The names and the pictures of a source, RGB, padded."""
    for place in range(len(source)):
        example = source[place]
        picture = decode(example.image)
        if picture is None:
            raise SystemExit(f"{example.sequence}: the picture cannot be read; build the data again")
        yield example.sequence, padded(np.ascontiguousarray(picture.pixels[..., ::-1]), size)


def look(name: str, size: int, source: Source, ids: dict[str, int]) -> Iterator[Seen]:
    """The fields of a source's pictures."""
    network, params, _ = models.network(name)
    on_device = jax.device_put(params)

    @jax.jit
    def apply(params: Any, images: jax.Array) -> Fields:
        fields: Fields = network.apply({"params": params}, images)[-1]
        return jax.tree.map(lambda field: field.astype("float16"), fields)

    for place, (sequence, image) in enumerate(images(source, size)):
        fit = fit_input(image.shape[1], image.shape[0], size, STRIDE)
        fields = jax.device_get(apply(on_device, fitted_batch([image], 1, fit)))
        yield Seen(ids.get(sequence, place), fit, fields)


class People:
    """Makes people of kept fields, with thresholds that need no new compilation."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self._decode = jax.jit(self._candidates)

    def _candidates(self, fields: Fields, thresholds: dict[str, jax.Array]) -> Candidates:
        whole = jax.tree.map(lambda field: field.astype("float32"), fields)
        config = dataclasses.replace(DecodeConfig(), **thresholds)
        return decode_fields(whole, self.skeleton, STRIDE, config)

    def find(self, seen: Seen, thresholds: dict[str, float]) -> Found:
        """Everybody in a picture, whatever their score."""
        candidates = jax.device_get(self._decode(seen.fields, thresholds))
        keypoints, scores = parse(Candidates(*(field[0] for field in candidates)), self.skeleton, LOOSE)
        there = keypoints[..., 2:] > 0
        keypoints[..., :2] = np.where(there, to_source(keypoints[..., :2], seen.fit), 0)
        whole = len(self.skeleton.joints) + len(self.skeleton.limbs)
        return Found(Poses(keypoints, scores), scores * whole / np.maximum(there[..., 0].sum(1), 1))


def kept(found: Found, min_score: float) -> Poses:
    chosen = found.per_joint >= min_score
    return Poses(found.poses.keypoints[chosen], found.poses.scores[chosen])


def false_people(empty: list[Found], min_score: float) -> tuple[int, int]:
    """Of the pictures set aside, and of all."""
    counts = np.array([(found.per_joint >= min_score).sum() for found in empty])
    return int(counts[::EVERY].sum()), int(counts.sum())


def lowest(empty: list[Found], bound: tuple[int, int]) -> float | None:
    """The lowest `min_score` with no more false people than the bound; None where none has so few."""
    for min_score in MIN_SCORES:
        if all(own <= most for own, most in zip(false_people(empty, min_score), bound, strict=True)):
            return float(min_score)
    return None


def right_by_score(found: dict[int, Found], skeleton: Skeleton) -> list[tuple[float, int, int]]:
    """Of people by the mean score of their joints: the bin's start, how many, how many right."""
    rows: dict[int, list[dict[str, Any]]] = {picture: [] for picture in found}
    for row in json.loads((DATA / "train.json").read_text())["annotations"]:
        if row["image_id"] in rows:
            rows[row["image_id"]].append(row)
    means, right = [np.zeros(0)], [np.zeros(0, bool)]
    for picture, one in found.items():
        people = [row for row in rows[picture] if row["num_keypoints"] > 0 and not row["iscrowd"]]
        regions = np.array([row["bbox"] for row in rows[picture] if row not in people], float).reshape(-1, 4)
        truth = np.array([row["keypoints"] for row in people], float).reshape(-1, 17, 3)
        keypoints = convert(one.poses.keypoints, skeleton, COCO_17)
        areas = np.array([row["area"] for row in people], float)
        _, matched = best_pairs(truth_oks(truth, keypoints, areas, COCO_17.sigmas), 0.5)
        good = np.isin(np.arange(len(keypoints)), matched)
        there = one.poses.keypoints[..., 2] > 0
        xy = one.poses.keypoints[..., :2]
        centre = (xy * there[..., None]).sum(1) / np.maximum(there.sum(1), 1)[:, None]
        inside = (centre[:, None] >= regions[:, :2]) & (centre[:, None] <= regions[:, :2] + regions[:, 2:])
        counted = good | ~inside.all(-1).any(-1)
        means.append((one.poses.keypoints[..., 2].sum(1) / np.maximum(there.sum(1), 1))[counted])
        right.append(good[counted])
    score, good = np.concatenate(means), np.concatenate(right)
    place = np.digitize(score, BINS)
    return [
        (start, int((place == i + 1).sum()), int(good[place == i + 1].sum())) for i, start in enumerate(BINS.tolist())
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--reference", default="lightweight", help="whose false people are the bound")
    parser.add_argument("--size", type=int, default=656)
    options = parser.parse_args()
    entries = json.loads((DATA / "train.json").read_text())["images"]
    ids = {entry["file_name"].rpartition(".")[0]: entry["id"] for entry in entries}
    _, aside = left_out(open_data("coco", "train"), EVERY)
    nobody = open_data("coco", "train_empty")

    with kept_compilations():
        reference = models.estimator(options.reference, size=options.size)
        counts = [
            reference.collect(reference.dispatch([image], 1))[0].total for _, image in images(nobody, options.size)
        ]
        bound = sum(counts[::EVERY]), sum(counts)
        print(f"{options.reference}: {bound[0]} false people in {len(counts[::EVERY])} pictures set aside, "
              f"{bound[1]} in all {len(counts)}", flush=True)  # fmt: skip

        make = People(models.network(options.model)[2])
        posed = list(look(options.model, options.size, aside, ids))
        empty = list(look(options.model, options.size, nobody, {}))
        able: list[tuple[float, dict[str, float], float]] = []
        print("| peak | sample | share | AP, all people | min_score | AP | false, set aside | false, all |")
        print("|---|---|---|---|---|---|---|---|")
        for values in itertools.product(*GRID.values()):
            thresholds = dict(zip(GRID, values, strict=True))
            found = {seen.picture: make.find(seen, thresholds) for seen in posed}
            strays = [make.find(seen, thresholds) for seen in empty]
            loose = average_precision("train", {key: one.poses for key, one in found.items()}, make.skeleton)["AP"]
            head = f"| {' | '.join(map(str, values))} | {loose:.1f} |"
            if (min_score := lowest(strays, bound)) is None:
                print(f"{head} none is enough | | | |", flush=True)
                continue
            people = {key: kept(one, min_score) for key, one in found.items()}
            ap = average_precision("train", people, make.skeleton)["AP"]
            few, many = false_people(strays, min_score)
            print(f"{head} {min_score:.2f} | {ap:.1f} | {few} | {many} |", flush=True)
            able.append((ap, thresholds, min_score))
        if not able:
            raise SystemExit("no setting has so few false people; train longer, or with more pictures of nobody")
        least = max(ap for ap, _, _ in able) - AS_GOOD
        best = [one for one in able if one[0] >= least][-1]  # the grid's values rise
        print(f"best: AP {best[0]:.1f} with {best[1]}, min_score {best[2]:.2f}")
        chosen = {}
        for seen in posed:
            one = make.find(seen, best[1])
            stays = one.per_joint >= best[2]
            chosen[seen.picture] = Found(kept(one, best[2]), one.per_joint[stays])
        print("| mean score of joints, from | people | right |\n|---|---|---|")
        for start, people_there, good in right_by_score(chosen, make.skeleton):
            print(f"| {start:.2f} | {people_there} | {good} |")


if __name__ == "__main__":
    main()
