"""Failures on COCO val as one sheet of pictures: poses far off, people missed, people made up.

People made up are taken from the pictures without any: in the others many are real, and unmarked. The photographs may
not be shipped: the sheet goes to a folder that git ignores.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from coco_pictures import DATA, Poses

from jaxpose import video
from jaxpose.records import joint_boxes, make_people
from jaxpose.skeletons import COCO_17, convert
from quality.coco import named
from quality.matching import best_pairs, truth_oks
from quality.people import Subject, find

SIZE = 656
LARGE = 96**2
LEAST_OKS = 0.1
COLUMNS, TILE = 6, 320
FOUND, TRUE = (255, 60, 60), (60, 220, 60)  # RGB


class Failure(NamedTuple):
    """Somebody in a picture: whom it concerns, and how bad it is."""

    picture: str
    split: str
    box: np.ndarray
    told: str
    worth: float


def draw(one: Subject, folder: Path) -> Path:
    """Write the sheet: a row each of the worst large people, the largest that were missed, the surest made up."""
    val = find(one, named("val"), "coco-val", SIZE)
    empty = find(one, named("val_empty"), "coco-empty", SIZE)
    off, missed = _failures(one, val)
    made_up = [
        Failure(name, "val_empty", box, f"made up, {score:.2f}", score)
        for name, poses in empty.items()
        for box, score in zip(joint_boxes(poses.keypoints), poses.scores.tolist(), strict=True)
    ]
    rows = [sorted(some, key=lambda one: -one.worth)[:COLUMNS] for some in (off, missed, made_up)]
    wanted = {(failure.split, failure.picture) for row in rows for failure in row}
    images = {
        (split, picture.name): picture.image
        for split in ("val", "val_empty")
        for picture in named(split)
        if (split, picture.name) in wanted
    }
    found = {"val": val, "val_empty": empty}
    sheet = np.full((len(rows) * TILE, COLUMNS * TILE, 3), 32, np.uint8)
    for y, row in enumerate(rows):
        for x, failure in enumerate(row):
            poses = found[failure.split][failure.picture]
            tile = _tile(images[failure.split, failure.picture], poses, failure, one)
            sheet[y * TILE : y * TILE + TILE, x * TILE : x * TILE + TILE] = tile
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.name}-coco.png"
    if not cv2.imwrite(str(path), sheet[..., ::-1]):
        raise SystemExit(f"{path}: cannot be written")
    return path


def _failures(one: Subject, found: dict[str, Poses]) -> tuple[list[Failure], list[Failure]]:
    """Large people by how far off their poses are, and those missed by their areas."""
    tree = json.loads((DATA / "val.json").read_text())
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in found}
    for row in tree["annotations"]:
        rows[str(row["image_id"])].append(row)
    off, missed = [], []
    for name, poses in found.items():
        people = [row for row in rows[name] if not row["iscrowd"] and row["num_keypoints"] > 0]
        truth = np.array([row["keypoints"] for row in people], float).reshape(-1, 17, 3)
        areas = np.array([row["area"] for row in people], float)
        keypoints = convert(poses.keypoints, one.skeleton, COCO_17)
        likeness = truth_oks(truth, keypoints, areas, COCO_17.sigmas)
        matched, partners = best_pairs(likeness, LEAST_OKS)
        for person, partner in zip(matched, partners, strict=True):
            if areas[person] >= LARGE:
                oks = float(likeness[person, partner])
                off.append(Failure(name, "val", np.array(people[person]["bbox"]), f"OKS {oks:.2f}", -oks))
        for person in np.setdiff1d(np.arange(len(people)), matched):
            missed.append(Failure(name, "val", np.array(people[person]["bbox"]), "missed", float(areas[person])))
    return off, missed


def _tile(image: np.ndarray, poses: Poses, failure: Failure, one: Subject) -> np.ndarray:
    """What surrounds the person, with everybody who was found, in a square."""
    canvas = video.draw(image, make_people(poses.keypoints, poses.scores, np.arange(len(poses.scores))), one.skeleton)
    x, y, w, h = failure.box.tolist()
    color = FOUND if failure.told.startswith("made up") else TRUE
    cv2.rectangle(canvas, (round(x), round(y)), (round(x + w), round(y + h)), color, 2)
    half = max(w, h, 60) * 0.75
    left, top = (max(round(centre - half), 0) for centre in (x + w / 2, y + h / 2))
    part = canvas[top : round(y + h / 2 + half) + 1, left : round(x + w / 2 + half) + 1]
    scale = TILE / max(part.shape[:2])
    part = cv2.resize(part, (max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1)))
    tile = np.full((TILE, TILE, 3), 32, np.uint8)
    tile[: part.shape[0], : part.shape[1]] = part[:TILE, :TILE]
    cv2.putText(tile, f"{failure.picture}: {failure.told}", (4, TILE - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255,) * 3)
    return tile
