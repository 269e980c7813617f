"""Predictions against truth, files or folders, whatever their formats: which measures they ask for, and their report.

The truth decides: PoseTrack's files are judged joint by joint (AP, MOTA, HOTA) and by whole people (IDF1, switches),
COCO's by OKS-AP, MOTChallenge's boxes and jaxpose's own files by whole people. A `similarity` asks for whole people
alone. Files are read (`inputs`) and added up (`judges`) one after the other.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from jaxpose.errors import EvaluationError
from jaxpose.evaluation.inputs import Options
from jaxpose.evaluation.judges import POSETRACK, ByJoint, ByPerson, ByPicture, Comparison, Judge
from jaxpose.formats.recognise import Kind, Partners, kind_of, partners


def compare(
    found: Path,
    truth: Path,
    options: Options,
    progress: Callable[[Iterable[Partners]], Iterable[Partners]] = iter,
) -> Comparison:
    """Judge a file, or a folder of files, of predictions; `progress` may watch the files go by.

    Raises `FormatError` or `EvaluationError` at the first thing that is wrong with any of them.
    """
    files = partners(truth, found)
    judge = _judge(files, options)
    for one in progress(files):
        judge.add(one)
    return judge.result()


def _judge(files: list[Partners], options: Options) -> Judge:
    kinds = {kind_of(one.truth): one.truth for one in files}
    if len(kinds) > 1:
        told = " and ".join(f"{path.name} is {kind}" for kind, path in kinds.items())
        raise EvaluationError(f"{files[0].truth.parent}: {told}; compare files of one format at a time")
    (kind,) = kinds
    if kind == Kind.COCO_RESULTS:
        raise EvaluationError(f"{files[0].truth}: a list of results has no truth to compare with; give the annotations")
    if options.similarity is None and kind in POSETRACK:
        return ByJoint(options)
    if options.similarity is None and kind == Kind.COCO:
        return ByPicture(options)
    return ByPerson(options)
