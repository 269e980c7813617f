"""What the packaged networks must reach, and whether they do.

openpose-lite stands beside human-pose-estimation-0001, and staf-lite beside openpose-lite with the baseline tracker.
"""

from typing import Any, NamedTuple

import numpy as np

SIZE = "656"


class Floor(NamedTuple):
    """One demand; "at most" where less is better, "strict" where the same is not enough."""

    what: str
    own: float
    floor: float
    at_most: bool = False
    strict: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        better = self.own < self.floor if self.at_most else self.own > self.floor
        return better or (self.own == self.floor and not self.strict)

    @property
    def sign(self) -> str:
        """How the two are to stand to each other."""
        return {(False, False): "≥", (False, True): ">", (True, False): "≤", (True, True): "<"}[
            self.at_most, self.strict
        ]


def mean_mota(card: dict[str, Any]) -> float:
    return float(np.mean([row["mota"] for row in card["tracks"].values()]))


def floors(own: dict[str, Any], reference: dict[str, Any]) -> list[Floor]:
    """Of two models' measurements at a long side of 656."""
    ap, other_ap = own["ap"][SIZE], reference["ap"][SIZE]
    street, other_street = own["street"][SIZE], reference["street"][SIZE]
    pck, other_pck = own["lspet"][SIZE]["total"], reference["lspet"][SIZE]["total"]
    people, most = "people in empty pictures", other_ap["people in empty pictures"]
    return [
        Floor("OKS-AP on COCO val, 0.8 of the reference's", ap["AP"], 0.8 * other_ap["AP"]),
        Floor("recall on street, 0.85 of the reference's", street["recall"], 0.85 * other_street["recall"]),
        Floor("precision on street, 75 %", street["precision"], 75.0),
        Floor("LSPET val PCK@0.2, 0.85 of the reference's", pck, 0.85 * other_pck),
        Floor("mean MOTA of the videos, 0.85 of the reference's", mean_mota(own), 0.85 * mean_mota(reference)),
        Floor("false people in the empty pictures, the reference's", ap[people], most, at_most=True),
    ]


def recurrent_floors(own: dict[str, Any], single: dict[str, Any]) -> list[Floor]:
    """Of a network with a tracker of its own and the one of single pictures that it comes from."""
    what = {"OKS-AP on COCO val": ("ap", "AP"), "LSPET val PCK@0.2": ("lspet", "total")}
    rows = [
        Floor(f"{name}, a point below openpose-lite's", own[part][SIZE][key], single[part][SIZE][key] - 1)
        for name, (part, key) in what.items()
    ]
    for every, seen in (("1", "every frame"), ("3", "every 3rd frame")):
        mine, theirs = (own["rates"][every][system] for system in ("own", "baseline"))
        for key in ("mean mota", "mean idf1"):
            name = f"{key.replace('mota', 'MOTA').replace('idf1', 'IDF1')} of the videos, {seen}, the baseline's"
            rows.append(Floor(name, mine[key], theirs[key], strict=every == "3"))
        mine, theirs = (row["made up together"] for row in (mine, theirs))
        rows.append(Floor(f"HOTA of synthetic clips, {seen}, the baseline's", mine["hota"], theirs["hota"],
                          strict=every == "3"))  # fmt: skip
        rows.append(Floor(f"id switches of synthetic clips, {seen}, the baseline's", mine["switches"],
                          theirs["switches"], at_most=True, strict=every == "3"))  # fmt: skip
    return rows


def told(rows: list[Floor]) -> list[str]:
    """A Markdown table."""
    return [
        "| floor | needed | measured | |",
        "|---|---|---|---|",
        *(
            f"| {row.what} | {row.sign} {row.floor:.1f} | {row.own:.1f} | {'reached' if row.met else '**missed**'} |"
            for row in rows
        ),
    ]
