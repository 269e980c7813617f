"""Pictures are found in folders, zips and videos, and what is not there is None."""

import zipfile
from pathlib import Path

import clips
import cv2
import numpy as np
import pytest
from published import picture, put

from jaxpose.data.stores import Store, frames
from jaxpose.errors import DataError
from jaxpose.formats.pictures import Picture
from jaxpose.records import NO_ID


def named(name: str, video: str | None = None, frame: int = 0) -> Picture:
    nobody = np.zeros((0, 17, 3), np.float32), np.zeros((0, 4), np.float32), np.full(0, NO_ID)
    return Picture(name, None, *nobody, regions=(), sequence="a", frame=frame, video=video)


def test_a_zip_is_asked_by_path_then_by_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("train/one.jpg", "train/x/1.jpg", "train/y/1.jpg"):
            archive.writestr(name, name)
    store = Store([tmp_path / "a.zip"])
    assert store.read("one.jpg") == store.read("train/one.jpg") == store.read("other/one.jpg") == b"train/one.jpg"
    assert store.read("x/1.jpg") == b"train/x/1.jpg"
    assert store.read("1.jpg") is None  # there are two of that name
    assert store.read("two.jpg") is None


def test_places_are_asked_in_order(tmp_path: Path) -> None:
    put(tmp_path / "b/a.jpg", b"b")
    put(tmp_path / "b/only.jpg", b"only")
    put(tmp_path / "a/a.jpg", b"a")
    store = Store([tmp_path / "absent", tmp_path / "a", tmp_path / "b"])
    assert (store.read("a.jpg"), store.read("x/only.jpg")) == (b"a", b"only")
    with pytest.raises(DataError, match="absent: no such folder, zip or video"):
        Store([tmp_path / "absent"])


def test_a_damaged_member_of_a_zip_is_missing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"0123456789")
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(b"0123456789", b"0123456780"))
    assert Store([tmp_path / "a.zip"]).read("a.jpg") is None


def test_frames_of_videos_between_pictures(tmp_path: Path) -> None:
    clips.make_clip(tmp_path / "v.mp4", 20)
    put(tmp_path / "p.jpg", picture(1))
    asked = [named("p.jpg"), *(named("v", "v.mp4", i) for i in (0, 3, 4, 19, 25)), named("w", "w.mp4"), named("q.jpg")]
    found = list(frames(Store([tmp_path]), asked))
    assert [one for one, _ in found] == asked
    assert found[0][1] == picture(1)
    images = [None if data is None else cv2.imdecode(np.frombuffer(data, np.uint8), 1) for _, data in found[1:]]
    assert [None if image is None else clips.index_of(image) for image in images] == [0, 3, 4, 19, None, None, None]


def test_a_video_named_as_the_place_itself(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "v.mp4", 3)
    assert Store([path]).video("v.mp4") == Store([tmp_path]).video("v.mp4") == path
    assert Store([path]).video("w.mp4") is None
