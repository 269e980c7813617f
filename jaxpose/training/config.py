"""How a network is trained, whatever it is: plain dataclasses, shown and changed on the command line.

A config file of a system holds one `TrainingConfig` beside its network and its data. `optimizer.py` reads `Optimizer`
and the schedules, `step.py` and `loop.py` the rest. Imports neither JAX nor NumPy.
"""

import dataclasses
import math

Multipliers = tuple[tuple[str, float], ...]
"""Pairs of a regular expression, which the whole path 'a/b/c' of a parameter must match, and a factor."""


@dataclasses.dataclass(frozen=True)
class Constant:
    """One rate for all steps."""

    rate: float = 1e-3  # the step's size


@dataclasses.dataclass(frozen=True)
class Multistep:
    """A rate that falls at given steps, as Caffe's `multistep` policy; the defaults are BODY_25's."""

    rate: float = 1e-4  # before the first fall
    factor: float = 0.5  # by which the rate is multiplied at each fall
    falls: tuple[int, ...] = (
        200_000, 300_000, 360_000, 420_000, 480_000, 540_000, 600_000, 700_000, 800_000, 900_000,
    )  # fmt: skip  # the first steps, counted from 0, that have the lower rate

    def __post_init__(self) -> None:
        if list(self.falls) != sorted(set(self.falls)) or any(fall < 1 for fall in self.falls):
            raise ValueError(f"`falls` must be steps in rising order, each once, got {self.falls}")


@dataclasses.dataclass(frozen=True)
class WarmupCosine:
    """A rate that rises along a line, then falls along half a cosine until the last step."""

    rate: float = 2e-3  # at the end of the rise
    warmup: int = 500  # steps of the rise; the first has rate / warmup
    final: float = 0.0  # the rate after the last step

    def __post_init__(self) -> None:
        if self.warmup < 0:
            raise ValueError(f"`warmup` must be 0 or more steps, got {self.warmup}")


@dataclasses.dataclass(frozen=True)
class Sgd:
    """Momentum as in Caffe: the rate of the time stays in what the momentum remembers; decay is part of the gradient.

    `memory = momentum * memory + rate * (gradient + decay * parameter)`, which is what is subtracted.
    """

    momentum: float = 0.9  # share of the last step that is made again
    decay: float = 5e-4  # L2 penalty: this times a parameter is added to its gradient


@dataclasses.dataclass(frozen=True)
class Adam:
    """Adam whose weight decay is part of the gradient (an L2 penalty), as in Caffe; the defaults are BODY_25's."""

    decay: float = 5e-4  # this times a parameter is added to its gradient
    beta1: float = 0.9  # of the mean gradient
    beta2: float = 0.999  # of the mean squared gradient
    epsilon: float = 1e-8  # keeps the division finite


@dataclasses.dataclass(frozen=True)
class AdamW:
    """Adam whose weight decay is beside the gradient: each step subtracts rate * decay * parameter."""

    decay: float = 1e-4  # share of a parameter that is lost, times the rate
    beta1: float = 0.9  # of the mean gradient
    beta2: float = 0.999  # of the mean squared gradient
    epsilon: float = 1e-8  # keeps the division finite


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """How parameters follow their gradients."""

    method: Sgd | Adam | AdamW = AdamW()
    schedule: Constant | Multistep | WarmupCosine = WarmupCosine()
    multipliers: Multipliers = ()  # of the rate, by path; the last that matches counts; 0: frozen, without memory
    undecayed: tuple[str, ...] = ()  # paths, as in `multipliers`, without weight decay; biases never have any
    clip_norm: float | None = None  # longest gradient, over all parameters that are trained; none: any length

    def __post_init__(self) -> None:
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"`clip_norm` must be above 0, got {self.clip_norm}")
        for expression, factor in self.multipliers:
            if not (0 <= factor < math.inf):
                raise ValueError(f"`multipliers` must be 0 or more, got {factor} for {expression!r}")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How long, how fast, and what is written down on the way."""

    steps: int = 100_000  # steps of the optimizer
    seed: int = 0  # of the parameters' start and of what a task draws at random
    optimizer: Optimizer = Optimizer()
    accumulate: int = 1  # parts of each batch, one after the other on a device; the step is that of the whole batch
    average: float = 0.999  # decay of the parameters' moving average, which is evaluated and exported; 0: no average
    log_every: int = 50  # steps between two lines of the log, and between two looks for NaN
    evaluate_every: int = 5000  # steps between two evaluations, and between two pictures of samples
    save_every: int = 1000  # steps between two checkpoints
    save_minutes: float = 10.0  # and at the latest after so many minutes
    keep_last: int = 3  # newest checkpoints that stay
    keep_best: int = 1  # best evaluated checkpoints that stay
    tensorboard: bool = False  # write the log for TensorBoard too; needs the extra `log`

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate", "log_every", "evaluate_every", "save_every", "keep_last"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}")
        if self.keep_best < 0:
            raise ValueError(f"`keep_best` must be 0 or more, got {self.keep_best}")
        if not 0 <= self.average < 1:
            raise ValueError(f"`average` must be from 0 to below 1, got {self.average}")
        if not self.save_minutes > 0:
            raise ValueError(f"`save_minutes` must be above 0, got {self.save_minutes}")
