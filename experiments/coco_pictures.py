"""COCO pictures one by one and the OKS-AP of what was found in them: what the comparisons of decodings share."""

import contextlib
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import jax
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tqdm import tqdm

from jaxpose.geometry import Fit, fit_input, oks
from jaxpose.inference import fitted_batch
from jaxpose.records import joint_boxes
from jaxpose.skeletons import COCO_17, COCO_18, Skeleton, convert
from jaxpose.systems.openpose.fields import Fields
from jaxpose.systems.openpose.lightweight import STRIDE, LightweightOpenPose
from jaxpose.weights import store

DATA = Path(os.environ.get("JAXPOSE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")) / "coco"


class Poses(NamedTuple):
    """One picture's people: joints [p, j, 3] in its pixels, and scores [p]."""

    keypoints: np.ndarray
    scores: np.ndarray


def pictures(split: str, every: int, sizes: int | None = None) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Each picture's entry, and the picture, RGB; every n-th of those that have one of the `sizes` commonest sizes.

    Few sizes spare compilations, of which there is one for each.
    """
    entries = json.loads((DATA / f"{split}.json").read_text())["images"]
    common = Counter((entry["width"], entry["height"]) for entry in entries).most_common(sizes)
    kept = {size for size, _ in common}
    entries = [entry for entry in entries if (entry["width"], entry["height"]) in kept][::every]
    with zipfile.ZipFile(DATA / f"{split}.zip") as archive:
        for entry in tqdm(entries, split, disable=None):
            stored = np.frombuffer(archive.read(entry["file_name"]), np.uint8)
            yield entry, cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def fields_of_pictures(model: str, size: int, split: str, every: int) -> Iterator[tuple[dict[str, Any], Fit, Fields]]:
    """Each picture's entry, its fit, and the last stage's fields that an imported lightweight network gives."""
    params, _ = store.load(store.path_of(model))

    @jax.jit
    def apply(params: Any, images: jax.Array) -> Fields:
        return LightweightOpenPose().apply({"params": params}, images)[-1]

    for entry, image in pictures(split, every):
        fit = fit_input(image.shape[1], image.shape[0], size, STRIDE)
        yield entry, fit, jax.block_until_ready(apply(params, fitted_batch([image], 1, fit)))


def average_precision(split: str, found: dict[int, Poses], skeleton: Skeleton = COCO_18) -> dict[str, float]:
    """OKS-AP in percent over the pictures that `found` has, by their id."""
    results = [
        {"image_id": picture, "category_id": 1, "keypoints": pose.ravel().tolist(), "score": float(score)}
        for picture, poses in found.items()
        for pose, score in zip(convert(poses.keypoints, skeleton, COCO_17), poses.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(DATA / f"{split}.json")
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.params.imgIds = list(found)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = ("AP", "AP50", "AP75", "AP medium", "AP large")
    return {name: 100 * value for name, value in zip(names, evaluation.stats.tolist(), strict=False)}


def likeness(a: Poses, b: Poses) -> np.ndarray:
    """OKS of each of a's people with each of b's; the area is that of the joints' box, the larger of the two."""
    areas_a, areas_b = (joint_boxes(poses.keypoints)[:, 2:].prod(1) for poses in (a, b))
    areas = np.maximum(areas_a[:, None], areas_b[None])
    return oks(a.keypoints, b.keypoints, np.array(COCO_18.sigmas), areas)
