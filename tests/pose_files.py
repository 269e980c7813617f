"""People's poses in memory, as the readers of files would give them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxpose.formats.poses import PoseFile
from jaxpose.records import NO_ID
from jaxpose.skeletons import Skeleton


def pose_file(skeleton: Skeleton, counts: Sequence[int], xy: np.ndarray, **fields: Any) -> PoseFile:
    """`counts` people in each frame, with all joints; `fields` replace what a file that tells no more would give."""
    people, frames = sum(counts), len(counts)
    assert xy.shape == (people, len(skeleton.joints), 2)
    untold = np.full(people, np.nan)
    file = PoseFile(
        source="memory",
        skeleton=skeleton,
        names=None,
        numbers=np.arange(frames),
        labelled=np.ones(frames, bool),
        regions=((),) * frames,
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        xy=np.asarray(xy, float),
        there=np.ones((people, len(skeleton.joints)), bool),
        joint_scores=np.full((people, len(skeleton.joints)), np.nan),
        scores=untold,
        ids=np.full(people, NO_ID),
        boxes=np.full((people, 4), np.nan),
        heads=np.full((people, 4), np.nan),
        areas=untold,
        crowd=np.zeros(people, bool),
        posed=np.ones(people, bool),
    )
    return file._replace(**{name: np.asarray(value) for name, value in fields.items()})
