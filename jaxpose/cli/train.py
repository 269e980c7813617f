"""`jaxpose train CONFIG --out DIR`: a network trained by a recipe, on all devices there are.

CONFIG is the name of a packaged recipe (`jaxpose/configs/`) or a Python file with `get_config()`; any of its fields can
be changed by its dotted path: `--training.steps 2000 --crops.place.rotation 20`. So the options depend on the recipe,
and `parse` reads that first.
"""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import AvoidSubcommands, FlagCreatePairsOff, Positional, arg

from jaxpose.cli.compilation import kept_compilations
from jaxpose.errors import OptionError
from jaxpose.recipes.config import Recipe
from jaxpose.recipes.reading import read_recipe


@dataclasses.dataclass(frozen=True)
class Train:
    """Train a network by a recipe.

    CONFIG is the name of a packaged recipe or a Python file with get_config(); `jaxpose train CONFIG --help` shows its
    fields, each of which can be changed: --training.steps 2000.
    """

    config: Annotated[Positional[str], arg(metavar="CONFIG")]  # the recipe
    out: Path  # the training's folder: checkpoints, metrics.jsonl, samples
    resume: FlagCreatePairsOff[bool] = False  # go on from the newest checkpoint in the folder
    init: str | None = None  # take parameters from a model or a training's folder, instead of the recipe's `start`
    workers: int = 0  # processes that make batches
    threads: int = 1  # threads that make batches, where there are no such processes
    coordinator: str | None = None  # host:port of the first of several processes
    processes: int | None = None  # how many there are
    process: int | None = None  # the number of this one, from 0

    def run(self) -> None:
        """Only a command line without fields of a recipe can end here."""
        raise OptionError(f"CONFIG must come first: jaxpose train {self.config} ...")


@dataclasses.dataclass(frozen=True)
class TrainRecipe(Train):
    """Train a network by this recipe."""

    recipe: Annotated[Recipe, arg(name="")] = dataclasses.field(default_factory=Recipe)

    def run(self) -> None:
        """Train, and say where the result is."""
        for name in ("workers", "threads"):
            if getattr(self, name) < 0:
                raise OptionError(f"--{name} must be 0 or more, got {getattr(self, name)}")
        with kept_compilations():
            try:
                from jaxpose.data.loading import Loader
                from jaxpose.recipes.prepare import is_backbone, prepare
                from jaxpose.training import parallel
                from jaxpose.training.loop import train
            except ModuleNotFoundError as error:
                raise OptionError(f"training needs {error.name}: pip install 'jaxpose[train]'") from error

            parallel.start(self.coordinator, self.processes, self.process)
            run = prepare(self.recipe, self.out, workers=self.workers, threads=self.threads)
            start = None if is_backbone(self.recipe.start) else self.recipe.start
            assert isinstance(run.batches, Loader)
            with contextlib.closing(run.batches):
                state = train(run, self.recipe.training, resume=self.resume, init=self.init or start)
            if parallel.is_first():
                print(f"{int(state.step)} of {self.recipe.training.steps} steps: {self.out}")


def parse(arguments: Sequence[str]) -> TrainRecipe:
    """The command of what follows `train`, CONFIG first; `SystemExit` as tyro has it, `OptionError` for CONFIG."""
    default = TrainRecipe(config=arguments[0], out=tyro.MISSING, recipe=read_recipe(arguments[0]))
    return tyro.cli(AvoidSubcommands[TrainRecipe], prog="jaxpose train", args=list(arguments), default=default)
