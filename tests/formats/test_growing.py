"""Files that grow stay readable, whatever ends the run; what a stopped run left is gone on with."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from result_files import place, told, write_told

from jaxpose.errors import FormatError, OutputError
from jaxpose.formats.conversion import WRITERS, read
from jaxpose.formats.growing import JsonList, Lines
from jaxpose.formats.names import FORMATS
from jaxpose.skeletons import COCO_17, COCO_18

STREAMED = ("jsonl", "coco", "posetrack17", "mot", "csv")
RESUMES = [name for name, form in FORMATS.items() if form.resumes]


def writer_of(folder: Path, form: str, **options: Any) -> Any:
    options = {"source": "street.mp4", "config": {"size": 656}, **options}
    return WRITERS[form](place(folder, form), COCO_17, **options)


class FullDisk:
    """A file that takes so many bytes more, as on a full disk: the last write partly, then none."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: Any) -> int:
        part = bytes(data[: self._room])
        if not part:
            raise OSError(28, "No space left on device")
        self._room -= len(part)
        return self._file.write(part)

    def truncate(self, *size: int) -> int:
        self._room += 4096  # what is given up can be used again
        return self._file.truncate(*size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "FullDisk":
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()


@pytest.mark.parametrize("form", STREAMED)
@pytest.mark.parametrize("room", [0, 1, 60, 150])
def test_a_full_disk_leaves_whole_frames(tmp_path: Path, form: str, room: int) -> None:
    frames = list(told(COCO_17, (2, 1, 3, 2, 2)))
    writer = writer_of(tmp_path, form)
    holder = writer._list if hasattr(writer, "_list") else writer._lines
    writer.write(frames[0])
    holder._file = FullDisk(holder._file, room)
    done = [0]

    def write_the_rest() -> None:
        for people in frames[1:]:
            writer.write(people)
            done.append(people.frame)

    with pytest.raises(OutputError, match="cannot be written"):
        write_the_rest()
    writer.close()
    path = place(tmp_path, form)
    if form == "mot":
        lines = path.read_text().splitlines()
        assert {int(line.split(",")[0]) - 1 for line in lines} == set(done)
        assert all(line.endswith(",-1,-1,-1") for line in lines)
    else:
        assert read(path).poses.numbers.tolist() == done


@pytest.mark.parametrize("form", [*STREAMED, "openpose"])
def test_every_frame_is_on_disk_when_write_returns(tmp_path: Path, form: str) -> None:
    with writer_of(tmp_path, form) as writer:
        for people in told(COCO_17, (2, 1, 3)):
            writer.write(people)
            path = place(tmp_path, form)
            if form == "mot":
                assert path.read_text().count("\n") == [2, 3, 6][people.frame]
            else:
                assert len(read(path).poses.numbers) == people.frame + 1


@pytest.mark.parametrize("form", list(WRITERS))
def test_an_existing_result_is_refused_unless_overwritten(tmp_path: Path, form: str) -> None:
    path = write_told(tmp_path, form)
    with pytest.raises(OutputError, match=r"exists|holds frames already"):
        writer_of(tmp_path, form)
    with writer_of(tmp_path, form, overwrite=True) as writer:
        writer.write(next(told(COCO_17, (1,))))
    if form == "openpose":
        assert len(list(path.iterdir())) == 1
    elif form != "mot":
        assert len(read(path).poses.ids) == 1


@pytest.mark.parametrize("form", RESUMES)
@pytest.mark.parametrize("cut", [0, 1, 40, 700, 2000])
def test_a_stopped_run_is_gone_on_with(tmp_path: Path, form: str, cut: int) -> None:
    counts = (2, 1, 3, 2, 0, 1)
    for folder in ("whole", "stopped"):
        (tmp_path / folder).mkdir()
    with writer_of(tmp_path / "whole", form) as writer:
        for people in told(COCO_17, counts):
            writer.write(people)
    with writer_of(tmp_path / "stopped", form) as writer:
        for people in list(told(COCO_17, counts))[:4]:
            writer.write(people)
    path = place(tmp_path / "stopped", form)
    last = max(path.iterdir()) if path.is_dir() else path
    size = last.stat().st_size
    os.truncate(last, max(size - cut, 0))
    with writer_of(tmp_path / "stopped", form, resume=True) as writer:
        for people in told(COCO_17, counts):
            writer.write(people)
    files = [sorted(p.rglob("*")) if p.is_dir() else [p] for p in (place(tmp_path / "whole", form), path)]
    assert [file.name for file in files[0]] == [file.name for file in files[1]]
    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]


def test_frames_that_are_there_are_not_asked_for_again(tmp_path: Path) -> None:
    with writer_of(tmp_path, "jsonl") as writer:
        for people in told(COCO_17, (1, 1)):
            writer.write(people, name=f"{people.frame}.jpg")
    with writer_of(tmp_path, "jsonl", resume=True) as writer:
        assert [writer.has(number, f"{number}.jpg") for number in range(3)] == [True, True, False]
        with pytest.raises(OutputError, match="another video or other settings"):
            writer.has(1, "other.jpg")


@pytest.mark.parametrize(
    ("form", "options"), [("jsonl", {"source": "other.mp4"}), ("jsonl", {"config": {"size": 1}}), ("csv", {})]
)
def test_results_of_something_else_are_not_gone_on_with(tmp_path: Path, form: str, options: dict[str, Any]) -> None:
    path = place(tmp_path, form)
    with WRITERS[form](path, COCO_18, source="street.mp4", config={"size": 656}) as writer:
        writer.write(next(told(COCO_18, (1,))))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="another video or other settings"):
        writer_of(tmp_path, form, resume=True, **options)
    assert path.read_bytes() == before


def test_what_is_no_result_is_not_gone_on_with(tmp_path: Path) -> None:
    for form, content in (("jsonl", b"{]\n"), ("jsonl", b"[" * 100_000 + b"\n"), ("csv", b"frame,x\n")):
        place(tmp_path, form).write_bytes(content)
        with pytest.raises((FormatError, OutputError)):
            writer_of(tmp_path, form, resume=True)
        assert place(tmp_path, form).read_bytes() == content
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(b"x")
    with pytest.raises(OutputError, match="a packed file cannot be gone on with"):
        WRITERS["jsonl"](packed, COCO_17, source="", config={}, resume=True)


def test_a_json_list_is_valid_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    growing = JsonList(path, '{"a": [', '], "b": 0}', overwrite=False)
    assert json.loads(path.read_text()) == {"a": [], "b": 0}
    growing.add(["1", "2"])
    growing.add([], '], "b": [1, 2, 3]}')
    assert json.loads(path.read_text()) == {"a": [1, 2], "b": [1, 2, 3]}
    growing.add(["3"], "]}")  # a shorter tail than before
    growing.close()
    assert json.loads(path.read_text()) == {"a": [1, 2, 3]}


def test_lines_beyond_ascii(tmp_path: Path) -> None:
    path = tmp_path / "Straße à 李.jsonl"
    lines = Lines(path, overwrite=False)
    lines.add("größer\n")
    lines.close()
    lines.close()
    assert path.read_text(encoding="utf-8") == "größer\n"
