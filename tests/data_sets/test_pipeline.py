import dataclasses
import warnings

import dotted
import numpy as np
import pytest

from jaxpose.data.config import ClipConfig, ColorConfig, CropConfig, MosaicConfig, OccluderConfig, PlaceConfig
from jaxpose.data.examples import Batch, Source
from jaxpose.data.mixing import Order
from jaxpose.data.pipeline import Batches
from jaxpose.errors import DataError, JaxposeWarning
from jaxpose.skeletons import BODY_25, COCO_17

COLORS = ColorConfig(brightness=0.2, contrast=0.3, saturation=0.4, hue=20.0, grey=0.1, blur=0.2, noise=0.3, jpeg=0.2)
EVERYTHING = CropConfig(
    place=PlaceConfig(crop=96),
    color=COLORS,
    occluders=OccluderConfig(patches=0.5),
    mosaic=MosaicConfig(share=0.5),
    clip=ClipConfig(frames=2),
)
PLAIN = CropConfig(place=PlaceConfig(crop=96), occluders=OccluderConfig(most=0))


def make(source=None, config=PLAIN, batch=4, **settings) -> Batches:
    sources = source if isinstance(source, list) else [(source or dotted.Dots(), 1.0)]
    return Batches(sources, dotted.SKELETON, config, batch=batch, **settings)


def same(a: Batch, b: Batch) -> bool:
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_batch_has_the_shapes_it_is_said_to_have():
    source: Source = dotted.Dots()
    batch = make(source)[0]
    assert {name: (array.shape, str(array.dtype)) for name, array in batch._asdict().items()} == {
        "images": ((4, 96, 96, 3), "uint8"),
        "keypoints": ((4, 32, 5, 3), "float32"),
        "ids": ((4, 32), "int64"),
        "known": ((4, 5), "bool"),
        "valid": ((4, 12, 12), "uint8"),
    }
    clip = make(source, EVERYTHING)[0]
    assert [array.shape[:2] for array in clip] == [(4, 2)] * 5
    assert [array.shape[2:] for array in clip] == [array.shape[1:] for array in batch]
    assert all(array.flags.c_contiguous for array in batch)
    assert set(np.unique(batch.keypoints[..., 2])) == {0, 1}


@pytest.mark.parametrize("videos", [0, 4])
def test_a_batch_follows_from_seed_and_number_alone(videos):
    batches = make(dotted.Dots(8, videos=videos), EVERYTHING, seed=1)
    forwards = [batches[number] for number in range(5)]
    again = make(dotted.Dots(8, videos=videos), EVERYTHING, seed=1)
    for number in (4, 0, 2):
        assert same(again[number], forwards[number])
    assert not same(make(dotted.Dots(8, videos=videos), EVERYTHING, seed=2)[0], forwards[0])
    assert not same(forwards[0], forwards[1])


@pytest.mark.parametrize("count", [2, 4])
def test_processes_make_the_parts_of_one_batch(count):
    whole = make(config=EVERYTHING)[3]
    parts = [make(config=EVERYTHING, processes=(index, count))[3] for index in range(count)]
    assert same(Batch(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True))), whole)


def test_what_a_source_does_not_label_is_not_known():
    class Wrists(dotted.Dots):
        labels = frozenset({"left_wrist", "nose"})

    always, never = (
        make(Wrists(), dataclasses.replace(PLAIN, place=dataclasses.replace(PLAIN.place, flip=flip)))[0]
        for flip in (1.0, 0.0)
    )
    assert never.known.tolist() == [[True, True, False, False, False]] * 4
    assert always.known.tolist() == [[True, False, True, False, False]] * 4
    for batch in (always, never):
        assert not batch.keypoints[..., 2][~np.broadcast_to(batch.known[:, None], batch.keypoints.shape[:3])].any()


def test_every_batch_comes_from_one_source():
    class Feet(dotted.Dots):
        labels = frozenset({"left_ankle", "right_ankle"})

    batches = make([(dotted.Dots(), 0.5), (Feet(), 0.5)])
    kinds = [batches[number].known.all(axis=1) for number in range(12)]
    assert all(len(set(kind.tolist())) == 1 for kind in kinds)
    assert {bool(kind[0]) for kind in kinds} == {True, False}


def test_an_unreadable_picture_is_replaced_told_of_once_and_counted():
    source = dotted.Dots(8)
    source.damaged = frozenset({2, 5})
    batches = make(source, batch=8)
    with pytest.warns(JaxposeWarning, match="cannot read the picture of [25], frame 0; another takes its") as told:
        found = [batches[number] for number in range(3)]
    assert len(told) == 1
    assert batches.unreadable >= 6  # two an epoch, and what was drawn in their place
    whole = make(dotted.Dots(8), batch=8)
    order = Order([8], [1.0], 8, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JaxposeWarning)
        again = make(source, batch=8)[1]
    assert same(again, found[1])
    for number in range(3):
        for place, index in enumerate(order.indices(number)):
            kept = np.array_equal(found[number].images[place], whole[number].images[place])
            assert kept == (index not in (2, 5))
            assert (found[number].keypoints[place, :, :, 2] > 0).any()


def test_a_data_set_that_cannot_be_read_ends_in_one_line():
    source = dotted.Dots(3)
    source.damaged = frozenset(range(3))
    with pytest.warns(JaxposeWarning), pytest.raises(DataError, match=r"^10 pictures in a row .* build .* again$"):
        make(source)[0]


def test_pictures_without_people():
    batch = make(dotted.Dots(3, people=0), EVERYTHING)[0]
    assert not batch.keypoints.any()
    assert (batch.ids == -1).all()
    assert 0.2 < batch.valid.mean() < 1


def test_regions_and_the_picture_s_end_are_not_valid():
    everything = np.array([[-9, -9], [999, -9], [999, 999], [-9, 999]], np.float32)
    assert not make(dotted.Dots(3, regions=(everything,)))[0].valid.any()
    batch = make(dotted.Dots(3))[0]
    assert 0.2 < batch.valid.mean() < 1
    grey = (batch.images[:, 3::8, 3::8] == 128).all(axis=-1)
    assert grey[batch.valid == 0].mean() > 0.9


def test_coco_s_people_as_body_25():
    class People(dotted.Dots):
        skeleton, labels = COCO_17, frozenset(COCO_17.joints)

        def __getitem__(self, index):
            example = super().__getitem__(index)
            keypoints = np.zeros((2, 17, 3), np.float32)
            keypoints[0] = np.stack([np.linspace(100, 200, 17), np.linspace(60, 180, 17), np.full(17, 1)], axis=-1)
            return example._replace(
                keypoints=keypoints, boxes=np.array([[100, 60, 100, 120]] * 2, np.float32), ids=np.array([-1, -1])
            )

    batch = Batches([(People(), 1.0)], BODY_25, PLAIN, batch=2)[0]
    feet = np.isin(np.arange(25), BODY_25.feet)
    assert (batch.known == ~feet).all()
    assert (batch.keypoints[:, 0, :, 2] == ~feet).all()
    assert not batch.keypoints[:, 1:].any()
    neck, left, right = (BODY_25.index(name) for name in ("neck", "left_shoulder", "right_shoulder"))
    middle = batch.keypoints[:, 0, [left, right], :2].mean(axis=1)
    np.testing.assert_allclose(batch.keypoints[:, 0, neck, :2], middle, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 5, "processes": (0, 2)}, "`batch` must be a multiple of the 2 processes, got 5"),
        ({"batch": 0}, "`batch` must be"),
        ({"batch": 4, "processes": (2, 2)}, r"`processes` must be an index below a count, got \(2, 2\)"),
    ],
)
def test_parts_that_do_not_divide_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_settings_that_make_no_crop_are_refused():
    for wrong, message in (
        ({"crop": 100}, "`crop` must be a multiple of the stride 8, got 100"),
        ({"scale": (0.5, 0.2)}, "`scale` must be two rising numbers above 0"),
        ({"people": 0}, "`people` must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            PlaceConfig(**wrong)
    with pytest.raises(ValueError, match="`frames` must be at least 1"):
        ClipConfig(frames=0)
    with pytest.raises(ValueError, match="`skip` must be at least 0"):
        ClipConfig(skip=-1)
    with pytest.raises(ValueError, match="`zoom` must be at least 1"):
        ClipConfig(zoom=0.5)
    with pytest.raises(IndexError, match="counted from 0"):
        make()[-1]
