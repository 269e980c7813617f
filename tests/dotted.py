"""Pictures of coloured dots: each joint of each person has a colour of its own, so that it can be found in any crop."""

import cv2
import numpy as np

from jaxpose.data.examples import Example
from jaxpose.records import NO_ID, joint_boxes
from jaxpose.skeletons import Skeleton

SKELETON = Skeleton(
    "dots",
    ("nose", "left_wrist", "right_wrist", "left_ankle", "right_ankle"),
    ((0, 1), (0, 2), (0, 3), (0, 4)),
    (0.05,) * 5,
)
JOINTS = len(SKELETON.joints)
PEOPLE = 3
GREY = 128


def _colors():
    """As many directions from grey as there are dots, spread evenly over a sphere: mixed with grey none is another."""
    n = PEOPLE * JOINTS
    height = 1 - (2 * np.arange(n) + 1) / n
    turn = np.pi * (1 + 5**0.5) * np.arange(n)
    side = np.sqrt(1 - height**2)
    ways = np.stack([side * np.cos(turn), side * np.sin(turn), height], axis=-1)
    return np.round(GREY + 110 * ways).astype(int).reshape(PEOPLE, JOINTS, 3)


COLORS = _colors()


def make_example(
    rng, people=PEOPLE, width=320, height=240, radius=9, suffix=".png", sequence="", frame=0, ids=None, regions=()
) -> Example:
    """A picture of people in the cells of a row, all joints in it and apart from each other."""
    image = np.full((height, width, 3), GREY, np.uint8)
    keypoints = np.full((people, JOINTS, 3), 2, np.float32)
    places = np.array([(0, -1), (-0.8, 0), (0.8, 0), (-0.6, 1), (0.6, 1)])
    room = width / max(people, 1)
    for person in range(people):
        middle = np.array([room * (person + 0.5), height / 2]) + rng.uniform(-3, 3, 2)
        keypoints[person, :, :2] = middle + places * (room / 3.2, height / 3) + rng.uniform(-2, 2, (JOINTS, 2))
        for (x, y, _), color in zip(keypoints[person], COLORS[person], strict=True):
            at = round(16 * float(x)), round(16 * float(y))
            cv2.circle(image, at, 16 * radius, color[::-1].tolist(), cv2.FILLED, cv2.LINE_AA, 4)
    _, coded = cv2.imencode(suffix, image)
    ids = np.full(people, NO_ID) if ids is None else np.asarray(ids)
    return Example(coded.tobytes(), keypoints, joint_boxes(keypoints), ids, tuple(regions), sequence, frame)


def find(image, person, joint):
    """Where a dot of an RGB picture is (x, y), None if it is not there."""
    near = np.abs(image.astype(int) - COLORS[person, joint]).max(axis=-1) < 45
    count, _, stats, middles = cv2.connectedComponentsWithStats(near.astype(np.uint8))
    if count == 1:
        return None
    return middles[1 + stats[1:, cv2.CC_STAT_AREA].argmax()]


class Dots:
    """A source of such pictures; `videos` frames belong to one sequence each, one after the other."""

    skeleton = SKELETON
    labels = frozenset(SKELETON.joints)

    def __init__(self, length=7, seed=0, videos=0, **settings):
        self.length, self.seed, self.videos, self.settings = length, seed, videos, settings
        self.damaged = frozenset()

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        if not 0 <= index < self.length:
            raise IndexError(index)
        rng = np.random.default_rng((self.seed, index))
        sequence, frame = (f"video {index // self.videos}", index % self.videos) if self.videos else (f"{index}", 0)
        example = make_example(rng, sequence=sequence, frame=frame, **self.settings)
        return example._replace(image=example.image[:30]) if index in self.damaged else example
