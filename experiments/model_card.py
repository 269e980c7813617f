"""Measure a model beside two published networks and write its card: NAME.json, NAME.md, pictures in `models/`.

    pip install '.[eval]'
    jaxpose import ../shared/data/teachers/human-pose-estimation-0001.xml --as lightweight
    python experiments/model_card.py openpose-lite [--only ap tracks street lspet fixtures speed ...] [--run runs/lite]

`quality/` has a module for each part. What a model finds is kept in `runs/quality`, by its weights and defaults, so an
interrupted run goes on where it was, and of three models only the one that has changed is looked at again. `--only`
measures some parts and keeps the others; `--run` is the folder of a training, for its data, time and curves. The card
of a model that is not packaged is written to `runs/quality/cards`. The floors of openpose-lite and staf-lite are
printed at the end; of staf-lite `frame_rates.py` is to be run before.
`model_table.py` makes the README's table of the cards. MoveNet's card has one part more, `runtimes`, which needs onnx
and onnxruntime.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

from quality import card, coco, fixtures, frames, lspet, rates, sheet, speed, street, tracks, training
from quality.floors import Floor, floors, recurrent_floors, told
from quality.people import KEPT, Subject, kept, leaves, subject

from jaxpose import models
from jaxpose.cli.compilation import kept_compilations
from jaxpose.weights import store

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
CARDS = Path(__file__).parent / "models"
REFERENCE = "human-pose-estimation-0001"
BESIDE = ("lightweight", "movenet-multipose")
BOUND = "openpose-lite"  # the architecture that has floors to reach beside the reference
RECURRENT = "staf-lite"  # and the one that has them beside that, which it comes from
SHARED = {"ap": coco.measure, "tracks": tracks.measure, "street": street.measure, "lspet": lspet.measure,
          "fixtures": fixtures.measure}  # fmt: skip
OWN = ("rates", "speed", "failures", "sheet", "training", "runtimes")


def describe(name: str) -> dict[str, Any]:
    about = models.card(name)
    params, _ = store.load(store.path_of(name))
    return {
        "parameters": sum(array.size for array in leaves(params)),
        "bytes": store.path_of(name).stat().st_size,
        "architecture": about.architecture,
        "skeleton": about.config["skeleton"],
        "provenance": about.provenance,
    }


def measure_own(one: Subject, part: str, beside: list[Subject], folder: Path, options: argparse.Namespace) -> Any:
    """A part of the model alone, or one in which the models take turns; None where there is nothing to tell."""
    match part:
        case "rates":
            return rates.measure(one, BOUND) if one.architecture == RECURRENT else None
        case "speed":
            return speed.measure([one, *beside])
        case "failures":
            if one.architecture != RECURRENT:
                kept(one, "tracks", tracks.measure)
            return frames.measure(one, folder)
        case "sheet":
            print(f"{one.name}: {sheet.draw(one, options.out)}", flush=True)
            return None
        case "training":
            return training.measure(options.run, one.name, folder) if options.run else None
        case _:
            import forward_movenet

            return forward_movenet.measure(coco.DATA.parent / "teachers" / "movenet-multipose.onnx", 15)


def bounds(one: Subject, measured: dict[str, Any]) -> list[Floor]:
    """Whether the floors are reached; none where a part of them was not measured."""
    if one.architecture == RECURRENT:
        single = measured["beside"].get(BOUND, {})
        complete = {"ap", "lspet"} <= measured.keys() & single and "rates" in measured
        return recurrent_floors(measured, single) if complete else []
    reference = measured["beside"].get(REFERENCE, {})
    needed = {"ap", "tracks", "street", "lspet"}
    return floors(measured, reference) if one.architecture == BOUND and needed <= measured.keys() & reference else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--only", nargs="+", choices=(*SHARED, *OWN))
    parser.add_argument("--run", type=Path, help="the folder of the model's training")
    parser.add_argument("--out", type=Path, default=KEPT / "sheets", help="for pictures that may not be shipped")
    options = parser.parse_args()
    one = subject(options.model)
    others = (BOUND, *BESIDE[:1]) if one.architecture == RECURRENT else BESIDE
    beside = [subject(name) for name in others if name in models.names() and name != one.name]
    parts = options.only or [part for part in (*SHARED, *OWN) if part != "runtimes" or one.name == "movenet-multipose"]
    folder = CARDS if one.name in store.packaged() else KEPT / "cards"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.name}.json"
    measured = json.loads(path.read_text()) if path.exists() else {}
    measured["model"] = describe(one.name)
    cards = measured.setdefault("beside", {})
    with kept_compilations():
        for part in parts:
            if part in SHARED:
                measured[part] = kept(one, part, SHARED[part])
                for other in beside:
                    row = cards.setdefault(other.called, {"model": describe(other.name)})
                    row[part] = kept(other, part, SHARED[part])
            elif (found := measure_own(one, part, beside, folder, options)) is not None:
                measured[part] = found
            measured["date"] = datetime.date.today().isoformat()
            path.write_text(json.dumps(measured, indent=1) + "\n")
    if one.architecture == BOUND and REFERENCE not in cards:
        print("no floors: human-pose-estimation-0001 is not installed as `lightweight`, import it first")
    reached = bounds(one, measured)
    path.with_suffix(".md").write_text(card.write(one.name, measured, reached))
    print("\n".join([*told(reached), str(path.with_suffix(".md"))]) if reached else path.with_suffix(".md"))


if __name__ == "__main__":
    main()
