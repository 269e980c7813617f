"""Batches one after the other, made ahead of time in threads or worker processes, to be taken up again at any one.

Batches are known by number (`pipeline`), so the state is the number of the next one: a run may go on with other numbers
of workers. Threads need nothing but Python; worker processes are grain's (the extra `train`).
"""

import functools
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from typing import Protocol

import cv2
import numpy as np

from jaxpose.data.examples import Batch
from jaxpose.errors import OptionError

ENDLESS = 1 << 40
"""More batches than anybody makes, where a length must be told."""

POLITE = 10
"""How much nicer (`man nice`) than the device's threads those are that make batches, where the device is the CPU."""


class Numbered(Protocol):
    """Batches by number, such as `pipeline.Batches`."""

    def __getitem__(self, number: int) -> Batch:
        """One of them; the same each time."""
        ...


class Loader(Iterator[Batch]):
    """An endless iterator over batches, from number `start` on.

    With `workers` that many processes make them, else with `threads` that many threads; each keeps up to `ahead`
    batches ready. With neither a batch is made when it is asked for. All give the same batches in the same order. With
    `yielding` they leave the cores to whoever wants them and take what is left: where a CPU is the device, it does
    nothing while it waits for a core that is busy with pictures, and is idle often enough (Linux only).

    Close it in the end (`contextlib.closing`). Worker processes import the main module again, so a script must start
    its work under `if __name__ == "__main__"`.
    """

    def __init__(
        self,
        batches: Numbered,
        *,
        start: int = 0,
        workers: int = 0,
        threads: int = 0,
        ahead: int = 2,
        yielding: bool = False,
    ) -> None:
        for name, value in {"start": start, "workers": workers, "threads": threads, "ahead": ahead - 1}.items():
            if value < 0:
                raise ValueError(f"`{name}` must be at least {int(name == 'ahead')}, got {value + (name == 'ahead')}")
        self._batches, self._next = batches, start
        self._workers, self._threads, self._ahead, self._yielding = workers, threads, ahead, yielding
        self._items: Generator[Batch, None, None] | None = None

    def __next__(self) -> Batch:
        """The next batch; an error that arose in making it."""
        if self._items is None:
            self._items = self._open()
        batch = next(self._items)
        self._next += 1
        return batch

    def get_state(self) -> dict[str, int]:
        """What to go on from: the number of the next batch."""
        return {"next": self._next}

    def set_state(self, state: dict[str, int]) -> None:
        """Go on from a state of any loader of the same batches."""
        self.close()
        self._next = state["next"]

    def close(self) -> None:
        """End threads and processes. The loader can still be used: it starts them anew."""
        if self._items is not None:
            self._items.close()
        self._items = None

    def _open(self) -> Generator[Batch, None, None]:
        if self._workers:
            return _by_processes(self._batches, self._next, self._workers, self._ahead, self._yielding)
        if self._threads:
            return _by_threads(self._batches, self._next, self._threads, self._ahead, self._yielding)
        return (self._batches[number] for number in range(self._next, ENDLESS))


def _by_threads(
    batches: Numbered, start: int, threads: int, ahead: int, yielding: bool
) -> Generator[Batch, None, None]:
    begin = _yield_cores if yielding else None
    pool = ThreadPoolExecutor(threads, thread_name_prefix="jaxpose-batches", initializer=begin)
    waiting: deque[Future[Batch]] = deque()
    try:
        for number in range(start, ENDLESS):
            while len(waiting) < threads * ahead:
                waiting.append(pool.submit(batches.__getitem__, number + len(waiting)))
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class _From:
    """Batches from a number on, as grain wants a source."""

    def __init__(self, batches: Numbered, start: int) -> None:
        self._batches, self._start = batches, start

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> Batch:
        return self._batches[self._start + index]


def _by_processes(
    batches: Numbered, start: int, workers: int, ahead: int, yielding: bool
) -> Generator[Batch, None, None]:
    try:
        import grain
        from absl import flags  # comes with grain
    except ImportError as error:
        raise OptionError("`workers` needs grain: pip install 'jaxpose[train]'; or use `threads`") from error
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # grain reads its settings there, also in programs that are not absl's
    read = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    processes = grain.multiprocessing.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=ahead)
    rows = grain.MapDataset.source(_From(batches, start)).to_iter_dataset(read)
    made = iter(rows.mp_prefetch(processes, worker_init_fn=functools.partial(_settle, yielding)))
    try:
        yield from map(_copied, made)
    finally:
        made.close()


def _copied(batch: Batch) -> Batch:
    """Out of the workers' shared memory, which is freed when nobody holds its arrays."""
    return Batch(*(np.array(array) for array in batch))


def _yield_cores() -> None:
    """Let other threads run before this one and those that it will start."""
    if sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + POLITE)


def _settle(yielding: bool, worker: int, workers: int) -> None:
    """A worker's OpenCV keeps to its own core, and the worker ends when the main process says so, or has ended itself.

    Ctrl-C, and often SIGTERM, reach all processes of a group at once, while the main one may need more batches.
    """
    cv2.setNumThreads(1)
    if yielding:
        _yield_cores()
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(main: BaseProcess) -> None:
    main.join()
    os._exit(1)
