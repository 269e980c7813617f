"""Measure a packaged model and write its card: `experiments/models/NAME.json` and `NAME.md`, with pictures of failures.

    pip install '.[eval]' onnx onnxruntime
    python experiments/model_card.py movenet-multipose --data ../shared/data [--only ap tracks speed failures]

`--only` measures some parts again and keeps the others. OKS-AP is on COCO pictures at several sizes, MOTA and IDF1 are
on three real videos with human-made ids, with the baseline tracker's defaults; the time of a forward is compared with
onnxruntime's in the same run. The failures are the frames of `vtest.avi` (OpenCV, Apache-2.0) with the most people
missed or made up. `model_table.py` makes the README's table of the cards.
"""

import argparse
import datetime
import functools
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coco_ap
import cv2
import identities
import numpy as np

import jaxpose
from jaxpose import models, video
from jaxpose.evaluation.people import boxes_of, compare
from jaxpose.formats.poses import collect_people
from jaxpose.skeletons import SKELETONS
from jaxpose.weights import store

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
CARDS = Path(__file__).parent / "models"
SIZES = (448, 512, 656)
FAILURES = 4


def describe(name: str, data: Path) -> dict[str, Any]:
    card = store.read_card(store.path_of(name))
    params, _ = store.load(store.path_of(name))
    return {
        "parameters": sum(array.size for _, array in leaves(params)),
        "bytes": store.path_of(name).stat().st_size,
        "architecture": card.architecture,
        "skeleton": card.config["skeleton"],
        "provenance": card.provenance,
    }


def leaves(tree: Any, path: str = "") -> list[tuple[str, np.ndarray]]:
    if isinstance(tree, np.ndarray):
        return [(path, tree)]
    return [leaf for key, value in tree.items() for leaf in leaves(value, f"{path}/{key}")]


def measure_ap(name: str, data: Path) -> dict[str, Any]:
    return {str(size): coco_ap.measure(coco_ap.thorough(name, size), "val", 1) for size in SIZES}


def measure_tracks(name: str, data: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        identities.find_people(name, Path(folder))
        config = identities.own_config(Path(folder))
        ours = functools.partial(identities.track_ours, config=config)
        rows = identities.measure(ours, Path(folder), list(identities.VIDEOS))
    return {
        video: {"size": size, **{key: round(row[key], 1) for key in ("mota", "idf1")}, "switches": int(row["switches"])}
        for (video, (_, size)), row in zip(identities.VIDEOS.items(), rows, strict=True)
    }


def measure_speed(name: str, data: Path) -> dict[str, Any]:
    if name != "movenet-multipose":
        raise SystemExit(f"no other runtime runs {name}: leave out `speed`")
    import forward_movenet

    return forward_movenet.measure(data / "teachers" / "movenet-multipose.onnx", 15)


def find_failures(name: str, data: Path) -> list[dict[str, Any]]:
    """The frames with the most errors, at least 60 frames apart, drawn; what is wrong with each in numbers."""
    truth = identities.read_truth("vtest")
    frames = list(video.read(data / "videos" / "vtest.avi"))
    tracker = models.load(name, size=768)
    told = list(tracker.track(frames))
    _, judged = compare(truth, boxes_of(collect_people(told, tracker.skeleton)))
    pairing, matched = judged.pairing, judged.matches.found[:, 0] >= 0
    in_truth, missed, made_up = (
        np.bincount(judged.numbers[frame], minlength=len(frames)).tolist()
        for frame in (
            pairing.truth_frame,
            pairing.truth_frame[~matched],
            np.delete(pairing.found_frame, judged.matches.found[matched, 0]),
        )
    )
    errors = sorted(range(len(frames)), key=lambda frame: -missed[frame] - made_up[frame])
    chosen: list[dict[str, Any]] = []
    for frame in errors:
        if len(chosen) == FAILURES or any(abs(frame - other["frame"]) < 60 for other in chosen):
            continue
        people = told[frame]
        picture = f"{name}-{people.frame:03d}.jpg"
        image = video.draw(frames[people.frame].image, people, tracker.skeleton)
        cv2.imwrite(str(CARDS / picture), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
        chosen.append(
            {
                "frame": frame,
                "picture": picture,
                "people": in_truth[frame],
                "missed": missed[frame],
                "made up": made_up[frame],
            }
        )
    return chosen


PARTS: dict[str, Callable[[str, Path], Any]] = {
    "model": describe,
    "ap": measure_ap,
    "tracks": measure_tracks,
    "speed": measure_speed,
    "failures": find_failures,
}


def write_card(name: str, measured: dict[str, Any]) -> str:
    """The card in words."""
    about = measured["model"]
    lines = [
        f"# {name}",
        "",
        f"{about['architecture']}, {len(SKELETONS[about['skeleton']].joints)} joints ({about['skeleton']}), "
        f"{about['parameters']:,} parameters, {about['bytes']:,} bytes.",
        f"Written by `experiments/model_card.py` with jaxpose {jaxpose.__version__}, {measured['date']}.",
        "",
        "| origin | |",
        "|---|---|",
        *(f"| {key} | {value} |" for key, value in about["provenance"].items()),
        "",
        "## Poses: OKS-AP on 300 COCO pictures with 815 labelled people",
        "",
        "One scale, no flip, all thresholds near 0; nothing was trained on or chosen by these pictures here.",
        "",
        "| long side | AP | AP50 | AP75 | AP medium | AP large | people a picture |",
        "|---|---|---|---|---|---|---|",
    ]
    for size, row in measured["ap"].items():
        columns = ("AP", "AP50", "AP75", "AP medium", "AP large", "people a picture")
        lines.append(f"| {size} | {' | '.join(str(row[column]) for column in columns)} |")
    lines += [
        "",
        "## Ids: three real videos with human-made ids, IoU 0.5, the baseline tracker's defaults",
        "",
        "| video | long side | MOTA | IDF1 | id switches |",
        "|---|---|---|---|---|",
        *(
            f"| {video} | {row['size']} | {row['mota']} | {row['idf1']} | {row['switches']} |"
            for video, row in measured["tracks"].items()
        ),
    ]
    if speed := measured.get("speed"):
        lines += [
            "",
            "## Speed: one forward to the raw maps, all runtimes in turns in one run",
            "",
            f"{speed['input']}, {speed['cores']} CPU cores, float32.",
            "",
            "| runtime | median ms | ratio |",
            "|---|---|---|",
            *(f"| {key} | {row['median']} | {row['ratio']} |" for key, row in speed["runtimes"].items()),
        ]
    lines += [
        "",
        "## Where it fails",
        "",
        "The frames of `vtest.avi` (PETS 2009, from OpenCV's samples, Apache-2.0) with the most errors; a person is",
        "found when a box around the pose overlaps the labelled one by half.",
        "",
    ]
    for row in measured["failures"]:
        told = f"Frame {row['frame']}: of {row['people']} people {row['missed']} missed, {row['made up']} made up."
        lines += [told, "", f"![{told}]({row['picture']})", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, default=identities.DATA)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    if options.model not in store.packaged():
        raise SystemExit(f"{options.model} is not packaged: there are {', '.join(store.packaged())}")
    CARDS.mkdir(exist_ok=True)
    path = CARDS / f"{options.model}.json"
    measured = json.loads(path.read_text()) if path.exists() else {}
    for part in options.only:
        measured[part] = PARTS[part](options.model, options.data)
        measured["date"] = datetime.date.today().isoformat()
        path.write_text(json.dumps(measured, indent=1) + "\n")
        print(f"{part}: {measured[part]}", flush=True)
    path.with_suffix(".md").write_text(write_card(options.model, measured))
    print(path.with_suffix(".md"))


if __name__ == "__main__":
    main()
