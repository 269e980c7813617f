"""Crops of one person each: dots are where the keypoints say, whatever was drawn."""

import dataclasses

import dotted
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.data.config import OccluderConfig, PersonCropConfig
from jaxpose.data.device.people import draw_matrix, draw_people, load_people, show
from jaxpose.data.device.placing import apply
from jaxpose.data.people import HALF_BODY_JOINTS
from jaxpose.errors import DataError
from jaxpose.geometry import crop_maps, fit_aspect
from jaxpose.skeletons import COCO_17

STILL = PersonCropConfig(crop=(128, 96), scale=0, turned=0, half_body=0, flip=0)


class Dots:
    """A source of dotted pictures."""

    skeleton, labels = dotted.SKELETON, frozenset(dotted.SKELETON.joints)

    def __init__(self, *people):
        rng = np.random.default_rng(0)
        self.examples = [dotted.make_example(rng, people=count, width=320) for count in people]

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        return self.examples[index]


def loaded(*shares):
    return jax.tree.map(jnp.asarray, load_people(shares, dotted.SKELETON, 320))


def drawn(people, config, count=12):
    return jax.tree.map(np.asarray, draw_people(jax.random.key(1), people, config, dotted.SKELETON, count))


@pytest.fixture(scope="module")
def crowd():
    people = loaded((Dots(3, 2), 1.0))
    return people._replace(taught=people.labelled.at[..., 2].mul(0.5))


@pytest.mark.parametrize(
    "config",
    [
        STILL,
        dataclasses.replace(STILL, flip=1),
        PersonCropConfig(crop=(128, 96), half_body=0, shift=0.1, occluders=OccluderConfig(most=1)),
    ],
    ids=["still", "mirrored", "all"],
)
def test_joints_lie_where_their_dots_are(crowd, config):
    batch = drawn(crowd, config)
    assert batch.images.shape == (12, 128, 96, 3)
    assert batch.images.dtype == np.uint8
    assert batch.valid.shape == (12, 32, 24)
    seen = 0
    for image, (person, taught) in zip(batch.images, batch.keypoints, strict=True):
        np.testing.assert_array_equal(person[:, :2], taught[:, :2])
        np.testing.assert_array_equal(taught[:, 2], 0.5)
        far = [
            min(
                np.hypot(*(spot - person[joint, :2]))
                for somebody in range(dotted.PEOPLE)
                for kind in (joint, dotted.SKELETON.flip[joint])
                if (spot := dotted.find(image, somebody, kind)) is not None
            )
            for joint in range(dotted.JOINTS)
            if ((person[joint, :2] > 8) & (person[joint, :2] < (88, 120))).all()
        ]
        seen += sum(each < 2 for each in far)
        hidden = config.occluders.most * 3
        assert sum(each >= 2 for each in far) <= hidden
    assert seen > 25


def test_a_mirrored_person_s_left_is_on_the_other_side(crowd):
    plain, turned = (drawn(crowd, dataclasses.replace(STILL, flip=flip)).keypoints[:, 0] for flip in (0, 1))
    np.testing.assert_allclose(turned[..., 0], 95 - plain[:, dotted.SKELETON.flip, 0], atol=1e-3)
    np.testing.assert_allclose(turned[..., 1], plain[:, dotted.SKELETON.flip, 1], atol=1e-3)


def test_a_still_crop_is_the_one_that_inference_cuts(crowd):
    _, back = show(crowd, jnp.arange(5), (128, 96), 1.25)
    boxes = fit_aspect(np.asarray(crowd.boxes), 96 / 128, 1.25)
    np.testing.assert_allclose(back, crop_maps(boxes, 96, 128), atol=1e-3)


def test_show_brings_joints_back(crowd):
    images, back = show(crowd, jnp.arange(5), (128, 96), 1.25)
    for row in range(5):
        spot = dotted.find(np.round(images[row]).astype(np.uint8), (0, 1, 2, 0, 1)[row], 0)
        np.testing.assert_allclose(apply(back[row], jnp.array(spot)), crowd.labelled[row, 0, :2], atol=1.0)


def test_data_sets_are_drawn_by_their_shares():
    people = load_people(((Dots(3, 3, 3), 0.25), (Dots(1), 0.75)), dotted.SKELETON, 320)
    chances = np.diff(people.until, prepend=0)
    np.testing.assert_allclose(chances, [0.25 / 9] * 9 + [0.75], atol=1e-6)
    np.testing.assert_array_equal(people.picture, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3])


def test_a_data_set_without_people_is_told():
    with pytest.raises(DataError, match="data set 2 of 2 has nobody with 3 joints"):
        load_people(((Dots(1), 1), (Dots(0), 1)), dotted.SKELETON, 320)


def standing():
    """Somebody with all joints: the head at y 100, hips at 200, ankles at 300."""
    joints = np.full((17, 3), 1, np.float32)
    heights = {"nose": 100, "eye": 95, "ear": 97, "shoulder": 120, "elbow": 150, "wrist": 180}
    heights |= {"hip": 200, "knee": 250, "ankle": 300}
    for place, joint in enumerate(COCO_17.joints):
        side = {"left": 20, "right": -20}.get(joint.split("_")[0], 0)
        joints[place, :2] = 160 + side, heights[joint.split("_")[-1]]
    return joints


@pytest.mark.parametrize(("chance", "low", "high"), [(0.2, 95, 180), (0.8, 200, 300)])
def test_half_a_body_is_the_joints_above_or_below_the_hips(chance, low, high):
    config = dataclasses.replace(STILL, half_body=1)
    chances = jnp.array([chance, 0.5, 0, 0, 0.5, 0.5, 0.9, 0])
    box = jnp.array([130.0, 80, 60, 240])
    by = draw_matrix(chances, box, jnp.array(standing()), jnp.array(False), config, COCO_17)
    joints = standing()
    half = joints[(joints[:, 1] >= low) & (joints[:, 1] <= high)]
    scale = 128 / (1.5 * max(high - low, 40 * 128 / 96))
    np.testing.assert_allclose(by[0, 0], scale, rtol=1e-5)
    np.testing.assert_allclose(apply(by, jnp.array(half[:, :2].mean(0))), [47.5, 63.5], atol=1e-3)


def test_who_has_few_joints_is_shown_whole():
    few = standing()
    few[HALF_BODY_JOINTS:, 2] = 0
    chances = jnp.array([0.2, 0.0, 0, 0, 0.5, 0.5, 0.9, 0])
    box = jnp.array([130.0, 80, 60, 240])
    matrices = [
        draw_matrix(chances, box, jnp.array(few), jnp.array(False), dataclasses.replace(STILL, half_body=half), COCO_17)
        for half in (0, 1)
    ]
    np.testing.assert_array_equal(*matrices)


@pytest.mark.parametrize("change", [{"crop": (130, 96)}, {"crop": (0, 96)}, {"padding": 0}, {"scale": 1.0}])
def test_impossible_crops_are_refused(change):
    with pytest.raises(ValueError, match=f"`{next(iter(change))}` must be"):
        PersonCropConfig(**change)
