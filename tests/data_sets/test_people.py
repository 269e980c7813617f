"""Samples of one person: dots are where the keypoints say, and places are those of the numbers drawn."""

import dataclasses

import dotted
import numpy as np
import pytest

from jaxpose.data.config import ColorConfig, OccluderConfig, PersonCropConfig
from jaxpose.data.people import HALF_BODY_JOINTS, LEAST_JOINTS, PLACE_CHANCES, place_person
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


def standing():
    """Somebody with all joints: the head at y 100, hips at 200, ankles at 300."""
    joints = np.full((17, 3), 1, np.float32)
    heights = {"nose": 100, "eye": 95, "ear": 97, "shoulder": 120, "elbow": 150, "wrist": 180}
    heights |= {"hip": 200, "knee": 250, "ankle": 300}
    for place, joint in enumerate(COCO_17.joints):
        side = {"left": 20, "right": -20}.get(joint.split("_")[0], 0)
        joints[place, :2] = 160 + side, heights[joint.split("_")[-1]]
    return joints


BOX = np.array([130, 80, 60, 240], np.float32)


@pytest.mark.parametrize(("chance", "low", "high"), [(0.2, 95, 180), (0.8, 200, 300)])
def test_half_a_body_is_the_joints_above_or_below_the_hips(chance, low, high):
    joints = standing()
    config = dataclasses.replace(STILL, half_body=1)
    chances = np.array([chance, 0.5, 0, 0, 0.5, 0.5, 0.9, 0])
    by = matrix(place_person(chances, BOX, joints, False, config, COCO_17))
    half = joints[(joints[:, 1] >= low) & (joints[:, 1] <= high)]
    scale = 128 / (1.5 * max(high - low, 40 * 128 / 96))
    np.testing.assert_allclose(by[0, 0], scale, rtol=1e-5)
    np.testing.assert_allclose(by @ [*half[:, :2].mean(axis=0), 1], [47.5, 63.5], atol=1e-3)


def test_who_has_few_joints_is_shown_whole():
    few = standing()
    few[HALF_BODY_JOINTS:, 2] = 0
    chances = np.array([0.2, 0.0, 0, 0, 0.5, 0.5, 0.9, 0])
    places = [
        place_person(chances, BOX, few, False, dataclasses.replace(STILL, half_body=half), COCO_17) for half in (0, 1)
    ]
    assert places[0] == places[1]


def test_turned_scaled_and_shifted_by_what_is_drawn():
    config = dataclasses.replace(STILL, scale=0.35, rotation=45, turned=0.6, shift=0.1)
    one_deviation = 0.841344746  # of a normal distribution
    chances = np.array([0, 0.9, 1, 0.5, one_deviation, one_deviation, 0.5, 0])
    place = place_person(chances, BOX, standing(), True, config, COCO_17)
    wide = 1.25 * 240 * 96 / 128
    assert place.angle == pytest.approx(45, rel=1e-4)
    assert place.scale == pytest.approx(96 / (1.35 * wide), rel=1e-4)
    assert (place.x, place.y) == pytest.approx((160 + 0.1 * wide, 200))
    assert place.flip
    most = place_person(np.array([0, 0.9, 0.5, 0.5, 1, 1, 0.5, 0]), BOX, standing(), False, config, COCO_17)
    assert (most.angle, most.scale) == pytest.approx((90, place.scale), rel=1e-4)  # cut at two and at one deviation
    still = place_person(np.array([0, 0.9, 0.5, 0.5, 1, 1, 0.7, 0]), BOX, standing(), False, config, COCO_17)
    assert still.angle == 0


@pytest.mark.parametrize("change", [{"crop": (130, 96)}, {"crop": (0, 96)}, {"padding": 0}, {"scale": 1.0}])
def test_impossible_crops_are_refused(change):
    with pytest.raises(ValueError, match=f"`{next(iter(change))}` must be"):
        PersonCropConfig(**change)


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
