"""Pictures of an evaluation for people to look at: precision over recall by joint, and the timeline of ids.

matplotlib (extra `eval`) through its objects alone: no window, no global state, so it works on any machine and in any
thread. `save` writes a figure as PNG, `save_stacked` several as one.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jaxpose.errors import EvaluationError, writing
from jaxpose.evaluation.analysis import stride
from jaxpose.evaluation.clear import Matches
from jaxpose.evaluation.pairing import Pairing
from jaxpose.video.overlay import id_color
from jaxpose.video.still import write_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = tuple[Float64[np.ndarray, "k"], Float64[np.ndarray, "k"]]
"""Recall and precision, 0 to 1, highest score first."""

Color = tuple[float, float, float]
"""RGB, 0 to 1."""

Bar = tuple[float, float, float, float]
"""Left, middle, width, height."""

INK, FAINT, GROUND = "#333333", "#b8b8b8", "#e6e6e6"
BLUE, ORANGE = "#2a6fb0", "#e0792b"
SIDES = {"left": ("left", BLUE, "-"), "right": ("right", ORANGE, "--")}
MOST_INCHES = 60  # of all rows of a timeline
DPI = 150


def precision_recall(curves: Mapping[str, Curve], ap: Mapping[str, float], title: str) -> "Figure":
    """Precision over recall, a small panel for each joint; two sides of one joint share a panel.

    `curves` and `ap` (percent) are by joint, drawn in that order; a joint whose recall is NaN, since no truth has it,
    gets no line.
    """
    panels: dict[str, list[str]] = {}
    for joint in curves:
        panels.setdefault(joint.removeprefix("left_").removeprefix("right_"), []).append(joint)
    columns = min(5, len(panels))
    rows = -(-len(panels) // columns)
    figure = _figure(2.7 * columns + 0.4, 2.6 * rows + 0.9, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for place, (name, joints) in enumerate(panels.items()):
        axes = grid[place // columns, place % columns]
        axes.set_title(name.replace("_", " "), fontsize=10, color=INK)
        for joint in sorted(joints):
            _curve(axes, joint, curves[joint], ap[joint])
        axes.set(xlim=(0, 1.02), ylim=(0, 1.04), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        axes.grid(color=GROUND, linewidth=0.7)
        axes.legend(loc="lower left", fontsize=8, frameon=False, handlelength=1.2)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for column in range(columns):  # the lowest panel of each column has the ticks
        lowest = (len(panels) - 1 - column) // columns
        grid[lowest, column].tick_params(labelbottom=True)
    figure.suptitle(title, fontsize=12, color=INK)
    figure.supxlabel("recall", fontsize=10, color=INK)
    figure.supylabel("precision", fontsize=10, color=INK)
    return figure


def timeline(pairing: Pairing, matches: Matches, numbers: Int64[np.ndarray, "f"], title: str) -> "Figure":
    """A row for each person of the truth, in the colour of whoever was found for them, and false people a frame.

    Whole people or boxes (`matches` of one column); `numbers` are those of the pairing's frames. Colours are those of
    the overlay; a stretch that is long enough carries its found id.
    """
    if matches.found.shape[1] != 1:
        raise ValueError(f"`matches` must have one column, of whole people, got {matches.found.shape[1]}")
    if not len(numbers):
        raise EvaluationError(f"{title}: no frames, so there is nothing to draw")
    people, row = np.unique(pairing.truth_ids, return_inverse=True)
    figure, upper, lower = _two_axes(min(MOST_INCHES, 0.26 * max(5, len(people) + 0.5)))
    found = np.where(matches.found[:, 0] >= 0, np.append(pairing.found_ids, -1)[matches.found[:, 0]], -1)
    step = stride(numbers)
    edges = (float(numbers[0]) - step / 2, float(numbers[-1]) + step / 2)
    _tracks(upper, row, numbers[pairing.truth_frame], matches.found[:, 0] >= 0, found, step, edges)
    switched = np.flatnonzero(matches.switched[:, 0])
    when = numbers[pairing.truth_frame[switched]] - step / 2
    upper.plot(when, row[switched] - 0.5, "v", color="black", markersize=6, clip_on=False)
    upper.set_yticks(range(len(people)), [str(person) for person in people], fontsize=8 if len(people) < 80 else 5)
    upper.set(ylim=(len(people) - 0.4, -0.9), xlim=edges, ylabel="id in the truth")
    upper.tick_params(length=0)
    upper.set_title(title, fontsize=12, color=INK, loc="left", pad=26)
    _legend(upper)
    _false_people(lower, pairing, matches, numbers)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def save(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG; raises `OutputError` if it cannot be written."""
    with writing(path):
        figure.savefig(path, format="png", dpi=DPI)


def save_stacked(figures: Sequence["Figure"], path: str | os.PathLike[str]) -> None:
    """Write several figures as one PNG, one below the other; raises `OutputError` if it cannot be written."""
    pictures = []
    for figure in figures:
        figure.set_dpi(DPI)
        figure.canvas.draw()
        pictures.append(np.asarray(figure.canvas.buffer_rgba())[..., :3])  # type: ignore[attr-defined]
    width = max(picture.shape[1] for picture in pictures)
    rows = [np.pad(one, ((0, 0), (0, width - one.shape[1]), (0, 0)), constant_values=255) for one in pictures]
    write_png(path, np.concatenate(rows))


def _two_axes(rows: float) -> tuple["Figure", "Axes", "Axes"]:
    """A timeline's figure: the upper axes are `rows` inches high, the lower ones share their frames."""
    left, right, bottom, small, between, above = 0.8, 0.95, 0.55, 0.6, 0.4, 0.7  # inches
    width, height = 14, bottom + small + between + rows + above
    figure = _figure(width, height, layout=None)
    across = (width - left - right) / width
    upper = figure.add_axes((left / width, 1 - (above + rows) / height, across, rows / height))
    lower = figure.add_axes((left / width, bottom / height, across, small / height), sharex=upper)
    return figure, upper, lower


def _figure(width: float, height: float, layout: Literal["constrained"] | None) -> "Figure":
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise EvaluationError("plots need matplotlib: pip install 'jaxpose[eval]'") from error
    figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _curve(axes: "Axes", joint: str, curve: Curve, ap: float) -> None:
    side, color, style = SIDES.get(joint.partition("_")[0], ("", INK, "-"))
    recall, precision = curve
    known = ~np.isnan(recall)
    label = f"{side} not in the truth" if np.isnan(ap) else f"{side} AP {ap:.1f}"
    axes.plot(recall[known], precision[known], color=color, linestyle=style, linewidth=1.6, label=label.strip())


def _tracks(
    axes: "Axes",
    row: Int64[np.ndarray, "n"],
    number: Int64[np.ndarray, "n"],
    matched: Bool[np.ndarray, "n"],
    found: Int64[np.ndarray, "n"],
    step: int,
    edges: tuple[float, float],
) -> None:
    """Bars of frames in a row with the same found id, thin lines where nobody was found."""
    order = np.lexsort((number, row))
    row, number, matched, found = (field[order] for field in (row, number, matched, found))
    cut = (np.diff(row) != 0) | (np.diff(number) > step) | (np.diff(matched) != 0) | (np.diff(found) != 0)
    start = np.flatnonzero(np.concatenate([[True], cut])) if len(row) else np.zeros(0, int)
    end = np.append(start[1:], len(row)) - 1 if len(row) else start
    bars: dict[Color | None, list[Bar]] = {}
    letters = 0.0055 * (edges[1] - edges[0])  # the width of one
    for first, last in zip(start.tolist(), end.tolist(), strict=True):
        left, width = float(number[first]) - step / 2, float(number[last] - number[first]) + step
        color = _light(int(found[first])) if matched[first] else None
        bars.setdefault(color, []).append((left, float(row[first]), width, 0.78 if matched[first] else 0.14))
        text = str(found[first])
        if color and width > letters * (len(text) + 1):
            place = (left + width / 2, float(row[first]))
            axes.text(*place, text, ha="center", va="center_baseline", fontsize=7, clip_on=True)
    _draw_bars(axes, bars)


def _light(number: int) -> Color:
    """The overlay's colour of an id, lighter, so that black text can be read on it."""
    r, g, b = (0.3 + 0.7 * part / 255 for part in id_color(number))
    return r, g, b


def _draw_bars(axes: "Axes", bars: Mapping[Color | None, Sequence[Bar]]) -> None:
    """Bars by colour; None is that of the missed."""
    from matplotlib.collections import PolyCollection

    for color, some in bars.items():
        left, middle, width, height = np.array(some).T
        right, top, bottom = left + width, middle - height / 2, middle + height / 2
        corners = np.stack([left, top, right, top, right, bottom, left, bottom], axis=-1).reshape(-1, 4, 2)
        axes.add_collection(PolyCollection(list(corners), facecolors=[color or INK], linewidths=0))


def _legend(axes: "Axes") -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(color=_light(3), label="found: colour and number are the found id"),
        Line2D([], [], color=INK, linewidth=2, label="missed"),
        Line2D([], [], color="black", marker="v", linestyle="", markersize=6, label="switch: found under another id"),
        Patch(facecolor="white", edgecolor=FAINT, label="blank: not in the truth"),
    ]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(-0.005, 1.0), ncols=4, fontsize=8, frameon=False,
        borderaxespad=0.2,
    )  # fmt: skip


def _false_people(axes: "Axes", pairing: Pairing, matches: Matches, numbers: Int64[np.ndarray, "f"]) -> None:
    """Below the timeline: in each frame, how many were found who are nobody, and how many were missed."""
    matched = np.zeros(len(pairing.found_ids), bool)
    matched[matches.found[matches.found >= 0]] = True
    false = np.bincount(pairing.found_frame[~matched], minlength=pairing.frames)
    missed = np.bincount(pairing.truth_frame[matches.found[:, 0] < 0], minlength=pairing.frames)
    axes.step(numbers, missed, where="mid", color=INK, linewidth=1.1, label="missed")
    axes.step(numbers, false, where="mid", color=ORANGE, linewidth=1.1, label="false")
    top = max(1, int(false.max()), int(missed.max()))
    axes.set(ylim=(0, 1.1 * top), yticks=sorted({0, top}), ylabel="people", xlabel="frame")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.05), fontsize=8, frameon=False, handlelength=1.2)
    axes.grid(axis="y", color=GROUND, linewidth=0.7)
