"""Writer of PoseTrack 2017's JSON, the annolist; `formats.posetrack` reads it and describes it."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxpose.formats.growing import JsonList
from jaxpose.formats.poses import PoseFile
from jaxpose.formats.writing import Writer
from jaxpose.records import NO_ID
from jaxpose.skeletons import POSETRACK_15


class PoseTrack17Writer(Writer):
    """An annolist being written: its frames are those of the video from the first, without a gap.

    Frames that are left out in between are written as unlabelled and without people.
    """

    holds = frozenset(
        {"ids", "scores", "joint scores", "heads", "regions", "unlabelled frames", "picture names", "empty frames",
         "people without joints"}
    )  # fmt: skip
    skeletons = (POSETRACK_15,)

    def _open(self, overwrite: bool, resume: bool) -> None:
        self._list = JsonList(self.path, '{"annolist":[', "]}\n", overwrite=overwrite)
        self._next = 0

    def _append(self, poses: PoseFile) -> None:
        for place, number in enumerate(poses.numbers.tolist()):
            frames = []
            if poses.names is None:
                frames = [_text({"is_labeled": [0], "annorect": []})] * max(0, number - self._next)
                self._next = max(self._next, number) + 1
            frames.append(_text(_frame(poses.at(place))))
            self._list.add(frames)

    def close(self) -> None:
        """See `Writer.close`."""
        self._list.close()


def _frame(poses: PoseFile) -> dict[str, Any]:
    frame: dict[str, Any] = {} if poses.names is None else {"image": [{"name": poses.names[0]}]}
    frame["is_labeled"] = [int(poses.labelled[0])]
    if poses.regions[0]:
        frame["ignore_regions"] = [
            {"point": [{"x": [x], "y": [y]} for x, y in region.tolist()]} for region in poses.regions[0]
        ]
    frame["annorect"] = [_rect(poses, row) for row in range(len(poses.ids))]
    return frame


def _rect(poses: PoseFile, row: int) -> dict[str, Any]:
    rect: dict[str, Any] = {}
    x, y, w, h = poses.heads[row].tolist()
    if not np.isnan(x):
        rect |= {"x1": [x], "y1": [y], "x2": [x + w], "y2": [y + h]}
    if poses.ids[row] != NO_ID:
        rect["track_id"] = [int(poses.ids[row])]
    if not np.isnan(poses.scores[row]):
        rect["score"] = [float(poses.scores[row])]
    rect["annopoints"] = [{"point": [_point(poses, row, joint) for joint in np.flatnonzero(poses.there[row]).tolist()]}]
    if not poses.posed[row]:
        rect["annopoints"] = []
    return rect


def _point(poses: PoseFile, row: int, joint: int) -> dict[str, Any]:
    x, y = poses.xy[row, joint].tolist()
    point: dict[str, Any] = {"id": [joint], "x": [x], "y": [y]}
    score = float(poses.joint_scores[row, joint])
    return point if np.isnan(score) else point | {"score": [score]}


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, allow_nan=False, separators=(",", ":"))
