"""The carry: first frames, resets of some videos of a batch, chunks, and where a step lowers."""

import functools
import itertools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_staf import TinyStaf

from jaxpose.systems.staf.fields import StafFields
from jaxpose.systems.staf.recurrence import Carry, advance, start, step

NETWORK = TinyStaf()
STEP = jax.jit(functools.partial(step, NETWORK))
VIDEOS = np.random.default_rng(0).integers(0, 256, (6, 3, 32, 40, 3), np.uint8)  # 6 frames of 3 videos


@pytest.fixture(scope="module")
def params():
    shapes = jax.eval_shape(NETWORK.init, jax.random.key(0), VIDEOS[0])["params"]
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: rng.normal(0, 0.15, leaf.shape).astype(np.float32), shapes)


def by_hand(params, frames):
    """The fields of each frame of videos that begin with the first, straight from the definition."""
    predict = jax.jit(lambda *given: NETWORK.apply({"params": params}, *given, method="predict")[-1])
    results, previous, last = [], None, None
    for images in frames:
        features = NETWORK.apply({"params": params}, images, method="encode")
        if last is None:
            empty = StafFields(*(np.zeros((*features.shape[:3], c), np.float32) for c in (16, 28, 56)))
            previous, last = features, predict(features, jnp.zeros_like(features), empty)
        last = predict(features, previous, last)
        previous = features
        results.append(last)
    return jax.tree.map(lambda *fields: np.stack(fields), *results)


def one_by_one(params, frames):
    carry, results = start(NETWORK, params, frames[0]), []
    for images in frames:
        carry, fields = STEP(params, carry, images)
        assert not carry.reset.any()
        results.append(fields)
    return jax.tree.map(lambda *fields: np.stack(fields), *results)


def scanned(params, carry, frames):
    return jax.jit(lambda carry, frames: jax.lax.scan(functools.partial(step, NETWORK, params), carry, frames))(
        carry, frames
    )


def agree(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_frame_by_frame_as_defined(params):
    found = one_by_one(params, VIDEOS)
    agree(found, by_hand(params, VIDEOS))
    assert np.abs(found.tafs[0] - found.tafs[1]).max() > 0.01


def test_a_first_frame_runs_twice_on_itself(params):
    single = jax.jit(NETWORK.apply)({"params": params}, VIDEOS[0])
    carry, stages = jax.jit(functools.partial(advance, NETWORK))(params, start(NETWORK, params, VIDEOS[0]), VIDEOS[0])
    for found, expected in zip(stages, single, strict=True):
        agree(found, expected)
    agree(carry.fields, single[-1])
    once = NETWORK.apply(
        {"params": params}, carry.features, jnp.zeros_like(carry.features), jax.tree.map(jnp.zeros_like, carry.fields),
        method="predict",
    )[-1]  # fmt: skip
    assert np.abs(once.tafs - carry.fields.tafs).max() > 0.01


@pytest.mark.parametrize("chunk", [1, 2, 3, 6])
def test_chunks_of_a_scan_are_frame_by_frame(params, chunk):
    carry, parts = start(NETWORK, params, VIDEOS[0]), []
    for frames in np.split(VIDEOS, len(VIDEOS) // chunk):
        carry, fields = scanned(params, carry, frames)
        parts.append(fields)
    agree(jax.tree.map(lambda *fields: np.concatenate(fields), *parts), one_by_one(params, VIDEOS))


def test_videos_of_a_batch_do_not_touch_each_other(params):
    together = one_by_one(params, VIDEOS)
    for video in range(3):
        alone = one_by_one(params, VIDEOS[:, video : video + 1])
        agree(jax.tree.map(lambda field, video=video: field[:, video : video + 1], together), alone)


def test_a_reset_of_some_videos_begins_them_anew_and_leaves_the_others(params):
    def step_with_cuts(carry, frame):
        images, cut = frame
        return step(NETWORK, params, carry._replace(reset=carry.reset | cut), images)

    cuts = np.zeros((6, 3), bool)
    cuts[2, 0] = cuts[4, 0] = cuts[3, 2] = True
    before = start(NETWORK, params, VIDEOS[0])
    _, found = jax.jit(functools.partial(jax.lax.scan, step_with_cuts))(before, (VIDEOS, cuts))
    for video, starts in enumerate([(0, 2, 4, 6), (0, 6), (0, 3, 6)]):
        for begin, end in itertools.pairwise(starts):
            pick = jax.tree.map(lambda x: x[begin:end, video : video + 1], found)  # noqa: B023
            agree(pick, by_hand(params, VIDEOS[begin:end, video : video + 1]))


def test_what_a_reset_hides_is_not_read(params):
    """Not even where it is no number, as after a damaged frame."""
    spoiled = jax.tree.map(lambda x: jnp.full_like(x, jnp.nan), start(NETWORK, params, VIDEOS[0])._replace(reset=0.0))
    carry = Carry(spoiled.features, spoiled.fields, jnp.array([True, False, True]))
    _, fields = STEP(params, carry, VIDEOS[0])
    expected = by_hand(params, VIDEOS[:1])
    for found, wanted in zip(fields, expected, strict=True):
        np.testing.assert_allclose(found[::2], wanted[0, ::2], atol=1e-5)
        assert np.isnan(found[1]).all()


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_a_step_lowers_for_every_platform(params, platform):
    carry = start(NETWORK, params, VIDEOS[0])
    exported = jax.export.export(STEP, platforms=[platform])(params, carry, VIDEOS[0])
    assert len(exported.out_avals) == len(jax.tree.leaves(carry)) + 3


def test_the_carry_keeps_its_shape_and_precision(params):
    carry = start(NETWORK, params, VIDEOS[0])
    after, _ = scanned(params, carry, VIDEOS)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(lambda x: (x.shape, x.dtype), carry)
    assert carry.reset.all()
