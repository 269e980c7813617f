"""The loss of OpenPose's networks against plain loops over its definition, in NumPy."""

import functools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
import scenes
from tiny_openpose import STRIDE, TinyNetwork, people_batch, uneven

from jaxpose.data.config import CropConfig, PlaceConfig
from jaxpose.data.pipeline import Batches
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.subsets import Restricted
from jaxpose.skeletons import BODY_21A, BODY_25, COCO_18
from jaxpose.systems.openpose.config import LiteConfig, LossConfig, MultiStageConfig
from jaxpose.systems.openpose.fields import Fields
from jaxpose.systems.openpose.lite import LiteOpenPose
from jaxpose.systems.openpose.losses import Targets, targets, terms
from jaxpose.systems.openpose.task import OpenPoseTask

CONFIGS = {
    "published": LossConfig(),
    "mean": LossConfig(reduction="mean"),
    "weighted sum": LossConfig(sigma=9.0, limb_width=1.5, positive=3.0, background=0.25),
    "weighted mean": LossConfig(reduction="mean", positive=4.0, background=2.0),
}
BOTH = ("pafs", "heatmaps")
draw_targets = jax.jit(targets, static_argnums=(1, 2, 3))


def by_loop(found, aim, known, config, background):
    """Total and divisor of one term, cell by cell in float64; `background` is its channel, if there is one."""
    total, count = 0.0, 0
    for index in np.ndindex(found.shape):
        if known[index]:
            weight = 1 + config.positive * abs(float(aim[index]))
            weight *= config.background if index[-1] == background else 1
            total += weight * (float(found[index]) - float(aim[index])) ** 2
            count += 1
    return (total, len(found), 0.5) if config.reduction == "sum" else (total, count, 1.0)


@pytest.fixture
def aims():
    """Rendered in NumPy, with what is known drawn cell by cell."""
    rng = np.random.default_rng(3)
    batch = people_batch(COCO_18, (0, 2, 3))
    maps = [scenes.render(each, COCO_18, 8, 10) for each in batch.keypoints.astype(float)]
    fields = Fields(*(np.stack(each).astype(np.float32) for each in zip(*maps, strict=True)))
    known = Fields(*(rng.random(field.shape) < 0.7 for field in fields))
    return Targets(fields, known)


def stages_of(schedule, rng, like):
    """Fields as a network with that schedule gives them: what it has not predicted yet has no channels."""
    latest, stages = Fields(*(field[..., :0] for field in like)), []
    for names in schedule:
        found = {name: rng.normal(size=getattr(like, name).shape).astype(np.float32) for name in names}
        latest = latest._replace(**found)
        stages.append(latest)
    return stages


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("schedule", [(("pafs",), ("pafs",), ("heatmaps",)), (BOTH, BOTH)], ids=["one", "both"])
def test_terms_as_a_loop_over_cells(aims, schedule, config):
    stages = stages_of(schedule, np.random.default_rng(4), aims.fields)
    found = terms(stages, schedule, aims, config)
    assert list(found) == [f"{name}_{stage}" for stage, names in enumerate(schedule) for name in names]
    for key, term in found.items():
        name, stage = key.split("_")
        told = getattr(stages[int(stage)], name), getattr(aims.fields, name), getattr(aims.known, name)
        total, divisor, weight = by_loop(*told, config, len(COCO_18.joints) if name == "heatmaps" else -1)
        np.testing.assert_allclose(term.total, total, rtol=2e-5)
        assert (term.divisor, term.weight) == (divisor, weight)
        assert term.total.dtype == term.divisor.dtype == np.float32


@pytest.mark.parametrize("skeleton", [COCO_18, BODY_25], ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize("config", [LossConfig(), CONFIGS["weighted sum"]], ids=["published", "wider"])
def test_targets_as_numpy_renders_them(skeleton, config):
    batch = uneven(people_batch(skeleton, (0, 1, 2, 4, 3, 2)))
    found = draw_targets(batch, skeleton, STRIDE, config)
    for row, people in enumerate(batch.keypoints.astype(float)):
        maps = scenes.render(people, skeleton, 8, 10, STRIDE, config.sigma, config.limb_width)
        for field, truth in zip(found.fields, maps, strict=True):
            np.testing.assert_allclose(field[row], truth, atol=2e-5)
        known, valid = batch.known[row], batch.valid[row].astype(bool)
        for joint in range(len(skeleton.joints) + 1):
            told = known[joint] if joint < len(known) else known.all()
            np.testing.assert_array_equal(found.known.heatmaps[row, ..., joint], valid & told)
        for limb, (a, b) in enumerate(skeleton.limbs):
            for channel in (2 * limb, 2 * limb + 1):
                np.testing.assert_array_equal(found.known.pafs[row, ..., channel], valid & known[a] & known[b])
    assert 0 < np.mean(found.known.heatmaps) < 1
    assert 0 < np.mean(found.known.pafs) < 1


def assembled(task, params, batch):
    """The loss as its definition has it, of a whole batch at once."""
    found, _ = task.loss(params, {}, batch, jax.random.key(0))
    return sum(term.weight * term.total / jnp.maximum(term.divisor, 1) for term in found.values())


@pytest.mark.parametrize(
    ("order", "config"), [("pafs first", LossConfig()), ("together", CONFIGS["weighted mean"])], ids=["sum", "mean"]
)
def test_the_gradient_of_the_assembled_loss_against_finite_differences(order, config):
    network = TinyNetwork(MultiStageConfig("coco_18", order, 2, 2))
    task = OpenPoseTask(network, COCO_18, STRIDE, config)
    batch = uneven(people_batch(COCO_18, (0, 2, 1), size=(24, 32)))
    shapes, _ = jax.eval_shape(task.init, jax.random.key(0))
    rng = np.random.default_rng(5)
    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: rng.normal(0, 0.3, leaf.shape), shapes)
        loss = jax.jit(jax.value_and_grad(functools.partial(assembled, task, batch=batch)))
        value, gradient = loss(params)
        assert value.dtype == np.float64
        for _ in range(3):
            way = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), params)
            ahead, behind = (
                float(loss(jax.tree.map(lambda p, d, h=h: p + h * d, params, way))[0]) for h in (1e-6, -1e-6)
            )
            slope = sum(float((g * d).sum()) for g, d in zip(*map(jax.tree.leaves, (gradient, way)), strict=True))
            assert slope == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-6 * abs(float(value)))


def test_a_batch_of_feet_teaches_feet_alone():
    feet = frozenset(joint for joint in BODY_25.joints if joint.endswith(("_toe", "_heel")))
    pictures = ProceduralSource(BODY_25, 2, size=(96, 96), people=(1, 2))
    config = CropConfig(place=PlaceConfig(crop=96))
    batch = Batches([(Restricted(pictures, feet), 1.0)], BODY_25, config, batch=2)[0]
    assert (batch.keypoints[:, :, [BODY_25.index(joint) for joint in feet], 2] > 0).any()
    aims = draw_targets(batch, BODY_25, STRIDE, LossConfig())
    rng = np.random.default_rng(0)
    stages = [Fields(*(rng.normal(size=field.shape).astype(np.float32) for field in aims.fields))]

    def loss(stages):
        found = terms(stages, [BOTH], aims, LossConfig())
        return sum(term.weight * term.total / term.divisor for term in found.values())

    (gradient,) = jax.grad(loss)(stages)
    taught = {joint for i, joint in enumerate(BODY_25.joints) if gradient.heatmaps[..., i].any()}
    assert taught == feet
    assert not gradient.heatmaps[..., -1].any()
    limbs = {limb for i, limb in enumerate(BODY_25.limbs) if gradient.pafs[..., 2 * i : 2 * i + 2].any()}
    assert limbs == {(a, b) for a, b in BODY_25.limbs if {BODY_25.joints[a], BODY_25.joints[b]} <= feet}
    assert limbs


@pytest.mark.parametrize("platforms", [("cuda",), ("rocm",), ("tpu",)], ids=lambda platforms: platforms[0])
def test_the_loss_and_its_gradient_lower_for_every_platform(platforms):
    config = LiteConfig(coarse=("block_6",), context_width=8, dilations=(1,), width=8, paf_blocks=1, heatmap_blocks=1)
    network = LiteOpenPose(config)
    task = OpenPoseTask(network, BODY_21A, STRIDE, LossConfig())
    batch = people_batch(BODY_21A, (1, 2))
    params = jax.eval_shape(network.init, jax.random.key(0), batch.images)["params"]
    step = jax.jit(jax.value_and_grad(lambda params, batch: assembled(task, params, batch)))
    exported = jax.export.export(step, platforms=platforms)(params, batch)
    assert exported.platforms == platforms
    assert len(exported.out_avals) == 1 + len(jax.tree.leaves(params))
