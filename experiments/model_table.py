"""Rank the packaged models by their cards: the README's table, and which of them is the default.

    python experiments/model_table.py [--write]

A model's worth is the mean of its best OKS-AP on COCO pictures and of MOTA and IDF1 over the three videos, as
`model_card.py` measured them. `--write` puts the table into the README and the best name into
`jaxpose/weights/default.py`; the tests see to it that both are up to date.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DEFAULT = ROOT / "jaxpose" / "weights" / "default.py"
START, END = "<!-- models: experiments/model_table.py -->", "<!-- end of models -->"


def cards() -> dict[str, Any]:
    """What was measured of each packaged model, the best first."""
    found = {path.stem: json.loads(path.read_text()) for path in (ROOT / "experiments" / "models").glob("*.json")}
    return dict(sorted(found.items(), key=lambda item: (-worth(item[1]), item[0])))


def best_ap(card: dict[str, Any]) -> tuple[float, str]:
    """OKS-AP and the long side of the input at which it is best."""
    return max((row["AP"], size) for size, row in card["ap"].items())


def tracks(card: dict[str, Any]) -> dict[str, Any]:
    """MOTA, IDF1 and id switches by video, of the tracker that the model comes with."""
    videos: dict[str, Any] = card["rates"]["1"]["own"]["real"] if "rates" in card else card["tracks"]
    return videos


def means(card: dict[str, Any]) -> tuple[float, float]:
    """MOTA and IDF1 over the videos."""
    rows = tracks(card).values()
    return float(np.mean([row["mota"] for row in rows])), float(np.mean([row["idf1"] for row in rows]))


def worth(card: dict[str, Any]) -> float:
    return float(np.mean([best_ap(card)[0], *means(card)]))


def table() -> str:
    lines = [
        "| model | size | OKS-AP (long side) | vtest | stadtmitte | shopfront | mean MOTA / IDF1 | licence |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for number, (name, card) in enumerate(cards().items()):
        videos = (f"{row['mota']} / {row['idf1']} / {row['switches']}" for row in tracks(card).values())
        ap, size = best_ap(card)
        mota, idf1 = means(card)
        lines.append(
            f"| [`{name}`](experiments/models/{name}.md){', the default' if number == 0 else ''} "
            f"| {card['model']['bytes'] / 1e6:.1f} MB | {ap} ({size}) | {' | '.join(videos)} "
            f"| {mota:.1f} / {idf1:.1f} | {card['model']['provenance']['licence']} |"
        )
    return "\n".join(lines)


def readme_with_table() -> str:
    text = README.read_text()
    if START not in text or END not in text:
        raise SystemExit(f"{README} lacks the lines {START} and {END}")
    before, rest = text.split(START)
    return f"{before}{START}\n{table()}\n{END}{rest.split(END)[1]}"


def default_with_best() -> str:
    best = next(iter(cards()))
    return re.sub(r'^DEFAULT = ".*"$', f'DEFAULT = "{best}"', DEFAULT.read_text(), flags=re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        README.write_text(readme_with_table())
        DEFAULT.write_text(default_with_best())
    print(table())


if __name__ == "__main__":
    main()
