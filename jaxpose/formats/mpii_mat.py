"""Writer of MPII's MATLAB file; `formats.mpii` reads it and describes it.

Beside what the data set's own file has, people and joints have a `score`, as MPII's evaluation of predictions wants
them. The file is written when it is closed.
"""

from typing import Any

import numpy as np

from jaxpose.errors import writing
from jaxpose.formats.poses import PoseFile, scored_joints, scored_people
from jaxpose.formats.writing import Writer
from jaxpose.skeletons import MPII_16


class MpiiWriter(Writer):
    """The struct `RELEASE` of all pictures; a video's frames are called by their numbers."""

    holds = frozenset({"picture names", "empty frames", "visibility"})
    skeletons = (MPII_16,)

    def _open(self, overwrite: bool, resume: bool) -> None:
        with writing(self.path):
            self.path.open("wb" if overwrite else "xb").close()
        self._pictures: list[dict[str, Any]] = []

    def _append(self, poses: PoseFile) -> None:
        scores, people = scored_joints(poses), scored_people(poses)
        for frame, number in enumerate(poses.numbers.tolist()):
            name = f"{number:012d}.jpg" if poses.names is None else poses.names[frame]
            rows = range(*poses.offsets[frame : frame + 2].tolist())
            rects = [
                {"score": float(people[row]), "annopoints": {"point": _points(poses, row, scores[row])}} for row in rows
            ]
            self._pictures.append({"image": {"name": name}, "annorect": _structs(rects)})

    def close(self) -> None:
        """Write the file."""
        from scipy.io import savemat

        train = np.ones((1, len(self._pictures)))
        with writing(self.path):
            savemat(self.path, {"RELEASE": {"annolist": _structs(self._pictures), "img_train": train}})


def _points(poses: PoseFile, row: int, scores: Any) -> Any:
    points = []
    for joint in np.flatnonzero(poses.there[row]).tolist():
        x, y = (poses.xy[row, joint] + 1).tolist()  # MATLAB counts from 1
        hidden = poses.visibility is not None and poses.visibility[row, joint] == 1
        point = {"id": joint, "x": x, "y": y, "is_visible": int(not hidden), "score": float(scores[joint])}
        points.append(point)
    return _structs(points)


def _structs(rows: list[dict[str, Any]]) -> Any:
    """MATLAB's array of structs."""
    if not rows:
        return np.zeros((0, 0))
    table = np.zeros((1, len(rows)), [(name, object) for name in rows[0]])
    for place, row in enumerate(rows):
        for name, value in row.items():
            table[name][0, place] = value
    return table
