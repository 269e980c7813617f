import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import dotted
import numpy as np
import pytest

from jaxpose.data.config import CropConfig, PlaceConfig
from jaxpose.data.examples import Batch
from jaxpose.data.loading import POLITE, Loader
from jaxpose.data.pipeline import Batches
from jaxpose.errors import DataError, OptionError

SMALL = CropConfig(place=PlaceConfig(crop=64))


def make(length=7):
    return Batches([(dotted.Dots(length), 1.0)], dotted.SKELETON, SMALL, batch=2)


def same(a, b):
    return all(type(x) is np.ndarray and np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_batches_come_in_order_and_can_be_taken_up_anywhere(threads):
    batches = make()
    truth = [batches[number] for number in range(8)]
    loader = Loader(batches, threads=threads)
    assert all(same(next(loader), each) for each in truth[:5])
    state = loader.get_state()
    assert state == {"next": 5}
    assert same(next(loader), truth[5])
    other = Loader(batches, threads=1)
    next(other)
    other.set_state(state)
    assert same(next(other), truth[5])
    loader.set_state({"next": 2})
    assert same(next(loader), truth[2])
    assert loader.get_state() == {"next": 3}
    assert same(next(Loader(batches, threads=threads, start=7)), truth[7])
    for each in (loader, other):
        each.close()


class Niceness:
    """A batch tells how nice whoever makes it is."""

    def __getitem__(self, number):
        nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return Batch(*[np.array([number, nice])] * len(Batch._fields))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
@pytest.mark.parametrize("makers", [{"threads": 2}, {"workers": 1}])
def test_where_the_device_is_a_cpu_the_makers_let_it_go_first(makers):
    if "workers" in makers:
        pytest.importorskip("grain")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    for yielding in (False, True):
        loader = Loader(Niceness(), yielding=yielding, **makers)
        for number in range(3):
            wanted = [number, min(own + POLITE * yielding, 19)]
            np.testing.assert_array_equal(next(loader).images, wanted)
        loader.close()
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_threads_make_so_many_ahead_and_end():
    made, may_go = [], threading.Semaphore(0)

    class Watched:
        def __getitem__(self, number):
            made.append(number)
            may_go.release()
            return number

    before = threading.active_count()
    loader = Loader(Watched(), threads=2, ahead=3)
    assert next(loader) == 0
    for _ in range(6):
        may_go.acquire(timeout=10)
    assert sorted(made) == list(range(6))
    loader.close()
    assert threading.active_count() == before
    assert next(loader) == 1
    loader.close()


def test_an_error_surfaces_where_its_batch_is_asked_for():
    class Broken:
        def __getitem__(self, number):
            if number == 2:
                raise DataError("a broken one")
            return number

    for threads in (0, 2):
        loader = Loader(Broken(), threads=threads)
        assert [next(loader), next(loader)] == [0, 1]
        with pytest.raises(DataError, match="a broken one"):
            next(loader)
        loader.close()


def test_worker_processes_give_the_same_and_can_be_taken_up(tmp_path):
    """In a program of its own, as workers import the main module: order, resume, errors, and an end without remains."""
    pytest.importorskip("grain")
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import sys
            import numpy as np
            import dotted
            from jaxpose.data.config import CropConfig, PlaceConfig
            from jaxpose.data.loading import Loader
            from jaxpose.data.pipeline import Batches
            from jaxpose.errors import DataError

            def same(a, b):
                return all(type(x) is np.ndarray and np.array_equal(x, y) for x, y in zip(a, b, strict=True))

            if __name__ == "__main__":
                source = dotted.Dots(7)
                batches = Batches([(source, 1.0)], dotted.SKELETON, CropConfig(place=PlaceConfig(crop=64)), batch=2)
                truth = [batches[number] for number in range(8)]
                loader = Loader(batches, workers=2)
                assert all(same(next(loader), each) for each in truth[:5])
                state = loader.get_state()
                loader.close()
                loader = Loader(batches, workers=1)
                loader.set_state(state)
                assert all(same(next(loader), each) for each in truth[5:])
                loader.close()
                source.damaged = frozenset(range(7))
                loader = Loader(batches, workers=1)
                try:
                    next(loader)
                except DataError as error:
                    print(error)
                loader.close()
                assert "tensorflow" not in sys.modules
                print("done")
            """
        )
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    result = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "done"
    assert "10 pictures in a row cannot be read" in result.stdout
    assert "leaked" not in result.stderr


GROUP = """
import multiprocessing, os, signal, sys
import numpy as np
import dotted
from jaxpose.data.config import CropConfig, PlaceConfig
from jaxpose.data.examples import Batch
from jaxpose.data.loading import POLITE, Loader
from jaxpose.data.pipeline import Batches

if __name__ == "__main__":
    batches = Batches([(dotted.Dots(7), 1.0)], dotted.SKELETON, CropConfig(place=PlaceConfig(crop=64)), batch=2)
    loader = Loader(batches, workers=2)
    next(loader)
    next(loader)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    caught = []
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, lambda number, frame: caught.append(number))
        if "kill" in sys.argv:
            os.kill(os.getpid(), signal.SIGKILL)
        os.killpg(0, number)
    for place in range(2, 12):
        assert all(np.array_equal(a, b) for a, b in zip(next(loader), batches[place], strict=True))
    loader.close()
    print(*caught)
"""


@pytest.mark.parametrize("end", ["signals", "kill"])
def test_workers_live_as_long_as_the_main_process(tmp_path, end):
    """Signals to the whole group, as Ctrl-C is, leave them at work; they are gone when it has been killed."""
    pytest.importorskip("grain")
    program = tmp_path / "program.py"
    program.write_text(GROUP)
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(
        [sys.executable, program, end],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        start_new_session=True,
    )
    children, *told = result.stdout.splitlines()
    assert len(children.split()) == 2
    if end == "signals":
        assert result.returncode == 0, result.stderr
        assert told == [f"{signal.SIGINT} {signal.SIGTERM}"]
        assert "leaked" not in result.stderr
    else:
        assert result.returncode == -signal.SIGKILL
    until = time.monotonic() + 20
    while any(Path("/proc", child).exists() for child in children.split()):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_without_grain_workers_are_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "grain", None)
    with pytest.raises(OptionError, match=r"`workers` needs grain: pip install 'jaxpose\[train\]'; or use `threads`"):
        next(Loader(make(), workers=1))
    assert same(next(Loader(make())), make()[0])


@pytest.mark.parametrize("wrong", [{"workers": -1}, {"threads": -1}, {"start": -1}, {"ahead": 0}])
def test_numbers_that_make_no_loader_are_refused(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be at least"):
        Loader(make(), **wrong)
