"""One device, four emulated ones, and two processes of two: the same losses and parameters from the same batches."""

import dataclasses
import json
import os
import socket
from pathlib import Path

import jax
import numpy as np
import pytest
from toy_training import FAST, ROWS, Toy, Toys, batch, leaves, spawn, toy_run

from jaxpose.errors import OptionError
from jaxpose.training import parallel
from jaxpose.training.loop import train

TASKS = {
    "plain": Toy(), "whole batch's statistics": Toy("whole"), "own statistics and dropout": Toy("own", 0.5)
}  # fmt: skip


def work(folder: Path, accumulate: int, process: int = 0, processes: int = 1) -> None:
    """Train each task, the first in two runs, and save what came out."""
    config = dataclasses.replace(FAST, steps=4, evaluate_every=2, accumulate=accumulate)
    for name, task in [*TASKS.items()][: 1 if accumulate > 1 else None]:
        run = toy_run(folder / name, task, Toys(process, processes), evaluate=lambda *network: {"score": 7.0})
        state = train(run, config)
        if name == "plain":
            run = toy_run(folder / name, task, Toys(process, processes))
            state = train(run, dataclasses.replace(config, steps=6), resume=True)
        np.savez(folder / f"{name} {process}.npz", *leaves((state.params, state.stats, state.average)))
    double = parallel.map_rows(lambda params, rows: params["a"] * rows)
    doubled = double(parallel.replicate({"a": np.float32(2)}), np.arange(7.0, dtype=np.float32))
    np.savez(folder / f"rows {process}.npz", doubled)


def work_on(devices: int, folder: Path, accumulate: int, process: int = 0, processes: int = 1, port: int = 0) -> None:
    """The same, in a process with so many devices."""
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    if processes > 1:
        names = dict(zip(parallel.ENVIRONMENT, (f"localhost:{port}", str(processes), str(process)), strict=True))
        os.environ.update(names)
    parallel.start()
    assert (jax.local_device_count(), jax.device_count()) == (devices, devices * processes)
    told = [{"process": each, "long": "x" * each} for each in range(processes)]
    assert parallel.gather(told[process]) == told
    assert parallel.any_process({"a": process == 0, "b": False}, meet=True) == {"a": True, "b": False}
    work(folder, accumulate, process, processes)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The folder of what each way of working gave."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    ways = {
        "one": [], "four": [(4, 1)], "four in parts": [(4, 2)], "two by two": [(2, 1, 0, 2, port), (2, 1, 1, 2, port)]
    }  # fmt: skip
    folders = {way: tmp_path_factory.mktemp(way.replace(" ", "_")) for way in ways}
    children = [spawn(work_on, devices, folders[way], *rest) for way, calls in ways.items() for devices, *rest in calls]
    work(folders["one"], 1)
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    return folders


def found(folder, name, process=0):
    with np.load(folder / f"{name} {process}.npz") as file:
        return [file[key] for key in file.files]


def logged(folder, name):
    lines = [json.loads(line) for line in (folder / name / "metrics.jsonl").read_text().splitlines()]
    return [(line["loss"], *line["terms"].values(), line["gradient_norm"]) for line in lines if "loss" in line]


def check(arrays, others):
    for expected, other in zip(arrays, others, strict=True):
        np.testing.assert_allclose(other, expected, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize(
    ("way", "name"),
    [
        ("four", "plain"),
        ("four", "whole batch's statistics"),
        ("four in parts", "plain"),
        ("two by two", "plain"),
        ("two by two", "whole batch's statistics"),
    ],
)
def test_the_same_as_on_one_device(results, way, name):
    check(found(results["one"], name), found(results[way], name))
    check(logged(results["one"], name), logged(results[way], name))


def test_what_depends_on_the_devices_depends_on_their_number_alone(results):
    name = "own statistics and dropout"
    alone, four = found(results["one"], name), found(results["four"], name)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(alone, four, strict=True))
    for process in range(2):  # both hold the same, averages of the statistics of all
        check(four, found(results["two by two"], name, process))


def test_the_first_process_alone_writes(results):
    folder = results["two by two"] / "plain"
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["2", "4", "6"]
    scores = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines() if "scores" in line]
    assert scores == [{"step": step, "scores": {"score": 7.0}} for step in (2, 4)]


def test_rows_come_back_in_order_from_any_number_of_devices(results):
    for way in results:
        np.testing.assert_array_equal(found(results[way], "rows")[0], 2 * np.arange(7))


def test_batches_that_do_not_divide_are_refused():
    assert parallel.shard(batch(0), ROWS).images.shape[:2] == (1, ROWS)
    with pytest.raises(OptionError, match=r"a multiple of 1 devices x 3 parts \(`accumulate`\), got 8 pictures"):
        parallel.shard(batch(0), 3)


def test_half_told_processes_are_refused(monkeypatch):
    for name in parallel.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OptionError, match=r"several processes need a coordinator .* got here:1, None and 0"):
        parallel.start("here:1", process=0)
    with pytest.raises(OptionError, match="of 2, the last is 1, got 2"):
        parallel.start("here:1", 2, 2)
