"""Rank the packaged systems: the README's table, and which model is the default.

    python experiments/model_table.py [--measure] [--write]

A system is a packaged network that finds people, or one that looks once more at the people of another
(`quality/systems.py`). Its worth is the mean of OKS-AP on COCO pictures, and of MOTA and IDF1 over three videos. The
former are measured by `model_card.py`; `--measure` does the latter, keeping all in `runs/quality` by the weights, times
all systems in turns if weights have changed, and writes `results/systems.json` after each. `--only` measures some of
them (movenet-multipose+movenet-thunder, ...). `--write` puts the table into the README, and into
`jaxpose/weights/default.py` the best model that needs no more than `BEARABLE` times the fastest one's time; the tests
see to it that all three are up to date.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DEFAULT = ROOT / "jaxpose" / "weights" / "default.py"
RESULTS = ROOT / "experiments" / "results" / "systems.json"
START, END = "<!-- models: experiments/model_table.py -->", "<!-- end of models -->"
SIZE = "656"
BEARABLE = 2.0


class System(NamedTuple):
    """What was measured of one, and what to call it."""

    model: str  # what `--model` takes
    refine: str | None  # what `--refine` takes
    label: str
    bytes: int
    ap: float
    tracks: dict[str, Any]  # by video
    ms: int
    ratio: float  # to the fastest system's time

    @property
    def means(self) -> tuple[float, float]:
        """MOTA and IDF1 over the videos."""
        rows = self.tracks.values()
        return float(np.mean([row["mota"] for row in rows])), float(np.mean([row["idf1"] for row in rows]))

    @property
    def worth(self) -> float:
        """The mean of all three."""
        return float(np.mean([self.ap, *self.means]))


def cards() -> dict[str, Any]:
    """What was measured of each packaged model that finds people; cards of others tell of no ids."""
    found = {path.stem: json.loads(path.read_text()) for path in (ROOT / "experiments" / "models").glob("*.json")}
    return {name: card for name, card in found.items() if {"tracks", "rates"} & card.keys()}


def results() -> dict[str, Any]:
    """What was measured of the others, and how long all take."""
    found: dict[str, Any] = json.loads(RESULTS.read_text())
    return found


def systems(cards: dict[str, Any], found: dict[str, Any]) -> list[System]:
    """All that were measured, the best first."""
    result = []
    speed = found["speed"]["systems"]
    for name, card in cards.items():
        tracks = card["rates"]["1"]["own"]["real"] if "rates" in card else card["tracks"]
        label = f"[`{name}`](experiments/models/{name}.md)"
        result.append(System(name, None, label, card["model"]["bytes"], card["ap"][SIZE]["AP"], tracks, **speed[name]))
    for called, row in found["refined"].items():
        model, refine = called.split("+")
        behind = model == found["detector"]  # as `--model` does with a network for one person
        label = f"`{refine}`, behind `{model}`" if behind else f"`{model}` with `--refine {refine}`"
        named = (refine, None) if behind else (model, refine)
        result.append(System(*named, label, row["bytes"], row["ap"][SIZE]["AP"], row["tracks"], **speed[called]))
    return sorted(result, key=lambda one: (-one.worth, one.label))


def best(ranked: list[System]) -> str:
    """The first that has a name of its own and takes no more than `BEARABLE` times the fastest one's time."""
    return next(one.model for one in ranked if one.refine is None and one.ratio <= BEARABLE)


def table(ranked: list[System]) -> str:
    lines = [
        f"| model | files | OKS-AP | {' | '.join(ranked[0].tracks)} | mean MOTA / IDF1 | time a frame |",
        f"|{'---|' * (5 + len(ranked[0].tracks))}",
    ]
    for one in ranked:
        default = ", the default" if (one.model, one.refine) == (best(ranked), None) else ""
        cells = [f"{one.label}{default}", f"{one.bytes / 1e6:.1f} MB", str(one.ap)]
        cells += [f"{row['mota']} / {row['idf1']} / {row['switches']}" for row in one.tracks.values()]
        cells += ["{:.1f} / {:.1f}".format(*one.means), f"{one.ms} ms, {one.ratio:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def readme_with_table() -> str:
    text = README.read_text()
    if START not in text or END not in text:
        raise SystemExit(f"{README} lacks the lines {START} and {END}")
    before, rest = text.split(START)
    return f"{before}{START}\n{table(systems(cards(), results()))}\n{END}{rest.split(END)[1]}"


def default_with_best() -> str:
    name = best(systems(cards(), results()))
    return re.sub(r'^DEFAULT = ".*"$', f'DEFAULT = "{name}"', DEFAULT.read_text(), flags=re.MULTILINE)


def measure(only: list[str] | None) -> None:
    """All that the cards do not tell: what is there of these weights stays, the rest is measured."""
    from quality import systems as measured

    from jaxpose.cli.compilation import kept_compilations
    from jaxpose.weights.default import DETECTOR

    found = results() if RESULTS.exists() else {"refined": {}, "speed": {}}
    everybody = {one.called: measured.weights(one) for one in [*measured.alone(), *measured.refined()]}
    found |= {"detector": DETECTOR, "size": int(SIZE)}
    found["refined"] = {key: row for key, row in found["refined"].items() if row["weights"] == everybody.get(key)}
    with kept_compilations():
        if found["speed"].get("weights") != everybody:
            found["speed"] = {"weights": everybody, **measured.speed()}
        for one in measured.refined():
            if only is None or one.called in only:
                found["refined"][one.called] = {"weights": everybody[one.called], **measured.measure(one)}
            RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.measure:
        measure(options.only)
    if options.write:
        README.write_text(readme_with_table())
        DEFAULT.write_text(default_with_best())
    print(table(systems(cards(), results())))


if __name__ == "__main__":
    main()
