"""STAF's Models I, II and III and topologies A, B and C beside each other, each trained for the same few minutes.

    pip install '.[eval,train]'
    python experiments/staf_models.py [--steps 400]

All are small networks behind the packaged body's features (`small_staf.py` says why and how): `WIDTHS` channels, random
stages from one seed, the same batches of procedural clips in the same order. Scored on procedural clips that no
training has seen: the errors of the fields, and on whole videos HOTA and id switches with the default tracker at every
and at every third frame; and the same with ids by the TAFs alone, which is what
tells the topologies apart. Clips, trainings and scores are kept in `runs/staf_models`, so a run that is killed goes on.
Writes `staf_models.md`, `.json` and `.png` into `experiments/results/`, or where `--out` says.
"""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from frame_rates import RESULTS, Row, row_of
from rates.found import look
from rates.videos import boxes_of_scene, slower
from small_staf import BODY, CLIPS, CROP, FRAMES, Clips, SmallStaf, Training, clip_terms, make_clips

from jaxpose import models
from jaxpose.cli.compilation import kept_compilations
from jaxpose.data.procedural.scene import scene
from jaxpose.evaluation.people import Tracking, boxes_of, compare
from jaxpose.fields.config import DecodeConfig
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.poses import collect_people
from jaxpose.records import Frame
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.staf.config import MODEL_I, MODEL_II, MODEL_III, StafConfig
from jaxpose.systems.staf.tracker_config import TrackerConfig

KEPT = Path(__file__).parents[1] / "runs" / "staf_models"
WIDTHS: dict[str, Any] = {"previous": 32, "blocks": 2, "paf_width": 32, "width": 32, "hidden": 96}
CONFIGS = {
    name: dataclasses.replace(config, **WIDTHS)
    for name, config in {
        "Model I, topology B": MODEL_I,
        "Model II, topology B": MODEL_II,
        "Model III, topology B": MODEL_III,
        "Model II, topology A": dataclasses.replace(MODEL_II, topology="A"),
        "Model II, topology C": dataclasses.replace(MODEL_II, topology="C"),
    }.items()
}
TRAINED_ON, HELD_OUT = (0, 100), (1_000_003, 12)
"""Seed and number of batches."""
SEEDS, SIZE, LENGTH = (101, 102, 103, 104, 105, 106), (384, 256), 50
"""Of the videos: scenes, pixels, frames at 25 a second."""
EVERY = (1, 3)
TRACKERS = {
    "default": TrackerConfig(),
    "by TAFs": TrackerConfig(motion=0, max_missed=0, min_similarity=1.0),
}
"""With the second nobody is found again by motion, so that an id goes on by the network's word alone."""


class Video(NamedTuple):
    """A procedural video with its truth."""

    frames: list[Frame]
    truth: TrackFile


def film() -> list[Video]:
    """Three to five people each, of whom some walk, run, turn or sit, before cameras that may move."""
    scenes = [scene(seed, size=SIZE, people=(3, 5), frames=LENGTH, near=(0.35, 0.8)) for seed in SEEDS]
    return [
        Video([frame for frame, _ in one.play(SKELETONS["body_21a"])], boxes_of_scene(one, str(one.seed)))
        for one in scenes
    ]


def field_errors(config: StafConfig, stages: Any, held_out: list[Clips]) -> dict[str, float]:
    """The mean squared error of the last stage of each field, over what is known of all held-out clips."""
    judge = jax.jit(lambda stages, clips: {k: v[:2] for k, v in clip_terms(config, stages, clips).items()})
    sums: dict[str, np.ndarray] = {}
    for clips in held_out:
        for name, pair in jax.device_get(judge(stages, clips)).items():
            sums[name] = sums.get(name, np.zeros(2)) + pair
    last = {name.rpartition("_")[0]: name for name in sums}  # stages are in order
    return {field: round(float(sums[name][0] / sums[name][1]), 5) for field, name in last.items()}


def track(config: StafConfig, params: Any, filmed: list[Video]) -> dict[str, dict[str, Any]]:
    """What each tracker reaches at each rate, on all videos as one."""
    skeleton, result = SKELETONS[config.skeleton], {}
    links = skeleton.temporal_links(config.topology)
    for every in EVERY:
        totals = dict.fromkeys(TRACKERS, Tracking.empty())
        for video in filmed:
            truth = slower(video.truth, every)
            found = look(SmallStaf(config), params, skeleton, video.frames[::every], max(SIZE), DecodeConfig())
            for name, tracker in TRACKERS.items():
                people = boxes_of(collect_people(found.track(skeleton, links, tracker), skeleton))
                totals[name] = totals[name].merge(compare(truth, people)[0])
        result |= {f"{name}, every {every}": row_of(total)._asdict() for name, total in totals.items()}
    return result


def measure(name: str, steps: int, clips: list[Clips], held_out: list[Clips], filmed: list[Video]) -> dict[str, Any]:
    """Train a network, if it is not yet, and score it; its number of parameters, its seconds a step."""
    config, folder = CONFIGS[name], KEPT / f"{steps} steps"
    training = Training(config, clips, folder / f"{name}.npz", steps=steps, seed=0)
    stages = training.run()
    _, packaged, _ = models.network(BODY)
    return {
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(stages)),
        "seconds": round(training.seconds),
        "errors": field_errors(config, stages, held_out),
        "tracking": track(config, {"body": packaged, "stages": stages}, filmed),
    }


HEAD = """# STAF's models and topologies

Small networks ({widths}) behind openpose-lite's features, which stay
as they are; each trained from random stages for {steps} steps of {clips} procedural clips ({frames} frames, {crop}
pixels wide): the same ones in the same order. Errors are the squared errors of the last stage's fields as the loss
weighs them (a cell with a target counts up to five times), in thousandths, on {held_out} held-out clips. HOTA / id
switches are those of {videos} held-out procedural videos as one, at every and at every third frame: with the default
tracker, and with ids by the TAFs alone. One run each: small differences are chance. `experiments/staf_models.py` makes
this.
"""
FIELDS = ("pafs", "heatmaps", "tafs")


def table(results: dict[str, Any]) -> str:
    columns = [f"{name}, every {every}" for name in TRACKERS for every in EVERY]
    head = ["network", "parameters", "CPU minutes", *FIELDS, *columns]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name, row in results.items():
        cells = [name, f"{row['parameters']:,}", f"{row['seconds'] / 60:.1f}"]
        cells += [f"{1000 * row['errors'][field]:.2f}" for field in FIELDS]
        tracked = (Row(**row["tracking"][column]) for column in columns)
        cells += [f"{one.hota:.1f} / {one.switches}" for one in tracked]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(results: dict[str, Any], path: Path) -> None:
    """Bars of HOTA, of id switches (light ones: every third frame), and of the fields' errors."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), dpi=110, layout="constrained")
    panels = figure.subplots(1, 3)
    names = [name.replace(", ", "\n") for name in results]
    places = np.arange(len(names))
    for axes, measure_name in zip(panels, ("hota", "switches"), strict=False):
        for number, (tracker, every) in enumerate((tracker, every) for tracker in TRACKERS for every in EVERY):
            values = [row["tracking"][f"{tracker}, every {every}"][measure_name] for row in results.values()]
            color, label = COLORS[number], f"{tracker}, every {every}"
            axes.bar(places + 0.2 * (number - 1.5), values, 0.18, color=color, label=label)
        axes.set_title({"hota": "HOTA", "switches": "id switches"}[measure_name])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=4, fontsize=7, frameon=False)
    for number, field in enumerate(FIELDS):
        values = [1000 * row["errors"][field] for row in results.values()]
        panels[2].bar(places + 0.25 * (number - 1), values, 0.22, color=GREYS[number], label=field)
    panels[2].set_title("error of the fields, thousandths")
    panels[2].legend(fontsize=7, frameon=False, loc="upper left", ncols=3)
    panels[2].margins(y=0.15)
    for axes in panels:
        axes.set_xticks(places, names, fontsize=7, rotation=45)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e6e6e6", linewidth=0.7, axis="y")
        axes.set_axisbelow(True)
    figure.savefig(path, metadata={"Software": None})


COLORS, GREYS = ("#2a6fb0", "#8fb8dc", "#e0792b", "#f0bc92"), ("#444444", "#888888", "#c4c4c4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with kept_compilations():
        clips, held_out = (list(make_clips(KEPT / "clips", *which)) for which in (TRAINED_ON, HELD_OUT))
        filmed = film()
        for name in CONFIGS:
            kept = KEPT / f"{options.steps} steps" / f"{name}.json"
            if not kept.exists():
                measured = measure(name, options.steps, clips, held_out, filmed)
                kept.write_text(json.dumps(measured, indent=1) + "\n")
            results[name] = json.loads(kept.read_text())
            print(f"{name}: {results[name]}", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    widths = ", ".join(f"{key} {value}" for key, value in WIDTHS.items())
    head = HEAD.format(widths=widths, steps=options.steps, clips=CLIPS, frames=FRAMES, crop=CROP,
                       held_out=HELD_OUT[1] * CLIPS, videos=len(SEEDS))  # fmt: skip
    (options.out / "staf_models.json").write_text(json.dumps(results, indent=1) + "\n")
    (options.out / "staf_models.md").write_text(f"{head}\n{table(results)}\n\n![](staf_models.png)\n")
    plot(results, options.out / "staf_models.png")
    print(options.out / "staf_models.md")


if __name__ == "__main__":
    main()
