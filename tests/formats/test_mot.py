"""MOT text: what counts, where boxes lie, and one clear line for whatever is malformed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxpose.errors import FormatError
from jaxpose.formats import mot
from jaxpose.records import NO_ID, Frame

PICTURE = np.zeros((4, 4, 3), np.uint8)


def read(tmp_path, text):
    path = tmp_path / "boxes.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return mot.read_boxes(path)


def test_rows_become_boxes_of_frames_from_0(tmp_path):
    found = read(tmp_path, "3,7,10,20,30,40,0.5,-1,-1,-1\n1,-1,0,0,640,480,1,-1,-1,-1\n3,2,-5.5,6,7,8,1,-1,-1,-1\n")
    assert found.frames.tolist() == [0, 2, 2]
    assert found.boxes.tolist() == [[-0.5, -0.5, 640, 480], [9.5, 19.5, 30, 40], [-6, 5.5, 7, 8]]
    assert found.scores.tolist() == [1, 0.5, 1]
    assert found.ids.tolist() == [NO_ID, 7, 2]
    assert found.last == 2
    assert [column.dtype for column in found[1:5]] == [np.int64, np.float32, np.float32, np.int64]


def test_boxes_of_a_frame(tmp_path):
    found = read(tmp_path, "3,7,10,20,30,40,0.5\n1,1,1,1,4,4,1\n3,2,5,6,7,8,1\n")
    third = found.of(Frame(2, 0.08, PICTURE))
    assert (third.frame, third.time, third.total) == (2, 0.08, 2)
    assert third.ids.tolist() == [7, 2]
    assert third.boxes[:, 2].tolist() == [30, 7]
    for empty in (1, 3, 1000):
        none = found.of(Frame(empty, 0.0, PICTURE))
        assert (none.frame, none.boxes.shape, none.scores.shape, none.ids.shape) == (empty, (0, 4), (0,), (0,))


@pytest.mark.parametrize(
    ("rest", "people"),
    [
        ("1", 1),
        ("0", 0),
        ("-1", 1),
        ("0.25,1", 1),
        ("1,3", 0),
        ("1,1,0.3", 1),
        ("1,2,1", 1),
        ("1,7,1", 1),
        ("1,8,1", 0),
        ("1,-1,-1", 1),
        ("1,3,3,3", 1),
        ("0,1,1", 0),
    ],
)
def test_what_counts_as_a_person(tmp_path, rest, people):
    found = read(tmp_path, f"2,1,5,5,9,9,{rest}\n")
    assert len(found.frames) == people
    assert found.last == 1  # the file tells of the frame, whether people are in it or not


def test_a_score_that_is_not_told_is_1(tmp_path):
    assert read(tmp_path, "1,1,5,5,9,9,-1,-1,-1,-1\n").scores.tolist() == [1]


def test_blanks_and_line_ends_do_not_matter(tmp_path):
    plain = read(tmp_path, "1,1,5,5,9,9,1\n2,1,6,5,9,9,1\n")
    odd = read(tmp_path, b"\xef\xbb\xbf 1, 1,\t5, 5 ,9,9,1 \r\n\r\n   \n2,1.0,6e0,5,9,9,1.0")
    for a, b in zip(plain[1:], odd[1:], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_tells_of_no_people(tmp_path, text):
    found = read(tmp_path, text)
    assert (found.boxes.shape, found.last) == ((0, 4), -1)
    assert found.of(Frame(0, 0.0, PICTURE)).total == 0


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("0,1,5,5,9,9,1", "`frame` must be a whole number from 1, got 0"),
        ("1.5,1,5,5,9,9,1", "`frame` must be a whole number from 1, got 1.5"),
        ("nan,1,5,5,9,9,1", "`frame` must be a whole number from 1, got nan"),
        ("1,-2,5,5,9,9,1", "`id` must be a whole number from -1, got -2"),
        ("1,1,5,5,0,9,1", "width must be above 0, got 0"),
        ("1,1,5,5,9,-3,1", "height must be above 0, got -3"),
        ("1,1,5,5,1e-300,9,1", "width must be above 0"),
        ("1,1,nan,5,9,9,1", "`x` must be a number of pixels within ±1000000, got nan"),
        ("1,1,5,inf,9,9,1", "`y` must be a number of pixels within ±1000000, got inf"),
        ("1,1,5,5,1e300,9,1", "`w` must be a number of pixels within ±1000000, got 1e"),
        ("1,1,5,5,9,9,35.2", "`score` must be in 0..1, got 35.2; rescale"),
        ("1,1,5,5,9,9,nan", "`score` must be in 0..1, got nan"),
        ("1,1,5,5,9,9", "must have 7 to 10 values between commas .* got 6 in '1,1,5,5,9,9'"),
        ("1,1,5,5,9,9,1,1,1,1,1", "must have 7 to 10 values between commas .* got 11"),
        ("1 1 5 5 9 9 1", "must have 7 to 10 values between commas .* got 1 in"),
        ("1,1,5,five,9,9,1", "`y` must be a number, got 'five'"),
        ("1,1,5,,9,9,1", "`y` must be a number, got ''"),
        ("frame,id,x,y,w,h,score", "`frame` must be a number, got 'frame'"),
        (b"\x89PNG\xff\x00", "not text"),
    ],
)
def test_a_malformed_row_is_named(tmp_path, row, told):
    row = row if isinstance(row, bytes) else row.encode()
    with pytest.raises(FormatError, match=f"boxes.txt, line 3: .*{told}") as raised:
        read(tmp_path, b"1,1,5,5,9,9,1\n\n" + row + b"\n1,1,5,5,9,9,1\n")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FormatError, match=r"none\.txt: cannot be read \(No such file"):
        mot.read_boxes(tmp_path / "none.txt")
    with pytest.raises(FormatError, match="cannot be read"):
        mot.read_boxes(tmp_path)


ODD = st.sampled_from(["0", "-1", "7.5", "nan", "inf", "1e400", "1e-320", "-1e-320", "9" * 30, "", "x", " ", "1_0"])
FIELDS = st.sampled_from(["1", "2", "1", "0.5"])
ROWS = st.lists(FIELDS | FIELDS | FIELDS | FIELDS | ODD, min_size=6, max_size=11).map(",".join)
FINE = st.sampled_from(["1,1,5,5,9,9,1", "2,-1,5,5,9,9,0.3,1,1", " 2,3,5,5,9,9,-1,-1,-1,-1", "7,3,5,5,9,9,0", ""])
LINES = st.lists(FINE | FINE | ROWS, max_size=4).map(lambda rows: "\n".join(rows).encode())


@given(st.binary(max_size=200) | LINES | LINES)
def test_any_bytes_are_boxes_or_a_format_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    told = None
    try:
        found = mot.read_boxes(path)
    except FormatError as error:
        told = str(error)
    if told is not None:
        assert told.startswith(f"{path}, line ")
        assert len(told.splitlines()) == 1
    else:
        assert np.isfinite(found.boxes).all()
        assert (found.boxes[:, 2:] > 0).all()
        assert ((found.scores >= 0) & (found.scores <= 1)).all()
        assert (np.diff(found.frames) >= 0).all()
        assert ((found.frames >= 0) & (found.frames <= found.last)).all()


@pytest.mark.parametrize(
    ("name", "people", "last"), [("vtest", 4476, 794), ("stadtmitte", 1156, 178), ("shopfront", 3694, 524)]
)
def test_real_files(shared_data, name, people, last):
    path = shared_data / "tracks" / name / "gt.txt"
    found = mot.read_boxes(path)
    assert (len(found.frames), found.last) == (people, last)
    table = np.loadtxt(path, delimiter=",")
    for number in (0, last // 2, last):
        rows = table[(table[:, 0] == number + 1) & (table[:, 6] == 1)]
        boxes = found.of(Frame(number, 0.0, PICTURE))
        np.testing.assert_allclose(boxes.boxes, rows[:, 2:6] - [0.5, 0.5, 0, 0], rtol=1e-6)
        assert boxes.ids.tolist() == rows[:, 1].tolist()


# -- tracks to be evaluated --------------------------------------------------------------------------------------------


def read_tracks(tmp_path, text):
    path = tmp_path / "tracks.txt"
    path.write_text(text)
    return mot.read_tracks(path)


def test_tracks_are_exactly_as_in_the_file(tmp_path):
    text = (
        "3,7,10.1,20,30,40,1,-1,-1,-1\n1,-1,0.3,0,640,480,0,-1,-1,-1\n3,2,-5.5,6,7,8,37.5,-1,-1,-1\n9,1,1,1,1,1,1,3\n"
    )
    found = read_tracks(tmp_path, text)
    assert (found.frames.tolist(), found.last) == ([0, 2, 2], 8)
    assert found.boxes.tolist() == [[0.3, 0, 640, 480], [10.1, 20, 30, 40], [-5.5, 6, 7, 8]]
    assert (found.ids.tolist(), found.scored.tolist()) == ([NO_ID, 7, 2], [False, True, True])
    assert [column.dtype for column in found[1:5]] == [np.int64, np.float64, np.int64, bool]
    kept = found.keep(found.scored)
    assert (kept.ids.tolist(), kept.frames.tolist(), kept.boxes[0].tolist()) == ([7, 2], [2, 2], [10.1, 20, 30, 40])
    assert (kept.scored.all(), kept.last) == (True, 8)


@pytest.mark.parametrize(
    ("rest", "scored"),
    [
        ("1", [True]),
        ("0", [False]),
        ("-1", [True]),
        ("1,1,0.3", [True]),
        ("0,1,0.3", [False]),
        ("1,7,1", [True]),
        ("1,8,1", [False]),
        ("0,12,1", [False]),
        ("1,3,1", []),
        ("0,11", []),
        ("1,3,3,3", [True]),
    ],
)
def test_which_boxes_are_scored(tmp_path, rest, scored):
    found = read_tracks(tmp_path, f"2,1,5,5,9,9,{rest}\n")
    assert (found.scored.tolist(), found.last) == (scored, 1)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1,1,5,5,9,9,nan", "`score` must be a finite number, got nan"),
        ("1,1,5,5,9,9,inf", "`score` must be a finite number, got inf"),
        ("1,-2,5,5,9,9,0", "`id` must be a whole number from -1, got -2"),
        ("1,1,nan,5,9,9,0", "`x` must be a number of pixels within ±1000000, got nan"),
        ("1,1,5,5,9,0,0", "height must be above 0, got 0"),
        ("0,1,5,5,9,9,1", "`frame` must be a whole number from 1, got 0"),
        ("1,1,5,5,9,9", "must have 7 to 10 values"),
    ],
)
def test_a_malformed_track_is_named(tmp_path, row, told):
    with pytest.raises(FormatError, match=f"tracks.txt, line 2: .*{told}"):
        read_tracks(tmp_path, f"1,1,5,5,9,9,1\n{row}\n")


@given(LINES | st.binary(max_size=100))
def test_any_bytes_are_tracks_or_a_format_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "tracks.txt"
    path.write_bytes(content)
    told = None
    try:
        found = mot.read_tracks(path)
    except FormatError as error:
        told = str(error)
    if told is not None:
        assert told.startswith(f"{path}, line ")
        assert len(told.splitlines()) == 1
    else:
        assert np.isfinite(found.boxes).all()
        assert (np.diff(found.frames) >= 0).all()
        assert (found.frames <= found.last).all()


def test_real_tracks_with_what_is_not_scored(shared_data):
    for name in ("vtest", "stadtmitte", "shopfront"):
        path = shared_data / "tracks" / name / "gt.txt"
        found = mot.read_tracks(path)
        table = np.loadtxt(path, delimiter=",")
        table = table[np.argsort(table[:, 0], kind="stable")]
        np.testing.assert_array_equal(found.boxes, table[:, 2:6])
        np.testing.assert_array_equal(found.scored, table[:, 6] == 1)
        np.testing.assert_array_equal(np.stack([found.frames + 1, found.ids]), table[:, :2].T)
