"""`jaxpose evaluate`: predictions against truth, as a table, JSON or CSV, and as pictures of what went wrong.

Nothing is printed before everything is judged: a bad file among many leaves no half of a result.
"""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from jaxpose.errors import EvaluationError, OptionError, VideoError, writing

if TYPE_CHECKING:
    from jaxpose.evaluation.judges import Comparison
    from jaxpose.formats.recognise import Partners

PNG = ".png"

WORST = 12
"""So many of a file's gravest errors are shown in its strip."""


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Judge predicted people: PoseTrack AP, MOTA and HOTA, COCO OKS-AP, or MOTA, IDF1 and HOTA of boxes.

    PRED and the truth are two files, or two folders of files with the same names: PoseTrack 2017 and 2018/21, COCO
    (results against annotations), MOTChallenge text, jaxpose's jsonl. Formats and skeletons are recognised.
    """

    pred: Annotated[Positional[Path], arg(metavar="PRED")]  # what was predicted
    against: Path  # the truth
    protocol: Literal["poseval", "strict"] = "poseval"  # as PoseTrack's evaluators count, or as the papers read
    output: Literal["table", "json", "csv"] = "table"  # what is printed
    similarity: Literal["iou", "oks", "pckh"] | None = None  # judge whole people alone, by this
    iou: float = 0.5  # whole people may match from this similarity on (of boxes their IoU)
    thresholds: Path | None = None  # leave out joints with lower scores, as learnt by `jaxpose fit-thresholds`
    min_track: int = 0  # leave out predicted ids that are seen in fewer frames
    min_size: float = 0  # leave out predicted people whose box is smaller than so many pixels
    plot: Path | None = None  # precision and recall by joint, and a timeline of ids of each file: a .png, or a folder
    errors: Path | None = None  # a folder for tables of who was swapped, missed, split, when, and strips of the worst
    video: Path | None = None  # what strips are drawn on: the video, or a folder of videos named like the files

    def run(self) -> None:
        """Judge, draw, print."""
        self._check_options()
        from jaxpose.evaluation import report
        from jaxpose.evaluation.comparison import compare
        from jaxpose.evaluation.inputs import Options
        from jaxpose.evaluation.thresholds import read_thresholds

        options = Options(
            protocol=self.protocol,
            similarity=self.similarity,
            threshold=self.iou,
            min_track=self.min_track,
            min_size=self.min_size,
            joint_thresholds={} if self.thresholds is None else read_thresholds(self.thresholds),
            videos=self.plot is not None or self.errors is not None,
        )
        comparison = compare(self.pred, self.against, options, _progress)
        if self.plot is not None:
            _plot(comparison, self.plot)
        told = "" if self.errors is None else _tell_errors(comparison, self.errors, self.video)
        if self.output == "json":
            print(json.dumps(report.as_json(comparison.report), indent=1, allow_nan=False))
        elif self.output == "csv":
            print(report.as_csv(comparison.report), end="")
        else:
            print(report.as_table(comparison.report) + told)

    def _check_options(self) -> None:
        if not 0 < self.iou <= 1:
            raise OptionError(f"--iou must be above 0 and at most 1, got {self.iou:g}")
        for name in ("min_track", "min_size"):
            if not getattr(self, name) >= 0:
                raise OptionError(f"--{name.replace('_', '-')} must be 0 or more, got {getattr(self, name):g}")
        if self.video is not None and self.errors is None:
            raise OptionError("--video is for the strips of --errors; give --errors FOLDER too")
        if self.video is not None and not self.video.exists():
            raise VideoError(f"{self.video}: no such file")
        for folder in (self.plot, self.errors):
            if folder is not None and not (folder == self.plot and folder.suffix.lower() == PNG):
                with writing(folder):
                    folder.mkdir(parents=True, exist_ok=True)


def _progress(files: Iterable["Partners"]) -> Iterable["Partners"]:
    from tqdm import tqdm

    bar: Iterable[Partners] = tqdm(files, unit="file", disable=None, leave=False)
    return bar


def _plot(comparison: "Comparison", target: Path) -> None:
    """Precision over recall by joint, and of each file who was found as whom, in a folder or in one PNG."""
    from jaxpose.evaluation import plots
    from jaxpose.evaluation.protocol import PROTOCOLS
    from jaxpose.evaluation.report import GROUPS

    joints, protocol = comparison.report.joints, comparison.report.protocol
    figures = {}
    if comparison.precision is not None:
        places = {joint: joints.index(joint) for group in GROUPS.values() for joint in group}
        curves = {joint: comparison.precision.curve(place, PROTOCOLS[protocol]) for joint, place in places.items()}
        ap = comparison.report.total.tables["ap"]
        values = {joint: float(ap[place]) for joint, place in places.items()}
        title = f"Precision over recall, AP {ap[-1]:.1f} ({protocol})"
        figures["precision"] = plots.precision_recall(curves, values, title)
    for name, video in comparison.videos.items():
        judged = video.judged
        if len(judged.numbers):  # somebody on either side
            title = f"{name}: found ids over time"
            figures[f"ids-{name}"] = plots.timeline(judged.pairing, judged.matches, judged.numbers, title)
    if not figures:
        raise EvaluationError("--plot draws precision by PoseTrack's joints and ids over time, and here are neither")
    if target.suffix.lower() == PNG:
        plots.save_stacked([*figures.values()], target)
    else:
        for name, figure in figures.items():
            plots.save(figure, target / f"{name}.png")


def _tell_errors(comparison: "Comparison", folder: Path, video: Path | None) -> str:
    """Write what went wrong, as tables and as strips; returns how often what did, for the terminal."""
    from jaxpose.evaluation import listing, strip
    from jaxpose.evaluation.analysis import KINDS, events, worst
    from jaxpose.evaluation.people import by_person

    if not comparison.videos:
        raise EvaluationError("--errors needs people with ids on both sides: they are what is swapped, missed or split")
    found, people = {}, {}
    for name, one in comparison.videos.items():
        judged = one.judged
        found[name] = events(judged.pairing, judged.matches, judged.numbers, judged.similarity)
        people[name] = by_person(judged.pairing, judged.matches)
        if grave := worst(found[name], WORST):
            from jaxpose.video import read
            from jaxpose.video.still import write_png

            source = None if video is None else read(_video_of(video, name))
            write_png(folder / f"worst-{name}.png", strip.strip(grave, one.truth, one.found, source))
    tables = {
        "errors.csv": listing.as_csv(found),
        "errors.txt": "\n\n".join(f"{name}\n{listing.as_table(some)}" for name, some in found.items()) + "\n",
        "people.csv": listing.people_as_csv(people),
    }
    for name, text in tables.items():
        with writing(folder / name):
            (folder / name).write_text(text, encoding="utf-8")
    kinds = [event.kind for some in found.values() for event in some]
    counted = ", ".join(f"{kind} {kinds.count(kind)}" for kind in KINDS if kind in kinds)
    return f"\n\nerrors: {counted or 'none'} ({folder})"


def _video_of(video: Path, name: str) -> Path:
    """The video, or the one of that name in a folder."""
    if not video.is_dir():
        return video
    named = sorted(path for path in video.iterdir() if path.stem == name)
    if len(named) != 1:
        raise OptionError(f"{video}: must hold one video named {name}, got {len(named)}")
    return named[0]
