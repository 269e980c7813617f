"""`jaxpose fit-thresholds`: from which score on a joint is worth telling, learnt on held-out data."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import FlagCreatePairsOff, Positional, arg

from jaxpose.cli.outputs import check_output


@dataclasses.dataclass(frozen=True)
class FitThresholds:
    """Learn for each of PoseTrack's joints the score threshold with the highest MOTA, for `evaluate --thresholds`.

    Learn them on data that is not the one to report on.
    """

    pred: Annotated[Positional[Path], arg(metavar="PRED")]  # tracked predictions with joint scores, file or folder
    against: Path  # the truth of the same names, in PoseTrack's format
    out: Path  # the thresholds, a .json file
    protocol: Literal["poseval", "strict"] = "poseval"  # how MOTA is counted
    overwrite: FlagCreatePairsOff[bool] = False  # replace an existing file

    def run(self) -> None:
        """Learn, write, and say what it is worth."""
        check_output(self.out, [".json"], overwrite=self.overwrite)
        from jaxpose.evaluation.inputs import read_tracked
        from jaxpose.evaluation.protocol import PROTOCOLS
        from jaxpose.evaluation.thresholds import fit_thresholds, write_thresholds

        learnt = fit_thresholds(read_tracked(self.pred, self.against), PROTOCOLS[self.protocol])
        write_thresholds(self.out, learnt)
        gain = f"MOTA {learnt.mota_before[-1]:.1f} to {learnt.mota_after[-1]:.1f} on this data"
        print(f"{gain}, at thresholds from {learnt.thresholds.min():.2f} to {learnt.thresholds.max():.2f}: {self.out}")
