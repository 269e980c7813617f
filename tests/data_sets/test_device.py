import dataclasses
from collections import Counter

import cv2
import dotted
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from device_crops import drawn, loaded

from jaxpose.data import clips, mosaic, placement
from jaxpose.data.config import ClipConfig, CropConfig, MosaicConfig, OccluderConfig, PlaceConfig
from jaxpose.data.crops import Crop, Scene, cut
from jaxpose.data.device import batches, placing, sampling
from jaxpose.data.device.batches import draw_batch
from jaxpose.data.device.pictures import corner, load_pictures
from jaxpose.data.examples import Example
from jaxpose.data.pictures import Picture, decode, shrink
from jaxpose.data.pictures import draw as draw_on_host
from jaxpose.errors import DataError
from jaxpose.records import NO_ID

PLAIN = CropConfig(occluders=OccluderConfig(most=0))
MOSAICS = dataclasses.replace(PLAIN, mosaic=MosaicConfig(share=1.0))
PLACE = PlaceConfig()
PAINT = jax.jit(sampling.draw)
SETTLE, OVERLAY = (jax.jit(function, static_argnums=1) for function in (batches.settle, batches.overlaid))


class Listed:
    """A source of given examples."""

    skeleton, labels = dotted.SKELETON, frozenset(dotted.SKELETON.joints)

    def __init__(self, *examples):
        self.examples = examples

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        return self.examples[index]


def chances(rows, count):
    return jnp.array(np.random.default_rng(0).random((rows, count), np.float32))


def smooth(width, height, regions=()):
    """A picture of slow waves, without people."""
    y, x = np.indices((height, width))
    waves = [np.sin(x / a + y / b) for a, b in ((19, 31), (-23, 27), (35, -21))]
    image = np.round(128 + 100 * np.stack(waves, -1)).astype(np.uint8)
    coded = cv2.imencode(".png", image)[1].tobytes()
    nobody = np.zeros((0, dotted.JOINTS, 3), np.float32), np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    return Example(coded, *nobody, tuple(regions), "", 0)


def placements(count, size=(300, 220), scale=(0.6, 2.0), seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield placement.Placement(
            *(rng.uniform(0.2, 0.8, 2) * size), *rng.uniform(60, 200, 2), rng.uniform(*scale), rng.uniform(-180, 180),
            bool(rng.random() < 0.5),
        )  # fmt: skip


def test_the_map_is_the_host_s_and_so_is_the_way_back():
    for at in placements(20):
        by = placing.matrix(jnp.array(at[:2]), jnp.array(at[2:4]), at.scale, at.angle, jnp.array(at.flip))
        np.testing.assert_allclose(by, placement.matrix(at), rtol=1e-4, atol=1e-3)
        points = np.random.default_rng(0).uniform(0, 300, (7, 2)).astype(np.float32)
        there = placing.apply(by, points)
        np.testing.assert_allclose(there, placement.move(points, placement.matrix(at)), atol=2e-3)
        np.testing.assert_allclose(placing.apply(placing.invert(by), there), points, atol=2e-3)


def pixels(pictures, at, size=256):
    parts = sampling.Parts(jnp.array([0]), jnp.array(placement.matrix(at))[None], jnp.ones((1, size, size), bool))
    return np.asarray(PAINT(pictures, parts, sampling.grid(size, 0, 1)))


def test_pixels_are_opencv_s_where_nothing_shrinks():
    example = smooth(300, 220)
    pictures, host = loaded(Listed(example)), decode(example.image)
    for at in placements(8):
        expected = draw_on_host(host, placement.matrix(at), 256, 256)[..., ::-1]
        own = pixels(pictures, at)
        off = np.abs(np.round(own) - expected)
        assert off.max() < 12  # OpenCV counts in 1/32 of a pixel, which shows where grey begins
        grey = cv2.warpAffine(np.ones((220, 300), np.float32), placement.matrix(at), (256, 256))
        assert off[grey > 0.999].max() <= 1
        assert (grey < 0.001).any()
        np.testing.assert_allclose(own[grey < 0.001], 128, atol=0.5)


def test_small_crops_are_read_from_averaged_copies_as_on_the_host():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (320, 280, 3), np.uint8)
    example = smooth(4, 4)._replace(image=cv2.imencode(".png", image)[1].tobytes())
    pictures, host = loaded(Listed(example)), Picture(image, 1)
    for at in placements(12, (280, 320), (0.07, 0.9)):
        expected = draw_on_host(shrink(host, at.scale), placement.matrix(at), 256, 256)[..., ::-1]
        # the rounding of 1/32 pixel changes noise by some levels; a read from another copy would change it by dozens
        assert np.abs(pixels(pictures, at) - expected).mean() < 1.5


def test_a_picture_is_made_smaller_and_its_people_stay_where_they_are():
    example = dotted.make_example(np.random.default_rng(0), width=400, height=301, radius=14)
    pictures = load_pictures(Listed(example), dotted.SKELETON, 160)
    assert pictures.sizes.tolist() == [[160, 120]]
    assert pictures.stored.tolist() == [[400, 301]]
    np.testing.assert_array_equal(pictures.keypoints[0, :, :, :2], example.keypoints[..., :2])
    assert (pictures.keypoints[..., 2] == 1).all()
    assert pictures.pixels.shape == (1, 240, 160)
    assert pictures.pixels[0, :120, :160].any(axis=1).all()
    used = np.zeros((240, 160), int)
    for level in range(4):
        x, y = corner(level, 160)
        used[y : y + 160 // 2**level, x : x + 160 // 2**level] += 1
    assert used.max() == 1  # no copy lies on another


def test_a_picture_that_cannot_be_decoded_is_named():
    with pytest.raises(DataError, match="street, frame 7: the picture cannot be decoded"):
        loaded(Listed(smooth(8, 8)._replace(image=b"no picture", sequence="street", frame=7)))
    with pytest.raises(DataError, match="empty"):
        loaded(Listed())
    with pytest.raises(ValueError, match="`longest` must be a multiple of 8, got 100"):
        loaded(Listed(smooth(8, 8)), 100)


@pytest.mark.parametrize("config", [PLAIN, MOSAICS], ids=["plain", "mosaics"])
def test_joints_lie_on_their_dots(config):
    """In pictures made smaller, too. A joint beyond the edge of its tile would lie on another picture."""
    batch = drawn(dotted.Dots(9, people=1, width=420, height=400, radius=20), config, 24)
    found = 0
    for image, keypoints in zip(batch.images, batch.keypoints, strict=True):
        for x, y, labelled in keypoints.reshape(-1, 3):
            if labelled and min(x, y) > -0.5 and max(x, y) < 367.5:
                color = image[round(float(y)), round(float(x))].astype(int)
                assert np.abs(dotted.COLORS[0] - color).max(-1).min() < 60
                found += 1
            elif config is MOSAICS:
                assert not labelled
    assert found > 60
    assert batch.images.dtype == np.uint8
    people = (batch.keypoints[..., 2] > 0).any(-1)
    assert (people == (batch.ids != NO_ID)).all() or config is MOSAICS
    assert people.sum(1).max() == (1 if config is PLAIN else 4)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_a_joint_keeps_its_side_s_pixels(flip):
    config = dataclasses.replace(PLAIN, place=dataclasses.replace(PLACE, flip=flip))
    batch = drawn(dotted.Dots(5, people=2, radius=12), config, 12)
    found = 0
    for image, keypoints in zip(batch.images, batch.keypoints, strict=True):
        for person, joint in np.ndindex(2, dotted.JOINTS):
            x, y, there = keypoints[person, joint]
            if there and min(x, y) > 20 and max(x, y) < 348:
                drawn_as = dotted.SKELETON.flip[joint] if flip else joint  # the left wrist's pixels are a right one's
                middle = dotted.find(image, person, drawn_as)
                found += 1
                assert np.hypot(*(middle - (x, y))) < 1
    assert found > 25


def test_people_are_as_the_host_has_them_for_the_same_map():
    example = dotted.make_example(np.random.default_rng(2), width=300, height=220)
    for at in placements(6):
        scene = Scene(example.keypoints, np.arange(3), ())
        crop = cut(decode(example.image), scene, at, dotted.SKELETON, 256, 256, 8)
        moved = batches.move_people(jnp.array(example.keypoints).at[..., 2].min(1), jnp.array(placement.matrix(at)))
        own = moved[:, jnp.array(dotted.SKELETON.flip)] if at.flip else moved
        np.testing.assert_allclose(own, crop.keypoints, atol=2e-3)


@pytest.mark.parametrize("slots", [2, 8])
def test_people_find_slots_as_on_the_host(slots):
    rng = np.random.default_rng(0)
    config = dataclasses.replace(PLACE, crop=64, people=slots)
    erased = 0
    for _ in range(20):
        keypoints = np.zeros((7, 5, 3), np.float32)
        keypoints[..., :2] = rng.uniform(-90, 150, (7, 1, 2)) + rng.uniform(-15, 15, (7, 5, 2))
        keypoints[..., 2] = rng.random((7, 5)) < 0.5
        keypoints *= keypoints[..., 2:] > 0
        crop = Crop(np.zeros((64, 64, 3), np.uint8), keypoints, np.arange(7), np.ones((8, 8), np.uint8))
        expected, ids = clips.settle([crop], slots, 8)
        own, own_ids, further = SETTLE(jnp.array(keypoints), config)
        np.testing.assert_array_equal(own, expected[0])
        np.testing.assert_array_equal(own_ids, ids[0])
        np.testing.assert_array_equal(~np.asarray(OVERLAY(further, config)), crop.valid)
        erased += (crop.valid == 0).sum()
    assert (erased > 0) == (slots == 2)


@pytest.mark.parametrize("longest", [320, 160])
def test_cells_are_valid_where_they_are_on_the_host(longest):
    """But for cells that a region misses or meets by two pixels of the picture in memory, or the picture ends in."""
    rng = np.random.default_rng(1)
    rectangle = np.array([[9, 9], [80, 9], [80, 70], [9, 70]], np.float32)
    config, whole = dataclasses.replace(PLACE, crop=256), jnp.array([[0, 0, 256, 256]])
    find = jax.jit(lambda pictures, by: batches.valid_cells(pictures, jnp.array([0]), by[None], whole, config))
    off = total = 0
    for at in placements(12, (300, 220), (0.5, 1.2)):
        example = smooth(300, 220, [rng.uniform(0, (300, 220), (5, 2)).astype(np.float32), rectangle])
        scene = Scene(example.keypoints, example.ids, example.regions)
        host = cut(decode(example.image), scene, at, dotted.SKELETON, 256, 256, 8).valid
        own = np.asarray(find(loaded(Listed(example), longest), jnp.array(placement.matrix(at))))
        off += (own != host).sum()
        total += host.size
        inner, outer = (change(host, np.ones((3, 3), np.uint8)) for change in (cv2.erode, cv2.dilate))
        assert not own[outer == 0].any()
        assert (~own[inner == 1]).sum() <= 1  # the tip of a region
        assert 0.1 < host.mean() < 0.9
    assert off / total < 0.007 * 320 / longest


def test_a_flipped_data_set_knows_the_other_side():
    class Left(dotted.Dots):
        labels = frozenset(dotted.SKELETON.joints) - {"right_wrist"}

    right = dotted.SKELETON.index("right_wrist")
    for flip, lacking in ((0.0, right), (1.0, dotted.SKELETON.index("left_wrist"))):
        place = dataclasses.replace(PLACE, flip=flip)
        batch = drawn(Left(3), dataclasses.replace(PLAIN, place=place), 2)
        assert batch.known.tolist() == [[joint != lacking for joint in range(5)]] * 2
        assert not batch.keypoints[:, :, lacking].any()


def test_a_batch_follows_from_its_key_alone():
    config = CropConfig(place=dataclasses.replace(PLACE, crop=64), mosaic=MosaicConfig(share=0.5))
    first, again, other = (drawn(dotted.Dots(5), config, 4, seed) for seed in (3, 3, 4))
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert (first.images != other.images).any()
    assert (first.images[0] != first.images[1]).any()


def test_scales_turns_and_shifts_have_the_config_s_range():
    box, tile = jnp.array([50.0, 40, 60, 120]), jnp.array([0, 0, 368, 368])
    draw = jax.jit(jax.vmap(lambda own: placing.draw_matrix(own, box, tile, jnp.array(False), PLACE.scale, PLACE)))
    maps = np.asarray(draw(chances(3000, placing.MATRIX_CHANCES)), np.float64)
    shares = np.sqrt(np.linalg.det(maps[:, :, :2])) * 120 / (0.6 * 368)
    angles = np.degrees(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    misses = maps @ (80, 100, 1) - 183.5
    for values, low, high in (
        (shares, 1 / 3, 1.1),
        (angles, -45, 45),
        (misses[:, 0], -40, 40),
        (misses[:, 1], -40, 40),
    ):
        assert values.min() == pytest.approx(low, abs=0.01 * (high - low))
        assert values.max() == pytest.approx(high, abs=0.01 * (high - low))
        deciles = np.quantile(values, np.linspace(0.1, 0.9, 9))
        np.testing.assert_allclose(deciles, np.linspace(low, high, 11)[1:-1], atol=0.03 * (high - low))


def test_tiles_are_the_host_s():
    config = MosaicConfig(share=0.6)
    drawing = jax.jit(jax.vmap(lambda own: placing.draw_tiles(own, PLACE, config)))
    tiles, mosaics = drawing(chances(2000, placing.TILE_CHANCES))
    counts, expected = Counter(), Counter()
    widths = []
    for some, is_mosaic in zip(np.asarray(tiles), mosaics, strict=True):
        covered = np.zeros((46, 46), int)
        for x, y, width, height in some[some[:, 2] > 0] // 8:
            covered[y : y + height, x : x + width] += 1
            assert min(width, height) >= 14
            widths.append(8 * width)
        assert (covered == 1).all()
        assert not (some % 8).any()
        counts[int((some[:, 2] > 0).sum())] += 1
        assert is_mosaic == ((some[:, 2] > 0).sum() > 1)
    rng = np.random.default_rng(0)
    drawn_there = [mosaic.draw_tiles(rng, PLACE, config) for _ in range(2000)]
    expected.update(len(each) for each in drawn_there)
    assert {n: counts[n] for n in expected} == pytest.approx(expected, abs=120)
    there = [tile.width for each in drawn_there for tile in each]
    assert np.mean(widths) == pytest.approx(np.mean(there), rel=0.02)
    assert np.std(widths) == pytest.approx(np.std(there), rel=0.03)


def test_the_anchor_has_joints_and_size_enough_where_anybody_has():
    keypoints = np.full((4, 6, 3), 1, np.float32)
    keypoints[1, :2, 2] = 0  # four joints
    keypoints[3, :, 2] = 0
    boxes = np.array([[0, 0, 40, 40], [1, 0, 90, 90], [2, 0, 20, 50], [3, 0, 90, 90]], np.float32)

    def chosen(people):
        some, size = (jnp.array(keypoints[people]), jnp.array(boxes[people])), jnp.array([640.0, 480])
        draw = jax.jit(jax.vmap(lambda own: placing.draw_box(own, *some, size, PLACE)))
        return np.asarray(draw(chances(60, placing.BOX_CHANCES)))

    assert {*chosen(slice(0, 4))[:, 0].tolist()} == {0}
    assert {*chosen(slice(1, 4))[:, 0].tolist()} == {1, 2}
    nobody = chosen(slice(3, 4))
    assert nobody[:, 2:] == pytest.approx(0.6 * 480)
    middles = nobody[:, :2] + nobody[:, 2:] / 2
    assert (middles >= (160, 120)).all()
    assert (middles <= (480, 360)).all()
    assert np.ptp(middles, axis=0) == pytest.approx((320, 240), rel=0.15)


def test_every_picture_is_drawn():
    examples = [smooth(16, 16)._replace(image=cv2.imencode(".png", np.full((16, 16, 3), 10 * i, np.uint8))[1].tobytes())
                for i in range(20)]  # fmt: skip
    place = dataclasses.replace(PLACE, crop=16, scale=(1.0, 1.0), shift=0.0)
    batch = drawn(Listed(*examples), dataclasses.replace(PLAIN, place=place), 300, longest=16)
    counts = Counter((batch.images[:, 8, 8, 0].astype(int) // 10).tolist())
    assert set(counts) == {*range(20)}
    assert max(counts.values()) < 35


def test_clips_are_refused():
    with pytest.raises(ValueError, match=r"`clip.frames` must be 1"):
        drawn(dotted.Dots(2), CropConfig(clip=ClipConfig(frames=3)), 1)


def test_it_lowers_for_every_accelerator():
    config = CropConfig(place=dataclasses.replace(PLACE, crop=64), mosaic=MosaicConfig(share=0.5))

    def draw(key, pictures):
        return tuple(draw_batch(jax.random.wrap_key_data(key), pictures, config, dotted.SKELETON, 2))

    platforms = ["cpu", "cuda", "rocm", "tpu"]
    exported = jax.export.export(jax.jit(lambda key, *arrays: draw(key, type(PICTURES)(*arrays))), platforms=platforms)
    assert exported(np.zeros(2, np.uint32), *PICTURES).platforms == tuple(platforms)


PICTURES = load_pictures(dotted.Dots(2), dotted.SKELETON, 64)
