"""Samples of one person: dots are where the keypoints say, and places are drawn as on the device."""

import dataclasses

import dotted
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.data.config import ColorConfig, OccluderConfig, PersonCropConfig
from jaxpose.data.device import people as device
from jaxpose.data.people import LEAST_JOINTS, PLACE_CHANCES, place_person
from jaxpose.data.pipeline import Batches
from jaxpose.data.placement import matrix
from jaxpose.errors import DataError, JaxposeWarning
from jaxpose.geometry import crop_maps, fit_aspect
from jaxpose.skeletons import COCO_17

STILL = PersonCropConfig(crop=(128, 96), scale=0, turned=0, half_body=0, flip=0)
ALL = PersonCropConfig(crop=(128, 96), shift=0.1, half_body=0, occluders=OccluderConfig(most=1))


def make(source, config=STILL, batch=12, **settings):
    return Batches([(source, 1.0)], dotted.SKELETON, config, batch=batch, **settings)


def nearest(image, person, joint):
    """How far the nearest dot of a joint, anybody's and of either side, is from where the joint is told."""
    kinds = joint, dotted.SKELETON.flip[joint]
    spots = [dotted.find(image, somebody, kind) for somebody in range(dotted.PEOPLE) for kind in kinds]
    return min(np.hypot(*(spot - person[joint, :2])) for spot in spots if spot is not None)


@pytest.mark.parametrize(
    ("config", "hidden"),
    [(STILL, 0), (dataclasses.replace(STILL, flip=1), 0), (ALL, 0.3)],
    ids=["still", "mirrored", "all"],
)
def test_joints_lie_where_their_dots_are(config, hidden):
    batch = make(dotted.Dots(), config)[0]
    assert {name: (array.shape, str(array.dtype)) for name, array in batch._asdict().items()} == {
        "images": ((12, 128, 96, 3), "uint8"),
        "keypoints": ((12, 2, 5, 3), "float32"),
        "ids": ((12, 2), "int64"),
        "known": ((12, 5), "bool"),
        "valid": ((12, 32, 24), "uint8"),
    }
    assert not batch.keypoints[:, 1].any()  # a teacher's place
    assert (batch.valid == 1).all()
    far = []
    for image, person, known in zip(batch.images, batch.keypoints[:, 0], batch.known, strict=True):
        assert (person[:, 2] == 1).all()
        assert known.all()
        inside = ((person[:, :2] > 8) & (person[:, :2] < (88, 120))).all(axis=1)
        far += [nearest(image, person, joint) for joint in np.flatnonzero(inside)]
    assert len(far) > 30
    assert np.mean(np.array(far) > 2) <= hidden


def test_a_person_who_is_not_turned_stands_as_inference_cuts_it():
    example = dotted.Dots()[0]
    for person in range(dotted.PEOPLE):
        box, joints = example.boxes[person], example.keypoints[person]
        placement = place_person(np.full(PLACE_CHANCES, 0.5), box, joints, False, STILL, dotted.SKELETON)
        (expected,) = crop_maps(fit_aspect(box[None], 96 / 128, STILL.padding), 96, 128)
        whole = [np.vstack([by, (0, 0, 1)]) for by in (matrix(placement), expected)]
        np.testing.assert_allclose(whole[0] @ whole[1], np.eye(3), atol=1e-4)


def test_places_are_drawn_as_on_the_device():
    rng = np.random.default_rng(0)
    config = PersonCropConfig(crop=(128, 96), shift=0.1, half_body=0.7)
    place = jax.jit(lambda chances, box, joints, flip: device.draw_matrix(chances, box, joints, flip, config, COCO_17))
    assert (device.PLACE_CHANCES, device.LEAST_JOINTS) == (PLACE_CHANCES, LEAST_JOINTS)
    halves = 0
    for _ in range(200):
        chances = rng.random(PLACE_CHANCES)
        joints = np.concatenate([rng.uniform(50, 250, (17, 2)), rng.random((17, 1)) < 0.7], axis=1).astype(np.float32)
        box = np.array([40, 30, rng.uniform(20, 200), rng.uniform(20, 200)], np.float32)
        flip = bool(rng.random() < 0.5)
        own = place_person(chances, box, joints, flip, config, COCO_17)
        expected = np.asarray(place(jnp.array(chances), jnp.array(box), jnp.array(joints), flip))
        np.testing.assert_allclose(matrix(own), expected, rtol=1e-3, atol=2e-2)
        whole = dataclasses.replace(config, half_body=0)
        halves += own != place_person(chances, box, joints, flip, whole, COCO_17)
    assert 80 < halves < 160


def test_a_batch_follows_from_seed_and_number_alone():
    config = dataclasses.replace(ALL, color=ColorConfig(brightness=0.2, noise=0.5))
    first, again, other = (make(dotted.Dots(), config, seed=seed)[3] for seed in (1, 1, 2))
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert not np.array_equal(first.images, other.images)


def test_everybody_of_a_picture_is_drawn():
    batch = make(dotted.Dots(1, people=3), batch=60)[0]
    seen = []
    for image, (person, _) in zip(batch.images, batch.keypoints, strict=True):
        noses = [dotted.find(image, somebody, 0) for somebody in range(3)]
        away = [np.inf if spot is None else np.hypot(*(spot - person[0, :2])) for spot in noses]
        seen.append(int(np.argmin(away)))
        assert min(away) < 2
    assert np.bincount(seen, minlength=3).min() > 8


class Hardly(dotted.Dots):
    """Of whose pictures each second one has nobody with enough joints."""

    def __getitem__(self, index):
        example = super().__getitem__(index)
        if index % 2:
            example.keypoints[:, LEAST_JOINTS - 1 :, 2] = 0
        return example


def test_a_picture_that_has_nobody_is_replaced():
    batch = make(Hardly(8), batch=16)[0]
    assert (batch.keypoints[:, 0, :, 2] == 1).all()


@pytest.mark.parametrize("settings", [{"people": 0}, {"width": 24, "height": 18, "radius": 1}], ids=["nobody", "small"])
def test_a_data_set_without_people_ends_in_one_line(settings):
    with pytest.raises(DataError, match=r"^200 pictures in a row have nobody with 3 joints of dots"):
        make(dotted.Dots(3, **settings))[0]


def test_an_unreadable_picture_is_replaced_and_told_of():
    source = dotted.Dots(4)
    source.damaged = frozenset({1})
    with pytest.warns(JaxposeWarning, match="cannot read the picture of 1, frame 0"):
        batch = make(source, batch=8)[0]
    assert (batch.keypoints[:, 0, :, 2] == 1).all()
    source.damaged = frozenset(range(4))
    with pytest.warns(JaxposeWarning), pytest.raises(DataError, match=r"^10 pictures in a row cannot be read"):
        make(source)[0]


def test_what_is_not_labelled_is_not_known_and_nowhere():
    class Wrists(dotted.Dots):
        labels = frozenset({"nose", "left_wrist", "left_ankle"})

    for flip, there in ((0, [1, 1, 0, 1, 0]), (1, [1, 0, 1, 0, 1])):
        batch = make(Wrists(), dataclasses.replace(STILL, flip=flip))[0]
        assert (batch.known == np.array(there, bool)).all()
        assert (batch.keypoints[:, 0, :, 2] == there).all()
        assert not batch.keypoints[:, 0][:, ~np.array(there, bool)].any()
