"""How a model was trained: data, command, time and curves, from the folder that `jaxpose train` wrote."""

import json
from pathlib import Path
from typing import Any

INCHES, DPI = (8, 3), 100


def measure(run: Path, name: str, folder: Path) -> dict[str, Any]:
    """The settings and the time in numbers; draws the curves as `NAME-curves.png` into the folder.

    Seconds are those of the steps alone, without evaluations and pauses between slices.
    """
    config = json.loads((run / "run.json").read_text())["config"]
    logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    rows, scores = ([row for row in logged if key in row] for key in ("loss", "scores"))
    if not rows:
        raise SystemExit(f"{run / 'metrics.jsonl'}: no step is logged; train first")
    picture = f"{name}-curves.png"
    _plot(rows, scores, folder / picture)
    starts = [0, *(row["step"] for row in rows)]
    return {
        "data": config["data"],
        "crop": config["crops"].get("place", config["crops"])["crop"],
        "samples a step": config["batch"],
        "steps": rows[-1]["step"],
        "of": config["training"]["steps"],
        "hours": round(
            sum(
                (row["step"] - start) / row["steps_per_second"]
                for start, row in zip(starts, rows, strict=False)
                if row["step"] > start  # after an interruption some steps are logged again
            )
            / 3600,
            2,
        ),
        "loss": rows[-1]["loss"],
        "scores": [{"step": row["step"], **row["scores"]} for row in scores],
        "picture": picture,
    }


def _plot(rows: list[dict[str, Any]], scores: list[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, dpi=DPI, layout="tight")
    loss, precision = figure.subplots(1, 2)
    terms = sorted({term for row in rows for term in row["terms"]})
    for term in terms:
        some = [row for row in rows if term in row["terms"]]
        loss.plot([row["step"] for row in some], [row["terms"][term] for row in some], label=term.replace("_", " "))
    loss.set(xlabel="step", ylabel="loss", yscale="log")
    loss.legend()
    precision.plot([row["step"] for row in scores], [row["scores"]["ap"] for row in scores], marker="o")
    precision.set(xlabel="step", ylabel="OKS-AP on pictures set aside", ylim=0)
    figure.savefig(path, metadata={"Software": None})
