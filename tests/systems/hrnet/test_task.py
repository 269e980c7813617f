"""`HrnetTask`: where parameters start, what is refused, and that its loss teaches a network where a joint is."""

import flax.linen as nn
import jax
import numpy as np
import optax
import pytest

from jaxpose.data.examples import Batch
from jaxpose.errors import OptionError
from jaxpose.fields.single import find_joints
from jaxpose.nets.normalization import AXIS, STATS, ConvNorm
from jaxpose.skeletons import Skeleton
from jaxpose.systems.hrnet.config import HeatmapLossConfig, HrnetConfig
from jaxpose.systems.hrnet.distillation import Teacher
from jaxpose.systems.hrnet.lite import STRIDE
from jaxpose.systems.hrnet.losses import terms
from jaxpose.systems.hrnet.task import HrnetTask
from jaxpose.systems.openpose.config import LossConfig
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.estimator import CropEstimator

DOTS = Skeleton("dots", ("nose", "left_ear"), ((0, 1),), (0.1, 0.1))
HEIGHT, WIDTH = 32, 24


class Tiny(nn.Module):
    """Heatmaps of two joints from patches of pixels and their neighbours."""

    config: HrnetConfig = HrnetConfig()

    @nn.compact
    def __call__(self, images):
        x = nn.Conv(16, (STRIDE, STRIDE), STRIDE, name="patches")(images / 255.0)
        return nn.Conv(2, (5, 5), name="out")(nn.relu(x))


def batch(count=16):
    """Crops with a dot of each colour where the joints are."""
    rng = np.random.default_rng(0)
    images = np.zeros((count, HEIGHT, WIDTH, 3), np.uint8)
    slots = np.zeros((count, 2, 2, 3), np.float32)
    for image, labelled in zip(images, slots[:, 0], strict=True):
        for joint in range(2):
            x, y = rng.integers(2, (WIDTH - 2, HEIGHT - 2))
            image[y - 2 : y + 3, x - 2 : x + 3, joint] = 255
            labelled[joint] = x, y, 1
    cells = np.ones((count, HEIGHT // STRIDE, WIDTH // STRIDE), np.uint8)
    return Batch(images, slots, np.zeros((count, 2), np.int32), slots[:, 0, :, 2] > 0, cells)


def test_parameters_start_at_random_but_for_those_given():
    own, state = HrnetTask(Tiny(), DOTS).init(jax.random.key(0))
    assert state == {}
    start = {"out": {"bias": np.array([1.0, 2.0])}}
    merged, _ = HrnetTask(Tiny(), DOTS, start=start).init(jax.random.key(0))
    np.testing.assert_array_equal(merged["out"]["bias"], [1, 2])
    np.testing.assert_array_equal(merged["patches"]["kernel"], own["patches"]["kernel"])


def test_crops_for_other_networks_are_refused():
    task, crops = HrnetTask(Tiny(), DOTS), batch(1)
    with pytest.raises(OptionError, match=r"one person each, got keypoints of shape \(1, 3, 2, 3\)"):
        task.loss({}, {}, crops._replace(keypoints=np.zeros((1, 3, 2, 3))), jax.random.key(0))
    with pytest.raises(OptionError, match=r"`crops\.stride` must be 4, the network's, got 8"):
        task.loss({}, {}, crops._replace(valid=crops.valid[:, ::2, ::2]), jax.random.key(0))


def test_the_loss_of_another_system_is_refused():
    with pytest.raises(OptionError, match="`loss` of HRNet's networks must be a HeatmapLossConfig, got LossConfig"):
        HrnetTask(Tiny(), DOTS, LossConfig())


def test_what_is_computed_a_second_time_is_the_same():
    crops = batch(2)
    params, _ = HrnetTask(Tiny(), DOTS).init(jax.random.key(0))

    def slope(remat):
        task = HrnetTask(Tiny(), DOTS, remat=remat)
        total = jax.jit(jax.grad(lambda params: task.loss(params, {}, crops, jax.random.key(0))[0]["labelled"].total))
        return jax.tree.leaves(total(params))

    for ours, theirs in zip(slope(True), slope(False), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_teacher_is_asked_of_the_crops_that_are_trained_on():
    """It knows the first crop's joints, of which one is not labelled; what it says of the second is wrong."""
    four = Skeleton("four", ("nose", "left_ear", "right_ear", "neck"), ((0, 1),), (0.1,) * 4)
    joints = np.array([[5.0, 7, 0.9], [12, 20, 0.8], [18, 9, 0.7], [10, 28, 0.6]], np.float32)
    slots = np.zeros((2, 2, 4, 3), np.float32)
    slots[:, 0] = joints
    slots[:, 0, :, 2] = (1, 1, 1, 0)
    slots[1, 0, :, :2] += 14
    slots[:, 1, 0] = 99  # what was there before is forgotten
    images = np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)
    cells = np.ones((2, HEIGHT // STRIDE, WIDTH // STRIDE), np.uint8)
    crops = Batch(images, slots, np.zeros((2, 2), np.int32), slots[:, 0, :, 2] > 0, cells)

    def say(params, views):
        return np.tile(joints, (len(views), 1, 1)), np.ones(len(views), bool)

    class Nothing(nn.Module):
        config: HrnetConfig = HrnetConfig()

        @nn.compact
        def __call__(self, images):
            return np.zeros((len(images), HEIGHT // STRIDE, WIDTH // STRIDE, 4), np.float32)

    people = CropEstimator(say, (), four, size=(HEIGHT, WIDTH), config=TopDownConfig())
    task = HrnetTask(Nothing(), four, teacher=Teacher(people, four))
    found = jax.jit(lambda crops: task.loss({}, {}, crops, jax.random.key(0))[0])(crops)
    expected_slots = slots.copy()
    expected_slots[0, 1], expected_slots[1, 1] = joints, 0
    zeros = np.zeros((2, HEIGHT // STRIDE, WIDTH // STRIDE, 4), np.float32)
    expected = terms(zeros, expected_slots, STRIDE, HeatmapLossConfig())
    for name in ("labelled", "taught"):
        assert float(found[name].total) == pytest.approx(float(expected[name].total), rel=1e-5)
        assert float(found[name].divisor) == float(expected[name].divisor) > 0
    assert float(found["taught"].divisor) == zeros[0, ..., 0].size  # the one joint that nobody labelled


@pytest.mark.parametrize("first", [1.5, 0.0])
def test_targets_stand_where_the_network_s_cells_do(first):
    """A network that says of each cell how near the first crop's nose is to the cell's pixel is right."""
    crops = batch(1)
    (x, y), sigma = crops.keypoints[0, 0, 0, :2].astype(float), 6.0

    class Right(nn.Module):
        config: HrnetConfig = HrnetConfig(first_cell=first)

        @nn.compact
        def __call__(self, images):
            rows, columns = (first + STRIDE * np.arange(side // STRIDE) for side in (HEIGHT, WIDTH))
            near = np.exp(-((columns - x) ** 2 + (rows[:, None] - y) ** 2) / (2 * sigma**2))
            return np.stack([near, near], axis=-1)[None].astype(np.float32)

    task = HrnetTask(Right(), DOTS, HeatmapLossConfig(sigma=sigma))
    crops.keypoints[:, :, 1] = 0  # the nose alone
    found = jax.jit(lambda crops: task.loss({}, {}, crops, jax.random.key(0))[0]["labelled"])(crops)
    assert float(found.divisor) > 0
    assert float(found.total) < 1e-4 * float(found.divisor)  # 90 times as much where the cells lie elsewhere


def test_a_network_learns_where_the_joints_are():
    task, crops = HrnetTask(Tiny(), DOTS, HeatmapLossConfig(sigma=4.0)), batch()
    params, _ = task.init(jax.random.key(0))
    optimizer = optax.adam(0.01)

    @jax.jit
    def loss(params):
        term = task.loss(params, {}, crops, jax.random.key(0))[0]["labelled"]
        return term.total / term.divisor

    def step(carry, _):
        params, memory = carry
        updates, memory = optimizer.update(jax.grad(loss)(params), memory)
        return (optax.apply_updates(params, updates), memory), None

    train = jax.jit(lambda params: jax.lax.scan(step, (params, optimizer.init(params)), length=300)[0][0])
    trained = train(params)
    assert loss(trained) < loss(params) / 4
    found = jax.jit(lambda images: find_joints(Tiny().apply({"params": trained}, images), STRIDE))(crops.images)
    assert np.abs(found[..., :2] - crops.keypoints[:, 0, :, :2]).mean() < STRIDE / 2


class Normed(nn.Module):
    """As `Tiny`, with batch normalization."""

    config: HrnetConfig = HrnetConfig()

    @nn.compact
    def __call__(self, images, train=False):
        x = ConvNorm(8, STRIDE, STRIDE, name="patches")(images / 255.0, train)
        return nn.Conv(2, (5, 5), name="out")(x)


def test_batch_statistics_are_those_of_all_devices_and_move():
    crops = batch(8)
    task = HrnetTask(Normed(), DOTS, remat=True)
    params, state = task.init(jax.random.key(0))
    parts = jax.tree.map(lambda rows: rows.reshape(4, -1, *rows.shape[1:]), crops)

    def work(task, parts):
        def loss(params, part):
            terms, after = task.loss(params, state, part, jax.random.key(0))
            return terms["labelled"].total, after

        return jax.jit(jax.vmap(jax.value_and_grad(loss, has_aux=True), (None, 0), axis_name=AXIS))(params, parts)

    (apart, after), gradients = work(task, parts)
    whole = jax.tree.map(lambda rows: rows[None], crops)
    (together, after_whole), _ = work(task, whole)
    np.testing.assert_allclose(apart.sum(), together.sum(), rtol=1e-4)
    kept = HrnetTask(Normed(), DOTS)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), gradients, work(kept, parts)[1])
    moved = after["patches"]["norm"]["mean"]
    assert np.abs(moved).max() > 1e-3
    np.testing.assert_allclose(moved, np.repeat(after_whole["patches"]["norm"]["mean"], 4, axis=0), atol=1e-5)


def test_a_start_may_hold_batch_statistics():
    start = {"out": {"bias": np.array([1.0, 2.0])}, STATS: {"patches": {"norm": {"mean": np.arange(8.0)}}}}
    params, state = HrnetTask(Normed(), DOTS, start=start).init(jax.random.key(0))
    np.testing.assert_array_equal(params["out"]["bias"], [1, 2])
    np.testing.assert_array_equal(state["patches"]["norm"]["mean"], np.arange(8))
    np.testing.assert_array_equal(state["patches"]["norm"]["var"], 1)
