"""[device] Several devices and several hosts: the only module that names `pmap`.

Each process drives the devices of its host (or a part of them), reads its own part of the data, and keeps one copy of
the training state on each device. Copies never differ: all that enters an update is summed over the devices. So the
first process alone writes files, and what it reads or decides is told to the others.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxpose.data.examples import Batch
from jaxpose.errors import OptionError
from jaxpose.nets.normalization import AXIS
from jaxpose.training.step import Step
from jaxpose.training.trees import Tree

ENVIRONMENT = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
"""Variables that stand in for the arguments of `start`."""


def start(coordinator: str | None = None, processes: int | None = None, process: int | None = None) -> None:
    """Join the other processes of a training; to be called before anything else asks JAX for a device.

    `coordinator` is the address of the first process, `host:port`; `processes` is how many there are and `process` the
    number of this one, from 0. What is None is read from `ENVIRONMENT`; if that is empty too, this process is alone.
    `OptionError` if only some of them are given, or the others cannot be reached.
    """
    given = [coordinator, processes, process]
    told = [
        os.environ.get(name) if value is None else str(value) for name, value in zip(ENVIRONMENT, given, strict=True)
    ]
    if told == [None, None, None]:
        return
    if None in told or not all(value.isdecimal() for value in told[1:] if value):
        raise OptionError(
            "several processes need a coordinator (host:port), how many processes there are, and this one's number, "
            f"as options or in {', '.join(ENVIRONMENT)}; got {told[0]}, {told[1]} and {told[2]}"
        )
    address, count, number = str(told[0]), int(str(told[1])), int(str(told[2]))
    if number >= count:
        raise OptionError(f"processes are numbered from 0: of {count}, the last is {count - 1}, got {number}")
    try:
        jax.distributed.initialize(address, count, number)
    except (RuntimeError, ValueError) as error:
        raise OptionError(f"the other processes cannot be reached at {address}: {str(error).splitlines()[0]}") from None


def is_first() -> bool:
    """Whether this process is the one that writes files."""
    return jax.process_index() == 0


def gather(value: Any) -> list[Any]:
    """A JSON value of each process, in their order; all processes must call it."""
    if jax.process_count() == 1:
        return [value]
    data = np.frombuffer(json.dumps(value).encode(), np.uint8)
    sizes = multihost_utils.process_allgather(np.array(len(data)))
    padded = np.zeros(int(sizes.max()), np.uint8)
    padded[: len(data)] = data
    rows = multihost_utils.process_allgather(padded)
    return [json.loads(row[:size].tobytes()) for row, size in zip(rows, sizes, strict=True)]


def broadcast(tree: Tree) -> Tree:
    """The first process's arrays; all processes must call it, with arrays of the same shapes."""
    return tree if jax.process_count() == 1 else multihost_utils.broadcast_one_to_all(tree)


def replicate(tree: Tree) -> Tree:
    """A copy for each of this process's devices: arrays with one more axis, in front."""
    devices = jax.local_devices()
    one_each = NamedSharding(Mesh(devices, (AXIS,)), PartitionSpec(AXIS))
    return jax.tree.map(
        lambda leaf: jax.device_put(np.broadcast_to(leaf, (len(devices), *np.shape(leaf))), one_each), tree
    )


def unreplicate(tree: Tree) -> Tree:
    """The first device's copy, without the axis of devices, as NumPy arrays that nothing else refers to."""
    firsts = jax.device_get(jax.tree.map(lambda leaf: leaf.addressable_data(0), tree))  # all copies at once
    return jax.tree.map(lambda leaf, first: np.array(first).reshape(leaf.shape[1:]), tree, firsts)


def shard(batch: Batch, accumulate: int = 1) -> Batch:
    """This process's batch, cut for its devices: `[b, ...]` becomes `[devices, b / devices, ...]`.

    `OptionError` unless b is a multiple of devices times `accumulate`.
    """
    count, rows = jax.local_device_count(), len(batch.images)
    if rows % (count * accumulate):
        raise OptionError(
            f"a batch must be a multiple of {count} devices x {accumulate} parts (`accumulate`), got {rows} pictures"
        )
    return jax.tree.map(lambda leaf: leaf.reshape(count, rows // count, *leaf.shape[1:]), batch)


def map_step(step: Step) -> Step:
    """The step of one device, run on all: takes and gives replicated states (the given one is used up)."""
    return jax.pmap(step, axis_name=AXIS, donate_argnums=0)


def map_rows(function: Callable[[Tree, Tree], Tree]) -> Callable[[Tree, Tree], Tree]:
    """`function(params, rows) -> rows`, with the rows of this process's devices worked on side by side.

    For evaluation: `params` are replicated, rows of both kinds are arrays `[b, ...]` with any b; the result is on the
    host.
    """
    mapped = jax.pmap(function, axis_name=AXIS)

    def whole(params: Tree, rows: Tree) -> Tree:
        count, size = jax.local_device_count(), len(jax.tree.leaves(rows)[0])
        each = -(-size // count)
        spread = np.minimum(np.arange(each * count), size - 1)  # the last row fills up
        cut = jax.tree.map(lambda leaf: np.asarray(leaf)[spread].reshape(count, each, *leaf.shape[1:]), rows)
        found = mapped(params, cut)
        return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, *leaf.shape[2:])[:size], found)

    return whole


def any_process(flags: Mapping[str, bool], *, meet: bool) -> dict[str, bool]:
    """Which flags are raised in any process.

    All processes must call it, with the same `meet`: where it is False several processes do not wait for each other,
    and no flag counts.
    """
    if jax.process_count() > 1 and not meet:
        return dict.fromkeys(flags, False)
    found = gather(dict(flags))
    return {name: any(each[name] for each in found) for name in flags}
