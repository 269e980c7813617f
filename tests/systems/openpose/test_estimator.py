"""The step as a pure function: in a scan, in a user's own jit, exported; and the estimator around it."""

from pathlib import Path

import cv2
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.skeletons import COCO_18
from jaxpose.systems.openpose.estimator import OpenPose, make_step
from jaxpose.systems.openpose.importing import lightweight_params
from jaxpose.systems.openpose.lightweight import STRIDE, LightweightOpenPose
from jaxpose.weights.openvino import read_graph


@pytest.fixture(scope="module")
def params(shared_data: Path) -> dict:
    return lightweight_params(read_graph(shared_data / "teachers" / "human-pose-estimation-0001.xml"))


@pytest.fixture(scope="module")
def picture(shared_data: Path) -> np.ndarray:
    path = shared_data / "coco_fixtures" / "coco" / "000000196141.jpg"
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def test_the_step_runs_in_a_users_own_scan(params: dict, picture: np.ndarray) -> None:
    step = make_step(LightweightOpenPose(), COCO_18, STRIDE)
    frames = np.stack([cv2.resize(picture, (192, 128)), cv2.resize(picture[:, ::-1], (192, 128))])

    @jax.jit
    def best_noses(params: dict, frames: jax.Array) -> jax.Array:
        def body(carry: tuple, frame: jax.Array) -> tuple:
            carry, candidates = step(params, carry, frame[None])
            return carry, (candidates.score[0, 0, 0], candidates.xy[0, 0, 0])

        return jax.lax.scan(body, (), frames)[1]

    score, xy = best_noses(params, frames)
    _, candidates = jax.jit(step)(params, (), frames)
    assert (score > 0.2).all()
    np.testing.assert_allclose(score, candidates.score[:, 0, 0], atol=1e-4)
    np.testing.assert_allclose(xy, candidates.xy[:, 0, 0], atol=0.05)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_the_step_lowers_for_every_platform(platform: str) -> None:
    network = LightweightOpenPose()
    images = jax.ShapeDtypeStruct((1, 64, 96, 3), jnp.uint8)
    shapes = jax.eval_shape(network.init, jax.random.key(0), images)["params"]
    step = jax.jit(make_step(network, COCO_18, STRIDE))
    exported = jax.export.export(step, platforms=[platform])(shapes, (), images)
    assert exported.platforms == (platform,)
    assert exported.out_avals[0].shape == (1, 18, 64, 2)


def test_people_lie_in_the_pictures_own_pixels(params: dict, picture: np.ndarray) -> None:
    estimator = OpenPose(LightweightOpenPose(), params, COCO_18, STRIDE, size=320)
    small = picture
    large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    (one,) = estimator.collect(estimator.dispatch([small], 1))
    (two,) = estimator.collect(estimator.dispatch([large], 1))
    best, same = one.keypoints[0], two.keypoints[0]
    there = (best[:, 2] > 0) & (same[:, 2] > 0)
    assert there.sum() >= 10
    np.testing.assert_allclose(2 * best[there, :2] + 0.5, same[there, :2], atol=4)


def test_padding_a_batch_adds_nobody(params: dict, picture: np.ndarray) -> None:
    estimator = OpenPose(LightweightOpenPose(), params, COCO_18, STRIDE, size=160)
    found = estimator.collect(estimator.dispatch([picture, picture], 4))
    assert len(found) == 2
    np.testing.assert_allclose(found[0].keypoints, found[1].keypoints, atol=0.01)
