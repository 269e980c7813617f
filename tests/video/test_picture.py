import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from jaxpose.errors import VideoError
from jaxpose.video.picture import SUFFIXES, is_picture, read_picture


@pytest.fixture(scope="module")
def pixels():
    """Smooth, so that JPEG changes little, and without symmetry."""
    return cv2.resize(np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8), (40, 30))


def stored(tmp_path, image, name, **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize(
    ("mode", "name", "tolerance"),
    [
        ("RGB", "a.png", 0), ("L", "a.png", 0), ("LA", "a.png", 0), ("RGBA", "a.png", 0), ("P", "a.png", 0),
        ("1", "a.png", 0), ("RGB", "a.bmp", 0), ("RGB", "a.tif", 0), ("CMYK", "a.tif", 1), ("RGB", "a.ppm", 0),
        ("L", "a.pgm", 0), ("RGB", "a.jpg", 1), ("L", "a.jpg", 1), ("CMYK", "a.jpg", 2), ("YCbCr", "a.jpg", 1),
        ("RGB", "a.webp", 1), ("RGBA", "a.webp", 1),
    ],
)  # fmt: skip
def test_pillow_reads_the_same(tmp_path, pixels, mode, name, tolerance):
    path = stored(tmp_path, Image.fromarray(pixels).convert(mode), name)
    found, truth = read_picture(path), np.asarray(Image.open(path).convert("RGB"))
    assert (found.shape, found.dtype) == ((30, 40, 3), np.uint8)
    assert np.abs(found.astype(int) - truth).max() <= tolerance
    assert path.suffix in SUFFIXES
    assert is_picture(path)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, pixels, name):
    cv2.imwrite(str(tmp_path / name), pixels[..., ::-1].astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_picture(tmp_path / name), pixels)


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation(tmp_path, pixels, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    path = stored(tmp_path, Image.fromarray(pixels), "a.jpg", exif=exif, quality=100, subsampling=0)
    upright = {
        1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1],
        5: pixels.transpose(1, 0, 2), 6: np.rot90(pixels, -1), 7: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(pixels),
    }[turn]  # fmt: skip
    found = read_picture(path)
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).max() <= 6


@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (70, 1), (4320, 7680), (701, 333)])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_sizes(tmp_path, shape, suffix):
    path = tmp_path / f"a{suffix}"
    assert cv2.imwrite(str(path), np.full((*shape, 3), 90, np.uint8))
    found = read_picture(path)
    assert found.shape == (*shape, 3)
    assert (found == 90).all()


def png(pixels, width=None, height=None):
    data = bytearray(cv2.imencode(".png", pixels)[1].tobytes())
    if width is not None:
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (2**31 - 1, 2**31 - 1), (10**6, 10**6), (30_000, 30_000)])
def test_a_header_that_lies_about_its_size(tmp_path, pixels, size, capfd):
    path = tmp_path / "a.png"
    path.write_bytes(png(pixels, *size))
    with pytest.raises(VideoError, match=r"a\.png: not a picture that can be read"):
        read_picture(path)


def test_damaged_pngs_are_told_without_their_library_s_own_words(tmp_path, pixels, capfd):
    path = tmp_path / "a.png"
    whole = png(pixels)
    for place in range(8, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(VideoError, match=r"a\.png: not a picture that can be read \(damaged"):
            read_picture(path)
        path.write_bytes(whole[:place])
        with pytest.raises(VideoError, match="ends early"):
            read_picture(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"not a picture", b"BM" + bytes(40)])
def test_what_is_no_picture(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"a\.jpg: not a picture that can be read"):
        read_picture(path)
    with pytest.raises(VideoError, match=r"b\.jpg: no such file"):
        read_picture(tmp_path / "b.jpg")
    with pytest.raises(VideoError, match="cannot be read"):
        read_picture(tmp_path)


def test_floating_point_is_refused(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((4, 5), np.float32)).save(buffer, "TIFF")
    (tmp_path / "a.tif").write_bytes(buffer.getvalue())
    with pytest.raises(VideoError, match="not a picture that can be read"):
        read_picture(tmp_path / "a.tif")


def test_apple_s_pictures_are_refused_with_the_way_out(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(VideoError, match=r"a\.heic: HEIC pictures cannot be read; convert it to JPEG first"):
        is_picture(tmp_path / "a.heic")
