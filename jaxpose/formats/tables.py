"""People as plain Python values: a list of dictionaries, or a pandas table.

jaxpose.to_dicts(people, tracker.skeleton)                 # one frame's people
jaxpose.to_frame(tracker.track(video), tracker.skeleton)   # a whole video as a pandas DataFrame
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxpose.formats.csv import joint_columns
from jaxpose.records import People
from jaxpose.skeletons import Skeleton

if TYPE_CHECKING:
    import pandas as pd


def to_dicts(people: People, skeleton: Skeleton) -> list[dict[str, Any]]:
    """A frame's people as dictionaries of numbers, ready for JSON.

    Each has `frame`, `time` (seconds), `id` (-1: none), `score`, `box` (x, y, w, h) and `keypoints`: of each joint that
    is there, by its name, x, y and score. Points are in pixels.
    """
    return [
        {
            "frame": int(people.frame),
            "time": float(people.time),
            "id": int(people.ids[row]),
            "score": float(people.scores[row]),
            "box": people.boxes[row].tolist(),
            "keypoints": {
                joint: point
                for joint, point in zip(skeleton.joints, people.keypoints[row].tolist(), strict=True)
                if point[2] > 0
            },
        }
        for row in range(people.total)
    ]


def to_frame(people: Iterable[People], skeleton: Skeleton) -> "pd.DataFrame":
    """Frames of people as a pandas DataFrame with a row for each person, in the columns of the CSV format.

    They are `frame`, `time`, `id`, `score`, then for each joint `nose_x`, `nose_y`, `nose_score`, ...; the cells of a
    missing joint are NaN. Raises `ImportError` that says what to install where pandas is missing.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("`to_frame` needs pandas: pip install pandas") from error
    frames = list(people)
    counts = [one.total for one in frames]
    joints = np.concatenate([np.zeros((0, len(skeleton.joints), 3), np.float32), *(one.keypoints for one in frames)])
    cells = np.where(joints[..., 2:] > 0, joints, np.nan).reshape(len(joints), 3 * len(skeleton.joints))
    head = {
        "frame": np.repeat(np.array([one.frame for one in frames], np.int64), counts),
        "time": np.repeat(np.array([one.time for one in frames], np.float64), counts),
        "id": np.concatenate([np.zeros(0, np.int64), *(one.ids for one in frames)]),
        "score": np.concatenate([np.zeros(0, np.float32), *(one.scores for one in frames)]),
    }
    return pd.concat([pd.DataFrame(head), pd.DataFrame(cells, columns=joint_columns(skeleton))], axis=1)
