import pytest

from jaxpose.errors import VideoError
from jaxpose.video.selection import ALL, Moment, Picker, Selection, moment


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0, (0, False)), (250, (250, False)), ("250", (250, False)), ("10s", (10, True)), ("10.5s", (10.5, True))],
)
def test_moments(given, expected):
    assert moment(given) == Moment(*expected)


@pytest.mark.parametrize("given", [-1, 2.5, "", "s", "-1s", "10 s", "1e3s", "nan", "infs", "10m", "٣", "1" * 13, True])
def test_what_is_no_moment(given):
    with pytest.raises(ValueError, match=r"a frame's number such as 250, or seconds such as 10\.5s, is needed"):
        moment(given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "`every` must be at least 1"),
        ({"start": moment(5), "stop": moment(5)}, r"`stop` must be later than `start` \(5\), got 5"),
        ({"start": moment("5s"), "stop": moment("4s")}, r"`stop` must be later than `start` \(5s\), got 4s"),
    ],
)
def test_impossible_selections(options, message):
    with pytest.raises(ValueError, match=message):
        Selection(**options)


def picked(selection, frames):
    picker = Picker(selection)
    wanted = []
    for number, time in frames:
        if picker.over(number, time):
            break
        if picker.wants(number, time):
            wanted.append(number)
    return wanted, picker


def test_every_counts_from_the_first_wanted_frame_and_lost_frames_do_not_shift_it():
    frames = [(number, number / 10) for number in range(40) if number not in (12, 13)]
    assert picked(Selection(moment(4), moment(30), 4), frames)[0] == [4, 8, 16, 20, 24, 28]
    assert picked(Selection(moment("0.5s"), None, 10), frames)[0] == [5, 15, 25, 35]


def test_uneven_times():
    frames = [(0, 0.0), (1, 0.9), (2, 1.0 - 1e-9), (3, 5.0)]
    assert picked(Selection(moment("1s")), frames)[0] == [2, 3]
    assert picked(Selection(stop=moment("1s")), frames)[0] == [0, 1]


def test_nobody_wanted_is_an_error_but_not_where_there_was_nothing():
    _, picker = picked(Selection(moment(9)), [(0, 0.0)])
    with pytest.raises(VideoError, match="x: no frame from 9 on: 1 were seen"):
        picker.check("x")
    picked(ALL, [])[1].check("x")


@pytest.mark.parametrize("start", [moment(0), moment(7), moment("0.5s")])
@pytest.mark.parametrize("stop", [None, moment(21), moment("2.2s"), moment(400)])
@pytest.mark.parametrize("every", [1, 3, 50])
def test_the_claimed_number_is_the_true_one_at_an_even_rate(start, stop, every):
    selection = Selection(start, stop, every)
    wanted, _ = picked(selection, [(number, number / 10) for number in range(33)])
    assert selection.claimed(33, 10.0) == len(wanted)
    open_end = selection.claimed(None, 10.0)
    assert open_end is None if stop is None else open_end >= len(wanted)
