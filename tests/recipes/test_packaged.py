"""The recipes that ship: they load, fit their networks, and have the published rates where they name them."""

import pkgutil

import jax
import numpy as np
import pytest

from jaxpose import configs
from jaxpose.architectures import ARCHITECTURES
from jaxpose.data.config import CropConfig, PersonCropConfig
from jaxpose.recipes.reading import read_recipe
from jaxpose.systems.hrnet.config import HeatmapLossConfig
from jaxpose.systems.openpose.config import LossConfig
from jaxpose.training.config import Adam, Constant, Multistep, Sgd
from jaxpose.training.optimizer import make_optimizer
from jaxpose.training.schedules import make_schedule
from jaxpose.training.trees import chosen, named

PACKAGED = sorted(module.name for module in pkgutil.iter_modules(configs.__path__))


def shapes(name):
    """The recipe, and the shapes of its network's parameters."""
    recipe = read_recipe(name)
    return recipe, ARCHITECTURES[recipe.architecture].shapes(recipe.network)


def multipliers(name):
    """By how much each parameter's rate differs from the schedule's, found out by a step of one number for each."""
    recipe, params = shapes(name)
    ones = jax.tree.map(lambda leaf: np.ones(1, np.float32), params)
    config = recipe.training.optimizer
    optimizer = make_optimizer(config, ones, recipe.training.steps)
    assert all(jax.tree.leaves(optimizer.trained))
    updates, _ = optimizer.transform.update(ones, optimizer.transform.init(ones), ones)
    decay = config.method.decay if isinstance(config.method, Sgd) else 0.0  # Adam's first step has one length
    rate = float(optimizer.schedule(0))
    told = {}
    for path, step in named(updates).items():
        told[path] = -float(step[0]) / rate / (1 if path.endswith("bias") else 1 + decay)
    return told


def test_all_are_here():
    assert PACKAGED == [
        "hrnet_lite", "hrnet_w48_coco", "hrnet_w48_posetrack", "lite_openpose", "openpose_body25", "openpose_coco18",
        "openpose_mpi15", "staf_clips", "staf_images", "staf_lite", "tiny_synthetic",
    ]  # fmt: skip


@pytest.mark.parametrize("name", PACKAGED)
def test_each_expression_matches_parameters_of_its_network(name):
    recipe, params = shapes(name)
    architecture = ARCHITECTURES[recipe.architecture]
    assert architecture.task is not None
    assert isinstance(recipe.network, type(architecture.config()))
    optimizer = make_optimizer(recipe.training.optimizer, params, recipe.training.steps)
    assert any(jax.tree.leaves(optimizer.trained))
    network, skeleton = architecture.network(recipe.network), architecture.skeleton(recipe.network)
    stride = architecture.task(network, skeleton, loss=recipe.loss).stride
    if architecture.person is None:
        assert recipe.crops.place.stride == stride
        assert recipe.crops.clip.frames == {"staf_lite": 3, "staf_clips": 4}.get(name, 1)
    else:
        assert (recipe.crops.crop, recipe.crops.stride) == (recipe.network.crop, stride)


@pytest.mark.parametrize("name", ["lite_openpose", "tiny_synthetic", "staf_lite", "hrnet_lite"])
def test_the_packaged_trunk_stays_as_it_is(name):
    recipe, params = shapes(name)
    optimizer = make_optimizer(recipe.training.optimizer, params, recipe.training.steps)
    for path, trained in named(optimizer.trained).items():
        assert trained == path.startswith(("blocks/", "recall_", "tafs/")), path


def test_clips_leave_the_trunk_as_it_is():
    recipe, params = shapes("staf_clips")
    optimizer = make_optimizer(recipe.training.optimizer, params, recipe.training.steps)
    for path, trained in named(optimizer.trained).items():
        assert trained == (not path.startswith("trunk/")), path


def test_body_25_learns_as_published():
    recipe, _ = shapes("openpose_body25")
    found = multipliers("openpose_body25")
    for path, factor in found.items():
        expected = (1 if path.startswith("trunk/") else 4) * (2 if path.endswith("/bias") else 1)
        assert factor == pytest.approx(expected, rel=1e-5), path
    assert len(chosen("trunk/.*/kernel", [*found], "multipliers")) == 10
    assert recipe.training.optimizer.method == Adam(decay=5e-4)
    assert recipe.training.optimizer.schedule == Multistep(
        1e-4, 0.5, (200_000, 300_000, 360_000, 420_000, 480_000, 540_000, 600_000, 700_000, 800_000, 900_000)
    )
    assert recipe.crops == CropConfig()
    assert recipe.loss == LossConfig()
    assert recipe.batch == 10
    assert [(share.data, share.share) for share in recipe.data] == [("coco", 0.95), ("coco_foot", 0.05)]


@pytest.mark.parametrize("name", ["openpose_coco18", "openpose_mpi15"])
def test_the_first_papers_networks_learn_as_it_has_it(name):
    recipe, _ = shapes(name)
    for path, factor in multipliers(name).items():
        later = path.startswith(tuple(f"{field}_{stage}/" for field in ("pafs", "heatmaps") for stage in range(1, 6)))
        expected = (4 if later else 1) * (2 if path.endswith("/bias") else 1)
        assert factor == pytest.approx(expected, rel=1e-4), path
    assert recipe.training.optimizer.method == Sgd(momentum=0.9, decay=5e-4)
    schedule = recipe.training.optimizer.schedule
    assert not isinstance(schedule, Constant)
    assert (schedule.rate, schedule.factor, schedule.falls[:2]) == (4e-5, 0.333, (136_106, 272_212))


def test_only_joints_of_feet_teach_in_batches_of_feet():
    import re

    recipe, _ = shapes("openpose_body25")
    skeleton = ARCHITECTURES[recipe.architecture].skeleton(recipe.network)
    expression = recipe.data[1].joints
    found = {joint for joint in skeleton.joints if re.search(expression, joint)}
    assert found == {f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel")}
    assert recipe.data[0].joints == ""


def test_hrnet_w48_learns_as_published():
    coco, _ = shapes("hrnet_w48_coco")
    posetrack, _ = shapes("hrnet_w48_posetrack")
    crops = PersonCropConfig(crop=(384, 288))
    assert (crops.padding, crops.scale, crops.rotation, crops.turned, crops.half_body) == (1.25, 0.35, 45, 0.6, 0.3)
    for recipe in (coco, posetrack):
        assert recipe.crops == crops
        assert recipe.loss == HeatmapLossConfig(sigma=3 * crops.stride)
        assert recipe.batch == 96
        assert recipe.training.optimizer.method == Adam(decay=0.0)
    epochs = {"hrnet_w48_coco": (1e-3, (170, 200, 210)), "hrnet_w48_posetrack": (1e-4, (10, 15, 20))}
    for name, (rate, (first, second, last)) in epochs.items():
        recipe, _ = shapes(name)
        schedule = make_schedule(recipe.training.optimizer.schedule, recipe.training.steps)
        epoch = recipe.training.steps // last
        steps = [0, first * epoch - 1, first * epoch, second * epoch - 1, second * epoch, last * epoch - 1]
        expected = rate * np.array([1, 1, 0.1, 0.1, 0.01, 0.01])
        np.testing.assert_allclose([schedule(step) for step in steps], expected, rtol=1e-5)
    assert (coco.network.skeleton, posetrack.network.skeleton) == ("coco_17", "posetrack_15")
    assert [share.data for share in (*coco.data, *posetrack.data)] == ["coco", "posetrack18"]
