"""`jaxpose export-weights DIR --as NAME`: the result of a training as a model that `track --model NAME` takes."""

import dataclasses
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg


@dataclasses.dataclass(frozen=True)
class ExportWeights:
    """Make a training's averaged weights a model, as float16: the best evaluated checkpoint's, else the newest's."""

    folder: Annotated[Positional[Path], arg(metavar="DIR")]  # what `jaxpose train` was given as --out
    as_: Annotated[str, arg(name="as")]  # the model's name
    step: int | None = None  # of this checkpoint
    overwrite: FlagCreatePairsOff[bool] = False  # replace a model of that name

    def run(self) -> None:
        """Write the weight file, and say where it is."""
        from jaxpose.training.export import export

        path = export(self.folder, self.as_, step=self.step, overwrite=self.overwrite)
        print(f"{self.as_}, {path.stat().st_size / 1e6:.1f} MB: {path}")
