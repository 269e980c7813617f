"""What openpose-lite must reach beside human-pose-estimation-0001, and whether it does."""

from typing import Any, NamedTuple

import numpy as np

SIZE = "656"


class Floor(NamedTuple):
    """One demand; "at most" where less is better."""

    what: str
    own: float
    floor: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.own <= self.floor if self.at_most else self.own >= self.floor


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


def told(rows: list[Floor]) -> list[str]:
    """A Markdown table."""
    return [
        "| floor | needed | measured | |",
        "|---|---|---|---|",
        *(
            f"| {row.what} | {'≤' if row.at_most else '≥'} {row.floor:.1f} | {row.own:.1f} | "
            f"{'reached' if row.met else '**missed**'} |"
            for row in rows
        ),
    ]
