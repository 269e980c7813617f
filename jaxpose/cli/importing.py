"""`jaxpose import`: published weights of another project become a model of this one."""

import dataclasses
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg


@dataclasses.dataclass(frozen=True)
class Import:
    """Take over the weights of a published network under a name of your choice."""

    file: Annotated[Positional[Path], arg(metavar="FILE")]  # .xml and .bin, .json, .caffemodel, .pth or .safetensors
    name: Annotated[str, arg(name="as", metavar="NAME")]  # the name that `track --model` takes
    arch: str | None = None  # the architecture, if it is not to be recognised from the file
    overwrite: FlagCreatePairsOff[bool] = False  # replace a model of that name

    def run(self) -> None:
        """Do it, and say where the model lies."""
        from jaxpose.models import import_file

        stored = import_file(self.file, self.name, self.arch, overwrite=self.overwrite)
        print(f"{self.name}: {stored}")
