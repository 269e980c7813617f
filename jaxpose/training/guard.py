"""Looks after the numbers of a training: the steps since the last look, their means, and the first that is not finite.

The loop adds what each step tells, still on the device, and looks now and then: to wait for every step's numbers would
hold the device up. No checkpoint is written before a look at all its steps.
"""

import math
from typing import Any

import jax

from jaxpose.errors import NonFiniteError
from jaxpose.training import parallel
from jaxpose.training.step import Metrics

AHEAD = 2
"""Steps that the host may be ahead of the device; more would pile up batches there."""


class Guard:
    """The steps since the last look."""

    def __init__(self, step: int) -> None:
        self._since = step  # the last step that was looked at
        self._steps: list[Metrics] = []

    def add(self, metrics: Metrics) -> None:
        """What the next step tells; waits for the device if it is far behind."""
        self._steps.append(metrics)
        if len(self._steps) > AHEAD:
            jax.block_until_ready(self._steps[-1 - AHEAD])

    def look(self) -> dict[str, Any]:
        """The means of the steps since the last look: `loss`, each of `terms`, `gradient_norm`; and the last `rate`.

        `NonFiniteError` if a number was NaN or infinite: it names the first, its step, and the range of steps.
        """
        told: list[Metrics] = parallel.unreplicate(self._steps)
        first, last = self._since + 1, self._since + len(told)
        for step, metrics in enumerate(told, first):
            numbers = {f"the term `{name}` of the loss": value for name, value in metrics.terms.items()}
            numbers |= {"the loss": metrics.loss, "the gradient": metrics.gradient_norm}
            for name, value in numbers.items():
                if not math.isfinite(value):
                    raise NonFiniteError(
                        f"{name} is {float(value)} at step {step} (of the steps {first} to {last}; all before were "
                        "finite); a lower rate, a longer `warmup` or `clip_norm` may help"
                    )
        self._since, self._steps = last, []

        def mean(values: list[Any]) -> float:
            return math.fsum(float(value) for value in values) / len(values)

        return {
            "loss": mean([metrics.loss for metrics in told]),
            "terms": {name: mean([metrics.terms[name] for metrics in told]) for name in told[0].terms},
            "gradient_norm": mean([metrics.gradient_norm for metrics in told]),
            "rate": float(told[-1].rate),
        }

    def __len__(self) -> int:
        return len(self._steps)
