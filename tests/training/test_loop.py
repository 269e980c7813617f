"""Whole trainings: resumed anywhere they end at the same bits; signals, full disks and NaN leave good checkpoints."""

import dataclasses
import json
import os
import random
import signal
from pathlib import Path

import cv2
import jax
import numpy as np
import pytest
from limits import run_limited
from toy_training import FAST, Toy, Toys, leaves, spawn, toy_run

from jaxpose.errors import NonFiniteError, OptionError, OutputError
from jaxpose.training.checkpoints import read
from jaxpose.training.loop import train
from jaxpose.training.trees import named


def steps(folder):
    return sorted(int(path.name) for path in (folder / "checkpoints").iterdir() if path.name.isdecimal())


def same(a, b):
    return all((x == y).all() for x, y in zip(leaves(a), leaves(b), strict=True))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return train(toy_run(tmp_path_factory.mktemp("whole"), Toy("own", 0.3)), FAST)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_rest_is_the_same_bit_by_bit(tmp_path, uninterrupted, number):
    batches = Toys(deadly=4)
    batches.signal = number
    state = train(toy_run(tmp_path, Toy("own", 0.3), batches), FAST)
    assert state.step == 5  # the step of the batch that was being made
    assert steps(tmp_path) == [2, 4, 5]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    state = train(toy_run(tmp_path, Toy("own", 0.3)), FAST, resume=True)
    assert same(state, uninterrupted)
    lines = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [2, 3, 4, 5, 6, 8, 9, 10, 12]


def test_a_second_interrupt_stops_at_once(tmp_path):
    class Impatient(Toys):
        def __next__(self):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError

    with pytest.raises(KeyboardInterrupt):
        train(toy_run(tmp_path, batches=Impatient()), FAST)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def go_on(folder: Path, deadly: int | None, delay: float) -> None:
    """Train from where it stands; killed while the batch of that number is made, so many seconds after the last."""
    jax.config.update("jax_compilation_cache_dir", str(folder.parent / "compiled"))  # by the runs before
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    run = toy_run(folder, Toy("own", 0.3), Toys(deadly=deadly, delay=delay))
    train(run, dataclasses.replace(FAST, save_every=1), resume=True)


def killed_at(folder, moments, delays):
    """Killed in runs that begin one after the other, each at the batch of its moment, then let to end."""
    for deadly, delay in zip(moments, delays, strict=True):
        child = spawn(go_on, folder, deadly, delay)
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
    child = spawn(go_on, folder, None, 0.0)
    child.join(120)
    assert child.exitcode == 0
    assert all(path.name.isdecimal() for path in (folder / "checkpoints").iterdir())  # halves are cleared away
    return read(folder, FAST.steps).arrays


def check_bits(arrays, state):
    expected = named(state)
    assert arrays.keys() == expected.keys()
    assert all((arrays[name] == expected[name]).all() for name in expected)


def test_killed_and_resumed_the_same_bit_by_bit(tmp_path, uninterrupted):
    check_bits(killed_at(tmp_path / "run", [0, 5, 9], [0.0, 0.0, 0.02]), uninterrupted)


@pytest.mark.slow
def test_killed_twenty_times(tmp_path, uninterrupted):
    """In four trainings, five times each; soon after a step, so often while its checkpoint is being written."""
    for each in range(4):
        rng = random.Random(each)
        moments = sorted(rng.sample(range(1, FAST.steps), 5))
        delays = [rng.uniform(0, 0.1) for _ in moments]
        check_bits(killed_at(tmp_path / str(each), moments, delays), uninterrupted)


def test_a_folder_with_checkpoints_is_not_begun_anew(tmp_path):
    short = dataclasses.replace(FAST, steps=1)
    first = train(toy_run(tmp_path), short)
    with pytest.raises(OutputError, match="holds checkpoints: go on from them with --resume"):
        train(toy_run(tmp_path), short)
    assert same(train(toy_run(tmp_path), short, resume=True), first)  # nothing is left to do


def test_the_place_of_other_processes_is_refused(tmp_path):
    class Sharded(Toys):
        def get_state(self):
            return {"next": self.next, "shard": self.rows.start}

    train(toy_run(tmp_path, batches=Sharded()), dataclasses.replace(FAST, steps=1))
    path = tmp_path / "checkpoints" / "1" / "run" / "metadata"
    run = json.loads(path.read_text())
    assert run["places"] == [{"next": 1, "shard": 0}]
    path.write_text(json.dumps({**run, "places": [{"next": 1, "shard": 0}, {"next": 1, "shard": 4}]}))
    with pytest.raises(OptionError, match="2 processes at different places in the data: resume with as many, not 1"):
        train(toy_run(tmp_path), FAST, resume=True)


def test_a_nan_is_named_and_the_last_checkpoint_is_from_before(tmp_path):
    class Poisoned(Toys):
        def __next__(self):
            one = super().__next__()
            return one._replace(keypoints=one.keypoints * np.nan) if self.next == 5 else one

    config = dataclasses.replace(FAST, save_every=3, log_every=6)
    with pytest.raises(NonFiniteError, match=r"term `maps` of the loss is nan at step 5 \(of the steps 4 to 6;"):
        train(toy_run(tmp_path, batches=Poisoned()), config)
    assert steps(tmp_path) == [3]
    assert all(np.isfinite(leaf).all() for leaf in read(tmp_path).arrays.values())


def test_what_is_written_on_the_way(tmp_path):
    def draw(params, stats):
        return {"red": np.tile(np.uint8([255, 0, 0]), (4, 5, 1))}

    def evaluate(params, stats):
        assert isinstance(params["last"]["bias"], jax.Array)
        return {"ap": float(params["last"]["bias"][0]), "other": 2.0}

    state = train(toy_run(tmp_path, evaluate=evaluate, draw=draw), dataclasses.replace(FAST, tensorboard=True))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    scores = {line["step"]: line["scores"] for line in lines if "scores" in line}
    assert list(scores) == [6, 12]
    assert scores[12] == {"ap": pytest.approx(float(state.average["last"]["bias"][0])), "other": 2.0}
    assert set(lines[0]) == {"step", "loss", "terms", "gradient_norm", "rate", "steps_per_second"}
    pictures = sorted((tmp_path / "samples").iterdir())
    assert [path.name for path in pictures] == ["0000006-red.png", "0000012-red.png"]
    assert (cv2.imread(str(pictures[0])) == [0, 0, 255]).all()
    assert list((tmp_path / "tensorboard").glob("events*"))
    run = json.loads((tmp_path / "run.json").read_text())
    assert run == {"card": dataclasses.asdict(toy_run(tmp_path).card), "config": {"training": {"steps": 12}}}


def test_a_checkpoint_at_the_latest_after_some_minutes(tmp_path):
    config = dataclasses.replace(FAST, steps=4, save_every=100, save_minutes=1e-9, keep_last=9)
    train(toy_run(tmp_path), config)
    assert steps(tmp_path) == [1, 2, 3, 4]


LIMITED = """
import sys, dataclasses, pathlib, time
from toy_training import FAST, Toy, toy_run
from jaxpose.errors import OutputError
from jaxpose.training.loop import train
from jaxpose.training.trees import named
folder, *wide = sys.argv[1:]
try:
    if wide:
        import resource
        def evaluate(params, stats):  # at step 6
            while not pathlib.Path(folder, "checkpoints", "4").exists():
                time.sleep(0.01)
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))  # from now on the disk is full
            return {}
    run = toy_run(pathlib.Path(folder), Toy("own", 0.3), evaluate=evaluate if wide else None)
    train(run, dataclasses.replace(FAST, log_every=1000))
except OutputError as error:
    sys.exit(str(error))
"""


def test_an_unwritable_folder_is_told_before_any_work(tmp_path):
    tmp_path.chmod(0o500)
    result = run_limited(LIMITED, tmp_path)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last == f"{tmp_path}/checkpoints: checkpoints cannot be written there (Permission denied)"


def test_a_full_disk_leaves_the_last_good_checkpoint_and_the_rest_is_the_same_bit_by_bit(tmp_path, uninterrupted):
    result = run_limited(LIMITED, tmp_path, "full later")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"{tmp_path}/checkpoints: a checkpoint cannot be written (File too large); the last good one is of step 4"
    )
    assert "Traceback" not in result.stderr
    assert "absl" not in result.stderr
    assert steps(tmp_path) == [2, 4]
    assert read(tmp_path).step == 4
    assert same(train(toy_run(tmp_path, Toy("own", 0.3)), FAST, resume=True), uninterrupted)
