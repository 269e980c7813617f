"""How pictures fit a network's input; IoU and OKS against plain loops."""

import numpy as np
import pytest

from jaxpose.geometry import crop_maps, fit_aspect, fit_input, iou, oks, to_source
from jaxpose.video.resize import apply_fit


@pytest.mark.parametrize(
    ("width", "height", "size", "expected"),
    [
        (1280, 720, 656, (656, 368)),
        (768, 576, 768, (768, 576)),
        (640, 480, 656, (656, 496)),
        (720, 1280, 656, (368, 656)),
        (384, 288, 656, (656, 496)),  # enlarged
        (1000, 2, 656, (656, 8)),  # never nothing
    ],
)
def test_fit_is_a_multiple_of_the_stride(width: int, height: int, size: int, expected: tuple[int, int]) -> None:
    fit = fit_input(width, height, size, 8)
    assert (fit.width, fit.height) == expected
    assert width * fit.scale <= fit.width + 1e-9
    assert height * fit.scale <= fit.height + 1e-9
    assert fit.width - width * fit.scale < 8 or fit.height - height * fit.scale < 8


def test_size_below_the_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="at least the stride 8, got 4"):
        fit_input(100, 100, 4, 8)


def test_corners_map_to_corners() -> None:
    fit = fit_input(1280, 720, 640, 8)
    assert fit.scale == 0.5
    # The centre of the input's first pixel is the middle of the picture's first two by two pixels.
    np.testing.assert_allclose(to_source(np.array([[0.0, 0.0], [639.0, 359.0]]), fit), [[0.5, 0.5], [1278.5, 718.5]])


def test_a_picture_keeps_its_aspect_and_is_padded_with_grey() -> None:
    image = np.full((100, 200, 3), 255, np.uint8)
    fit = fit_input(200, 100, 104, 8)
    assert (fit.width, fit.height) == (104, 56)
    fitted = apply_fit(image, fit)
    assert fitted.shape == (56, 104, 3)
    assert (fitted[:52] == 255).all()
    assert (fitted[52:] == 128).all()


def test_a_bright_spot_stays_where_it_was() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image[100:104, 200:204] = 255
    for size in (160, 320, 640):
        fit = fit_input(320, 240, size, 8)
        fitted = apply_fit(image, fit)[..., 0].astype(float)
        centre = np.array([(fitted.sum(0) @ np.arange(fitted.shape[1])), (fitted.sum(1) @ np.arange(fitted.shape[0]))])
        np.testing.assert_allclose(to_source(centre / fitted.sum(), fit), [201.5, 101.5], atol=0.3)


def test_iou() -> None:
    a = np.array([[0.0, 0, 10, 10], [5, 5, 10, 10], [0, 0, 0, 0]])
    np.testing.assert_allclose(iou(a, a), [[1, 25 / 175, 0], [25 / 175, 1, 0], [0, 0, 0]])
    assert iou(a, np.zeros((0, 4))).shape == (3, 0)


def test_oks_against_a_loop() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0, 40, (3, 5, 3)), rng.uniform(0, 40, (4, 5, 3))
    a[..., 2], b[..., 2] = rng.integers(0, 2, (3, 5)), rng.integers(0, 2, (4, 5))
    a[0, :, 2] = 0
    sigmas, areas = rng.uniform(0.02, 0.1, 5), rng.uniform(500, 2000, (3, 4))
    expected = np.zeros((3, 4))
    for i in range(3):
        for j in range(4):
            terms = [
                np.exp(-((a[i, k, :2] - b[j, k, :2]) ** 2).sum() / (2 * areas[i, j] * (2 * sigmas[k]) ** 2))
                for k in range(5)
                if a[i, k, 2] and b[j, k, 2]
            ]
            expected[i, j] = np.mean(terms) if terms else 0
    np.testing.assert_allclose(oks(a, b, sigmas, areas), expected, rtol=1e-12)
    assert (expected[0] == 0).all()
    assert oks(a[:0], b, sigmas, areas[:0]).shape == (0, 4)


@pytest.mark.parametrize("aspect", [1.0, 0.75, 2.5])
@pytest.mark.parametrize("grow", [1.0, 1.25])
def test_a_box_of_an_aspect_holds_the_box(aspect: float, grow: float) -> None:
    boxes = np.array([[10, 20, 30, 40], [-5, 3, 100, 1], [0, 0, 1, 50]], np.float64)
    found = fit_aspect(boxes, aspect, grow)
    np.testing.assert_allclose(found[:, 2] / found[:, 3], aspect)
    np.testing.assert_allclose(found[:, :2] + found[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2)
    tight = np.maximum(boxes[:, 2], aspect * boxes[:, 3])  # as wide as it must be
    np.testing.assert_allclose(found[:, 2], grow * tight)
    assert fit_aspect(np.zeros((0, 4)), aspect).shape == (0, 4)


def test_a_crop_s_map_takes_its_edges_to_the_box_s() -> None:
    boxes = np.array([[10, 20, 30, 40], [-0.5, -0.5, 64, 48]], np.float64)
    for by, (x, y, w, h) in zip(crop_maps(boxes, 16, 12), boxes, strict=True):
        np.testing.assert_allclose(by @ (-0.5, -0.5, 1), (x, y))
        np.testing.assert_allclose(by @ (15.5, 11.5, 1), (x + w, y + h))
        np.testing.assert_allclose(by @ (7.5, 5.5, 1), (x + w / 2, y + h / 2))
    np.testing.assert_allclose(crop_maps(boxes, 64, 48)[1], [[1, 0, 0], [0, 1, 0]])  # the picture as it is
