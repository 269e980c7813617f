"""A model's card in words, from what was measured of it and of the models beside it."""

from typing import Any

import jaxpose
from jaxpose.skeletons import SKELETONS
from quality.floors import SIZE, Floor, told

GROUPS = ("total", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "head_bottom", "head_top")
AP = ("AP", "AP50", "AP75", "AP medium", "AP large", "people a picture", "people in empty pictures", "strong")


def table(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    """A Markdown table; what was not measured is a dash."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return [*lines, *(f"| {' | '.join('-' if cell is None else str(cell) for cell in row)} |" for row in rows), ""]


def write(name: str, measured: dict[str, Any], floors: list[Floor]) -> str:
    """The whole card; models beside it lie in `measured["beside"]`."""
    everybody = {name: measured, **measured.get("beside", {})}
    return "\n".join(
        [
            *_head(name, measured, floors),
            *_poses(everybody),
            *_tracks(everybody),
            *_rates(measured),
            *_street(everybody),
            *_lspet(everybody),
            *_fixtures(everybody),
            *_speed(measured, everybody),
            *training_of(measured),
            *_failures(name, measured),
        ]
    )


def title_of(name: str, measured: dict[str, Any], floors: list[Floor]) -> list[str]:
    """The model, and what it does not reach."""
    about = measured["model"]
    missed = [row.what.split(",")[0] for row in floors if not row.met]
    lines = [f"# {name}", ""]
    if missed:
        lines += [f"**Below its floors in {len(missed)} of {len(floors)}: {'; '.join(missed)}.**", ""]
    return [
        *lines,
        f"{about['architecture']}, {len(SKELETONS[about['skeleton']].joints)} joints ({about['skeleton']}), "
        f"{about['parameters']:,} parameters, {about['bytes']:,} bytes.",
    ]


def origin_of(measured: dict[str, Any]) -> list[str]:
    """Where the weights come from."""
    return [
        "| origin | |",
        "|---|---|",
        *(f"| {key} | {value} |" for key, value in measured["model"]["provenance"].items()),
        "",
    ]


def _head(name: str, measured: dict[str, Any], floors: list[Floor]) -> list[str]:
    return [
        *title_of(name, measured, floors),
        f"Written by `experiments/model_card.py` with jaxpose {jaxpose.__version__}, {measured['date']}.",
        "Nothing was trained on, or chosen by, the pictures and videos below, but the tracker's defaults, "
        "by `vtest` and `stadtmitte`; and that of equally good thresholds `choose_decoding.py` takes the strictest "
        "is a rule made after a look at two frames of the street and a first measurement on it.",
        "",
        *origin_of(measured),
        *([f"## Floors, at a long side of {SIZE}", "", *told(floors), ""] if floors else []),
    ]


def _by_size(everybody: dict[str, Any], part: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Rows of model, size and what was measured, one size after the other."""
    sizes = sorted({size for card in everybody.values() for size in card.get(part, {})}, key=int)
    return [
        (name, size, card[part][size])
        for size in sizes
        for name, card in everybody.items()
        if size in card.get(part, {})
    ]


def _poses(everybody: dict[str, Any]) -> list[str]:
    rows = [(name, size, *(row.get(key) for key in AP)) for name, size, row in _by_size(everybody, "ap")]
    if not rows:
        return []
    return [
        "## Poses: OKS-AP on 300 COCO pictures with 815 labelled people",
        "",
        "One scale, no flip; MoveNet's thresholds near 0, the others' as they are by default. False people are those",
        "found by default in 50 pictures without any, and of these the strong ones, whom a tracker would tell of.",
        "",
        *table(("model", "long side", *AP[:-2], "false people", "strong"), rows),
    ]


def _tracks(everybody: dict[str, Any]) -> list[str]:
    rows = [
        (name, video, row["size"], row["mota"], row["idf1"], row["switches"])
        for name, card in everybody.items()
        for video, row in card.get("tracks", {}).items()
    ]
    if not rows:
        return []
    return [
        "## Ids: three real videos with human-made ids, IoU 0.5, the baseline tracker's defaults",
        "",
        *table(("model", "video", "long side", "MOTA", "IDF1", "id switches"), rows),
    ]


def _rates(measured: dict[str, Any]) -> list[str]:
    if "rates" not in measured:
        return []
    rows = [
        (
            system,
            f"1/{every}" if every != "1" else "all",
            *(row[key] for key in ("mean mota", "mean idf1", "switches")),
            *(row["made up together"][key] for key in ("hota", "switches")),
        )
        for every, found in measured["rates"].items()
        for system, row in found["systems"].items()
    ]
    return [
        "## Ids by its own tracker, and fewer frames",
        "",
        "Means over the three videos, and 32 synthetic clips with exact ids, counted as one. Of skipped frames",
        "nothing counts; `experiments/frame_rates.py` has each video.",
        "",
        *table(("system", "frames", "MOTA", "IDF1", "id switches", "synthetic: HOTA", "id switches"), rows),
    ]


def _street(everybody: dict[str, Any]) -> list[str]:
    rows = [
        (name, size, row["recall"], row["precision"], row["strong"]["recall"], row["strong"]["precision"])
        for name, size, row in _by_size(everybody, "street")
    ]
    if not rows:
        return []
    return [
        "## A street with a crowd far off",
        "",
        "Recall and precision in percent at OKS 0.5. The labels are not human-made: those people count on whom",
        "human-pose-estimation-0001 and MoveNet agreed, which favours these two; where one alone saw somebody, nothing",
        "counts.",
        "",
        *table(("model", "long side", "recall", "precision", "recall, strong", "precision, strong"), rows),
    ]


def _lspet(everybody: dict[str, Any]) -> list[str]:
    rows = [(name, size, *(row.get(group) for group in GROUPS)) for name, size, row in _by_size(everybody, "lspet")]
    if not rows:
        return []
    return [
        "## Sports: PCK@0.2 of the torso on the validation part of Leeds Sports Extended",
        "",
        "In percent, against human-made joints; of the people found, the one with the most joints near counts. The",
        "total is of the twelve joints of arms and legs.",
        "",
        *table(("model", "long side", *(group.replace("_", " ") for group in GROUPS)), rows),
    ]


def _fixtures(everybody: dict[str, Any]) -> list[str]:
    rows = _by_size(everybody, "fixtures")
    if not rows:
        return []
    sets = [key for key in rows[0][2] if key not in ("people", "mean")]
    chosen = [(name, row) for name, size, row in rows if size == SIZE]
    cells = [(name, row["mean"], *(" ".join(f"{oks:.2f}" for oks in row[key]) for key in sets)) for name, row in chosen]
    return [
        f"## OKS person by person, in pictures of seven data sets, at {SIZE}",
        "",
        "Over COCO's joints; 0 where nobody was found.",
        "",
        *table(("model", "mean", *sets), cells),
    ]


def _speed(measured: dict[str, Any], everybody: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    if speed := measured.get("speed"):
        rows = [
            (
                name,
                f"{card['model']['parameters'] / 1e6:.2f} M",
                f"{card['model']['bytes'] / 1e6:.1f} MB",
                row["input"],
                *(row[f"{part} {unit}"] for part in ("forward", "whole") for unit in ("ms", "ratio")),
            )
            for size in speed.keys() - {"picture", "cores"}
            for name, card in everybody.items()
            if (row := speed[size].get(name))
        ]
        lines += [
            "## Speed and size",
            "",
            f"A frame of {speed['picture']}, {speed['cores']} CPU cores, float32, all models in turns in one run;",
            "medians in ms, and ratios to the slowest.",
            "",
            *table(
                ("model", "parameters", "file", "input", "forward", "ratio", "picture to people", "ratio"),
                sorted(rows, key=lambda row: (int(row[3].split("x")[1]) > 600, row[0])),
            ),
        ]
    if runtimes := measured.get("runtimes"):
        lines += [
            "## One forward to the raw maps, all runtimes in turns in one run",
            "",
            f"{runtimes['input']}, {runtimes['cores']} CPU cores, float32.",
            "",
            *table(
                ("runtime", "median ms", "ratio"),
                [(key, row["median"], row["ratio"]) for key, row in runtimes["runtimes"].items()],
            ),
        ]
    return lines


def training_of(measured: dict[str, Any]) -> list[str]:
    """What it was trained on, for how long, and its curves."""
    if "training" not in measured:
        return []
    row = measured["training"]
    data = [(one["data"], one["split"], f"{100 * one['share']:.0f} %") for one in row["data"]]
    height, width = row["crop"] if isinstance(row["crop"], list) else (row["crop"], row["crop"])
    return [
        "## Training",
        "",
        f"{row['steps']:,} of {row['of']:,} steps of {row['samples a step']} crops of {width}x{height}, "
        f"{row['hours']} hours; the last loss is {row['loss']:.4f}.",
        "",
        *table(("data set", "split", "share of the crops"), data),
        f"![loss and OKS-AP over the steps]({row['picture']})",
        "",
    ]


def _failures(name: str, measured: dict[str, Any]) -> list[str]:
    lines = [
        "## Where it fails",
        "",
        "The worst poses on COCO's pictures, and whom it misses and makes up there, may not be shipped:",
        f"`python experiments/model_card.py {name} --only sheet` draws them.",
        "",
    ]
    if "failures" in measured:
        lines += [
            "The frames of `vtest.avi` (PETS 2009, from OpenCV's samples, Apache-2.0) with the most errors; a person",
            "is found when a box around the pose overlaps the labelled one by half.",
            "",
        ]
    for row in measured.get("failures", []):
        words = f"Frame {row['frame']}: of {row['people']} people {row['missed']} missed, {row['made up']} made up."
        lines += [words, "", f"![{words}]({row['picture']})", ""]
    return lines
