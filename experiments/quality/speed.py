"""How long models take for a frame, in turns in one run: the forward alone, and all from picture to people."""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax

from jaxpose import models, video
from jaxpose.geometry import fit_input
from jaxpose.inference import StepEstimator, fitted_batch
from quality.people import SIZES, Subject
from quality.street import VIDEO

ROUNDS = 15


def measure(subjects: list[Subject]) -> dict[str, Any]:
    """By the long side of the input: each model's medians in ms, and their ratio to the slowest model's.

    The picture is a frame of 1280x720 with some ten people. Ratios are of times in the same round, so that what else
    the machine does falls on all alike.
    """
    frame = next(iter(video.read(VIDEO))).image
    result: dict[str, Any] = {"picture": "1280x720", "cores": len(os.sched_getaffinity(0))}
    for size in SIZES:
        inputs: dict[str, str] = {}
        work: dict[tuple[str, str], Callable[[], object]] = {}
        for one in subjects:
            inputs[one.called], forward, whole = _contenders(one, frame, size)
            work |= {(one.called, "forward"): forward, (one.called, "whole"): whole}
        times: dict[Any, list[float]] = {key: [] for key in work}
        for turn in range(ROUNDS + 2):
            for key, run in work.items():
                start = time.perf_counter()
                run()
                if turn >= 2:  # the first two compile and warm up
                    times[key].append(1e3 * (time.perf_counter() - start))
        result[str(size)] = {one.called: {"input": inputs[one.called], **_row(one.called, times)} for one in subjects}
    return result


def _contenders(one: Subject, frame: Any, size: int) -> tuple[str, Callable[[], object], Callable[[], object]]:
    estimator = models.estimator(one.name, size=size)
    assert isinstance(estimator, StepEstimator)
    network, params, _ = models.network(one.name)
    fit = fit_input(frame.shape[1], frame.shape[0], size, estimator.stride)
    image, on_device = fitted_batch([frame], 1, fit), jax.device_put(params)
    apply = jax.jit(lambda params, images: network.apply({"params": params}, images))
    return (
        f"{fit.height}x{fit.width}",
        lambda: jax.block_until_ready(apply(on_device, image)),
        lambda: estimator.collect(estimator.dispatch([frame], 1)),
    )


def _row(name: str, times: dict[Any, list[float]]) -> dict[str, float]:
    row: dict[str, float] = {}
    for part in ("forward", "whole"):
        medians = {key[0]: statistics.median(values) for key, values in times.items() if key[1] == part}
        slowest = max(medians, key=lambda other: medians[other])
        ratios = [own / other for own, other in zip(times[name, part], times[slowest, part], strict=True)]
        row |= {f"{part} ms": round(medians[name], 1), f"{part} ratio": round(statistics.median(ratios), 2)}
    return row
