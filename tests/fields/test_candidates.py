import functools

import jax
import jax.export
import numpy as np
import pytest
import scenes

from jaxpose.fields.candidates import find_candidates
from jaxpose.fields.config import DecodeConfig
from jaxpose.records import Candidates
from jaxpose.skeletons import BODY_25, COCO_18

STRIDE, H, W = 8, 46, 82
CONFIG = DecodeConfig()


def decoder(skeleton=COCO_18, stride=STRIDE, config=CONFIG):
    return functools.partial(
        find_candidates, limbs=skeleton.limbs, joints=len(skeleton.joints), stride=stride, config=config
    )


decode = jax.jit(decoder())


def maps_of(*counts, noise=0.01, people=scenes.standing_people):
    """Noisy maps of a batch of scenes with so many people, as float32."""
    rng = np.random.default_rng(7)
    heat, paf = zip(
        *(scenes.render(people(rng, n, COCO_18, W * STRIDE, H * STRIDE), COCO_18, H, W) for n in counts), strict=True
    )
    return tuple((np.stack(f) + rng.normal(0, noise, np.shape(f))).astype(np.float32) for f in (heat, paf))


def assert_same(a: Candidates, b: Candidates) -> None:
    for name, x, y in zip(Candidates._fields, a, b, strict=True):
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=1e-6, atol=1e-5, err_msg=name)


def frame(candidates: Candidates, i: int) -> Candidates:
    return Candidates(*(np.asarray(field)[i] for field in candidates))


def test_shapes_and_what_slots_without_a_peak_hold():
    found = jax.device_get(decode(*maps_of(0, 3)))
    assert [field.shape for field in found] == [
        (2, 18, 64, 2), (2, 18, 64), (2, 18), (2, 19, 64, 8), (2, 19, 64, 8), (2,),
    ]  # fmt: skip
    assert found.found.tolist() == [[0] * 18, [3] * 18]
    assert not found.affinity[0].any()
    assert not found.affinity[1, :, 3:].any()
    assert not found.xy[:, :, 3:].any()
    assert not found.score[:, :, 3:].any()
    assert found.partner[1, :, :3, :3].max() == 2
    assert not found.partner[1, :, :, 3:].any()


@pytest.mark.parametrize("stride", [4, 8])
def test_places_are_pixels_of_the_input(stride):
    rng = np.random.default_rng(0)
    people = scenes.standing_people(rng, 2, BODY_25, 40 * stride, 40 * stride)
    heat, paf = scenes.render(people, BODY_25, 40, 40, stride, sigma=stride)
    find = jax.jit(decoder(BODY_25, stride, DecodeConfig(candidates=8)))
    found = frame(find(heat[None].astype(np.float32), paf[None].astype(np.float32)), 0)
    for joint in range(25):
        apart = np.hypot(*(found.xy[joint, :2, None] - people[None, :, joint, :2]).transpose(2, 0, 1))
        assert apart.min(axis=0).max() < 0.02


def test_the_background_is_not_read():
    heat, paf = maps_of(4)
    find = jax.jit(decoder(config=DecodeConfig(candidates=8)))
    assert_same(find(heat, paf), find(heat[..., :-1], paf))


@pytest.mark.parametrize("n", [1, 6, 12, 25])
def test_the_bucket_and_the_batch_change_nothing(n):
    alone = maps_of(n)
    crowd = maps_of(9, 17, 33, 50)
    expected = frame(decode(*alone), 0)
    assert expected.affinity.max() > 0.9
    for other in range(4):
        both = [np.concatenate([a, b[other : other + 1]]) for a, b in zip(alone, crowd, strict=True)]
        assert_same(frame(decode(*both), 0), expected)


def test_single_batch_and_scan_agree():
    heat, paf = maps_of(2, 9, 0, 20)
    batch = decode(heat, paf)
    singles = [decode(heat[i : i + 1], paf[i : i + 1]) for i in range(4)]
    _, scanned = jax.jit(lambda maps: jax.lax.scan(lambda carry, one: (carry, decoder()(*one)), 0, maps))(
        (heat[:, None], paf[:, None])
    )
    for i in range(4):
        assert_same(frame(batch, i), frame(singles[i], 0))
        assert_same(frame(batch, i), frame(frame(scanned, i), 0))


def test_more_peaks_than_slots_are_told():
    heat, paf = (np.zeros((1, 46, 82, c), np.float32) for c in (19, 38))
    heat[0, ::2, ::2, 3] = 0.5 + np.random.default_rng(0).random((23, 41)) / 2
    found = decode(heat, paf)
    assert found.found[0].tolist() == [0, 0, 0, 23 * 41, *[0] * 14]
    assert (found.score[0, 3] > 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["heatmap", "background", "paf"])
def test_a_frame_with_a_value_that_is_not_finite_is_told(value, where):
    heat, paf = maps_of(3, 3, 3)
    target, channel = {"heatmap": (heat, 4), "background": (heat, 18), "paf": (paf, 11)}[where]
    target[1, 20, 30, channel] = value
    found = decode(heat, paf)
    assert found.finite.tolist() == [True, False, True]
    clean = decode(*maps_of(3, 3, 3))
    for i in (0, 2):
        assert_same(frame(found, i), frame(clean, i))


@pytest.mark.parametrize(("apart", "expected"), [(0.0, 0.0), (3.0, CONFIG.peak_threshold + 1e-6), (4.0, 0.0)])
def test_near_peaks_are_joined_without_a_field_but_coincident_ones_never(apart, expected):
    # Near is less than sqrt(656 * 368) / 150 = 3.28 pixels.
    nose, eye = COCO_18.index("nose"), COCO_18.index("right_eye")
    person = np.zeros((1, 18, 3))
    person[0, nose] = 300, 200, 1
    person[0, eye] = 300 + apart, 200, 1
    heat, _ = scenes.render(person, COCO_18, H, W)
    found = decode(heat[None].astype(np.float32), np.zeros((1, H, W, 38), np.float32))
    assert found.affinity[0, COCO_18.limbs.index((nose, eye)), 0, 0] == pytest.approx(expected)


def test_a_mirrored_picture_has_mirrored_candidates():
    heat, paf = maps_of(9, noise=0.02)
    flip = COCO_18.flip
    turned_limbs = [COCO_18.limbs.index((flip[a], flip[b])) for a, b in COCO_18.limbs]
    mirrored_heat = heat[:, :, ::-1][..., [*flip, 18]]
    mirrored_paf = paf[:, :, ::-1].reshape(1, H, W, 19, 2)[..., turned_limbs, :] * np.float32([-1, 1])
    one = frame(decode(heat, paf), 0)
    other = frame(decode(mirrored_heat, mirrored_paf.reshape(paf.shape)), 0)
    np.testing.assert_array_equal(one.found, other.found[list(flip)])
    for joint in range(18):
        n = one.found[joint]
        there = other.xy[flip[joint], :n] * (-1, 1) + (W * STRIDE - 1, 0)
        np.testing.assert_allclose(one.xy[joint, :n], there, atol=1e-3)
    # Equal order of the peaks (noise leaves no ties), hence equal partners and affinities.
    np.testing.assert_array_equal(one.partner, other.partner[turned_limbs])
    np.testing.assert_allclose(one.affinity, other.affinity[turned_limbs], atol=1e-4)


def test_fewer_candidates_and_partners():
    heat, paf = maps_of(12)
    few = frame(jax.jit(decoder(config=DecodeConfig(candidates=10, partners=3)))(heat, paf), 0)
    full = frame(decode(heat, paf), 0)
    assert few.affinity.shape == (19, 10, 3)
    np.testing.assert_array_equal(few.xy, full.xy[:, :10])
    np.testing.assert_array_equal(few.found, full.found)
    assert few.partner.max() == 9


@pytest.mark.parametrize("wrong", [{"candidates": 65}, {"candidates": 0}, {"partners": 0}, {"samples": 0}])
def test_sizes_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DecodeConfig(**wrong)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_lowers_for_every_platform(platform):
    shapes = [jax.ShapeDtypeStruct((2, H, W, c), np.float32) for c in (19, 38)]
    exported = jax.export.export(jax.jit(decoder()), platforms=[platform])(*shapes)
    assert exported.platforms == (platform,)
    if platform == "cpu":
        maps = maps_of(3, 10)
        assert_same(Candidates(*exported.call(*maps)), decode(*maps))
