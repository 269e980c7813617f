"""What a teacher says arrives in the student's channels, and only there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_openpose import STRIDE, TinyNetwork, people_batch

from jaxpose.skeletons import BODY_25, COCO_18, HAND_21, SKELETONS, Skeleton
from jaxpose.systems.movenet.config import MoveNetConfig
from jaxpose.systems.movenet.network import MoveNet
from jaxpose.systems.openpose.config import LossConfig, MultiStageConfig
from jaxpose.systems.openpose.distillation import Teacher
from jaxpose.systems.openpose.task import OpenPoseTask


def tiny(skeleton, seed=0):
    network = TinyNetwork(MultiStageConfig(skeleton.name, paf_stages=1, heatmap_stages=1))
    return network, network.init(jax.random.key(seed), jnp.zeros((1, 64, 64, 3), jnp.uint8))["params"]


def test_a_student_that_says_the_same_has_nothing_to_learn_of_its_teacher():
    network, params = tiny(COCO_18)
    task = OpenPoseTask(
        network, COCO_18, STRIDE, LossConfig(taught=0.5), teacher=Teacher(network, params, *2 * (COCO_18,))
    )
    batch = people_batch(COCO_18, (1, 2))
    terms, _ = task.loss(params, {}, batch, jax.random.key(0))
    assert set(terms) == {"pafs_0", "heatmaps_1", "taught_pafs_0", "taught_heatmaps_1"}
    assert float(terms["taught_pafs_0"].total) == float(terms["taught_heatmaps_1"].total) == 0
    assert terms["taught_pafs_0"].weight == 0.25  # of the sum's half
    _, others = tiny(COCO_18, 1)
    terms, _ = task.loss(others, {}, batch, jax.random.key(0))
    stages = network.apply({"params": others}, batch.images), network.apply({"params": params}, batch.images)
    apart = np.square(np.asarray(stages[0][-1].heatmaps, float) - np.asarray(stages[1][-1].heatmaps, float)).sum()
    np.testing.assert_allclose(float(terms["taught_heatmaps_1"].total), apart, rtol=1e-5)


def test_channels_go_by_the_names_of_joints_and_limbs():
    network, params = tiny(COCO_18)
    images = people_batch(COCO_18, (2,)).images
    last = network.apply({"params": params}, images)[-1]
    told = Teacher(network, params, COCO_18, BODY_25).targets(images)
    for place, joint in enumerate(BODY_25.joints):
        has = joint in COCO_18.joints
        assert bool(np.all(told.known.heatmaps[..., place])) == bool(np.any(told.known.heatmaps[..., place])) == has
        expected = last.heatmaps[..., COCO_18.joints.index(joint)] if has else 0
        np.testing.assert_array_equal(told.fields.heatmaps[..., place], expected)
    assert not told.known.heatmaps[..., -1].any()  # what is no joint of COCO's may be a foot
    limbs = {tuple(COCO_18.joints[i] for i in limb): place for place, limb in enumerate(COCO_18.limbs)}
    shared = 0
    for place, limb in enumerate(BODY_25.limbs):
        at = limbs.get(tuple(BODY_25.joints[i] for i in limb))
        field = slice(2 * place, 2 * place + 2)
        assert told.known.pafs[..., field].all() == (at is not None)
        if at is not None:
            shared += 1
            np.testing.assert_array_equal(told.fields.pafs[..., field], last.pafs[..., 2 * at : 2 * at + 2])
    assert shared > 10


def test_a_limb_that_runs_the_other_way_is_turned():
    turned = Skeleton("turned", COCO_18.joints, tuple((b, a) for a, b in COCO_18.limbs), COCO_18.sigmas)
    network, params = tiny(COCO_18)
    images = people_batch(COCO_18, (2,)).images
    same, other = (Teacher(network, params, COCO_18, student).targets(images) for student in (COCO_18, turned))
    np.testing.assert_array_equal(other.fields.pafs, -same.fields.pafs)
    assert other.known.pafs.all()
    assert same.known.heatmaps.all()  # all joints, so the background too


def test_a_teacher_must_be_of_this_system_and_share_a_joint():
    network, params = tiny(COCO_18)
    with pytest.raises(ValueError, match="coco_18 has no joint of hand_21"):
        Teacher(network, params, COCO_18, HAND_21)
    other = MoveNet(MoveNetConfig())
    shapes = jax.eval_shape(other.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3), jnp.uint8))["params"]
    with pytest.raises(ValueError, match="must give heatmaps and affinity fields, and MoveNet does not"):
        Teacher(other, shapes, SKELETONS["coco_17"], COCO_18)
