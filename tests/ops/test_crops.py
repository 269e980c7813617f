"""Crops on the device against OpenCV's warps, and keypoints on their way back."""

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.geometry import crop_maps
from jaxpose.ops.crops import to_frames, warp_crops

SIZE = (64, 48)
INVERSE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Slow waves in three channels; OpenCV rounds places to 1/32 pixel, which is nothing where a picture is smooth."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / 700 + rng.uniform(0, 6)) * np.cos(y / 700 + rng.uniform(0, 6)) for _ in range(3)]
    return np.stack(waves, axis=-1).astype(np.float32)


def turned(scale: float, angle: float, x: float, y: float, mirrored: bool = False) -> np.ndarray:
    """A map from the crop to the frame."""
    cos, sin = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
    side = -1 if mirrored else 1
    return np.array([[side * cos, -sin, x], [side * sin, cos, y]], np.float32)


def crop(frames: np.ndarray, index: list[int], maps: np.ndarray, **options: float) -> np.ndarray:
    cut = jax.jit(lambda frames, index, maps: warp_crops(frames, index, maps, SIZE, **options))
    return np.asarray(cut(frames, jnp.array(index), jnp.asarray(maps, jnp.float32)))


@pytest.mark.parametrize("angle", [0, 30, -160])
@pytest.mark.parametrize("scale", [0.3, 1.0, 1.9])
@pytest.mark.parametrize("mirrored", [False, True])
def test_smooth_pictures_are_warped_as_opencv_does(angle: float, scale: float, mirrored: bool) -> None:
    frames = np.stack([smooth(400, 400, seed) for seed in range(2)])
    maps = np.stack([turned(scale, angle, x, y, mirrored) for x, y in ((200.4, 190.7), (180, 200.25), (220.1, 200))])
    index = [1, 0, 1]
    for found, frame, by in zip(crop(frames, index, maps), index, maps, strict=True):
        inner = np.abs([by @ (u, v, 1) - 199.5 for u in (0, 47) for v in (0, 63)]).max(axis=0)
        assert (inner < 199).all()  # nothing of the border, where no picture is smooth
        expected = cv2.warpAffine(frames[frame], by, SIZE[::-1], flags=INVERSE)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-2)


@pytest.mark.parametrize(("scale", "by"), [(2.0, 2), (3.7, 2), (4.0, 4), (7.9, 4)])
def test_a_smaller_crop_is_one_of_the_averaged_picture(scale: float, by: int) -> None:
    frame = smooth(512, 512) + np.random.default_rng(0).normal(0, 20, (512, 512, 3)).astype(np.float32)
    small = cv2.resize(frame, (512 // by, 512 // by), interpolation=cv2.INTER_AREA)
    to_small = turned(scale, 0, 5, 7) / by
    to_small[:, 2] = (np.array([5, 7]) + 0.5) / by - 0.5
    places = to_small[:, 2, None] + to_small[0, 0] * np.arange(48)[:5]  # float64 bilinear by hand, a few pixels
    found = crop(frame[None], [0], turned(scale, 0, 5, 7)[None])[0]
    for u in range(5):
        for v in range(5):
            x, y = places[0, u], places[1, v]
            i, j, a, b = int(x), int(y), x % 1, y % 1
            rows = (small[j + k, i] * (1 - a) + small[j + k, i + 1] * a for k in (0, 1))
            np.testing.assert_allclose(found[v, u], (1 - b) * next(rows) + b * next(rows), rtol=0, atol=1e-2)


def test_fine_stripes_do_not_come_through_a_smaller_crop() -> None:
    stripes = np.zeros((1, 256, 256, 3), np.uint8)
    stripes[:, :, ::2] = 255
    found = crop(stripes, [0], turned(2.0, 0, 20, 20)[None])
    np.testing.assert_array_equal(found, 128)  # bytes are rounded, halves upwards
    plain = cv2.warpAffine(stripes[0], turned(2.0, 0, 20, 20), SIZE[::-1], flags=INVERSE)
    assert plain.min() == plain.max() == 255  # what reading every second pixel alone gives


@pytest.mark.parametrize("shape", [(101, 77), (64, 48), (9, 500)])
def test_around_a_picture_all_is_filled(shape: tuple[int, int]) -> None:
    frame = np.full((1, *shape, 3), 200, np.uint8)
    for scale in (0.5, 1.0, 3.0, 20.0):
        found = crop(frame, [0], turned(scale, 0, -10 * scale, -12 * scale)[None], fill=30)[0]
        assert (found[:11] == 30).all()
        assert (found[:, :9] == 30).all()
        assert found[12:14, 10:14].max() > 30
        assert found.min() == 30
        assert (crop(frame, [0], turned(scale, 0, 5000, 5000)[None], fill=30) == 30).all()


def test_the_border_is_opencv_s() -> None:
    frame = smooth(120, 160)
    by = turned(0.9, 10, -8, 100)
    expected = cv2.warpAffine(frame, by, SIZE[::-1], flags=INVERSE, borderValue=(30, 30, 30))
    # OpenCV rounds places to 1/32 pixel, and the border is a step of up to 200
    np.testing.assert_allclose(crop(frame[None], [0], by[None], fill=30)[0], expected, rtol=0, atol=200 / 32)


def test_slots_without_a_person_touch_no_other() -> None:
    frame = smooth(100, 100)[None]
    alone = crop(frame, [0], turned(1, 0, 10, 10)[None])
    maps = np.stack([turned(1, 0, 10, 10), np.zeros((2, 3)), np.full((2, 3), np.nan), np.full((2, 3), 1e30)])
    found = crop(frame, [0, 0, 0, 0], maps)
    np.testing.assert_array_equal(found[0], alone[0])
    assert np.isfinite(found[1]).all()


def test_a_crop_of_the_whole_picture_is_the_picture() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
    maps = crop_maps(np.array([[-0.5, -0.5, 48, 64]]), 48, 64)
    np.testing.assert_array_equal(crop(frame[None], [0], maps)[0], frame)


def test_keypoints_come_back_to_the_frame() -> None:
    boxes = np.array([[10, 20, 30, 40], [-5, 3, 96, 128]], np.float64)
    maps = jnp.asarray(crop_maps(boxes, 48, 64), jnp.float32)
    corners = jnp.array([[[-0.5, -0.5, 0.3], [47.5, 63.5, 0.9], [23.5, 31.5, 1.0]]] * 2)
    found = to_frames(corners, maps)
    np.testing.assert_allclose(found[..., 2], corners[..., 2])
    np.testing.assert_allclose(found[:, 0, :2], boxes[:, :2], atol=1e-4)
    np.testing.assert_allclose(found[:, 1, :2], boxes[:, :2] + boxes[:, 2:], atol=1e-4)
    np.testing.assert_allclose(found[:, 2, :2], boxes[:, :2] + boxes[:, 2:] / 2, atol=1e-4)
    turn = turned(1.7, 33, 4, 5)[None]
    expected = cv2.transform(np.array(corners[:1, :, :2]), turn[0])
    np.testing.assert_allclose(to_frames(corners[:1], jnp.asarray(turn))[..., :2], expected, atol=1e-4)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "rocm", "tpu"])
def test_lowers_for_every_platform(platform: str) -> None:
    shapes = [
        jax.ShapeDtypeStruct((2, 100, 120, 3), jnp.uint8),
        jax.ShapeDtypeStruct((8,), jnp.int32),
        jax.ShapeDtypeStruct((8, 2, 3), jnp.float32),
    ]
    exported = jax.export.export(jax.jit(lambda *of: warp_crops(*of, SIZE)), platforms=[platform])(*shapes)
    assert exported.out_avals[0].shape == (8, *SIZE, 3)
