"""Checkpoints of a training, in the folder `checkpoints` of its own folder: written beside the work, whole or not.

A checkpoint is a folder named by its step. In it lie the whole `TrainState` (`state`, by orbax), and as JSON (`run`)
the place in the data of each process, the scores of the last evaluation, the weight file's card, and the resolved
config. Orbax writes into a folder of another name and renames that at the end; what a killed run leaves is removed by
the next. The first process alone reads and writes (`parallel.py`).
"""

import contextlib
import dataclasses
import json
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import jax
import numpy as np

from jaxpose.errors import JaxposeWarning, OutputError, WeightsError
from jaxpose.nets.normalization import STATS
from jaxpose.training.quiet import quiet_orbax
from jaxpose.training.state import TrainState
from jaxpose.training.trees import Tree, named, paths
from jaxpose.weights import store

try:
    import orbax.checkpoint as ocp
    from orbax.checkpoint import checkpoint_managers as managers
except ImportError as missing:
    raise OutputError("checkpoints need orbax: pip install 'jaxpose[train]'") from missing

FOLDER = "checkpoints"
OS_ERROR = re.compile(r"os_error_code='(\d+)'")
"""The number in an error of the system's, as tensorstore (orbax's store of arrays) tells it."""


class Saved(NamedTuple):
    """What a checkpoint holds."""

    step: int
    arrays: Mapping[str, np.ndarray]  # of the `TrainState`, by path
    run: Mapping[str, Any]  # the JSON

    def averaged(self) -> dict[str, np.ndarray]:
        """What `state.averaged` gives, by path: the parameters, and the batch statistics below `STATS`."""
        found: dict[str, np.ndarray] = {}
        for part, into in ("params/", ""), ("average/", ""), ("average_stats/", f"{STATS}/"):
            leaves = {name: leaf for name, leaf in self.arrays.items() if name.startswith(part)}
            found |= {into + name.removeprefix(part): leaf for name, leaf in leaves.items()}
        return found


class Checkpoints:
    """Those of one training, open for it to add to; to be closed, which waits for the last to be written."""

    def __init__(
        self, folder: Path, card: store.Card, config: Mapping[str, Any], *, keep_last: int, keep_best: int
    ) -> None:
        self._folder = folder / FOLDER
        self._about = json.loads(json.dumps({"card": dataclasses.asdict(card), "config": config}))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            probe = self._folder / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise OutputError(f"{self._folder}: checkpoints cannot be written there ({error.strerror})") from None
        policies = managers.preservation_policy
        keep = [policies.LatestN(keep_last)]
        if keep_best:
            best = policies.BestN(get_metric_fn=_score, n=keep_best, keep_checkpoints_without_metrics=False)
            keep.append(best)
        self._quiet = contextlib.ExitStack()
        self._quiet.enter_context(quiet_orbax())
        self._manager = _open(self._folder, preservation_policy=policies.AnyPreservationPolicy(keep))

    @property
    def steps(self) -> list[int]:
        """The steps of the checkpoints that are whole, oldest first."""
        return _steps(self._folder)

    def describe(self) -> None:
        """Put the card and the config, as beside each checkpoint, into `run.json` in the training's folder."""
        path = self._folder.parent / "run.json"
        try:
            path.with_suffix(".part").write_text(json.dumps(self._about, indent=1) + "\n")
            path.with_suffix(".part").replace(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None

    def save(self, step: int, state: TrainState, places: list[Any], scores: Mapping[str, float]) -> None:
        """Begin to write a checkpoint of arrays that nobody changes any more; `OutputError` as `check` has it.

        `places` are those of each process in the data, as JSON; `scores` are of an evaluation at this step (higher is
        better, the first decides), or empty.
        """
        self.check(wait=True)  # so that an error belongs to the checkpoint before
        tree = store.unflatten({name: np.asarray(leaf) for name, leaf in named(state).items()})
        run = {**self._about, "places": places, "scores": dict(scores)}
        try:
            content = ocp.args.Composite(state=ocp.args.PyTreeSave(tree), run=ocp.args.JsonSave(run))
            self._manager.save(step, args=content, metrics=dict(scores) or None, force=True)
        except Exception as error:  # of whatever type orbax and the libraries below it tell trouble with a disk by
            raise self._failed(error) from error

    def check(self, *, wait: bool = False) -> None:
        """`OutputError` if a checkpoint could not be written: the disk is full, say. Waits for the last, if asked."""
        try:
            if wait:
                self._manager.wait_until_finished()
            self._manager.check_for_errors()
        except Exception as error:  # likewise
            raise self._failed(error) from error

    def restore(self, like: TrainState) -> tuple[TrainState, list[Any]] | None:
        """The newest checkpoint, and the processes' places in the data; None if there is none yet.

        One that is damaged is set aside with a `JaxposeWarning`, and the one before it taken; another tells which
        fields of the config are not as they were. `WeightsError` if it is of a network or an optimizer with other
        arrays than `like`.
        """
        for step in reversed(self.steps):
            try:
                saved = _read(self._manager, step)
            except Exception as error:  # of whatever type is raised where a file is cut off
                aside = (self._folder / str(step)).rename(self._folder / f"damaged-{step}")
                self._manager.reload()
                told = f"checkpoint {step} is damaged ({_line(error)}): it is now {aside}, and left out"
                warnings.warn(told, JaxposeWarning, stacklevel=2)
                continue
            state = _fill(like, saved, self._folder / str(step))
            if changes := _changes(saved.run["config"], self._about["config"]):
                told = f"going on from step {step} with another config: {'; '.join(changes)}"
                warnings.warn(told, JaxposeWarning, stacklevel=2)
            return state, saved.run["places"]
        return None

    def _failed(self, error: Exception) -> OutputError:
        good = self.steps
        last = f"the last good one is of step {good[-1]}" if good else "there is none yet"
        return OutputError(f"{self._folder}: a checkpoint cannot be written ({_line(error)}); {last}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._manager.close()
        except Exception as failed:  # the work's own error comes first
            if error is None:
                raise self._failed(failed) from failed  # and remains quiet
        self._quiet.__exit__(kind, error, trace)


@quiet_orbax()
def read(folder: Path, step: int | None = None) -> Saved:
    """A checkpoint of the training in `folder`: that of `step`, else the best evaluated one, else the newest.

    `WeightsError` if there is none, or it is damaged.
    """
    steps = _steps(folder / FOLDER)
    if step not in (None, *steps) or not steps:
        told = f"there are {', '.join(map(str, steps))}" if steps else "there are none; name the folder of a training"
        raise WeightsError(f"{folder}: no checkpoint{'' if step is None else f' of step {step}'}: {told}")
    manager = _open(folder / FOLDER, read_only=True)
    try:
        if step is None:
            scores = {each: _score(found) for each in steps if (found := _read_run(manager, each)["scores"])}
            step = max(scores, key=scores.__getitem__, default=steps[-1])
        return _read(manager, step)
    except Exception as error:
        raise WeightsError(f"{folder}: a checkpoint is damaged ({_line(error)})") from error
    finally:
        manager.close()


def _open(folder: Path, **options: Any) -> Any:
    """Orbax' manager, by which the first process works alone however many there are."""
    alone = ocp.options.MultiprocessingOptions(
        primary_host=0, active_processes={0}, barrier_sync_key_prefix="jaxpose_checkpoints"
    )
    created = {"create": False, "cleanup_tmp_directories": not options.get("read_only", False)}
    return ocp.CheckpointManager(
        folder.resolve(),
        options=ocp.CheckpointManagerOptions(multiprocessing_options=alone, **created, **options),
    )


def _steps(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.glob("[0-9]*") if path.name.isdecimal())


def _score(scores: Mapping[str, float]) -> float:
    return next(iter(scores.values()))


def _read(manager: Any, step: int) -> Saved:
    state = manager.restore(step, args=ocp.args.Composite(state=ocp.args.PyTreeRestore())).state
    return Saved(step, {name: np.asarray(leaf) for name, leaf in named(state).items()}, _read_run(manager, step))


def _read_run(manager: Any, step: int) -> Mapping[str, Any]:
    return manager.restore(step, args=ocp.args.Composite(run=ocp.args.JsonRestore())).run


def _fill(like: TrainState, saved: Saved, place: Path) -> TrainState:
    """The saved arrays in the form of `like`."""
    wanted = named(like)
    for name in sorted({*wanted} | {*saved.arrays}):
        there, here = (tree[name].shape if name in tree else "nothing" for tree in (saved.arrays, wanted))
        if there != here:
            raise WeightsError(
                f"{place} is of another network or optimizer: it has {there} as {name}, this training {here}; "
                "`--init` starts anew from its parameters"
            )

    def fill(name: str, leaf: Tree) -> np.ndarray:
        return saved.arrays[name].astype(leaf.dtype).reshape(leaf.shape)

    return jax.tree.map(fill, paths(like), like)


def _changes(old: Any, new: Any, path: str = "") -> list[str]:
    """Which fields of a config are not as they were."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [f"`{path}` was {old}, is {new}"]
    names = {**old, **new}
    pairs = ((name, old.get(name, "absent"), new.get(name, "absent")) for name in names)
    return [told for name, a, b in pairs for told in _changes(a, b, f"{path}.{name}" if path else name)]


def _line(error: Exception) -> str:
    """What the system says, if an error's text has its number, else the beginning of the text, in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    if number := OS_ERROR.search(text):
        return os.strerror(int(number[1]))
    return text if len(text) <= 200 else f"{text[:200]}..."
