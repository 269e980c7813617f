"""Small made-up videos of people with ids: the truth, and what a tracker of some quality would have found.

They hold what makes evaluation hard: overlapping people, missing joints and scores, equal scores, ids that vanish,
return, swap and change, empty frames, unlabelled frames, people in unlabelled frames, ignore regions, false people.
"""

import numpy as np
from pose_files import pose_file

from jaxpose.formats.poses import PoseFile
from jaxpose.skeletons import POSETRACK_15

JOINTS = len(POSETRACK_15.joints)


def video(seed: int, frames: int = 6, people: int = 4, noise: float = 0.25) -> tuple[PoseFile, PoseFile]:
    """Truth and found. Distances are a few head sizes at most, so that nearly everybody may match several others."""
    rng = np.random.default_rng(seed)
    sides: list[list[list[tuple]]] = [[], []]
    place = rng.uniform(0, 60, (people, JOINTS, 2)) + 5
    names = rng.permutation(50)[:people]
    head = rng.uniform(20, 40, people)
    for _ in range(frames):
        place = place + rng.normal(0, 3, (people, 1, 2))
        present = np.flatnonzero(rng.random(people) < rng.choice([0, 0.7, 1], p=[0.1, 0.5, 0.4]))
        if rng.random() < 0.3 and people > 1:
            a, b = rng.permutation(people)[:2]
            names[[a, b]] = names[[b, a]]
        if rng.random() < 0.2 and people:
            names[rng.integers(people)] = 50 + rng.integers(1000)
            names = np.where(np.bincount(names)[names] > 1, np.arange(people) + 2000, names)
        truths = [(k, place[k], rng.random(JOINTS) < 0.85, np.full(JOINTS, np.nan), head[k]) for k in present]
        finds = [
            (names[k], place[k] + rng.normal(0, noise * head[k], (JOINTS, 2)), rng.random(JOINTS) < 0.85, *_scores(rng))
            for k in present
            if rng.random() < 0.85
        ]
        false = [
            (3000 + k, rng.uniform(0, 60, (JOINTS, 2)) + 5, rng.random(JOINTS) < 0.5, *_scores(rng))
            for k in range(rng.integers(3))
        ]
        sides[0].append(truths)
        sides[1].append([[*finds, *false][i] for i in rng.permutation(len(finds) + len(false))])
    truth, found = _file(sides[0]), _file(sides[1])
    corner, size = rng.uniform(0, 60, (frames, 2)), rng.choice([10, 40, 300], frames)
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    regions = tuple(
        (square * size[k] + corner[k],) if rng.random() < 0.25 else () for k in range(frames)
    )  # the largest take in everybody
    return truth._replace(regions=regions, labelled=rng.random(frames) < 0.85), found


def shuffled(seed: int, file: PoseFile) -> PoseFile:
    """The same people in another order within each frame."""
    order = np.lexsort((np.random.default_rng(seed).random(len(file.ids)), file.frame))
    rows = ("xy", "there", "joint_scores", "scores", "ids", "boxes", "heads", "areas", "crowd", "posed")
    return file._replace(**{name: getattr(file, name)[order] for name in rows})


def renamed(seed: int, file: PoseFile) -> PoseFile:
    """The same people under other ids."""
    ids, place = np.unique(file.ids, return_inverse=True)
    return file._replace(ids=np.random.default_rng(seed).permutation(10 * len(ids))[place])


def part(file: PoseFile, frames: slice) -> PoseFile:
    """Some of the frames."""
    mask = np.zeros(len(file.numbers), bool)
    mask[frames] = True
    return file.keep_frames(mask)


def _scores(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    scores = rng.random(JOINTS) if rng.random() < 0.5 else rng.choice([0.25, 0.5, np.nan], JOINTS)
    return scores, np.nan


def _file(people: list[list[tuple]]) -> PoseFile:
    rows = [row for frame in people for row in frame]
    ids, xy, there, scores, heads = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return pose_file(
        POSETRACK_15,
        [len(frame) for frame in people],
        np.reshape(xy, (-1, JOINTS, 2)),
        there=np.reshape(there, (-1, JOINTS)).astype(bool),
        joint_scores=np.reshape(scores, (-1, JOINTS)),
        ids=np.array(ids, np.int64),
        heads=np.column_stack([np.zeros((len(rows), 2)), np.reshape(heads, (-1, 1)), np.reshape(heads, (-1, 1))]),
    )
