"""The training loop: batches in, checkpoints, logs and scores out. It knows no system, only a `Task`.

Each step is sent to the devices before the last has ended, and the next batch is made meanwhile. From the same seed,
config and data a run gives the same parameters bit by bit on a CPU, however often it was stopped and resumed.
"""

import contextlib
import time

import jax

from jaxpose.errors import OptionError, OutputError
from jaxpose.training import parallel
from jaxpose.training.checkpoints import Checkpoints
from jaxpose.training.config import TrainingConfig
from jaxpose.training.guard import Guard
from jaxpose.training.initial import init_from
from jaxpose.training.logs import Logs
from jaxpose.training.optimizer import Optimizer, make_optimizer
from jaxpose.training.run import Run
from jaxpose.training.state import TrainState, averaged, begin
from jaxpose.training.step import make_step
from jaxpose.training.stopping import Stop


def train(run: Run, config: TrainingConfig, *, resume: bool = False, init: str | None = None) -> TrainState:
    """Train until `config.steps`, or until Ctrl-C or SIGTERM, which save and end it in peace; returns the last state.

    The folder must hold no checkpoints unless `resume`, which goes on from the newest (or starts, if there is none).
    `init` is what a fresh start takes its parameters from (`initial.init_from`). Raises `OutputError` if a file cannot
    be written and `NonFiniteError` for a NaN; the checkpoints before stay whole.
    """
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(Stop())
        checkpoints = logs = None  # of the first process alone
        if parallel.is_first():
            keep = {"keep_last": config.keep_last, "keep_best": config.keep_best}
            checkpoints = stack.enter_context(Checkpoints(run.folder, run.card, run.config, **keep))
            if checkpoints.steps and not resume:
                raise OutputError(f"{run.folder} holds checkpoints: go on from them with --resume, or name another")
            checkpoints.describe()
        state, optimizer = _start(run, config, checkpoints, init)
        begun = int(state.step)
        if checkpoints:
            logs = stack.enter_context(Logs(run.folder, begun, config.steps, tensorboard=config.tensorboard))
        advance = parallel.map_step(make_step(run.task, optimizer, config.accumulate, config.average))
        copies, guard = parallel.replicate(state), Guard(begun)
        looked = saved = time.monotonic()
        for step in range(begun + 1, config.steps + 1):
            copies, metrics = advance(copies, parallel.shard(next(run.batches), config.accumulate))
            guard.add(metrics)
            if logs:
                logs.advance()
            logging, last = step % config.log_every == 0, step == config.steps
            flags = {"stop": stop.asked, "late": time.monotonic() - saved > 60 * config.save_minutes}
            flags = parallel.any_process(flags, meet=logging)
            evaluating = last or step % config.evaluate_every == 0
            saving = evaluating or step % config.save_every == 0 or any(flags.values())
            if not (saving or logging):
                continue
            speed = len(guard) / (time.monotonic() - looked)
            numbers = guard.look()
            if logs:
                logs.write(step, {**numbers, "steps_per_second": speed})
            if saving:
                state = parallel.unreplicate(copies)
                scores = _evaluate(run, state, step, logs) if evaluating else {}
                places = parallel.gather(run.batches.get_state())
                if checkpoints:
                    checkpoints.save(step, state, places, scores)
                saved = time.monotonic()
            looked = time.monotonic()
            if flags["stop"]:
                break
        return state


def _start(
    run: Run, config: TrainingConfig, checkpoints: Checkpoints | None, init: str | None
) -> tuple[TrainState, Optimizer]:
    """The state to go on from, the same in all processes; puts each process at its place in the data."""
    init_key, key = jax.random.split(jax.random.key(config.seed))
    params, stats = run.task.init(init_key)
    optimizer = make_optimizer(config.optimizer, params, config.steps)
    state, places = begin(params, stats, optimizer, key), None
    if checkpoints:
        if found := checkpoints.restore(state):
            state, places = found
        elif init is not None:
            state = begin(*init_from(init, params, stats), optimizer, key)
    if places := parallel.gather(places)[0]:
        if len(places) != jax.process_count() and any(place != places[0] for place in places):
            told = f"the checkpoint is of {len(places)} processes at different places in the data"
            raise OptionError(f"{told}: resume with as many, not {jax.process_count()}")
        run.batches.set_state(places[jax.process_index() % len(places)])
    return parallel.broadcast(state), optimizer


def _evaluate(run: Run, state: TrainState, step: int, logs: Logs | None) -> dict[str, float]:
    """The scores of the averaged network, which the first process finds for all."""
    scores: dict[str, float] = {}
    if logs:
        network = jax.device_put(averaged(state))
        if run.evaluate:
            scores = {name: float(score) for name, score in run.evaluate(*network).items()}
            logs.write(step, {"scores": scores})
        if run.draw:
            logs.draw(step, run.draw(*network))
    return parallel.gather(scores)[0]
