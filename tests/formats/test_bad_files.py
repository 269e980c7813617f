"""Whatever is wrong with a file of poses, reading it gives poses or one named error of one line, and never a crash.

Files of every format are damaged at random, with fixed seeds, and by hand.
"""

import itertools
import json
import random
import warnings
from pathlib import Path

import pytest
from result_files import POSES, write_told
from spoiled import ODD, places

from jaxpose.errors import FormatError, JaxposeWarning
from jaxpose.formats import conversion, jsonl, mot
from jaxpose.skeletons import COCO_17

CASES = 24
"""Random cases for each format."""


def try_to_read(path: Path) -> bool:
    """Read a file in every way that there is; whether it could be. Anything but a `FormatError` comes through."""
    fine = True
    readers = [conversion.read, mot.read_boxes, mot.read_tracks] if path.suffix == ".txt" else [conversion.read]
    if path.name.endswith(".jsonl"):
        readers.append(lambda file: list(jsonl.read(file)[1]))
    for reader in readers:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", JaxposeWarning)
            try:
                reader(path)
            except FormatError as error:
                fine = False
                told = str(error)
                if "\n" in told or str(path) not in told:
                    pytest.fail(f"not one line that names the file: {told!r}")
    return fine


def odd_values() -> list[object]:
    return list(ODD.elements)


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """Cut off, overwritten, doubled or in another encoding."""
    kind = rng.choice(["cut", "flip", "flip", "insert", "utf-16", "latin-1", "bom", "drop", "crlf"])
    at = rng.randrange(len(content))
    if kind == "cut":
        return content[:at]
    if kind == "flip":
        changed = bytearray(content)
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed)
    if kind == "insert":
        piece = rng.choice([b"NaN", b"1e999", b"-" + b"9" * 400, b"\x00", b'"', b"[" * 3000, b"null", b"\n", b",,"])
        return content[:at] + piece + content[at:]
    if kind == "drop":
        return content[:at] + content[at + rng.randint(1, 60) :]
    if kind == "bom":
        return b"\xef\xbb\xbf" + content
    if kind == "crlf":
        return content.replace(b"\n", b"\r\n")
    text = content.decode("latin-1")
    return text.replace("street", "straße").encode(kind)


def damaged_tree(tree: object, rng: random.Random) -> object:
    """One value gone, or another in its place."""
    tree = json.loads(json.dumps(tree))
    *way, key = rng.choice(places(tree))
    holder = tree
    for step in way:
        holder = holder[step]
    if rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = rng.choice(odd_values())
    return tree


@pytest.mark.parametrize(("form", "case"), [*itertools.product([*POSES, "mot"], range(CASES))])
def test_damaged_files(tmp_path: Path, form: str, case: int) -> None:
    rng = random.Random(f"{form} {case}")
    path = write_told(tmp_path, form, counts=(2, 0, 1))
    file = rng.choice(sorted(path.iterdir())) if path.is_dir() else path
    content = file.read_bytes()
    if case % 2 and file.suffix in (".json", ".jsonl"):
        lines = content.splitlines() if file.suffix == ".jsonl" else [content]
        row = rng.randrange(len(lines))
        lines[row] = json.dumps(damaged_tree(json.loads(lines[row]), rng)).encode()
        file.write_bytes(b"\n".join(lines) + b"\n")
    else:
        file.write_bytes(damaged_bytes(content, rng))
    try_to_read(path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("frame", "-1", "line 3: `frame` must be a whole number from 0, got -1"),
        ("frame", "1e400", "line 3: `frame` must be a whole number"),
        ("time", "nan", "line 3: `time` must be a number of seconds, got nan"),
        ("id", "two", "line 3: `id` must be a number, got 'two'"),
        ("id", "7", "frame 0: id 7 has several people; give each their own"),
        ("score", "inf", "line 3: `score` must be a finite number, got inf"),
        ("left_ankle_x", "1e30", r"line 3: `x, y\[30\]` must be finite and within"),
        ("left_ankle_x", "nan", r"line 3: `x, y\[30\]` must be finite"),
        ("right_ankle_score", "-0.5", "line 3: `right_ankle_score` must be a score, 0 or more, got -0.5"),
        ("right_ankle_y", "", "line 3: `right_ankle_y` must be a number, got ''"),
    ],
)
def test_tables(tmp_path: Path, column: str, value: str, message: str) -> None:
    path = write_told(tmp_path, "csv")
    lines = [line.split(",") for line in path.read_text().splitlines()]
    place = lines[0].index(column)
    if column == "left_ankle_x":
        lines[2][place : place + 3] = ["1", "1", "0.5"]
    lines[2][place] = value
    path.write_text("\n".join(map(",".join, lines)) + "\n")
    with pytest.raises(FormatError, match=message):
        conversion.read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty, where the first line should name the columns"),
        (b"a,b\n1,2\n", "line 1: the first columns must be frame,time,id,score or frame,time,image,id,score"),
        (b"frame,time,id,score\n", "line 1: a skeleton must have a joint, got none"),
        (b"frame,time,id,score,antler_x,antler_y,antler_score\n", "line 1: 'antler' is none of the"),
        (b"frame,time,id,score,nose_x,nose_y\n", "line 1: each joint must have the columns _x, _y, _score"),
        (b"frame,time,id,score,nose_x,nose_y,nose_score\n1,2,3\n", "line 2: must have 7 values"),
        ("frame,time,id,score,nose_x,nose_y,nose_score\n".encode("utf-16"), "not text in UTF-8"),
        (b'frame,time,id,score,nose_x,nose_y,nose_score\n"1', "line 2: not CSV"),
    ],
)
def test_other_tables(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        conversion.read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "people: `people` is missing"),
        ('{"people": 3}', "people: `people` must be a list, got 3"),
        ('{"people": [{}]}', "people: `pose_keypoints_2d` is missing"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "must have 75, 63, 54, 45 numbers, the same for all, got 2"),
        (json.dumps({"people": [{"pose_keypoints_2d": [1] * 51}]}), "must have 75, 63, 54, 45 numbers"),
        (
            json.dumps({"people": [{"pose_keypoints_2d": [1] * 54}, {"pose_keypoints_2d": [1] * 75}]}),
            "the same for all, got 54 and 75",
        ),
        (json.dumps({"people": [{"pose_keypoints_2d": [1e9] * 54}]}), "must be finite and within"),
        (json.dumps({"people": [{"pose_keypoints_2d": [float("nan")] * 54}]}), "must be finite"),
        (json.dumps({"people": [{"person_id": ["a"], "pose_keypoints_2d": [1] * 54}]}), "`person_id` must be a number"),
        (json.dumps({"people": [{"person_id": [3], "pose_keypoints_2d": [1] * 54}] * 2}), "id 3 has several people"),
        ('{"people": [', "not JSON"),
        ("", "not JSON"),
    ],
)
def test_openpose_folders(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a_000000000000_keypoints.json").write_text(content)
    with pytest.raises(FormatError, match=message):
        conversion.read(tmp_path)


def test_folders_and_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"holds no files named \.\._keypoints\.json"):
        conversion.read(tmp_path)
    with pytest.raises(FormatError, match="cannot be read"):
        conversion.read(tmp_path / "none.csv")
    (tmp_path / "a.mat").write_bytes(b"not MATLAB's")
    with pytest.raises(FormatError, match="not a MATLAB file that can be read"):
        conversion.read(tmp_path / "a.mat")


def test_results_of_other_joints(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"image_id": 1, "category_id": 1, "score": 1, "keypoints": [1] * 54}]))
    with pytest.raises(FormatError, match="`keypoints` must be a list of 51 numbers, got 54"):
        conversion.read(path)


def test_an_untouched_file_is_read(tmp_path: Path) -> None:
    for form in (*POSES, "mot"):
        folder = tmp_path / form
        folder.mkdir()
        path = write_told(folder, form, COCO_17)
        if form != "mot":
            assert try_to_read(path)
        else:
            assert len(mot.read_tracks(path).ids) == 6
