import cv2
import numpy as np
import pytest

from jaxpose.data.pictures import Picture, decode, draw, shrink


def smooth(width, height):
    """Colours that change slowly, so that any way to make them smaller agrees."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.round(255 * np.stack([x, y, (x + y) / 2], axis=-1)).astype(np.uint8)


def coded(image, suffix):
    return cv2.imencode(suffix, image)[1].tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize(("scale", "shrunk"), [(2.0, 1), (0.51, 1), (0.5, 2), (0.26, 2), (0.25, 4), (0.05, 16)])
def test_small_drawings_are_of_small_decodings_and_lie_alike(suffix, scale, shrunk):
    image = smooth(401, 303)
    picture = decode(coded(image, suffix), scale)
    assert picture.shrunk == shrunk
    assert abs(picture.width - 401) < shrunk
    assert abs(picture.height - 303) < shrunk
    matrix = np.array([[scale, 0, 7.3], [0, scale, 11.7]])
    width, height = round(401 * scale) + 20, round(303 * scale) + 20
    drawn = draw(picture, matrix, width, height)
    inside = draw(Picture(np.full_like(image, 255), 1), matrix, width, height).min(axis=-1) == 255
    inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5))) > 0
    y, x = np.nonzero(inside)
    expected = 255 * np.stack([(x - 7.3) / scale / 400, (y - 11.7) / scale / 302], axis=-1)
    assert len(x) > 50
    assert np.abs(drawn[inside][:, :2] - expected).max() < 6


def test_nothing_is_skipped_between_pixels():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (400, 400, 3), np.uint8)  # white noise: its averages are grey
    drawn = draw(decode(coded(image, ".png"), 0.125), np.array([[0.125, 0, 0], [0, 0.125, 0]]), 50, 50)
    assert drawn[2:-2, 2:-2].std() < 255 / np.sqrt(12) / 8 * 1.5


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0 half a header"])
def test_what_is_no_picture_is_none(data):
    assert decode(data, 1.0) is None


def test_marks_that_turn_a_picture_are_ignored():
    jpeg = coded(smooth(40, 20), ".jpg")
    turned = b"Exif\0\0MM\0*" + bytes.fromhex("00000008 0001 0112 0003 00000001 00060000 00000000")
    marked = jpeg[:2] + b"\xff\xe1" + (len(turned) + 2).to_bytes(2, "big") + turned + jpeg[2:]
    assert cv2.imdecode(np.frombuffer(marked, np.uint8), cv2.IMREAD_COLOR).shape == (40, 20, 3)
    assert decode(marked, 1.0).pixels.shape == (20, 40, 3)


def test_pictures_of_a_pixel_and_without_colour():
    assert decode(coded(np.full((1, 3, 3), 200, np.uint8), ".png"), 0.1).pixels.shape == (1, 3, 3)
    assert decode(coded(np.full((8, 6), 90, np.uint8), ".png"), 1.0).pixels.shape == (8, 6, 3)
    assert shrink(Picture(np.zeros((20, 30, 3), np.uint8), 2), 0.25) == (pytest.approx(np.zeros((10, 15, 3))), 4)
