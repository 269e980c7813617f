"""What makes one training, beside its `TrainingConfig`: the network, its data, its folder, and who judges it.

A command puts it together; `loop.py` runs it.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from jaxpose.data.examples import Batch
from jaxpose.task import Params, Task
from jaxpose.training.logs import Pictures
from jaxpose.weights.store import Card

Evaluate = Callable[[Params, Params], Mapping[str, float]]
"""Scores of a network, from its parameters and batch statistics: higher is better, and the first chooses the best."""

Draw = Callable[[Params, Params], Pictures]
"""Pictures of what a network finds, from its parameters and batch statistics."""


class Batches(Protocol):
    """This process's batches, without end."""

    def __next__(self) -> Batch:
        """The next; the same ones in the same order each time."""

    def get_state(self) -> Any:
        """The place after the batches that were taken, as JSON."""

    def set_state(self, state: Any) -> None:
        """Go to a place."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    task: Task
    batches: Batches
    folder: Path  # of checkpoints, logs and samples; is made if it is not there
    card: Card  # of the weight file that is exported from it
    config: Mapping[str, Any]  # the whole resolved config, as JSON, to be stored beside each checkpoint
    evaluate: Evaluate | None = None  # in the first process alone
    draw: Draw | None = None  # likewise
