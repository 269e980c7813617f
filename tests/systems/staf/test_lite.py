"""StafLite: what it shares with openpose-lite, what it adds, and what it says before it has learnt any motion."""

import dataclasses
import itertools
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose import models, video
from jaxpose.cli.demo import CLIP
from jaxpose.systems.openpose.config import LiteConfig
from jaxpose.systems.openpose.lite import LiteOpenPose
from jaxpose.systems.staf.config import StafLiteConfig
from jaxpose.systems.staf.lite import StafLite
from jaxpose.systems.staf.recurrence import start, step

SMALL: dict[str, Any] = {
    "coarse": ("block_6",), "fine": ("block_2",), "width": 8, "context_width": 8, "dilations": (1,), "paf_blocks": 1,
    "heatmap_blocks": 1,
}  # fmt: skip
NETWORK = StafLite(StafLiteConfig(**SMALL))
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 40, 56, 3), np.uint8)


def shapes(network: Any) -> Any:
    picture = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.uint8)
    return jax.eval_shape(network.init, jax.random.key(0), picture)["params"]


@pytest.fixture(scope="module")
def params() -> Any:
    random = np.random.default_rng(1)
    return jax.tree.map(
        lambda x: random.normal(0, np.sqrt(1 / np.prod(x.shape[:-1])) if x.ndim > 1 else 0.1, x.shape).astype("f4"),
        shapes(NETWORK),
    )


def test_it_has_all_of_openpose_lite_and_a_little_more() -> None:
    own, lite = shapes(StafLite()), shapes(LiteOpenPose())
    assert set(own) - set(lite) == {"recall_pafs", "recall_heatmaps", "tafs"}
    assert {name: own[name] for name in lite} == lite
    more = {name: sum(leaf.size for leaf in jax.tree.leaves(own[name])) for name in set(own) - set(lite)}
    assert more == {"recall_pafs": 6_272, "recall_heatmaps": 2_944, "tafs": 146_912}


def test_with_openpose_lite_s_weights_it_says_the_same(params: Any) -> None:
    lite = LiteOpenPose(LiteConfig(**SMALL))
    forgetful = params | {
        name: jax.tree.map(np.zeros_like, params[name]) for name in ("recall_pafs", "recall_heatmaps")
    }
    expected = jax.jit(lite.apply)({"params": {name: params[name] for name in shapes(lite)}}, IMAGES)[-1]
    carry = start(NETWORK, forgetful, IMAGES)
    run = jax.jit(lambda *given: step(NETWORK, *given))
    for _ in range(2):
        carry, fields = run(forgetful, carry, IMAGES)
        for found, wanted in ((fields.pafs, expected.pafs), (fields.heatmaps, expected.heatmaps)):
            assert np.abs(wanted).max() > 0.1
            np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_at_random_the_memory_is_faint() -> None:
    """A network that starts from openpose-lite's weights starts near what that says."""
    carry = start(NETWORK, shapes(NETWORK), IMAGES)
    init = jax.jit(lambda *given: NETWORK.init(jax.random.key(0), *given, method="predict"))
    fresh = init(carry.features, carry.features, carry.fields)["params"]
    for name in ("recall_pafs", "recall_heatmaps"):
        assert 0 < np.abs(fresh[name]["kernel"]).max() < 0.02


def test_each_field_reads_what_it_should(params: Any) -> None:
    random = np.random.default_rng(2)
    now, previous = (random.random((1, 4, 4, 8), np.float32) for _ in range(2))
    carry = start(NETWORK, params, IMAGES[:1, :32, :32])
    last = jax.tree.map(lambda x: random.normal(0, 1, x.shape).astype("f4"), carry.fields)

    def total(now: Any, previous: Any, last: Any, name: str) -> Any:
        stages: Any = NETWORK.apply({"params": params}, now, previous, last, method="predict")
        return jnp.abs(getattr(stages[-1], name)).sum()

    slopes = jax.jit(jax.grad(total, (0, 1, 2)), static_argnums=3)
    for name, reads in {
        "pafs": {"now", "pafs"},
        "heatmaps": {"now", "pafs", "heatmaps"},
        "tafs": {"now", "previous", "pafs", "heatmaps", "tafs"},
    }.items():
        of_now, of_previous, of_last = slopes(now, previous, last, name)
        found = {"now": of_now, "previous": of_previous} | of_last._asdict()
        assert {key for key, slope in found.items() if np.abs(slope).max() > 0} == reads


def test_a_picture_goes_on_in_grey_and_the_carry_with_it(params: Any) -> None:
    whole = np.pad(IMAGES, ((0, 0), (0, 8), (0, 8), (0, 0)), constant_values=128)
    run = jax.jit(lambda *given: step(NETWORK, *given))
    carry, wider = start(NETWORK, params, IMAGES), start(NETWORK, params, whole)
    for _ in range(2):
        carry, fields = run(params, carry, IMAGES)
        wider, expected = run(params, wider, whole)
        assert fields.tafs.shape == (2, 5, 7, 96)
        for found, wanted in zip(fields, expected, strict=True):
            np.testing.assert_allclose(found, wanted[:, :5, :7], rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_the_packaged_weights_follow_the_walkers_of_the_demo() -> None:
    tracker = models.load("staf-lite")
    people = list(tracker.track(itertools.islice(video.read(CLIP), 12)))
    ids, counts = np.unique(np.concatenate([each.ids for each in people]), return_counts=True)
    kept = ids[counts >= 11]
    assert 4 <= len(kept) <= len(ids) <= 8
    neck, head = (tracker.skeleton.joints.index(joint) for joint in ("neck", "head_top"))
    for person in kept:
        poses = np.stack([each.keypoints[each.ids == person][0] for each in people if person in each.ids])
        there = (poses[:, (neck, head), 2] > 0).all(1)
        assert there.mean() > 0.7
        assert (poses[there, head, 1] < poses[there, neck, 1]).all()
        assert np.abs(np.diff(poses[there, neck, :2], axis=0)).max() < 30  # nobody changes places


def test_config_of_a_weight_file() -> None:
    config = StafLiteConfig(**SMALL, topology="C", taf_dilations=(1, 2, 3))
    again = StafLiteConfig(**json.loads(json.dumps(dataclasses.asdict(config))))
    assert again == config
    assert hash(again) == hash(config)
