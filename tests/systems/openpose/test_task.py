"""`OpenPoseTask`: where parameters start, what is refused, and the same step on one device and on four."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from tiny_openpose import STRIDE, TinyNetwork, people_batch, uneven

from jaxpose.data.config import CropConfig, MosaicConfig, PlaceConfig
from jaxpose.data.examples import Batch
from jaxpose.data.pipeline import Batches
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.errors import OptionError
from jaxpose.skeletons import COCO_18
from jaxpose.systems.openpose.config import LossConfig, MultiStageConfig
from jaxpose.systems.openpose.task import OpenPoseTask
from jaxpose.training.config import Adam, Constant, Optimizer
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.parallel import map_step, replicate, shard, unreplicate
from jaxpose.training.state import begin
from jaxpose.training.step import make_step
from jaxpose.training.trees import named

NETWORK = TinyNetwork(MultiStageConfig("coco_18", "pafs first", 1, 1))


def test_parameters_start_at_random_but_for_those_given():
    own, state = OpenPoseTask(NETWORK, COCO_18, STRIDE).init(jax.random.key(2))
    assert state == {}
    given = {"hidden_1/kernel": np.full(own["hidden_1"]["kernel"].shape, 7.0), "pafs_0/bias": np.ones(38)}
    start = {"hidden_1": {"kernel": given["hidden_1/kernel"]}, "pafs_0": {"bias": given["pafs_0/bias"]}}
    merged, _ = OpenPoseTask(NETWORK, COCO_18, STRIDE, start=start).init(jax.random.key(2))
    assert jax.tree.structure(merged) == jax.tree.structure(own)
    for name, leaf in named(merged).items():
        np.testing.assert_array_equal(leaf, given.get(name, named(own)[name]))
        assert leaf.dtype == np.float32
    assert np.ptp(named(own)["hidden_0/kernel"]) > 0


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ({"hidden_0": {"kernal": np.zeros(3)}}, "the network has no parameter hidden_0/kernal to start from"),
        ({"trunk": {}}, "the network has no parameter trunk to start from"),
        ({"pafs_0": {"bias": np.zeros(3)}}, r"pafs_0/bias must be of shape \(38,\), got \(3,\)"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(start, told):
    with pytest.raises(ValueError, match=told):
        jax.eval_shape(OpenPoseTask(NETWORK, COCO_18, STRIDE, start=start).init, jax.random.key(0))


def test_crops_for_other_networks_are_refused():
    task = OpenPoseTask(NETWORK, COCO_18, STRIDE)
    batch = people_batch(COCO_18, (1, 2))
    with pytest.raises(OptionError, match=r"`crops\.place\.stride` must be 8, the network's, got 16"):
        task.loss({}, {}, batch._replace(valid=batch.valid[:, ::2, ::2]), jax.random.key(0))
    with pytest.raises(OptionError, match=r"`crops\.clip\.frames` must be 1"):
        task.loss({}, {}, Batch(*(array[:, None] for array in batch)), jax.random.key(0))


def test_a_term_for_each_field_that_a_stage_predicts():
    for order, expected in (
        ("together", ["pafs_0", "heatmaps_0", "pafs_1", "heatmaps_1"]),
        ("heatmaps first", ["heatmaps_0", "heatmaps_1", "pafs_2", "pafs_3"]),
    ):
        task = OpenPoseTask(TinyNetwork(MultiStageConfig("coco_18", order, 2, 2)), COCO_18, STRIDE)
        key = jax.random.key(0)
        network = jax.eval_shape(task.init, key)
        found, after = jax.eval_shape(task.loss, *network, people_batch(COCO_18, (1, 2)), key)
        assert sorted(found) == sorted(expected)
        assert after == {}


def procedural_batches() -> list[Batch]:
    """Of 8 crops, mosaics among them, with uneven numbers of known joints and valid cells."""
    config = CropConfig(place=PlaceConfig(crop=64, people=4), mosaic=MosaicConfig(share=0.5))
    pictures = ProceduralSource(COCO_18, 16, size=(96, 96), people=(1, 3))
    made = Batches([(pictures, 1.0)], COCO_18, config, batch=8)
    return [uneven(made[number]) for number in range(3)]


def work() -> dict[str, np.ndarray]:
    """The parameters after three steps on all devices there are, and what the steps told."""
    task = OpenPoseTask(NETWORK, COCO_18, STRIDE, LossConfig(reduction="mean", positive=4.0))
    params, stats = task.init(jax.random.key(0))
    optimizer = make_optimizer(Optimizer(Adam(), Constant(0.01), clip_norm=1.0), params, 3)
    step = map_step(make_step(task, optimizer, 1, 0.9))
    copies, told = replicate(begin(params, stats, optimizer, jax.random.key(1))), []
    for batch in procedural_batches():
        copies, metrics = step(copies, shard(batch))
        told.append(unreplicate(metrics))
    state = unreplicate(copies)
    return {
        **named(state.params),
        **{f"{i}/{name}": leaf for i, one in enumerate(told) for name, leaf in named(one).items()},
    }


def test_four_devices_as_one(tmp_path):
    code = (
        "import jax, numpy, test_task\n"
        "assert jax.device_count() == 4\n"
        f"numpy.savez({str(tmp_path / 'four.npz')!r}, **test_task.work())"
    )
    here = Path(__file__)
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "PYTHONPATH": os.pathsep.join(map(str, (here.parent, here.parents[2]))),
    }
    four = subprocess.Popen([sys.executable, "-c", code], env=environment)
    counts = [(batch.known.sum(1), batch.valid.sum((1, 2))) for batch in procedural_batches()]
    assert all(len({*known}) > 2 and len({*valid}) > 2 for known, valid in counts)
    one = work()
    assert four.wait(120) == 0
    with np.load(tmp_path / "four.npz") as found:
        assert {*found.files} == {*one}
        for key in found.files:
            np.testing.assert_allclose(found[key], one[key], rtol=2e-4, atol=2e-6, err_msg=key)
