"""The pictures of an evaluation: what is drawn, in which colours, and that nothing overlaps."""

import builtins
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import oracles
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from jaxpose.errors import EvaluationError, OutputError
from jaxpose.evaluation.clear import Matches, clear
from jaxpose.evaluation.judged import for_joints
from jaxpose.evaluation.pairing import Pairing, head_distances, pair, pair_people
from jaxpose.evaluation.plots import DPI, precision_recall, save, timeline
from jaxpose.evaluation.precision import Precision, precision
from jaxpose.evaluation.protocol import PROTOCOLS
from jaxpose.formats import posetrack
from jaxpose.skeletons import POSETRACK_15
from jaxpose.video.overlay import id_color

STRICT = PROTOCOLS["strict"]


def crowd(people: int, frames: int, seed: int = 0) -> tuple[Pairing, Matches]:
    """People who come and go, are missed at times and change their found ids."""
    rng = np.random.default_rng(seed)
    truth, found, alike = [], [], {}
    for person in range(people):
        start = rng.integers(0, frames // 2)
        name = 100 + person
        for frame in range(start, start + rng.integers(frames // 4, frames // 2)):
            name = rng.integers(100, 999) if rng.random() < 0.01 else name
            truth.append((frame, person))
            if rng.random() < 0.97 and (frame, name) not in alike:
                found.append((frame, name))
                alike[frame, name] = person
    (truth_frame, truth_ids), (found_frame, found_ids) = (np.array(sorted(side)).T for side in (truth, found))
    pairing = pair(frames, truth_frame, truth_ids, found_frame, found_ids)
    wanted = np.array([alike[f, i] for f, i in zip(found_frame.tolist(), found_ids.tolist(), strict=True)])
    cost = np.where(wanted[pairing.found] == pairing.truth_ids[pairing.truth], 0.0, np.nan)[:, None]
    everybody = [np.ones((len(ids), 1), bool) for ids in (truth_ids, found_ids)]
    return pairing, clear(pairing, *everybody, cost, STRICT)[1]


def bars(figure: Figure) -> dict[tuple[float, ...], list[np.ndarray]]:
    """The corners (4, 2) of the timeline's bars, by colour."""
    drawn = [one for one in figure.axes[0].collections if isinstance(one, PolyCollection)]
    return {tuple(one.get_facecolor()[0]): [path.vertices[:4] for path in one.get_paths()] for one in drawn}


def color(number: int) -> tuple[float, ...]:
    return (*(0.3 + 0.7 * part / 255 for part in id_color(number)), 1.0)


def overlapping(texts: list[Text], figure: Figure) -> list[tuple[str, str]]:
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    places = [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]
    return [(a, b) for (a, one), (b, other) in combinations(places, 2) if one.overlaps(other)]


def test_bars_marks_and_counts_of_a_known_scene() -> None:
    """Truth 3: found as 7 in frames 10-11, missed in 12 (8 is nobody there), as 9 in 13, gone in 14, as 9 in 15."""
    frames = np.array([0, 1, 2, 3, 5])
    pairing = pair(6, frames, np.full(5, 3), np.array([0, 1, 2, 3, 5]), np.array([7, 7, 8, 9, 9]))
    cost = np.array([0.0, 0.0, np.nan, 0.0, 0.0])[:, None]
    _, matches = clear(pairing, np.ones((5, 1), bool), np.ones((5, 1), bool), cost, STRICT)
    figure = timeline(pairing, matches, 10 + np.arange(6), "a title")
    drawn = bars(figure)
    spans = {key: [(corners[:, 0].min(), corners[:, 0].max()) for corners in some] for key, some in drawn.items()}
    missed = next(key for key in spans if key not in (color(7), color(9)))
    assert spans == {color(7): [(9.5, 11.5)], missed: [(11.5, 12.5)], color(9): [(12.5, 13.5), (14.5, 15.5)]}
    (marks,) = figure.axes[0].get_lines()
    assert marks.get_xydata().tolist() == [[12.5, -0.5]]
    counts = {line.get_label(): line.get_ydata().tolist() for line in figure.axes[1].get_lines()}
    assert counts == {"missed": [0, 0, 1, 0, 0, 0], "false": [0, 0, 1, 0, 0, 0]}
    assert figure.axes[0].get_title(loc="left") == "a title"


@pytest.mark.parametrize(("people", "frames"), [(30, 800), (3, 20), (1, 1)])
def test_no_text_of_a_timeline_overlaps_another(people: int, frames: int) -> None:
    pairing, matches = crowd(people, max(frames, 8))
    figure = timeline(pairing, matches, np.arange(pairing.frames), "people of a crowd")
    figure.canvas.draw()
    axes = figure.axes[0]
    legend = axes.get_legend()
    assert legend is not None
    (title,) = (text for text in axes.findobj(Text) if text.get_text() == "people of a crowd")
    assert overlapping([title, *axes.get_yticklabels(), *axes.texts, *legend.get_texts()], figure) == []
    labels = [
        *(text for one in figure.axes for text in one.get_xticklabels()),
        *(one.xaxis.label for one in figure.axes),
    ]
    assert overlapping([*labels, figure.axes[1].yaxis.label, axes.yaxis.label], figure) == []
    assert [label.get_text() for label in axes.get_yticklabels()] == [str(person) for person in range(people)]
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    for text in axes.texts:
        x, y = text.get_position()
        (left, right), (top, bottom) = next(
            corners
            for bar in bars(figure)[color(int(text.get_text()))]
            if (corners := np.sort(bar[[0, 2]].T))[0, 0] < x < corners[0, 1] and corners[1, 0] < y < corners[1, 1]
        )
        low, high = axes.transData.transform([[left, bottom], [right, top]])
        extent = text.get_window_extent(renderer)
        assert np.all(low < extent.min)
        assert np.all(extent.max < high)


def test_every_frame_of_the_truth_lies_in_one_bar() -> None:
    pairing, matches = crowd(12, 200)
    covered: set[tuple[int, int]] = set()
    for key, some in bars(timeline(pairing, matches, np.arange(200), "")).items():
        for corners in some:
            row = round(corners[:, 1].mean())
            for frame in range(round(corners[:, 0].min() + 0.5), round(corners[:, 0].max() + 0.5)):
                assert (row, frame) not in covered
                covered.add((row, frame))
                (person,) = np.flatnonzero((pairing.truth_frame == frame) & (pairing.truth_ids == row))
                partner = matches.found[person, 0]
                assert (key == color(int(pairing.found_ids[partner]))) == (partner >= 0)
    assert covered == set(zip(pairing.truth_ids.tolist(), pairing.truth_frame.tolist(), strict=True))


def test_sparse_frames_are_drawn_as_wide_as_their_distance() -> None:
    frame = np.arange(3)
    pairing = pair(3, frame, np.zeros(3, int), frame, np.full(3, 7))
    matches = Matches(frame[:, None], np.zeros((3, 1), bool))
    (some,) = bars(timeline(pairing, matches, np.array([0, 4, 8]), "")).values()
    assert [(c[:, 0].min(), c[:, 0].max()) for c in some] == [(-2, 10)]


def test_a_timeline_needs_whole_people_and_frames() -> None:
    frame = np.zeros(1, int)
    pairing = pair(1, frame, frame, frame, frame)
    with pytest.raises(ValueError, match="one column"):
        timeline(pairing, Matches(np.zeros((1, 15), int), np.zeros((1, 15), bool)), frame, "")
    with pytest.raises(EvaluationError, match=r"^b: no frames"):
        timeline(pair(0, *[frame[:0]] * 4), Matches(np.zeros((0, 1), int), np.zeros((0, 1), bool)), frame[:0], "b")
    nobody = timeline(pair(1, *[frame[:0]] * 4), Matches(np.zeros((0, 1), int), np.zeros((0, 1), bool)), frame, "")
    assert bars(nobody) == {}


def test_curves_of_a_stored_case_by_joint(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    state = Precision.empty(15)
    for files in oracles.sequences(oracles.folder("11_crowd30", request)).values():
        truth, found = for_joints(*(posetrack.read_poses(file).as_skeleton(POSETRACK_15) for file in files), STRICT)
        pairing = pair_people(truth, found)
        state = state.merge(precision(truth, found, pairing, head_distances(truth, found, pairing), STRICT))
    curves = {joint: state.curve(place, STRICT) for place, joint in enumerate(POSETRACK_15.joints)}
    ap = dict(zip(POSETRACK_15.joints, state.compute(STRICT).ap.tolist(), strict=False))
    figure = precision_recall(curves, ap, "crowd")
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}
    assert list(panels) == [
        "ankle", "knee", "hip", "wrist", "elbow", "shoulder", "head bottom", "nose", "head top"
    ]  # fmt: skip
    for joint, curve in curves.items():
        name = joint.removeprefix("left_").removeprefix("right_")
        lines = panels[name.replace("_", " ")].get_lines()
        (line,) = (
            line for line in lines if line.get_label() == f"{joint[: -len(name)].strip('_')} AP {ap[joint]:.1f}".strip()
        )
        np.testing.assert_array_equal(line.get_xydata(), np.stack(curve, axis=-1))
    save(figure, tmp_path / "curves.png")
    size = cv2.imread(str(tmp_path / "curves.png")).shape
    np.testing.assert_allclose(size[1::-1], figure.get_size_inches() * DPI, atol=1)
    figure.canvas.draw()
    for axes in panels.values():
        legend = axes.get_legend()
        assert legend is not None
        assert overlapping([axes.title, *legend.get_texts()], figure) == []


def test_a_joint_that_no_truth_has_gets_no_line() -> None:
    curves = {"left_ear": (np.array([np.nan]), np.array([0.0])), "right_ear": (np.array([0.5]), np.array([1.0]))}
    figure = precision_recall(curves, {"left_ear": np.nan, "right_ear": 50.0}, "")
    (axes,) = figure.axes
    assert [(line.get_label(), len(line.get_xydata())) for line in axes.get_lines()] == [
        ("left not in the truth", 0),
        ("right AP 50.0", 1),
    ]


def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    figure = precision_recall({"nose": (np.ones(1), np.ones(1))}, {"nose": 100.0}, "")
    with pytest.raises(OutputError, match=r"none/a\.png: cannot be written"):
        save(figure, tmp_path / "none" / "a.png")


def test_pyplot_and_its_global_state_stay_out() -> None:
    code = (
        "import sys, numpy as np; from jaxpose.evaluation import plots; assert 'matplotlib' not in sys.modules\n"
        "plots.save(plots.precision_recall({'nose': (np.ones(1), np.ones(1))}, {'nose': 1.0}, ''), '/dev/null')\n"
        "assert 'matplotlib.figure' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(EvaluationError, match=r"pip install 'jaxpose\[eval\]'$"):
        precision_recall({"nose": (np.ones(1), np.ones(1))}, {"nose": 100.0}, "")
