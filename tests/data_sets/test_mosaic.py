import dataclasses
from collections import Counter

import dotted
import numpy as np
import pytest

from jaxpose.data.config import CropConfig, MosaicConfig, OccluderConfig, PlaceConfig
from jaxpose.data.mosaic import Tile, draw_tiles, whole
from jaxpose.data.pipeline import Batches

ALWAYS = CropConfig(occluders=OccluderConfig(most=0), mosaic=MosaicConfig(share=1.0))


def test_tiles_divide_the_crop_in_whole_cells():
    rng = np.random.default_rng(0)
    place, config = PlaceConfig(), MosaicConfig(share=1.0)
    counts, shapes = Counter(), set()
    for _ in range(300):
        tiles = draw_tiles(rng, place, config)
        covered = np.zeros((368, 368), int)
        for x, y, width, height in tiles:
            covered[y : y + height, x : x + width] += 1
            assert not {x % 8, y % 8, width % 8, height % 8} - {0}
            assert min(width, height) >= 0.3 * 368 - 8
            shapes.add((width, height))
        assert (covered == 1).all()
        counts[len(tiles)] += 1
    assert set(counts) == {2, 3, 4}
    assert min(counts.values()) > 70
    assert {(368, 184), (184, 368)} & shapes


def test_mosaics_are_as_frequent_as_asked():
    rng = np.random.default_rng(0)
    place, config = PlaceConfig(), MosaicConfig(share=0.3)
    tiles = [draw_tiles(rng, place, config) for _ in range(1000)]
    assert np.mean([len(each) > 1 for each in tiles]) == pytest.approx(0.3, abs=0.04)
    assert whole(place) == Tile(0, 0, 368, 368)
    assert all(each == [whole(place)] for each in tiles if len(each) == 1)


def test_joints_stay_on_their_people_and_end_with_their_tile():
    found = gone = 0
    batches = Batches([(dotted.Dots(9, people=1, radius=12), 1.0)], dotted.SKELETON, ALWAYS, batch=24)
    batch = batches[0]
    for image, keypoints, ids in zip(batch.images, batch.keypoints, batch.ids, strict=True):
        there = (keypoints[..., 2] > 0).any(axis=1)
        assert ids.tolist() == [slot if here else -1 for slot, here in enumerate(there)]
        assert 1 <= there.sum() <= 4
        assert (keypoints[..., :2] > -0.5).all()
        assert (keypoints[..., :2] < 367.5).all()
        for person in np.flatnonzero(there):
            gone += (keypoints[person, :, 2] == 0).sum()
            for x, y, labelled in keypoints[person]:
                if labelled:
                    color = image[round(float(y)), round(float(x))].astype(int)
                    assert np.abs(dotted.COLORS[0] - color).max(axis=-1).min() < 60
                    found += 1
    assert found > 200
    assert gone > 10


def test_the_scale_is_the_mosaics_own():
    def heights(config):
        batch = Batches([(dotted.Dots(9, people=1), 1.0)], dotted.SKELETON, config, batch=16)[0]
        whole_people = batch.keypoints[(batch.keypoints[..., 2] > 0).all(-1)]
        return np.ptp(whole_people[..., 1], axis=1)

    small = dataclasses.replace(ALWAYS, mosaic=MosaicConfig(share=1.0, scale=(0.3, 0.4)))
    assert heights(small).max() < 0.75 * np.median(heights(ALWAYS))


@pytest.mark.parametrize("wrong", [{"tiles": ()}, {"tiles": (2, 5)}, {"smallest": 0.6}, {"scale": (0.0, 1.0)}])
def test_settings_that_make_no_mosaic_are_refused(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be"):
        MosaicConfig(**wrong)
