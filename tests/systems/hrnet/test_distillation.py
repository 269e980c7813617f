"""What a teacher says of the crops that are trained on, with a teacher that says where each colour is brightest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.geometry import AREA_SHARE
from jaxpose.skeletons import Skeleton
from jaxpose.systems.hrnet.distillation import LEAST_SHARED, Teacher, agrees
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.estimator import CropEstimator

TEACHER = Skeleton("colours", ("nose", "left_ear", "right_ear"), ((0, 1), (0, 2)), (0.1,) * 3)
STUDENT = Skeleton("student", ("head_top", "right_ear", "nose", "left_ear"), ((1, 2), (2, 3)), (0.1,) * 4)
HEIGHT, WIDTH = 40, 24
SPOTS = np.array([[[8, 9], [15, 30], [4, 20]], [[12, 12], [5, 5], [20, 33]]], float)
"""Where the nose, the left ear and the right ear of two crops are."""


def read(params, crops):
    """The middle of what is bright in each colour; as sure as it is bright."""
    n, h, w, _ = crops.shape
    y, x = jnp.mgrid[:h, :w]
    light = jnp.where(crops > 100, crops, 0)
    total = light.sum((1, 2))
    places = [(light * axis[..., None]).sum((1, 2)) / jnp.maximum(total, 1) for axis in (x, y)]
    score = params * light.max((1, 2)) / 255
    return jnp.stack([*places, score], axis=-1), jnp.ones(n, bool)


def teacher(size=(HEIGHT, HEIGHT), student=STUDENT):
    return Teacher(CropEstimator(read, jnp.float32(1), TEACHER, size=size, config=TopDownConfig(fill=20)), student)


def crops():
    """Squares of 5x5 pixels, one colour each, on grey."""
    images = np.full((2, HEIGHT, WIDTH, 3), 20, np.uint8)
    for image, spots in zip(images, SPOTS.astype(int), strict=True):
        for joint, (x, y) in enumerate(spots):
            image[y - 2 : y + 3, x - 2 : x + 3, joint] = 255
    return images


def labelled(away=0.0):
    """The student's joints, all but the top of the head, so far to the right of where they are."""
    people = np.zeros((2, 4, 3), np.float32)
    for place, joint in ((1, 2), (2, 0), (3, 1)):
        people[:, place, :2] = SPOTS[:, joint] + (away, 0)
        people[:, place, 2] = 1
    return people


def ask(one, images, people):
    return np.asarray(jax.jit(one.joints)(images, people))


@pytest.mark.parametrize("size", [(HEIGHT, HEIGHT), (2 * HEIGHT, 2 * HEIGHT), (HEIGHT, WIDTH)])
def test_joints_are_taught_by_name_in_the_crop_s_own_pixels(size):
    found = ask(teacher(size), crops(), labelled())
    np.testing.assert_allclose(found[:, 1:, :2], labelled()[:, 1:, :2], atol=0.3)
    np.testing.assert_allclose(found[:, 1:, 2], 1, atol=0.02)
    np.testing.assert_array_equal(found[:, 0], 0)  # the teacher knows of no head top


def test_a_teacher_that_contradicts_the_labels_is_not_believed():
    people = labelled()
    people[1, 1:, 0] += 15
    found = ask(teacher(), crops(), people)
    assert found[0, 1:, 2].all()
    assert not found[1].any()


def test_what_nobody_labelled_cannot_be_compared():
    people = labelled()
    people[0, 3] = 0
    found = ask(teacher(), crops(), people)
    assert not found[0].any()
    assert found[1].any()


@pytest.mark.parametrize(("x", "taught"), [(0.0, 3), (23.0, 3), (-2.0, 0), (26.0, 0)])
def test_what_lies_beyond_the_crop_is_not_taught(x, taught):
    """Without that joint two are left, too few to compare: then nothing is."""
    joints = np.array([[[x, 20, 1], [10, 20, 1], [12, 30, 1]]])  # nose, left ear, right ear

    def say(params, crops):  # in a crop as wide as high, which shows 8 pixels more at each side
        return jnp.asarray(joints + np.array([8, 0, 0])), jnp.ones(1, bool)

    people = CropEstimator(say, (), TEACHER, size=(HEIGHT, HEIGHT), config=TopDownConfig())
    labels = np.concatenate([np.zeros((1, 1, 3)), joints[:, [2, 0, 1]]], axis=1)
    found = ask(Teacher(people, STUDENT), crops()[:1], labels)
    assert (found[..., 2] > 0).sum() == taught
    if taught:
        np.testing.assert_allclose(found, labels, atol=1e-4)


def test_no_gradient_goes_to_the_teacher():
    def total(images):
        return teacher().joints(images, jnp.asarray(labelled())).sum()

    assert not np.any(jax.grad(total)(jnp.asarray(crops(), jnp.float32)))


def test_agreement_is_coco_s_similarity_over_shared_joints():
    rng = np.random.default_rng(0)
    area, count = AREA_SHARE * 900.0, 200
    taught, people = (
        np.concatenate([spots, rng.random((count, 4, 1)) < 0.8], axis=-1)
        for spots in (
            SPOTS[:1, [0, 1, 2, 0]] + rng.normal(0, 5, (count, 4, 2)),
            SPOTS[:1, [0, 1, 2, 0]].repeat(count, 0),
        )
    )
    found = np.asarray(jax.jit(lambda *both: agrees(*both, STUDENT, area))(taught, people))
    for one, other, believed in zip(taught, people, found, strict=True):
        both = [joint for joint in range(4) if one[joint, 2] and other[joint, 2]]
        near = [np.exp(-((one[j, :2] - other[j, :2]) ** 2).sum() / (2 * area * (2 * 0.1) ** 2)) for j in both]
        assert believed == (len(both) >= LEAST_SHARED and np.mean(near) >= 0.5)
    assert 20 < found.sum() < 180


def test_a_teacher_of_other_joints_is_refused():
    with pytest.raises(ValueError, match="a teacher of colours has no joint of feet"):
        teacher(student=Skeleton("feet", ("left_ankle", "right_ankle"), ((0, 1),), (0.1, 0.1)))
