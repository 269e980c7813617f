"""The packaged MoveNet on a real picture: the step in a scan and exported, people in the picture's own pixels."""

from pathlib import Path

import cv2
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose import models
from jaxpose.geometry import oks
from jaxpose.skeletons import COCO_17
from jaxpose.systems.movenet.config import PoseConfig
from jaxpose.systems.movenet.decode import Poses
from jaxpose.systems.movenet.estimator import MoveNetPeople, make_step
from jaxpose.systems.movenet.network import MoveNet
from jaxpose.weights import store


@pytest.fixture(scope="module")
def params() -> store.Params:
    return store.load(store.path_of("movenet-multipose"))[0]


@pytest.fixture(scope="module")
def picture(shared_data: Path) -> np.ndarray:
    path = shared_data / "coco_fixtures" / "coco" / "000000196141.jpg"
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def estimator(params: store.Params) -> MoveNetPeople:
    return MoveNetPeople(MoveNet(), params, COCO_17, size=320)


def test_the_step_runs_in_a_users_own_scan(params: store.Params, picture: np.ndarray) -> None:
    step = make_step(MoveNet())
    frames = np.stack([cv2.resize(picture, (192, 128)), cv2.resize(picture[:, ::-1], (192, 128))])

    @jax.jit
    def best_people(params: store.Params, frames: jax.Array) -> jax.Array:
        def body(carry: tuple, frame: jax.Array) -> tuple:
            carry, poses = step(params, carry, frame[None])
            return carry, poses.keypoints[0, 0]

        return jax.lax.scan(body, (), frames)[1]

    _, poses = jax.jit(step)(params, (), frames)
    assert (poses.found > 0).all()
    np.testing.assert_allclose(best_people(params, frames), poses.keypoints[:, 0], atol=0.05)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_the_step_lowers_for_every_platform(platform: str) -> None:
    network = MoveNet()
    images = jax.ShapeDtypeStruct((1, 64, 96, 3), jnp.uint8)
    shapes = jax.eval_shape(network.init, jax.random.key(0), images)["params"]
    exported = jax.export.export(jax.jit(make_step(network)), platforms=[platform])(shapes, (), images)
    assert exported.platforms == (platform,)
    assert exported.out_avals[0].shape == (1, 64, 17, 3)


def test_people_lie_where_they_are_labelled(estimator: MoveNetPeople, shared_data: Path, picture: np.ndarray) -> None:
    import json

    labels = json.loads((shared_data / "coco_fixtures" / "coco" / "test_coco.json").read_text())
    truth = [a for a in labels["annotations"] if a["image_id"] == 196141 and a["num_keypoints"] > 10]
    joints = np.array([a["keypoints"] for a in truth], np.float64).reshape(-1, 17, 3)
    areas = np.array([a["area"] for a in truth])
    (people,) = estimator.collect(estimator.dispatch([picture], 1))
    alike = oks(joints, people.keypoints.astype(np.float64), np.array(COCO_17.sigmas), areas[:, None])
    assert len(truth) >= 2
    assert (alike.max(1) > 0.5).mean() >= 0.5
    assert (people.scores > 0).all()
    assert (people.scores <= 1).all()


def test_the_pictures_size_changes_nothing(estimator: MoveNetPeople, picture: np.ndarray) -> None:
    (one,) = estimator.collect(estimator.dispatch([picture], 1))
    large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    (two,) = estimator.collect(estimator.dispatch([large], 1))
    best, same = one.keypoints[one.scores.argmax()], two.keypoints[two.scores.argmax()]
    there = (best[:, 2] > 0.3) & (same[:, 2] > 0.3)
    assert there.sum() >= 10
    np.testing.assert_allclose(2 * best[there, :2] + 0.5, same[there, :2], atol=8)


def test_padding_a_batch_adds_nobody(estimator: MoveNetPeople, picture: np.ndarray) -> None:
    found = estimator.collect(estimator.dispatch([picture, picture], 4))
    assert len(found) == 2
    np.testing.assert_allclose(found[0].keypoints, found[1].keypoints, atol=0.01)


def poses_of(keypoints: np.ndarray, score: list[float], found: int | None = None) -> Poses:
    """One picture's result."""
    return Poses(keypoints, np.array(score), np.array(len(score) if found is None else found), np.array(True))


def test_duplicates_and_weak_people_are_left_out(estimator: MoveNetPeople) -> None:
    rng = np.random.default_rng(0)
    person = np.concatenate([rng.uniform(0, 80, (17, 2)), np.full((17, 1), 0.9)], axis=1)
    near, far, farther = (person + np.array([x, 0, 0]) for x in (0.5, 200, 290))
    everyone = np.stack([near, person, far, farther, 0 * person])
    keypoints, scores = estimator.parse(poses_of(everyone, [0.5, 0.8, 0.3, 0.01, 0.0]))
    np.testing.assert_array_equal(scores, [0.8, 0.3])  # the better of the two alike, and who stands elsewhere
    np.testing.assert_array_equal(keypoints, [person, far])


def test_too_many_people_are_told(estimator: MoveNetPeople) -> None:
    assert estimator.overflow(poses_of(np.zeros((64, 17, 3)), [0.5] * 64, 64)) is None
    told = estimator.overflow(poses_of(np.zeros((64, 17, 3)), [0.5] * 64, 70))
    assert told == "a picture has 70 people, only the best 64 are used"


def test_nobody_in_an_empty_picture(estimator: MoveNetPeople) -> None:
    (people,) = estimator.collect(estimator.dispatch([np.full((240, 320, 3), 90, np.uint8)], 1))
    assert people.total == 0


def test_the_number_of_people_recompiles_nothing(estimator: MoveNetPeople, picture: np.ndarray) -> None:
    crowd = np.tile(cv2.resize(picture, (160, 120)), (2, 2, 1))  # more than one bucket's worth of people
    empty = np.full_like(crowd, 90)
    estimator.collect(estimator.dispatch([empty], 1))
    compiled = estimator.step._cache_size()
    (found,) = estimator.collect(estimator.dispatch([crowd], 1))
    assert found.total > 4
    assert estimator.step._cache_size() == compiled


def test_options_reach_the_estimator() -> None:
    strict: MoveNetPeople = models.estimator("movenet-multipose", size=64, decode=PoseConfig(people=8))
    assert strict.collect(strict.dispatch([np.zeros((64, 64, 3), np.uint8)], 1))[0].total == 0
    with pytest.raises(ValueError, match="`size` must be at least the network's stride 32, got 20"):
        models.estimator("movenet-multipose", size=20)
