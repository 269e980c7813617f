import colorsys
import dataclasses

import numpy as np
import pytest

from jaxpose.data.colors import Look, apply, color_map, draw_look
from jaxpose.data.config import ColorConfig

VARIED = ColorConfig(brightness=0.2, contrast=0.3, saturation=0.4, hue=20.0, grey=0.1, blur=0.2, noise=0.2, jpeg=0.2)


def changed(rgb, **amounts):
    """One colour after the map, as apply gives it."""
    map_ = color_map(**{"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0, **amounts})
    picture = np.full((2, 2, 3), rgb[::-1], np.uint8)
    return apply(Look(map_, 0, 0, 0), picture, np.random.default_rng(0))[0, 0].tolist()


def test_each_amount_does_what_it_says():
    assert changed((10, 100, 200)) == [10, 100, 200]
    assert changed((10, 100, 200), brightness=0.2) == [61, 151, 251]
    assert changed((10, 100, 250), brightness=-0.2) == [0, 49, 199]
    assert changed((28, 128, 228), contrast=-0.5) == [78, 128, 178]
    assert changed((28, 128, 228), contrast=-1) == [128, 128, 128]
    assert changed((10, 100, 200), hue=120) == [200, 10, 100]
    assert changed((10, 100, 200), hue=240) == [100, 200, 10]
    luma = 0.299 * 10 + 0.587 * 100 + 0.114 * 200
    assert changed((10, 100, 200), saturation=-1) == pytest.approx([luma] * 3, abs=1)
    vivid = [luma + 1.1 * (value - luma) for value in (10, 100, 200)]
    assert changed((10, 100, 200), saturation=0.1) == pytest.approx(vivid, abs=1)


def test_hue_turns_as_colorsys_counts():
    for degrees in (-40, -15, 30, 75):
        red, green, blue = (value / 255 for value in changed((180, 90, 90), hue=degrees))
        assert (360 * colorsys.rgb_to_hsv(red, green, blue)[0] + 180) % 360 - 180 == pytest.approx(degrees, abs=6)


def test_grey_keeps_hue_and_saturation_apart():
    for amounts in ({"saturation": 0.7}, {"hue": 77.0}, {"saturation": -0.7, "hue": 10.0}):
        assert changed((128, 128, 128), **amounts) == [128, 128, 128]


def test_nothing_changes_by_default_but_the_order_of_channels():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 30, 3), np.uint8)
    look = draw_look(rng, ColorConfig())
    assert look == Look(None, 0.0, 0.0, 0)
    np.testing.assert_array_equal(apply(look, picture, rng), picture[..., ::-1])


def test_looks_are_drawn_as_often_as_asked():
    rng = np.random.default_rng(0)
    looks = [draw_look(rng, VARIED) for _ in range(2000)]
    for name, most in (("blur", 2.0), ("noise", 12.0), ("jpeg", 80)):
        values = np.array([getattr(look, name) for look in looks])
        assert (values > 0).mean() == pytest.approx(0.2, abs=0.03)
        assert 0.9 * most < values.max() <= most
    grey = [np.ptp(look.colors[:, :3], axis=0).max() < 1e-9 for look in looks]
    assert np.mean(grey) == pytest.approx(0.1, abs=0.02)


def test_one_setting_does_not_change_what_others_come_out_as():
    for name in ("grey", "blur", "noise", "jpeg"):
        without = dataclasses.replace(VARIED, **{name: 0.0})
        pairs = [
            tuple(draw_look(np.random.default_rng(seed), config) for config in (VARIED, without)) for seed in range(40)
        ]
        if name == "grey":
            assert all(a[1:] == b[1:] for a, b in pairs)
        else:
            assert all(a._replace(colors=None, **{name: 0}) == b._replace(colors=None) for a, b in pairs)
            assert all(np.array_equal(a.colors, b.colors) for a, b in pairs)


def test_blur_noise_and_jpeg_are_as_strong_as_they_say():
    rng = np.random.default_rng(0)
    flat = np.full((200, 200, 3), 128, np.uint8)
    assert apply(Look(None, 0, 12.0, 0), flat, rng).std() == pytest.approx(12, rel=0.03)
    step = flat.copy()
    step[:, 100:] = 228
    slope = np.diff(apply(Look(None, 3.0, 0, 0), step, rng)[100, :, 0].astype(float))
    middle = (slope * np.arange(199)).sum() / slope.sum()
    spread = np.sqrt((slope * np.square(np.arange(199) - middle)).sum() / slope.sum())
    assert spread == pytest.approx(3, rel=0.1)
    noisy = rng.integers(0, 256, (64, 64, 3), np.uint8)
    losses = [
        np.abs(apply(Look(None, 0, 0, quality), noisy, rng)[..., ::-1].astype(int) - noisy).mean()
        for quality in (90, 20)
    ]
    assert 2 < losses[0] < losses[1]
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 2] = 255  # BGR
    assert apply(Look(None, 0, 0, 90), red, rng)[16, 16] == pytest.approx([255, 0, 0], abs=4)
