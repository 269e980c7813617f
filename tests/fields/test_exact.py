"""The `exact` decoding against a plain NumPy and OpenCV account of the same rules, in float64 with loops."""

import functools
import math

import cv2
import jax
import jax.export
import numpy as np
import pytest
import scenes

from jaxpose.fields.config import ExactConfig
from jaxpose.fields.exact import find_exact_candidates
from jaxpose.records import Candidates
from jaxpose.skeletons import BODY_25, COCO_18

CONFIG = ExactConfig()


def decoder(skeleton=COCO_18, stride=8, config=CONFIG):
    return functools.partial(
        find_exact_candidates, limbs=skeleton.limbs, joints=len(skeleton.joints), stride=stride, config=config
    )


decode = jax.jit(decoder())


def frame(candidates: Candidates, i: int = 0) -> Candidates:
    return Candidates(*(np.asarray(field)[i] for field in candidates))


def enlarged(maps: np.ndarray, times: int) -> np.ndarray:
    h, w = maps.shape[:2]
    size = (w * times, h * times)
    channels = [cv2.resize(channel, size, interpolation=cv2.INTER_CUBIC) for channel in np.moveaxis(maps, -1, 0)]
    return np.stack(channels, axis=-1).astype(np.float64)


def true_peaks(heat: np.ndarray, threshold: float) -> list[tuple[float, float, float]]:
    """x, y, score of one enlarged heatmap, highest first."""
    h, w = heat.shape
    peaks = []
    for y in range(1, h - 1):
        for x in range(1, w - 1):
            value = heat[y, x]
            if value <= threshold:
                continue
            around = heat[y - 1 : y + 2, x - 1 : x + 2].ravel()[[0, 1, 2, 3, 5, 6, 7, 8]]
            ring = x in (1, w - 2) or y in (1, h - 2)
            if (value >= around).all() if ring else (value > around).all():
                rows, columns = np.mgrid[max(y - 3, 0) : min(y + 4, h), max(x - 3, 0) : min(x + 4, w)]
                weight = np.maximum(heat[rows, columns], 0)
                peaks.append(((weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum(), value))
    return sorted(peaks, key=lambda peak: -peak[2])


def true_score(field: np.ndarray, a: np.ndarray, b: np.ndarray, config: ExactConfig) -> float:
    """The score of the connection from a to b; `field` is the limb's enlarged field [h, w, 2]."""
    h, w = field.shape[:2]
    way = b - a
    length = math.hypot(*way)
    if length <= 1e-6:
        return 0
    n = int(max(5, min(25, math.floor(math.sqrt(5 * np.abs(way).max()) + 0.5))))
    kept = []
    for k in range(n):
        x, y = (
            int(min(max(v, 0), top)) for v, top in zip(np.floor(a + k * way / n + 0.5), (w - 1, h - 1), strict=True)
        )
        value = float(field[y, x] @ way / length)
        if value > config.sample_threshold:
            kept.append(value)
    if len(kept) / n > config.sample_share:
        return sum(kept) / len(kept)
    return config.peak_threshold + 1e-6 if length < math.sqrt(w * h) / 150 else 0


def assert_follows_the_rules(heat, paf, skeleton, stride, found, config=CONFIG):
    """`found` is one frame's; peaks are compared first, connections then at the peaks found."""
    large_heat, large_paf = enlarged(heat[..., : len(skeleton.joints)], stride), enlarged(paf, stride)
    for joint in range(len(skeleton.joints)):
        truth = np.array(true_peaks(large_heat[..., joint], config.peak_threshold)).reshape(-1, 3)
        assert found.found[joint] == len(truth)
        n = min(len(truth), config.candidates)
        np.testing.assert_allclose(found.score[joint, :n], truth[:n, 2], atol=1e-5)
        np.testing.assert_allclose(found.xy[joint, :n], truth[:n, :2], atol=1e-3)
        assert not found.score[joint, n:].any()
        assert not found.xy[joint, n:].any()
    different = total = 0
    for limb, (first, second) in enumerate(skeleton.limbs):
        n, m = (min(int(found.found[joint]), config.candidates) for joint in (first, second))
        truth = np.zeros((config.candidates, config.candidates))
        for i in range(n):
            for k in range(m):
                ends = (found.xy[joint, slot].astype(float) for joint, slot in ((first, i), (second, k)))
                truth[i, k] = true_score(large_paf[..., 2 * limb : 2 * limb + 2], *ends, config)
        np.testing.assert_array_equal(found.partner[limb, :n, :m], np.broadcast_to(np.arange(m), (n, m)))
        different += (np.abs(found.affinity[limb] - truth) > 1e-4).sum()
        total += n * m
    # A point within rounding of the border of two pixels may fall on either side.
    assert different <= 0.002 * total
    return total


def noisy(people, skeleton, h, w, stride=8, sigma=7.0, noise=0.02, seed=0):
    rng = np.random.default_rng(seed)
    maps = scenes.render(people, skeleton, h, w, stride, sigma)
    return tuple((field + rng.normal(0, noise, field.shape)).astype(np.float32) for field in maps)


@pytest.mark.parametrize(
    ("skeleton", "n", "h", "w", "stride"), [(COCO_18, 6, 20, 31, 8), (COCO_18, 3, 30, 22, 4), (BODY_25, 2, 18, 16, 8)]
)
def test_follows_the_rules(skeleton, n, h, w, stride):
    rng = np.random.default_rng(n)
    people = scenes.crowd(rng, n, skeleton, w * stride, h * stride)
    heat, paf = noisy(people, skeleton, h, w, stride, sigma=0.9 * stride)
    found = frame(jax.jit(decoder(skeleton, stride))(heat[None], paf[None]))
    assert found.found.min() >= 1
    assert found.affinity.max() > 0.8
    assert assert_follows_the_rules(heat, paf, skeleton, stride, found) > 300


def test_follows_the_rules_where_all_is_noise():
    """Peaks everywhere, on the ring of the map too, beyond the slots, and pairs that the near-pair rule joins."""
    rng = np.random.default_rng(1)
    heat = rng.normal(0, 0.1, (9, 11, 19)).astype(np.float32)
    paf = rng.normal(0.1, 0.1, (9, 11, 38)).astype(np.float32)
    config = ExactConfig(candidates=10)
    found = frame(jax.jit(decoder(config=config))(heat[None], paf[None]))
    assert found.found.max() > 10
    assert_follows_the_rules(heat, paf, COCO_18, 8, found, config)


def test_a_plateau_is_a_peak_only_on_the_ring():
    """Two equal pixels side by side: none is above the other, which only the pixels next to the border may ignore."""
    heat = np.zeros((1, 16, 16, 18), np.float32)
    heat[0, 7, 4:6, 0] = heat[0, 1, 4:6, 1] = 0.5
    found = frame(jax.jit(decoder(stride=1))(heat, np.zeros((1, 16, 16, 38), np.float32)))
    assert found.found[:2].tolist() == [0, 2]


@pytest.mark.parametrize("n", [1, 7, 12, 20, 40])
def test_the_bucket_and_the_batch_change_nothing(n):
    rng = np.random.default_rng(n)
    scene = [noisy(scenes.standing_people(rng, k, COCO_18, 656, 368), COCO_18, 46, 82, noise=0) for k in (n, 45)]
    both = [np.stack(field) for field in zip(*scene, strict=True)]
    alone, together = (frame(decode(*(field[:size] for field in both))) for size in (1, 2))
    assert alone.affinity.max() > 0.9
    for name, one, other in zip(Candidates._fields, alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, err_msg=name)


def test_the_original_s_127_peaks_of_a_joint():
    heat, paf = (np.zeros((1, 46, 82, c), np.float32) for c in (19, 38))
    rng = np.random.default_rng(0)
    heat[0, 1::3, 1::3, 3] = 0.5 + rng.random((15, 27)) / 2
    heat += rng.normal(0, 0.003, heat.shape).astype(np.float32)  # else the four middle pixels of a cell are equal
    found = decode(heat, paf)
    assert found.found[0, 3] == 15 * 27
    assert found.score.shape == (1, 18, 127)
    assert found.affinity.shape == (1, 19, 127, 127)
    assert (np.diff(found.score[0, 3]) <= 0).all()
    assert found.score[0, 3, -1] > 0.6


@pytest.mark.parametrize(("apart", "expected"), [(0.0, 0.0), (3.0, 0.05 + 1e-6), (4.0, 0.0)])
def test_near_peaks_are_joined_without_a_field_but_coincident_ones_never(apart, expected):
    # Near is less than sqrt(656 * 368) / 150 = 3.28 pixels.
    nose, eye = COCO_18.index("nose"), COCO_18.index("right_eye")
    person = np.zeros((1, 18, 3))
    person[0, nose] = 300, 200, 1
    person[0, eye] = 300 + apart, 200, 1
    heat, _ = scenes.render(person, COCO_18, 46, 82)
    found = decode(heat[None].astype(np.float32), np.zeros((1, 46, 82, 38), np.float32))
    assert found.affinity[0, COCO_18.limbs.index((nose, eye)), 0, 0] == pytest.approx(expected)


def test_places_are_pixels_of_the_input():
    people = scenes.standing_people(np.random.default_rng(0), 9, COCO_18, 656, 368)
    heat, paf = noisy(people, COCO_18, 46, 82, noise=0)
    found = frame(decode(heat[None], paf[None]))
    apart = []
    for joint in range(18):
        each = found.xy[joint, :9, None] - people[None, :, joint, :2]
        apart.append(each[np.arange(9), np.hypot(*each.transpose(2, 0, 1)).argmin(1)])
    assert np.abs(apart).max() < 1.2  # a centroid is drawn to the middle of the nearest cell
    assert np.abs(np.mean(apart, axis=(0, 1))).max() < 0.1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_frame_with_a_value_that_is_not_finite_is_told(value):
    heat, paf = np.zeros((2, 8, 8, 19), np.float32), np.zeros((2, 8, 8, 38), np.float32)
    paf[1, 3, 3, 5] = value
    assert decode(heat, paf).finite.tolist() == [True, False]


def test_sizes_out_of_range_are_refused():
    with pytest.raises(ValueError, match="candidates"):
        ExactConfig(candidates=0)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_lowers_for_every_platform(platform):
    shapes = [jax.ShapeDtypeStruct((2, 23, 41, c), np.float32) for c in (19, 38)]
    exported = jax.export.export(jax.jit(decoder()), platforms=[platform])(*shapes)
    assert exported.platforms == (platform,)
