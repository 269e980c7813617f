"""Training through the scan against an unrolled loop; image mode; what is refused."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_staf import CONFIG, TinyStaf, clip_batch

from jaxpose.data.examples import Batch
from jaxpose.errors import OptionError
from jaxpose.skeletons import MPI_15
from jaxpose.systems.staf.config import StafLossConfig
from jaxpose.systems.staf.fields import StafFields
from jaxpose.systems.staf.losses import targets
from jaxpose.systems.staf.task import StafTask
from jaxpose.training.config import Adam, Constant, Optimizer
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.parallel import map_step, replicate, shard, unreplicate
from jaxpose.training.state import begin
from jaxpose.training.step import make_step

NETWORK = TinyStaf()
TASK = StafTask(NETWORK, MPI_15)
BATCH = clip_batch(2, 4, 2)
PARAMS, STATE = TASK.init(jax.random.key(3))


def assembled(task: StafTask) -> Callable[[Any, Batch], Any]:
    def loss(params: Any, batch: Batch) -> Any:
        found, _ = task.loss(params, STATE, batch, jax.random.key(0))
        return sum(term.weight * term.total / term.divisor for term in found.values())

    return jax.jit(jax.value_and_grad(loss))


def unrolled(params: Any, batch: Batch) -> Any:
    """The loss of 4 frames of each clip, frame by frame, without carry or scan."""
    aims = targets(batch, MPI_15, "B", 8, StafLossConfig())
    total = 0.0
    for clip in range(len(batch.images)):
        encode = [NETWORK.apply({"params": params}, image[None], method="encode") for image in batch.images[clip]]
        last = StafFields(*(jnp.zeros((*encode[0].shape[:3], c)) for c in (16, 28, 56)))
        last = NETWORK.apply({"params": params}, encode[0], 0 * encode[0], last, method="predict")[-1]
        for frame, features in enumerate(encode):
            stages = NETWORK.apply({"params": params}, features, encode[max(frame - 1, 0)], last, method="predict")
            for stage, (name,) in zip(stages, CONFIG.schedule, strict=True):
                total += jnp.sum((getattr(stage, name)[0] - getattr(aims.fields, name)[clip, frame]) ** 2)
            last = stages[-1]
    return total / 2 / 8


@pytest.mark.parametrize("remat", [False, True])
def test_gradients_through_the_scan_are_those_of_an_unrolled_loop(remat: bool) -> None:
    loss, slopes = assembled(StafTask(NETWORK, MPI_15, remat=remat))(PARAMS, BATCH)
    expected, wanted = jax.jit(jax.value_and_grad(unrolled))(PARAMS, BATCH)
    assert loss == pytest.approx(float(expected), rel=1e-5)
    for found, true in zip(jax.tree.leaves(slopes), jax.tree.leaves(wanted), strict=True):
        assert np.abs(true).max() > 0
        np.testing.assert_allclose(found, true, rtol=1e-4, atol=1e-5 * np.abs(true).max())


def test_a_later_frame_teaches_what_was_done_in_the_first() -> None:
    """Through the carry alone: the images of the first frame get a slope from the loss of the last."""

    def late(images: Any) -> Any:
        valid = np.zeros_like(BATCH.valid)
        valid[:, -1] = 1
        found, _ = TASK.loss(PARAMS, STATE, BATCH._replace(images=images, valid=valid), jax.random.key(0))
        return sum(term.total for name, term in found.items() if not name.startswith("tafs"))

    slopes = jax.jit(jax.grad(late))(BATCH.images.astype(np.float32))
    assert (np.abs(slopes).max((0, 2, 3, 4)) > 0).all()


def test_single_pictures_are_clips_of_one_frame_that_is_seen_twice() -> None:
    pictures = Batch(*(array[:, 0] for array in BATCH))
    aims = targets(Batch(*(array[:, :1] for array in BATCH)), MPI_15, "B", 8, StafLossConfig())
    stages = jax.jit(NETWORK.apply)({"params": PARAMS}, pictures.images)
    expected = {
        name: float(jnp.sum((getattr(stages[-1], field) - getattr(aims.fields, field)[:, 0]) ** 2))
        for name, field in {"pafs_0": "pafs", "heatmaps_1": "heatmaps", "tafs_2": "tafs"}.items()
    }
    found, _ = jax.jit(lambda params: TASK.loss(params, STATE, pictures, jax.random.key(0)))(PARAMS)
    assert {name: float(term.total) for name, term in found.items()} == pytest.approx(expected, rel=1e-5)
    assert {int(term.divisor) for term in found.values()} == {2}


def test_a_training_step_learns() -> None:
    optimizer = make_optimizer(Optimizer(Adam(), Constant(0.002)), PARAMS, 12)
    step = map_step(make_step(TASK, optimizer, 1, 0.9))
    state, told = replicate(begin(PARAMS, STATE, optimizer, jax.random.key(0))), []
    for _ in range(12):
        state, metrics = step(state, shard(BATCH))
        told.append(unreplicate(metrics).terms)
    assert all(told[-1][name] < 0.97 * value for name, value in told[0].items())


def test_crops_for_other_networks_are_refused() -> None:
    with pytest.raises(OptionError, match=r"`crops\.place\.stride` must be 8, the network's, got 16"):
        TASK.loss({}, {}, BATCH._replace(valid=BATCH.valid[:, :, ::2, ::2]), jax.random.key(0))


def test_a_start_takes_the_place_of_random_parameters() -> None:
    kernel = np.full(PARAMS["hidden"]["kernel"].shape, 0.5)
    task = StafTask(NETWORK, MPI_15, start={"hidden": {"kernel": kernel}})
    params, _ = task.init(jax.random.key(3))
    np.testing.assert_array_equal(params["hidden"]["kernel"], kernel)
    np.testing.assert_array_equal(params["outs_0"]["kernel"], PARAMS["outs_0"]["kernel"])
