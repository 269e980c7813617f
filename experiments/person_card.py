"""Measure a packaged network for one person beside MoveNet Thunder, its teacher's kind, and write its card.

    pip install '.[eval]'
    python experiments/person_card.py [hrnet-lite] [--only ap lspet speed training] [--run runs/hrnet]

Both look into the same true boxes: OKS-AP on COCO val, one scale, and PCK@0.2 of the torso on LSPET's validation part,
where a box is the span of the labelled joints and a tenth more on each side. Times are those of the whole step, crops
and decoding too, of eight people in one frame, in turns. What is named by `--only` is measured, and the rest is kept.
Writes `experiments/models/NAME.json` and `.md`.
"""

import argparse
import datetime
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from coco_pictures import Poses, average_precision
from model_card import describe
from person_ap import find_people, thorough
from quality import card, lspet, training
from quality.floors import Floor, told

from jaxpose import models
from jaxpose.cli.compilation import kept_compilations
from jaxpose.detection import widen
from jaxpose.geometry import crop_maps
from jaxpose.records import NO_ID, Boxes, joint_boxes

BESIDE = "movenet-thunder"
FOLDER = Path(__file__).parent / "models"
PEOPLE, FRAME, RUNS = 8, (720, 1280), 15
CROPS = (256, 192)
"""Height and width of the crops whose number a second is told."""

PARTS = ("ap", "lspet", "speed", "training")


def precision(name: str) -> dict[str, float]:
    """OKS-AP and its kin in percent, and AP with the flip test."""
    found = {}
    for flip in (False, True):
        people = thorough(name, flip=flip)
        row = average_precision("val", find_people(people, "val"), people.skeleton)
        found |= {"AP with the flip test": row["AP"]} if flip else row
    return {key: round(value, 1) for key, value in found.items()}


def correct_joints(name: str) -> dict[str, float]:
    """PCK in percent, by group of joints."""
    people, truth = thorough(name), lspet.read_truth()
    found = {}
    for picture in lspet.pictures(list(truth)):
        height, width = picture.image.shape[:2]
        box = widen(joint_boxes(truth[picture.name][None].astype(np.float32)), 0.1, height, width)
        boxes = Boxes(0, 0.0, box, np.ones(1, np.float32), np.full(1, NO_ID, np.int64))
        (poses,) = people.collect(people.dispatch([picture.image], [boxes], 1))
        found[picture.name] = Poses(poses.keypoints, poses.scores)
    return lspet.score(truth, found, people.skeleton)


def times(names: list[str]) -> dict[str, float]:
    """Milliseconds a person: medians over the runs; and how many crops of 256x192 the first network reads a second."""
    rng = np.random.default_rng(0)
    frames = jax.device_put(rng.integers(0, 256, (1, *FRAME, 3), np.uint8))
    square = np.concatenate([rng.uniform(0, 400, (PEOPLE, 2)), np.full((PEOPLE, 2), 300)], axis=1)
    contenders: dict[str, Callable[[], object]] = {}
    for name in names:
        people = models.person(name)
        maps = crop_maps(square, people.size[1], people.size[0]).astype(np.float32)
        slots = np.zeros(PEOPLE, np.int32), maps, np.int32(PEOPLE)
        contenders[name] = lambda people=people, slots=slots: people.step(people.params, frames, *slots)  # type: ignore[misc]
    crops = jax.device_put(rng.integers(0, 256, (PEOPLE, *CROPS, 3), np.uint8))
    network, params, _ = models.network(names[0])
    alone = jax.jit(
        lambda params, crops: jax.lax.map(lambda crop: network.apply({"params": params}, crop[None]), crops)
    )
    contenders["alone"] = lambda: alone(params, crops)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(RUNS + 2):
        for name, run in contenders.items():
            start = time.perf_counter()
            jax.block_until_ready(run())
            if turn >= 2:  # the first two warm up
                taken[name].append(1e3 * (time.perf_counter() - start) / PEOPLE)
    middle = {name: statistics.median(values) for name, values in taken.items()}
    found = {name: round(middle[name], 1) for name in names}
    share = statistics.median(a / b for a, b in zip(taken[names[0]], taken[names[1]], strict=True))
    crops_a_second = round(1e3 / middle["alone"], 1)
    return {**found, "share": round(share, 2), "crops a second": crops_a_second, "cores": len(os.sched_getaffinity(0))}


def floors(name: str, measured: dict[str, Any]) -> list[Floor]:
    """What it must reach."""
    ap, pck, speed = (measured[part] for part in ("ap", "lspet", "speed"))
    return [
        Floor(f"OKS-AP on COCO val in true boxes, 0.75 of {BESIDE}'s", ap[name]["AP"], 0.75 * ap[BESIDE]["AP"]),
        Floor(f"LSPET val PCK@0.2, 0.85 of {BESIDE}'s", pck[name]["total"], 0.85 * pck[BESIDE]["total"]),
        Floor(f"time a person, half of {BESIDE}'s, in percent", 100 * speed["share"], 50.0, at_most=True),
        Floor("crops of 256x192 a second on two cores", speed["crops a second"], 40.0),
    ]


def write(name: str, measured: dict[str, Any]) -> str:
    """The whole card."""
    both = (name, BESIDE)
    ap = ("AP", "AP50", "AP75", "AP medium", "AP large", "AP with the flip test")
    speed = measured["speed"]
    return "\n".join(
        [
            *card.title_of(name, measured, reached := floors(name, measured)),
            f"Written by `experiments/person_card.py`, {measured['date']}. Nothing was trained on, or chosen by, the",
            "pictures below.",
            "",
            *card.origin_of(measured),
            "## Floors",
            "",
            *told(reached),
            "",
            "## Poses in true boxes: OKS-AP on COCO val, one scale",
            "",
            *card.table(("model", *ap), [(one, *(measured["ap"][one].get(key) for key in ap)) for one in both]),
            "## PCK@0.2 of the torso on LSPET's validation part, in true boxes",
            "",
            *card.table(
                ("model", *card.GROUPS),
                [(one, *(measured["lspet"][one].get(key) for key in card.GROUPS)) for one in both],
            ),
            "## Speed",
            "",
            f"Whole steps, eight people of one frame, in turns on {speed['cores']} cores: {speed[name]} ms a person,",
            f"{BESIDE} {speed[BESIDE]} ms; {speed['crops a second']} crops of 256x192 a second by the network alone.",
            "",
            *card.training_of(measured),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="hrnet-lite")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--run", type=Path, help="the folder of the model's training")
    options = parser.parse_args()
    name, path = options.model, FOLDER / f"{options.model}.json"
    measured = json.loads(path.read_text()) if path.exists() else {}
    measured["model"] = describe(name)
    names = [name, BESIDE]
    with kept_compilations():
        for part in options.only:
            match part:
                case "ap":
                    measured[part] = {one: precision(one) for one in names}
                case "lspet":
                    measured[part] = {one: correct_joints(one) for one in names}
                case "speed":
                    measured[part] = times(names)
                case "training" if options.run:
                    measured[part] = training.measure(options.run, name, FOLDER)
            measured["date"] = datetime.date.today().isoformat()
            path.write_text(json.dumps(measured, indent=1) + "\n")
    if {"ap", "lspet", "speed"} <= measured.keys():
        path.with_suffix(".md").write_text(write(name, measured))
        print("\n".join(told(floors(name, measured))))


if __name__ == "__main__":
    main()
