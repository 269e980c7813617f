"""How the defaults of STAF's tracker are chosen: a random search on `vtest` and `stadtmitte`, never `shopfront`.

    python experiments/choose_staf_tracking.py staf-lite [--settings 80] [--variant paper]

Takes an installed model or a weight file. What the network finds is kept (`rates/found.py`), so a setting costs seconds
and no network. One id switch more or less moves a video's IDF1 by several points, so every setting is judged on eight
videos: both at every 1st, 2nd, 3rd and 5th frame, of each of which the network finds something else. The value is the
mean of MOTA and IDF1 over them. Settings are drawn uniformly from `RANGES` with a fixed seed; the model's present ones
run as the first. The best of many noisy values is a lucky one: the table gives, beside it, the mean and the spread of
each setting over the best tenth. Where the spread is that of the whole range (0.29 of its width), the setting does not
matter. `experiments/choose_identities.py` did the same for the baseline tracker.
"""

import argparse
import dataclasses
from typing import Any

import numpy as np
from choose_identities import SIFTING, VIDEOS
from frame_rates import row_of
from rates import videos
from rates.found import Found, Model, candidates, read_model

from jaxpose.association.sifting import STRONG_SCORE
from jaxpose.cli.compilation import kept_compilations
from jaxpose.evaluation.people import boxes_of, compare
from jaxpose.formats.boxes import TrackFile
from jaxpose.formats.poses import collect_people
from jaxpose.systems.staf.tracker_config import TrackerConfig

RANGES: dict[str, tuple[float, float]] = {
    **SIFTING,
    "motion": (0.0, 30.0),
    "min_similarity": (0.1, 0.5),
    "position_gain": (0.3, 1.0),
    "velocity_gain": (0.05, 0.5),
    "blur_growth": (0.0, 0.06),
    "min_votes": (1, 6),
    "birth_hits": (1, 4),
    "max_missed": (10, 90),
}
WHOLE = ("min_votes", "birth_hits", "max_missed")
"""Of these whole numbers are drawn."""

Case = tuple[Found, TrackFile]
"""What the network finds in a video at a rate, and the truth."""


def draw(rng: np.random.Generator, own: TrackerConfig) -> TrackerConfig:
    """A setting by chance; what has no range stays as it is."""
    drawn: dict[str, Any] = {
        name: int(rng.integers(int(low), int(high), endpoint=True)) if name in WHOLE else float(rng.uniform(low, high))
        for name, (low, high) in RANGES.items()
    }
    return dataclasses.replace(own, **drawn)


def judge(model: Model, config: TrackerConfig, cases: list[Case]) -> tuple[float, float, float]:
    """Mean MOTA and IDF1 over the cases, and the mean of both, in percent."""
    rows = []
    for found, truth in cases:
        people = collect_people(found.track(model.skeleton, model.links, config), model.skeleton)
        rows.append(row_of(compare(truth, boxes_of(people))[0]))
    mota, idf1 = (float(np.mean([getattr(row, key) for row in rows])) for key in ("mota", "idf1"))
    return (mota + idf1) / 2, mota, idf1


def value_of(config: TrackerConfig, name: str) -> float:
    """A setting as a number; where the config leaves it open, what that means."""
    own = {"min_votes": config.votes, "strong_score": config.strong_score or STRONG_SCORE}
    return float(own.get(name, getattr(config, name)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--settings", type=int, default=80)
    parser.add_argument("--variant", choices=("paper", "released"), default="paper")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = read_model(options.model)
    with kept_compilations():
        cases = [
            (candidates(model, name, every), videos.truth(name, every)) for name in VIDEOS for every in videos.RATES
        ]
    own = dataclasses.replace(model.default("tracking"), variant=options.variant)
    rng, rows = np.random.default_rng(options.seed), []
    for number in range(options.settings + 1):
        config = draw(rng, own) if number else own
        rows.append((judge(model, config, cases), config))
        worth, mota, idf1 = rows[-1][0]
        print(f"{number or 'present'}: MOTA {mota:.2f} IDF1 {idf1:.2f} mean {worth:.2f}", flush=True)

    drawn = sorted(rows[1:], key=lambda row: -row[0][0])
    best = [config for _, config in drawn[: max(1, len(drawn) // 10)]]
    better = sum(row[0][0] < rows[0][0][0] for row in drawn)
    print(f"best: MOTA {drawn[0][0][1]:.2f} IDF1 {drawn[0][0][2]:.2f}; the present settings are better than {better}")
    print("| setting | range | best | best tenth: mean | spread / width | present |\n|---|---|---|---|---|---|")
    for name, (start, stop) in RANGES.items():
        values = np.array([value_of(config, name) for config in best])
        print(f"| {name} | {start} to {stop} | {values[0]:.3g} | {values.mean():.3g} | "
              f"{values.std() / (stop - start):.2f} | {value_of(own, name):.3g} |")  # fmt: skip
    middle = {name: np.mean([value_of(config, name) for config in best]) for name in RANGES}
    rounded = {name: round(float(value)) if name in WHOLE else float(value) for name, value in middle.items()}
    _, mota, idf1 = judge(model, dataclasses.replace(own, **rounded), cases)
    print(f"the means of the best tenth together: MOTA {mota:.2f} IDF1 {idf1:.2f}")


if __name__ == "__main__":
    main()
